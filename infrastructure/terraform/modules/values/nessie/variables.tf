variable "warehouse" {
  description = "Name of the warehouse: EVOKE_CATALOG_WAREHOUSE."
  type        = string
  default     = "evoke"
  validation {
    condition     = can(regex("^[A-Za-z0-9_-]+$", var.warehouse))
    error_message = "warehouse must be letters, digits, underscores and hyphens."
  }
}

variable "bucket" {
  description = "Bucket of the archive's files."
  type        = string
  validation {
    condition     = can(regex("^[a-z0-9][a-z0-9.-]{1,61}[a-z0-9]$", var.bucket))
    error_message = "bucket must be a bucket's name: 3 to 63 lower-case letters, digits, hyphens and dots."
  }
}

variable "region" {
  description = "Region to name to the S3 server."
  type        = string
  default     = "us-east-1"
  validation {
    condition     = can(regex("^[a-z]{2}(-[a-z]+)+-[0-9]$", var.region))
    error_message = "region must be a region's name, such as eu-central-1."
  }
}

variable "s3_endpoint" {
  description = "URL of the S3 server."
  type        = string
  validation {
    condition     = can(regex("^https?://", var.s3_endpoint))
    error_message = "s3_endpoint must begin with http:// or https://."
  }
}

variable "credentials_secret" {
  description = "Secret with AWS_ACCESS_KEY_ID and AWS_SECRET_ACCESS_KEY."
  type        = string
  validation {
    condition     = can(regex("^[a-z0-9]([a-z0-9.-]*[a-z0-9])?$", var.credentials_secret))
    error_message = "credentials_secret must be a Secret's name, in lower-case letters, digits, hyphens and dots."
  }
}

variable "storage_class" {
  description = "Storage class of its disk."
  type        = string
  validation {
    condition     = can(regex("^[a-z0-9]([a-z0-9.-]*[a-z0-9])?$", var.storage_class))
    error_message = "storage_class must be a storage class's name, in lower-case letters, digits, hyphens and dots."
  }
}

variable "image_tag" {
  description = "Version of Nessie."
  type        = string
  default     = "0.101.2"
  validation {
    condition     = can(regex("^[A-Za-z0-9_][A-Za-z0-9_.-]{0,127}$", var.image_tag)) && var.image_tag != "latest"
    error_message = "image_tag must be a fixed tag, and not latest."
  }
}
