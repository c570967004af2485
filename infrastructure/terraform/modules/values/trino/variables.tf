variable "workers" {
  description = "Workers beside the coordinator; 0: the coordinator works itself."
  type        = number
  validation {
    condition     = var.workers >= 0
    error_message = "workers must be 0 or more."
  }
}

variable "max_memory" {
  description = "Memory of one query in the whole cluster."
  type        = string
  default     = "4GB"
}

variable "image_tag" {
  description = "Version of Trino."
  type        = string
  default     = "476"
}

variable "region" {
  description = "Region of the archive's bucket."
  type        = string
}

variable "catalog" {
  description = "Trino's catalog of the archive: EVOKE_TRINO_CATALOG."
  type        = string
  default     = "evoke"
}

variable "schema" {
  description = "Pattern of the namespaces that archives are in: EVOKE_CATALOG_NAMESPACE."
  type        = string
  default     = "evoke(_.*)?"
}

variable "user" {
  description = "Who asks for evoke: EVOKE_TRINO_USER."
  type        = string
  default     = "evoke"
}

variable "tenant_user" {
  description = "Beginning of the tenants' users: EVOKE_TRINO_TENANT_USER."
  type        = string
  default     = "evoke-tenant-"
}

variable "rest_catalog" {
  description = "An Iceberg REST catalog and its S3 server; null: Glue and Amazon S3."
  type        = object({ uri = string, warehouse = string, s3_endpoint = string })
  default     = null
  nullable    = true
}

variable "credentials_secret" {
  description = "Secret with AWS_ACCESS_KEY_ID and AWS_SECRET_ACCESS_KEY; empty: Pod Identity."
  type        = string
  default     = ""
}
