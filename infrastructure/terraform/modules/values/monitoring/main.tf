# Values of the chart kube-prometheus-stack.
locals {
  values = {
    prometheus = {
      prometheusSpec = {
        retention = "${var.retention_days}d"
        # PodMonitors and rules of all releases count, not only of this one.
        podMonitorSelectorNilUsesHelmValues     = false
        serviceMonitorSelectorNilUsesHelmValues = false
        ruleSelectorNilUsesHelmValues           = false
        enableFeatures                          = ["exemplar-storage"]
        storageSpec = {
          volumeClaimTemplate = {
            spec = { storageClassName = var.storage_class, accessModes = ["ReadWriteOnce"], resources = { requests = { storage = var.disk } } }
          }
        }
      }
    }
    grafana = {
      adminPassword = null
      admin         = { existingSecret = var.grafana_secret, userKey = "user", passwordKey = "password" }
      sidecar       = { dashboards = { enabled = true, searchNamespace = "ALL" } }
    }
  }
}
