variable "name" {
  description = "Name of the installation; what its resources begin with."
  type        = string
  validation {
    condition     = can(regex("^[a-z][a-z0-9-]{1,24}[a-z0-9]$", var.name))
    error_message = "name must be 3 to 26 lower-case letters, digits and hyphens, beginning with a letter."
  }
}

variable "cidr" {
  description = "Addresses of the VPC, at least a /20."
  type        = string
  default     = "10.20.0.0/16"
  validation {
    condition     = can(cidrnetmask(var.cidr)) && try(tonumber(split("/", var.cidr)[1]), 32) <= 20
    error_message = "cidr must be an IPv4 range of /20 or larger, such as 10.20.0.0/16."
  }
}

variable "zones" {
  description = "Availability zones to use."
  type        = list(string)
  validation {
    condition     = length(var.zones) >= 2 && length(var.zones) <= 6 && length(distinct(var.zones)) == length(var.zones)
    error_message = "zones must be two to six different availability zones: a cluster needs two."
  }
}

variable "single_nat" {
  description = "One NAT gateway for all zones: cheaper, and outgoing traffic ends with that zone."
  type        = bool
  default     = true
}
