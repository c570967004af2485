# The archive's database in Glue's catalog; the table in it is made by evoke.
resource "aws_glue_catalog_database" "this" {
  name         = replace(var.name, "-", "_")
  location_uri = "s3://${var.bucket}/warehouse"
}
