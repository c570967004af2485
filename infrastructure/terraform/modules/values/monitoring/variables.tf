variable "retention_days" {
  description = "How long figures are kept."
  type        = number
  default     = 15
  validation {
    condition     = var.retention_days >= 1 && var.retention_days <= 400
    error_message = "retention_days must be 1 to 400."
  }
}

variable "disk" {
  description = "Disk of Prometheus."
  type        = string
  default     = "50Gi"
  validation {
    condition     = can(regex("^[0-9]+(Mi|Gi|Ti)$", var.disk))
    error_message = "disk must be in Mi, Gi or Ti, such as 50Gi."
  }
}

variable "storage_class" {
  description = "Storage class of the disk."
  type        = string
  validation {
    condition     = can(regex("^[a-z0-9]([a-z0-9.-]*[a-z0-9])?$", var.storage_class))
    error_message = "storage_class must be a storage class's name, in lower-case letters, digits, hyphens and dots."
  }
}

variable "grafana_secret" {
  description = "Secret with Grafana's user and password, made before."
  type        = string
  default     = "grafana-admin"
  validation {
    condition     = can(regex("^[a-z0-9]([a-z0-9.-]*[a-z0-9])?$", var.grafana_secret))
    error_message = "grafana_secret must be a Secret's name, in lower-case letters, digits, hyphens and dots."
  }
}

variable "rules" {
  description = "Files of Prometheus rules, as YAML, by name."
  type        = map(string)
  default     = {}
  validation {
    condition     = alltrue([for text in values(var.rules) : can(yamldecode(text).groups[0].rules)])
    error_message = "rules must be files with groups of rules."
  }
}

variable "dashboards" {
  description = "Grafana's dashboards, as JSON, by name."
  type        = map(string)
  default     = {}
  validation {
    condition     = alltrue([for text in values(var.dashboards) : can(jsondecode(text).panels)])
    error_message = "dashboards must be dashboards of Grafana, as JSON."
  }
}
