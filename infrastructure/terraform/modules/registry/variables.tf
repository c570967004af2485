variable "name" {
  description = "Name of the installation; what its resources begin with."
  type        = string
  validation {
    condition     = can(regex("^[a-z][a-z0-9-]{1,24}[a-z0-9]$", var.name))
    error_message = "name must be 3 to 26 lower-case letters, digits and hyphens, beginning with a letter."
  }
}

variable "images" {
  description = "Images to have repositories for, without the evoke- in front."
  type        = list(string)
  default     = ["admin", "api", "archiver", "audiocraft", "cough", "diffusers", "factorial", "sidecar"]
  validation {
    condition     = length(var.images) > 0 && alltrue([for image in var.images : can(regex("^[a-z][a-z0-9-]*$", image))])
    error_message = "images must be names of images, in lower case."
  }
}

variable "key_arn" {
  description = "KMS key of the images."
  type        = string
  validation {
    condition     = can(regex("^arn:aws[a-z-]*:kms:", var.key_arn))
    error_message = "key_arn must be the ARN of a KMS key."
  }
}

variable "kept" {
  description = "How many images of each are kept."
  type        = number
  default     = 30
  validation {
    condition     = var.kept >= 1
    error_message = "kept must be 1 or more."
  }
}

variable "force_destroy" {
  description = "Let `terraform destroy` delete repositories that are not empty."
  type        = bool
  default     = false
}
