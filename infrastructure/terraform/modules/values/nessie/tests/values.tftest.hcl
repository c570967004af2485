variables {
  bucket             = "evoke-archive"
  s3_endpoint        = "http://s3:7070"
  credentials_secret = "s3"
  storage_class      = "standard"
}

run "the_default_warehouse_is_one_that_is_declared" {
  command = plan
  assert {
    condition     = yamldecode(output.values).catalog.iceberg.defaultWarehouse == yamldecode(output.values).catalog.iceberg.warehouses[0].name
    error_message = "the default warehouse is not there"
  }
}

run "an_endpoint_that_is_no_url_is_refused" {
  command = plan
  variables {
    s3_endpoint = "s3:7070"
  }
  expect_failures = [var.s3_endpoint]
}

run "wrong_values_are_refused" {
  command = plan
  variables {
    warehouse          = "a b"
    bucket             = "B"
    region             = "moon"
    s3_endpoint        = "s3"
    credentials_secret = "A Secret"
    storage_class      = "Not a name"
    image_tag          = "latest"
  }
  expect_failures = [var.warehouse, var.bucket, var.region, var.s3_endpoint, var.credentials_secret, var.storage_class, var.image_tag]
}
