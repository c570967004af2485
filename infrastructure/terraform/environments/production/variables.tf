variable "eks_state" {
  description = "Where the state of ../../eks is: bucket, key and region of its S3 backend."
  type        = map(string)
}

variable "image_tag" {
  description = "Tag of evoke's images, as `make images` printed it."
  type        = string
}

variable "api_replicas" {
  description = "Pods of the API."
  type        = number
  default     = 3
}

variable "api_keys_secret" {
  description = "Secret with keys.json in the namespace evoke, made before."
  type        = string
}

variable "worker_pools" {
  description = "Worker pools; see modules/values/evoke."
  type        = any
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
}

variable "trino_workers" {
  description = "Workers of Trino."
  type        = number
  default     = 2
}

variable "chart_versions" {
  description = "Versions of the charts of others."
  type        = map(string)
  default = {
    monitoring = "67.8.0"
    keda       = "2.16.1"
    pulsar     = "4.6.0"
    trino      = "0.32.0"
    nessie     = "0.101.2"
  }
}

