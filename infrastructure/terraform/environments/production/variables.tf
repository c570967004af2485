variable "eks_state" {
  description = "Where the state of ../../eks is: bucket, key and region of its S3 backend."
  type        = object({ bucket = string, key = string, region = string })
}

variable "image_tag" {
  description = "Tag of evoke's images, as `make images` printed it."
  type        = string
  validation {
    condition     = can(regex("^[A-Za-z0-9_][A-Za-z0-9_.-]{0,127}$", var.image_tag)) && var.image_tag != "latest"
    error_message = "image_tag must be a fixed tag, such as 0.1.0-1a2b3c4, and not latest."
  }
}

variable "api_replicas" {
  description = "Pods of the API."
  type        = number
  default     = 3
  validation {
    condition     = var.api_replicas >= 1
    error_message = "api_replicas must be 1 or more."
  }
}

variable "api_keys_secret" {
  description = "Secret with keys.json in the namespace evoke, made before."
  type        = string
  validation {
    condition     = var.api_keys_secret != ""
    error_message = "api_keys_secret must name a Secret: without keys everybody who reaches the API may submit."
  }
}

variable "worker_pools" {
  description = "Worker pools; see modules/values/evoke."
  type = list(object({
    name            = string
    queue           = string
    container       = string
    args            = optional(list(string), [])
    replicas        = optional(number)
    min             = optional(number, 0)
    max             = optional(number, 4)
    jobs_per_worker = optional(number, 4)
    gpus            = optional(number, 0)
    cpu             = optional(string, "1")
    memory          = optional(string, "2Gi")
    weights         = optional(bool, false)
  }))
  default = [
    {
      name      = "pictures"
      queue     = "txt2img_generation"
      container = "diffusers"
      args      = ["--model=shapes-64=/app/model_containers/diffusers/shapes64/checkpoint"]
      gpus      = 1
      cpu       = "3"
      memory    = "12Gi"
    },
  ]
}

variable "model_ids" {
  description = "Models of the catalogue whose weights are fetched."
  type        = list(string)
  default     = []
}

variable "model_links" {
  description = "Weights to fetch, and what to call them."
  type        = list(object({ url = string, rename_to = string }))
  default     = []
  validation {
    condition     = alltrue([for link in var.model_links : can(regex("^(https|s3|hf):", link.url)) && can(regex("^[A-Za-z0-9][A-Za-z0-9._-]*$", link.rename_to))])
    error_message = "model_links: url must begin with https:, s3: or hf:, rename_to must be a file name."
  }
}

variable "model_token_secret" {
  description = "Secret with HF_TOKEN or EVOKE_MODELS_TOKENS."
  type        = string
  default     = ""
}

variable "pulsar_replicas" {
  description = "Brokers and bookies."
  type        = number
  default     = 3
  validation {
    condition     = var.pulsar_replicas == 1 || var.pulsar_replicas >= 3
    error_message = "pulsar_replicas must be 1, or 3 or more: with 2 the loss of one stops every append."
  }
}

variable "pulsar_cluster_config_file" {
  description = "File of further settings of Pulsar's brokers, as broker.conf; null: none."
  type        = string
  default     = null
  nullable    = true
  validation {
    condition     = var.pulsar_cluster_config_file == null ? true : fileexists(var.pulsar_cluster_config_file)
    error_message = "pulsar_cluster_config_file must name a file that is there."
  }
}

variable "pulsar_backlog_bytes" {
  description = "Bytes of a topic that may wait for archive or workers; beyond them submits get 507."
  type        = number
  default     = 10737418240
  validation {
    condition     = var.pulsar_backlog_bytes >= 1048576
    error_message = "pulsar_backlog_bytes must be a MiB or more."
  }
}

variable "trino_workers" {
  description = "Workers of Trino."
  type        = number
  default     = 2
  validation {
    condition     = var.trino_workers >= 0
    error_message = "trino_workers must be 0 or more."
  }
}

variable "traces_disk" {
  description = "Disk of SigNoz's traces."
  type        = string
  default     = "50Gi"
  validation {
    condition     = can(regex("^[0-9]+(Gi|Ti)$", var.traces_disk))
    error_message = "traces_disk must be in Gi or Ti, such as 50Gi."
  }
}

variable "chart_versions" {
  description = "Versions of the charts of others."
  type        = map(string)
  default = {
    monitoring = "67.8.0"
    keda       = "2.16.1"
    pulsar     = "4.6.0"
    trino      = "0.32.0"
    signoz     = "0.131.0"
    collector  = "0.170.0"
  }
  validation {
    condition     = alltrue([for version in values(var.chart_versions) : can(regex("^[0-9]+\\.[0-9]+\\.[0-9]+$", version))])
    error_message = "chart_versions must be exact versions, such as 4.6.0."
  }
}
