variable "replicas" {
  description = "Operators; one is active."
  type        = number
  default     = 2
  validation {
    condition     = var.replicas >= 1
    error_message = "replicas must be 1 or more."
  }
}

variable "monitoring" {
  description = "Let the Prometheus operator scrape it."
  type        = bool
  default     = true
}
