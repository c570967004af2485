variable "eks_state" {
  description = "Where the state of ../../eks is: bucket, key and region of its S3 backend."
  type        = object({ bucket = string, key = string, region = string })
  validation {
    condition     = can(regex("^[a-z0-9][a-z0-9.-]{1,61}[a-z0-9]$", var.eks_state.bucket)) && var.eks_state.key != "" && can(regex("^[a-z]{2}(-[a-z]+)+-[0-9]$", var.eks_state.region))
    error_message = "eks_state: bucket, key and region of the backend in ../../eks/backend.tf."
  }
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
  validation {
    condition     = alltrue([for pool in var.worker_pools : can(regex("^[a-z]([a-z0-9-]{0,28}[a-z0-9])?$", pool.name)) && pool.queue != "" && pool.container != ""])
    error_message = "worker_pools: name must be up to 30 lower-case letters, digits and hyphens, beginning with a letter; queue and container must be named."
  }
  validation {
    condition     = alltrue([for pool in var.worker_pools : pool.max >= 1 && pool.min >= 0 && pool.min <= pool.max && pool.gpus >= 0 && (pool.replicas == null ? true : pool.replicas >= 0)])
    error_message = "worker_pools: min must be 0 or more and not more than max, gpus and replicas 0 or more."
  }
  validation {
    condition     = length(distinct([for pool in var.worker_pools : pool.name])) == length(var.worker_pools)
    error_message = "worker_pools: every pool needs a name of its own."
  }
}

variable "model_ids" {
  description = "Models of the catalogue whose weights are fetched."
  type        = list(string)
  default     = []
  validation {
    condition     = alltrue([for each in var.model_ids : can(regex("^[A-Za-z0-9][A-Za-z0-9._/-]*$", each))])
    error_message = "model_ids must be ids of models, such as sd-turbo."
  }
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
  validation {
    condition     = can(regex("^([a-z0-9]([a-z0-9.-]*[a-z0-9])?)?$", var.model_token_secret))
    error_message = "model_token_secret must be a Secret's name, in lower-case letters, digits, hyphens and dots, or empty."
  }
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
  description = "Versions of the charts of others; those that are not named stay as they are."
  type = object({
    monitoring = optional(string, "67.8.0")
    keda       = optional(string, "2.16.1")
    pulsar     = optional(string, "4.6.0")
    trino      = optional(string, "0.32.0")
    signoz     = optional(string, "0.131.0")
    collector  = optional(string, "0.170.0")
  })
  default = {}
  validation {
    condition     = alltrue([for version in values(var.chart_versions) : can(regex("^[0-9]+\\.[0-9]+\\.[0-9]+$", version))])
    error_message = "chart_versions must be exact versions, such as 4.6.0."
  }
}

variable "chart_repositories" {
  description = "Where the charts of others come from, such as a mirror of your own; those that are not named stay as they are."
  type = object({
    monitoring = optional(string, "https://prometheus-community.github.io/helm-charts")
    keda       = optional(string, "https://kedacore.github.io/charts")
    pulsar     = optional(string, "https://pulsar.apache.org/charts")
    trino      = optional(string, "https://trinodb.github.io/charts")
    signoz     = optional(string, "https://charts.signoz.io")
    collector  = optional(string, "https://open-telemetry.github.io/opentelemetry-helm-charts")
  })
  default = {}
  validation {
    condition     = alltrue([for url in values(var.chart_repositories) : can(regex("^(https?|oci)://[^/]+", url))])
    error_message = "chart_repositories must be URLs that begin with https://, http:// or oci://."
  }
}
