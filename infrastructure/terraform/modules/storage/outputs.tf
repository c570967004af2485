output "artifacts_bucket" {
  description = "Bucket of artifacts."
  value       = aws_s3_bucket.this["artifacts"].bucket
}

output "archive_bucket" {
  description = "Bucket of the archive."
  value       = aws_s3_bucket.this["archive"].bucket
}

output "bucket_arns" {
  description = "ARNs of the buckets by use."
  value       = { for use, bucket in aws_s3_bucket.this : use => bucket.arn }
}

output "file_system_id" {
  description = "File system of weights."
  value       = aws_efs_file_system.weights.id
}
