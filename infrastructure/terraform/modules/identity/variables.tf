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
}

variable "key_arn" {
  description = "KMS key of the buckets."
  type        = string
}

variable "namespace" {
  description = "Namespace of evoke's release."
  type        = string
  default     = "evoke"
}

variable "release" {
  description = "What the names of evoke's service accounts begin with."
  type        = string
  default     = "evoke"
}

variable "trino" {
  description = "Trino's service account, which reads the archive."
  type        = object({ namespace = string, account = string })
  default     = { namespace = "trino", account = "trino" }
}
