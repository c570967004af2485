# Values of the chart nessie: an Iceberg REST catalog with its state on a disk.
locals {
  values = {
    replicaCount     = 1
    versionStoreType = "ROCKSDB"
    rocksdb          = { storageClassName = var.storage_class, storageSize = "1Gi" }
    image            = { tag = var.image_tag }
    catalog = {
      enabled = true
      iceberg = {
        defaultWarehouse = var.warehouse
        warehouses       = [{ name = var.warehouse, location = "s3://${var.bucket}/warehouse" }]
      }
      storage = {
        s3 = {
          defaultOptions = {
            region          = var.region
            endpoint        = var.s3_endpoint
            pathStyleAccess = true
            authType        = "STATIC"
            accessKeySecret = { name = var.credentials_secret, awsAccessKeyId = "AWS_ACCESS_KEY_ID", awsSecretAccessKey = "AWS_SECRET_ACCESS_KEY" }
          }
        }
      }
    }
  }
}
