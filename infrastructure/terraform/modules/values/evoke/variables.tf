variable "registry" {
  description = "What the images' names begin with."
  type        = string
  validation {
    condition     = can(regex("^[a-z0-9][a-zA-Z0-9._:/-]*[a-z0-9]$", var.registry))
    error_message = "registry must be what the images' names begin with, without a slash at its end."
  }
}

variable "image_tag" {
  description = "Tag of the images."
  type        = string
  validation {
    condition     = var.image_tag != "" && var.image_tag != "latest"
    error_message = "image_tag must be a fixed tag, not latest."
  }
}

variable "pull_policy" {
  description = "When images are pulled."
  type        = string
  default     = "IfNotPresent"
  validation {
    condition     = contains(["Always", "IfNotPresent", "Never"], var.pull_policy)
    error_message = "pull_policy must be Always, IfNotPresent or Never."
  }
}

variable "engine" {
  description = "Where the servers are: the value `engine` of the chart."
  type        = any
  validation {
    condition     = length(setsubtract(keys(var.engine), ["pulsar", "s3", "catalog", "trino"])) == 0
    error_message = "engine may have the keys pulsar, s3, catalog and trino."
  }
}

variable "engine_namespaces" {
  description = "Namespaces of servers inside the cluster, by use: pulsar, s3, catalog, trino."
  type        = map(string)
  default     = {}
  validation {
    condition     = length(setsubtract(keys(var.engine_namespaces), ["pulsar", "s3", "catalog", "trino"])) == 0
    error_message = "engine_namespaces may have the keys pulsar, s3, catalog and trino."
  }
}

variable "api_replicas" {
  description = "Pods of the API."
  type        = number
  default     = 2
  validation {
    condition     = var.api_replicas >= 1
    error_message = "api_replicas must be 1 or more."
  }
}

variable "archiver_replicas" {
  description = "Pods of the archiver; one is active."
  type        = number
  default     = 1
  validation {
    condition     = var.archiver_replicas >= 1
    error_message = "archiver_replicas must be 1 or more."
  }
}

variable "api_keys_secret" {
  description = "Secret with keys.json; empty: no keys are asked for."
  type        = string
  default     = ""
  validation {
    condition     = can(regex("^([a-z0-9]([a-z0-9.-]*[a-z0-9])?)?$", var.api_keys_secret))
    error_message = "api_keys_secret must be a Secret's name, in lower-case letters, digits, hyphens and dots, or empty."
  }
}

variable "worker_pools" {
  description = "Worker pools. replicas: a fixed number; null: by KEDA between min and max."
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
  validation {
    condition     = alltrue([for pool in var.worker_pools : pool.max >= 1 && pool.min >= 0 && pool.min <= pool.max && pool.gpus >= 0])
    error_message = "worker_pools: min must be 0 or more and not more than max, gpus 0 or more."
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

variable "models_volume" {
  description = "Volume of weights: storageClass, size, accessMode; null: none."
  type        = object({ storageClass = string, size = string, accessMode = string })
  default     = null
  nullable    = true
  validation {
    condition     = var.models_volume == null ? true : can(regex("^[0-9]+(Gi|Ti)$", var.models_volume.size)) && contains(["ReadWriteOnce", "ReadWriteMany", "ReadWriteOncePod"], var.models_volume.accessMode)
    error_message = "models_volume: size must be in Gi or Ti, accessMode one that can be written to: ReadWriteMany or ReadWriteOnce."
  }
}

variable "pod_identity" {
  description = "Let pods reach the agent of EKS Pod Identity."
  type        = bool
  default     = false
}

variable "monitoring" {
  description = "Let the Prometheus operator scrape evoke."
  type        = bool
  default     = true
}

variable "monitoring_namespace" {
  description = "Namespace of the Prometheus that may reach the figures; empty: any."
  type        = string
  default     = ""
  validation {
    condition     = can(regex("^([a-z0-9]([a-z0-9.-]*[a-z0-9])?)?$", var.monitoring_namespace))
    error_message = "monitoring_namespace must be a namespace's name, in lower-case letters, digits, hyphens and dots, or empty."
  }
}

variable "otlp" {
  description = "Where traces go: URL of a collector (OTLP over HTTP) and its namespace; without a URL nothing is traced."
  type        = object({ endpoint = optional(string, ""), namespace = optional(string, "") })
  default     = {}
  validation {
    condition     = var.otlp.endpoint == "" || can(regex("^https?://", var.otlp.endpoint))
    error_message = "otlp: endpoint must begin with http:// or https://."
  }
}
