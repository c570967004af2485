variable "replicas" {
  description = "Brokers, and bookies: 1 for one machine, 3 or more for production."
  type        = number
  validation {
    condition     = var.replicas == 1 || var.replicas >= 3
    error_message = "replicas must be 1, or 3 or more: with 2 the loss of one stops every append."
  }
}

variable "ledger_size" {
  description = "Disk of each bookie: what waits for the archive must fit."
  type        = string
  default     = "100Gi"
  validation {
    condition     = can(regex("^[0-9]+(Mi|Gi|Ti)$", var.ledger_size))
    error_message = "ledger_size must be in Mi, Gi or Ti, such as 50Gi."
  }
}

variable "storage_class" {
  description = "Storage class of the disks."
  type        = string
  validation {
    condition     = can(regex("^[a-z0-9]([a-z0-9.-]*[a-z0-9])?$", var.storage_class))
    error_message = "storage_class must be a storage class's name, in lower-case letters, digits, hyphens and dots."
  }
}

variable "image_tag" {
  description = "Version of Pulsar."
  type        = string
  default     = "4.0.11"
  validation {
    condition     = can(regex("^[A-Za-z0-9_][A-Za-z0-9_.-]{0,127}$", var.image_tag)) && var.image_tag != "latest"
    error_message = "image_tag must be a fixed tag, and not latest."
  }
}

variable "monitoring" {
  description = "Let the Prometheus operator scrape it."
  type        = bool
  default     = true
}

variable "broker_settings" {
  description = "Further settings of the brokers (broker.conf), e.g. from pulsar_cluster_config_file."
  type        = map(string)
  default     = {}
  validation {
    condition     = alltrue([for name in keys(var.broker_settings) : can(regex("^[A-Za-z][A-Za-z0-9_]*$", name))])
    error_message = "broker_settings: names must be those of broker.conf."
  }
}
