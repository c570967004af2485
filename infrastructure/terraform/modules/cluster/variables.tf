variable "name" {
  description = "Name of the installation; what its resources begin with."
  type        = string
  validation {
    condition     = can(regex("^[a-z][a-z0-9-]{1,24}[a-z0-9]$", var.name))
    error_message = "name must be 3 to 26 lower-case letters, digits and hyphens, beginning with a letter."
  }
}

variable "kubernetes_version" {
  description = "Minor version of Kubernetes; the chart needs 1.30 or newer."
  type        = string
  default     = "1.34"
  validation {
    condition     = can(regex("^1\\.(3[0-9]|[4-9][0-9])$", var.kubernetes_version))
    error_message = "kubernetes_version must be 1.30 or newer, such as 1.34."
  }
}

variable "subnet_ids" {
  description = "Private subnets of control plane and nodes, in two zones or more."
  type        = list(string)
  validation {
    condition     = length(var.subnet_ids) >= 2
    error_message = "subnet_ids must name two subnets or more."
  }
}

variable "public_access_cidrs" {
  description = "Who may reach the Kubernetes API from outside the VPC; empty: nobody."
  type        = list(string)
  default     = []
  validation {
    condition     = alltrue([for cidr in var.public_access_cidrs : can(cidrnetmask(cidr)) && cidr != "0.0.0.0/0"])
    error_message = "public_access_cidrs must be IPv4 ranges, and not the whole internet."
  }
}

variable "key_arn" {
  description = "KMS key of secrets, disks and logs."
  type        = string
  validation {
    condition     = can(regex("^arn:aws[a-z-]*:kms:", var.key_arn))
    error_message = "key_arn must be the ARN of a KMS key."
  }
}

variable "log_retention_days" {
  description = "How long the control plane's logs stay."
  type        = number
  default     = 365
  validation {
    condition     = contains([30, 60, 90, 180, 365, 400, 545, 731], var.log_retention_days)
    error_message = "log_retention_days must be one of 30, 60, 90, 180, 365, 400, 545, 731."
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

variable "gpu_nodes" {
  description = "Nodes of GPU workers; null: none, e.g. because Karpenter makes them."
  type = object({
    instance_types = optional(list(string), ["g5.xlarge"])
    min            = optional(number, 1)
    max            = optional(number, 4)
    disk_gb        = optional(number, 200)
    spot           = optional(bool, false)
  })
  default  = {}
  nullable = true
  validation {
    condition     = var.gpu_nodes == null ? true : var.gpu_nodes.min >= 0 && var.gpu_nodes.max >= max(1, var.gpu_nodes.min) && var.gpu_nodes.disk_gb >= 100
    error_message = "gpu_nodes: min must be 0 or more, max 1 or more and not less than min, disk_gb 100 or more (an image with CUDA takes 6 GB)."
  }
}
