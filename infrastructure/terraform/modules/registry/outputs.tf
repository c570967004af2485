output "prefix" {
  description = "What the images' names begin with: image.registry of the chart."
  value       = trimsuffix(values(aws_ecr_repository.this)[0].repository_url, "/evoke-${sort(var.images)[0]}")
}

output "urls" {
  description = "URLs of the repositories by image."
  value       = { for image, repository in aws_ecr_repository.this : image => repository.repository_url }
}
