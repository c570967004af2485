variable "kubeconfig" {
  description = "File of the cluster's access."
  type        = string
  default     = "~/.kube/config"
}

variable "context" {
  description = "Context in that file."
  type        = string
  default     = "minikube"
}

variable "storage_class" {
  description = "Storage class of disks."
  type        = string
  default     = "standard"
}

variable "registry" {
  description = "What the images' names begin with, as they were loaded."
  type        = string
  default     = "localhost"
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
  default     = "docker.io/versity/versitygw:v1.0.17"
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
  description = "Versions of the charts of others."
  type        = map(string)
  default = {
    monitoring = "67.8.0"
    keda       = "2.16.1"
    pulsar     = "4.6.0"
    trino      = "0.32.0"
    signoz     = "0.131.0"
    collector  = "0.170.0"
    nessie     = "0.101.2"
  }
  validation {
    condition     = alltrue([for version in values(var.chart_versions) : can(regex("^[0-9]+\\.[0-9]+\\.[0-9]+$", version))])
    error_message = "chart_versions must be exact versions, such as 4.6.0."
  }
}
