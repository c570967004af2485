output "database" {
  description = "Name of the database: EVOKE_CATALOG_NAMESPACE."
  value       = aws_glue_catalog_database.this.name
}
