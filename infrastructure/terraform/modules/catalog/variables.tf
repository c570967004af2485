variable "name" {
  description = "Name of the installation; what its resources begin with."
  type        = string
  validation {
    condition     = can(regex("^[a-z][a-z0-9-]{1,24}[a-z0-9]$", var.name))
    error_message = "name must be 3 to 26 lower-case letters, digits and hyphens, beginning with a letter."
  }
}

variable "bucket" {
  description = "Bucket of the archive."
  type        = string
}
