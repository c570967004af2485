variable "endpoint" {
  description = "Where traces go: URL of a server that takes OTLP over HTTP, such as SigNoz's collector."
  type        = string
  validation {
    condition     = can(regex("^https?://", var.endpoint))
    error_message = "endpoint must begin with http:// or https://."
  }
}

variable "headers" {
  description = "Headers that server asks for. They are readable in a ConfigMap: a key belongs into the environment, as $${env:NAME}."
  type        = map(string)
  default     = {}
  validation {
    condition     = alltrue([for name in keys(var.headers) : can(regex("^[A-Za-z0-9-]+$", name))])
    error_message = "headers: names must be letters, digits and hyphens."
  }
}

variable "replicas" {
  description = "Pods of the collector."
  type        = number
  default     = 2
  validation {
    condition     = var.replicas >= 1
    error_message = "replicas must be 1 or more."
  }
}

variable "memory" {
  description = "Memory of each pod; at four fifths of it spans are refused."
  type        = string
  default     = "512Mi"
  validation {
    condition     = can(regex("^[0-9]+(Mi|Gi)$", var.memory))
    error_message = "memory must be in Mi or Gi, such as 512Mi."
  }
}

variable "monitoring" {
  description = "Let the Prometheus operator scrape it."
  type        = bool
  default     = true
}
