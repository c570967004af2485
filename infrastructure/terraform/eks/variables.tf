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
  validation {
    condition     = alltrue([for key, value in var.tags : length(key) >= 1 && length(key) <= 128 && length(value) <= 256 && !startswith(key, "aws:")])
    error_message = "tags: keys must have 1 to 128 characters and not begin with aws:, values at most 256."
  }
}

variable "vpc_cidr" {
  description = "Addresses of the VPC."
  type        = string
  default     = "10.20.0.0/16"
  validation {
    condition     = can(cidrnetmask(var.vpc_cidr)) && try(tonumber(split("/", var.vpc_cidr)[1]), 32) <= 20
    error_message = "vpc_cidr must be an IPv4 range of /20 or larger, such as 10.20.0.0/16."
  }
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
  validation {
    condition     = can(regex("^1\\.(3[0-9]|[4-9][0-9])$", var.kubernetes_version))
    error_message = "kubernetes_version must be 1.30 or newer, such as 1.34."
  }
}

variable "public_access_cidrs" {
  description = "Who may reach the Kubernetes API from outside the VPC, e.g. your office; empty: nobody."
  type        = list(string)
  default     = []
  validation {
    condition     = alltrue([for cidr in var.public_access_cidrs : can(cidrnetmask(cidr)) && cidr != "0.0.0.0/0"])
    error_message = "public_access_cidrs must be IPv4 ranges, and not the whole internet."
  }
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
  validation {
    condition     = var.system_nodes.min >= 1 && var.system_nodes.max >= var.system_nodes.min && var.system_nodes.disk_gb >= 20
    error_message = "system_nodes: min must be 1 or more, max not less than min, disk_gb 20 or more."
  }
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
  validation {
    condition     = var.gpu_nodes == null ? true : var.gpu_nodes.min >= 0 && var.gpu_nodes.max >= max(1, var.gpu_nodes.min)
    error_message = "gpu_nodes: min must be 0 or more, max 1 or more and not less than min."
  }
}

variable "artifact_days" {
  description = "Artifacts are deleted after so many days; null: never."
  type        = number
  default     = null
  nullable    = true
  validation {
    condition     = var.artifact_days == null ? true : var.artifact_days >= 1 && floor(var.artifact_days) == var.artifact_days
    error_message = "artifact_days must be a whole number of days, 1 or more, or null."
  }
}

variable "force_destroy" {
  description = "Let `terraform destroy` delete buckets and repositories that are not empty."
  type        = bool
  default     = false
}
