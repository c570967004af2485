# Values of the chart keda.
locals {
  values = {
    operator      = { replicaCount = var.replicas }
    metricsServer = { replicaCount = var.replicas }
    prometheus    = { operator = { enabled = var.monitoring, podMonitor = { enabled = var.monitoring } } }
  }
}
