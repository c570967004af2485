variable "name" {
  description = "Name of the installation; what its resources begin with."
  type        = string
  validation {
    condition     = can(regex("^[a-z][a-z0-9-]{1,24}[a-z0-9]$", var.name))
    error_message = "name must be 3 to 26 lower-case letters, digits and hyphens, beginning with a letter."
  }
}

variable "region" {
  description = "AWS region, e.g. eu-central-1."
  type        = string
  validation {
    condition     = can(regex("^[a-z]{2}(-[a-z]+)+-[0-9]$", var.region))
    error_message = "region must be a region's name, such as eu-central-1."
  }
}

variable "tags" {
  description = "Further tags of all resources."
  type        = map(string)
  default     = {}
}

variable "vpc_cidr" {
  description = "Addresses of the VPC."
  type        = string
  default     = "10.20.0.0/16"
}

variable "zone_count" {
  description = "How many availability zones to use."
  type        = number
  default     = 3
  validation {
    condition     = var.zone_count >= 2 && var.zone_count <= 6
    error_message = "zone_count must be 2 to 6."
  }
}

variable "single_nat" {
  description = "One NAT gateway for all zones; false: one in each."
  type        = bool
  default     = true
}

variable "kubernetes_version" {
  description = "Minor version of Kubernetes."
  type        = string
  default     = "1.34"
}

variable "public_access_cidrs" {
  description = "Who may reach the Kubernetes API from outside the VPC, e.g. your office; empty: nobody."
  type        = list(string)
  default     = []
}

variable "system_nodes" {
  description = "Nodes of everything but GPU workers."
  type = object({
    instance_types = optional(list(string), ["m7i.xlarge"])
    min            = optional(number, 3)
    max            = optional(number, 6)
    disk_gb        = optional(number, 100)
  })
  default = {}
}

variable "gpu_instance_type" {
  description = "Instance type of GPU nodes."
  type        = string
  default     = "g5.xlarge"
  validation {
    condition     = can(regex("^(g[4-9]|p[3-9])[a-z]*\\.[a-z0-9]+$", var.gpu_instance_type))
    error_message = "gpu_instance_type must be a type with NVIDIA GPUs, such as g5.xlarge."
  }
}

variable "gpu_nodes" {
  description = "How many GPU nodes; null: none of these, e.g. because Karpenter makes them."
  type = object({
    min  = optional(number, 1)
    max  = optional(number, 4)
    spot = optional(bool, false)
  })
  default  = {}
  nullable = true
}

variable "artifact_days" {
  description = "Artifacts are deleted after so many days; null: never."
  type        = number
  default     = null
  nullable    = true
}

variable "force_destroy" {
  description = "Let `terraform destroy` delete buckets and repositories that are not empty."
  type        = bool
  default     = false
}
