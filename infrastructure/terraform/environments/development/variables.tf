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
}

variable "s3_image" {
  description = "Image of the S3 server."
  type        = string
  default     = "docker.io/versity/versitygw:v1.0.17"
}

variable "worker_pools" {
  description = "Worker pools; see modules/values/evoke."
  type        = any
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

