# Values of the chart signoz: keeps traces in a ClickHouse of its own and shows them.
locals {
  values = {
    global = { storageClass = var.storage_class }
    clickhouse = {
      password           = var.clickhouse_password
      persistence        = { enabled = true, size = var.disk }
      resources          = { requests = { cpu = "200m", memory = "1Gi" }, limits = { memory = var.memory } }
      clickhouseOperator = { resources = { requests = { cpu = "50m", memory = "128Mi" }, limits = { memory = "256Mi" } } }
    }
    signoz = { persistence = { enabled = true, size = "1Gi" } }
    otelCollector = {
      replicaCount = var.collectors
      resources    = { requests = { cpu = "100m", memory = "256Mi" }, limits = { memory = "1Gi" } }
    }
  }
}
