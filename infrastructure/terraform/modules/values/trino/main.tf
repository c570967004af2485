# Values of the chart trinodb/trino: evoke's own user reads, a tenant's user sees the rows of that tenant alone.
locals {
  tenants  = "${var.tenant_user}[0-9a-f]*"
  both     = "${var.user}|${local.tenants}"
  archive  = { catalog = var.catalog, schema = var.schema, privileges = ["SELECT"] }
  metadata = "job_events(\\$(files|partitions|refs|snapshots))?"
  own_rows = "tenant = from_utf8(from_hex(substr(current_user, ${length(var.tenant_user) + 1})))"

  # The same rules as those of the local stack; a test compares them.
  rules = {
    catalogs = [
      { user = local.both, catalog = var.catalog, allow = "read-only" },
      { catalog = "system", allow = "none" },
    ]
    schemas = [{ owner = false }]
    tables = [
      merge(local.archive, { user = var.user, table = local.metadata }),
      merge(local.archive, { user = local.tenants, table = "job_events", filter = local.own_rows }),
    ]
    impersonation              = [{ original_user = var.user, new_user = local.tenants }]
    functions                  = []
    procedures                 = []
    queries                    = [{ user = local.both, allow = ["execute"] }]
    system_session_properties  = [{ user = local.both, property = "query_max_.*", allow = true }]
    catalog_session_properties = [{ allow = false }]
  }

  properties = merge(concat(
    [{ "connector.name" = "iceberg", "fs.native-s3.enabled" = "true", "s3.region" = var.region }],
    [
      for rest in [var.rest_catalog] : { "iceberg.catalog.type" = "glue", "hive.metastore.glue.region" = var.region }
      if rest == null
    ],
    [
      for rest in [var.rest_catalog] : {
        "iceberg.catalog.type"           = "rest"
        "iceberg.rest-catalog.uri"       = rest.uri
        "iceberg.rest-catalog.warehouse" = rest.warehouse
        "s3.endpoint"                    = rest.s3_endpoint
        "s3.path-style-access"           = "true"
        "s3.aws-access-key"              = "$${ENV:AWS_ACCESS_KEY_ID}"
        "s3.aws-secret-key"              = "$${ENV:AWS_SECRET_ACCESS_KEY}"
      } if rest != null
    ],
  )...)

  values = {
    image          = { tag = var.image_tag }
    server         = { workers = var.workers, config = { query = { maxMemory = var.max_memory } } }
    serviceAccount = { create = true, name = "trino" }
    catalogs       = { (var.catalog) = join("", [for name, value in local.properties : "${name}=${value}\n"]) }
    accessControl = {
      type       = "configmap"
      configFile = "rules.json"
      rules      = { "rules.json" = jsonencode(local.rules) }
    }
    envFrom = [for secret in [var.credentials_secret] : { secretRef = { name = secret } } if secret != ""]
  }
}
