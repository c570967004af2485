variable "kubeconfig" {
  description = "File of the cluster's access."
  type        = string
  default     = "~/.kube/config"
  validation {
    condition     = fileexists(pathexpand(var.kubeconfig))
    error_message = "kubeconfig must name a file that is there."
  }
}

variable "context" {
  description = "Context in that file."
  type        = string
  default     = "minikube"
  validation {
    condition     = var.context != ""
    error_message = "context must name one of that file: `kubectl config get-contexts`."
  }
}

variable "storage_class" {
  description = "Storage class of disks."
  type        = string
  default     = "standard"
  validation {
    condition     = can(regex("^[a-z0-9]([a-z0-9.-]*[a-z0-9])?$", var.storage_class))
    error_message = "storage_class must be a storage class's name, in lower-case letters, digits, hyphens and dots."
  }
}

variable "registry" {
  description = "What the images' names begin with, as they were loaded."
  type        = string
  default     = "localhost"
  validation {
    condition     = can(regex("^[a-z0-9][a-zA-Z0-9._:/-]*[a-z0-9]$", var.registry))
    error_message = "registry must be what the images' names begin with, without a slash at its end."
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

variable "s3_image" {
  description = "Image of the S3 server."
  type        = string
  default     = "docker.io/versity/versitygw:v1.8.0"
  validation {
    condition     = can(regex("^[a-z0-9][a-zA-Z0-9._:/-]*(:[A-Za-z0-9_][A-Za-z0-9_.-]*|@sha256:[0-9a-f]{64})$", var.s3_image)) && !endswith(var.s3_image, ":latest")
    error_message = "s3_image must be an image with a fixed tag or a digest."
  }
}

variable "api_replicas" {
  description = "Pods of the API."
  type        = number
  default     = 1
  validation {
    condition     = var.api_replicas >= 1
    error_message = "api_replicas must be 1 or more."
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
    { name = "factorial", queue = "factorial", container = "factorial", replicas = 1, cpu = "250m", memory = "512Mi" },
    {
      name      = "pictures"
      queue     = "txt2img_generation"
      container = "diffusers"
      args      = ["--model=shapes-64=/app/model_containers/diffusers/shapes64/checkpoint"]
      replicas  = 1
      cpu       = "1"
      memory    = "3Gi"
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

variable "extras" {
  description = "What else to install: keda (pools between none and many), monitoring (Prometheus, Grafana), tracing (a collector, SigNoz)."
  type        = set(string)
  default     = []
  validation {
    condition     = length(setsubtract(var.extras, ["keda", "monitoring", "tracing"])) == 0
    error_message = "extras may have keda, monitoring and tracing."
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
    nessie     = optional(string, "0.101.2")
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
    nessie     = optional(string, "https://charts.projectnessie.org")
  })
  default = {}
  validation {
    condition     = alltrue([for url in values(var.chart_repositories) : can(regex("^(https?|oci)://[^/]+", url))])
    error_message = "chart_repositories must be URLs that begin with https://, http:// or oci://."
  }
}
