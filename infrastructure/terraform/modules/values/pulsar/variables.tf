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
}

variable "storage_class" {
  description = "Storage class of the disks."
  type        = string
}

variable "image_tag" {
  description = "Version of Pulsar."
  type        = string
  default     = "4.0.11"
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
}
