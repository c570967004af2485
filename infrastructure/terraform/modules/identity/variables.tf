variable "name" {
  description = "Name of the installation; what its resources begin with."
  type        = string
  validation {
    condition     = can(regex("^[a-z][a-z0-9-]{1,24}[a-z0-9]$", var.name))
    error_message = "name must be 3 to 26 lower-case letters, digits and hyphens, beginning with a letter."
  }
}

variable "cluster_name" {
  description = "Name of the EKS cluster."
  type        = string
  validation {
    condition     = can(regex("^[A-Za-z0-9][A-Za-z0-9_-]{0,99}$", var.cluster_name))
    error_message = "cluster_name must be the name of an EKS cluster."
  }
}

variable "bucket_arns" {
  description = "ARNs of the buckets: artifacts and archive."
  type        = map(string)
  validation {
    condition     = toset(keys(var.bucket_arns)) == toset(["artifacts", "archive"])
    error_message = "bucket_arns must have the keys artifacts and archive."
  }
}

variable "database" {
  description = "Glue database of the archive."
  type        = string
  validation {
    condition     = can(regex("^[a-z0-9_]+$", var.database))
    error_message = "database must be lower-case letters, digits and underscores."
  }
}

variable "key_arn" {
  description = "KMS key of the buckets."
  type        = string
  validation {
    condition     = can(regex("^arn:aws[a-z-]*:kms:", var.key_arn))
    error_message = "key_arn must be the ARN of a KMS key."
  }
}

variable "namespace" {
  description = "Namespace of evoke's release."
  type        = string
  default     = "evoke"
  validation {
    condition     = can(regex("^[a-z0-9]([a-z0-9.-]*[a-z0-9])?$", var.namespace))
    error_message = "namespace must be a namespace's name, in lower-case letters, digits, hyphens and dots."
  }
}

variable "release" {
  description = "What the names of evoke's service accounts begin with."
  type        = string
  default     = "evoke"
  validation {
    condition     = can(regex("^[a-z0-9]([a-z0-9.-]*[a-z0-9])?$", var.release))
    error_message = "release must be a release's name, in lower-case letters, digits, hyphens and dots."
  }
}

variable "trino" {
  description = "Trino's service account, which reads the archive."
  type        = object({ namespace = string, account = string })
  default     = { namespace = "trino", account = "trino" }
  validation {
    condition     = alltrue([for each in values(var.trino) : can(regex("^[a-z0-9]([a-z0-9.-]*[a-z0-9])?$", each))])
    error_message = "trino: namespace and account must be lower-case letters, digits, hyphens and dots."
  }
}
