output "region" {
  description = "AWS region."
  value       = var.region
}

output "cluster_name" {
  description = "Name of the cluster, for `aws eks update-kubeconfig`."
  value       = module.cluster.name
}

output "cluster_endpoint" {
  description = "URL of the Kubernetes API."
  value       = module.cluster.endpoint
}

output "cluster_certificate_authority" {
  description = "Certificate of the Kubernetes API, in base64."
  value       = module.cluster.certificate_authority
}

output "registry" {
  description = "What the images' names begin with: REGISTRY of `make images`."
  value       = module.registry.prefix
}

output "artifacts_bucket" {
  description = "Bucket of artifacts."
  value       = module.storage.artifacts_bucket
}

output "archive_bucket" {
  description = "Bucket of the archive."
  value       = module.storage.archive_bucket
}

output "catalog_database" {
  description = "Glue database of the archive."
  value       = module.catalog.database
}

output "file_system_id" {
  description = "File system of weights."
  value       = module.storage.file_system_id
}

output "account_id" {
  description = "AWS account."
  value       = data.aws_caller_identity.this.account_id
}
