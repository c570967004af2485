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
    # Rules and dashboards travel as they are: the chart does not take their {{ }} for its own.
    additionalPrometheusRulesMap = { for name, text in var.rules : name => yamldecode(text) }
    grafana = {
      adminPassword = null
      admin         = { existingSecret = var.grafana_secret, userKey = "user", passwordKey = "password" }
      sidecar       = { dashboards = { enabled = true, searchNamespace = "ALL" } }
      dashboardProviders = {
        "evoke.yaml" = {
          apiVersion = 1
          providers = [{
            name    = "evoke"
            folder  = "evoke"
            type    = "file"
            options = { path = "/var/lib/grafana/dashboards/evoke" }
          }]
        }
      }
      dashboards = { evoke = { for name, text in var.dashboards : name => { json = text } } }
    }
  }
}
