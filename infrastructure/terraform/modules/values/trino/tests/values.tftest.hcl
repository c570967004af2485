variables {
  workers = 2
  region  = "eu-central-1"
}

run "a_tenant_sees_its_own_rows_alone" {
  command = plan
  assert {
    condition     = jsondecode(yamldecode(output.values).accessControl.rules["rules.json"]).tables[1].filter == "tenant = from_utf8(from_hex(substr(current_user, 14)))"
    error_message = "the filter of a tenant's rows is another"
  }
  assert {
    condition     = alltrue([for table in jsondecode(yamldecode(output.values).accessControl.rules["rules.json"]).tables : table.privileges == ["SELECT"]])
    error_message = "somebody may write"
  }
}

run "on_aws_the_catalog_is_glue_and_there_are_no_keys" {
  command = plan
  assert {
    condition     = strcontains(yamldecode(output.values).catalogs.evoke, "iceberg.catalog.type=glue") && !strcontains(yamldecode(output.values).catalogs.evoke, "key")
    error_message = "the catalog is not Glue with Pod Identity"
  }
}

run "elsewhere_it_is_a_rest_catalog_with_keys_from_a_secret" {
  command = plan
  variables {
    rest_catalog       = { uri = "http://nessie:19120/iceberg/", warehouse = "evoke", s3_endpoint = "http://s3:7070" }
    credentials_secret = "s3"
  }
  assert {
    condition     = strcontains(yamldecode(output.values).catalogs.evoke, "iceberg.rest-catalog.uri=http://nessie:19120/iceberg/") && strcontains(yamldecode(output.values).catalogs.evoke, "s3.aws-secret-key=$${ENV:AWS_SECRET_ACCESS_KEY}")
    error_message = "the catalog is not REST with keys from the environment"
  }
  assert {
    condition     = yamldecode(output.values).envFrom[0].secretRef.name == "s3"
    error_message = "the Secret is not handed on"
  }
}

run "wrong_values_are_refused" {
  command = plan
  variables {
    workers            = -1
    max_memory         = "4Gi"
    image_tag          = "latest"
    region             = "moon"
    catalog            = "a-b"
    schema             = "a b"
    user               = "a b"
    tenant_user        = "a b"
    rest_catalog       = { uri = "nessie", warehouse = "evoke", s3_endpoint = "http://s3" }
    credentials_secret = "A Secret"
  }
  expect_failures = [var.workers, var.max_memory, var.image_tag, var.region, var.catalog, var.schema, var.user, var.tenant_user, var.rest_catalog, var.credentials_secret]
}
