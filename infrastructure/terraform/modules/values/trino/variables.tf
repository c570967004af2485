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
  validation {
    condition     = can(regex("^[0-9]+(MB|GB|TB)$", var.max_memory))
    error_message = "max_memory must be in MB, GB or TB, such as 4GB."
  }
}

variable "image_tag" {
  description = "Version of Trino."
  type        = string
  default     = "476"
  validation {
    condition     = can(regex("^[A-Za-z0-9_][A-Za-z0-9_.-]{0,127}$", var.image_tag)) && var.image_tag != "latest"
    error_message = "image_tag must be a fixed tag, and not latest."
  }
}

variable "region" {
  description = "Region of the archive's bucket."
  type        = string
  validation {
    condition     = can(regex("^[a-z]{2}(-[a-z]+)+-[0-9]$", var.region))
    error_message = "region must be a region's name, such as eu-central-1."
  }
}

variable "catalog" {
  description = "Trino's catalog of the archive: EVOKE_TRINO_CATALOG."
  type        = string
  default     = "evoke"
  validation {
    condition     = can(regex("^[a-z][a-z0-9_]*$", var.catalog))
    error_message = "catalog must be lower-case letters, digits and underscores, beginning with a letter."
  }
}

variable "schema" {
  description = "Pattern of the namespaces that archives are in: EVOKE_CATALOG_NAMESPACE."
  type        = string
  default     = "evoke(_.*)?"
  validation {
    condition     = var.schema != "" && !can(regex("[\"\\s]", var.schema))
    error_message = "schema must be a pattern without quotes and spaces."
  }
}

variable "user" {
  description = "Who asks for evoke: EVOKE_TRINO_USER."
  type        = string
  default     = "evoke"
  validation {
    condition     = can(regex("^[A-Za-z0-9_-]+$", var.user))
    error_message = "user must be letters, digits, underscores and hyphens."
  }
}

variable "tenant_user" {
  description = "Beginning of the tenants' users: EVOKE_TRINO_TENANT_USER."
  type        = string
  default     = "evoke-tenant-"
  validation {
    condition     = can(regex("^[A-Za-z0-9_-]+$", var.tenant_user))
    error_message = "tenant_user must be letters, digits, underscores and hyphens."
  }
}

variable "rest_catalog" {
  description = "An Iceberg REST catalog and its S3 server; null: Glue and Amazon S3."
  type        = object({ uri = string, warehouse = string, s3_endpoint = string })
  default     = null
  nullable    = true
  validation {
    condition     = var.rest_catalog == null ? true : can(regex("^https?://", var.rest_catalog.uri)) && can(regex("^https?://", var.rest_catalog.s3_endpoint)) && var.rest_catalog.warehouse != ""
    error_message = "rest_catalog: uri and s3_endpoint must begin with http:// or https://, warehouse must be named."
  }
}

variable "credentials_secret" {
  description = "Secret with AWS_ACCESS_KEY_ID and AWS_SECRET_ACCESS_KEY; empty: Pod Identity."
  type        = string
  default     = ""
  validation {
    condition     = can(regex("^([a-z0-9]([a-z0-9.-]*[a-z0-9])?)?$", var.credentials_secret))
    error_message = "credentials_secret must be a Secret's name, in lower-case letters, digits, hyphens and dots, or empty."
  }
}
