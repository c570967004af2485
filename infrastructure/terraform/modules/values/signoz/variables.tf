variable "storage_class" {
  description = "Storage class of the disks."
  type        = string
  validation {
    condition     = can(regex("^[a-z0-9]([a-z0-9.-]*[a-z0-9])?$", var.storage_class))
    error_message = "storage_class must be a storage class's name, in lower-case letters, digits, hyphens and dots."
  }
}

variable "disk" {
  description = "Disk of the traces."
  type        = string
  default     = "50Gi"
  validation {
    condition     = can(regex("^[0-9]+(Gi|Ti)$", var.disk))
    error_message = "disk must be in Gi or Ti, such as 50Gi."
  }
}

variable "memory" {
  description = "Most memory of ClickHouse."
  type        = string
  default     = "4Gi"
  validation {
    condition     = can(regex("^[0-9]+(Mi|Gi)$", var.memory))
    error_message = "memory must be in Mi or Gi, such as 4Gi."
  }
}

variable "collectors" {
  description = "Pods that write traces into ClickHouse."
  type        = number
  default     = 1
  validation {
    condition     = var.collectors >= 1
    error_message = "collectors must be 1 or more."
  }
}

variable "clickhouse_password" {
  description = "Password of ClickHouse, instead of the one that the chart ships to everybody."
  type        = string
  sensitive   = true
  validation {
    condition     = length(var.clickhouse_password) >= 16
    error_message = "clickhouse_password must have 16 characters or more."
  }
}
