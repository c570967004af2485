variable "warehouse" {
  description = "Name of the warehouse: EVOKE_CATALOG_WAREHOUSE."
  type        = string
  default     = "evoke"
}

variable "bucket" {
  description = "Bucket of the archive's files."
  type        = string
}

variable "region" {
  description = "Region to name to the S3 server."
  type        = string
  default     = "us-east-1"
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
}

variable "storage_class" {
  description = "Storage class of its disk."
  type        = string
}

variable "image_tag" {
  description = "Version of Nessie."
  type        = string
  default     = "0.101.2"
}
