variable "name" {
  description = "Name of the installation; what its resources begin with."
  type        = string
  validation {
    condition     = can(regex("^[a-z][a-z0-9-]{1,24}[a-z0-9]$", var.name))
    error_message = "name must be 3 to 26 lower-case letters, digits and hyphens, beginning with a letter."
  }
}

variable "account_id" {
  description = "AWS account; it makes the buckets' names unique."
  type        = string
  validation {
    condition     = can(regex("^[0-9]{12}$", var.account_id))
    error_message = "account_id must have twelve digits."
  }
}

variable "key_arn" {
  description = "KMS key of buckets and file system."
  type        = string
  validation {
    condition     = can(regex("^arn:aws[a-z-]*:kms:", var.key_arn))
    error_message = "key_arn must be the ARN of a KMS key."
  }
}

variable "vpc_id" {
  description = "VPC of the file system."
  type        = string
  validation {
    condition     = startswith(var.vpc_id, "vpc-")
    error_message = "vpc_id must begin with vpc-."
  }
}

variable "subnet_ids" {
  description = "Subnets that the file system is reached in, one a zone."
  type        = list(string)
  validation {
    condition     = length(var.subnet_ids) >= 1 && length(distinct(var.subnet_ids)) == length(var.subnet_ids)
    error_message = "subnet_ids must be one or more different subnets."
  }
}

variable "node_security_group_id" {
  description = "Security group of the nodes."
  type        = string
  validation {
    condition     = startswith(var.node_security_group_id, "sg-")
    error_message = "node_security_group_id must begin with sg-."
  }
}

variable "artifact_days" {
  description = "Artifacts are deleted after so many days; null: never. Their jobs then say succeeded and their files are gone."
  type        = number
  default     = null
  nullable    = true
  validation {
    condition     = var.artifact_days == null ? true : var.artifact_days >= 1 && floor(var.artifact_days) == var.artifact_days
    error_message = "artifact_days must be a whole number of days, 1 or more, or null."
  }
}

variable "force_destroy" {
  description = "Let `terraform destroy` delete buckets that are not empty."
  type        = bool
  default     = false
}
