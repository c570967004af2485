# Values of the chart opentelemetry-collector: takes traces of evoke's processes and hands them on in batches.
locals {
  off = { enabled = false }
  values = {
    mode             = "deployment"
    fullnameOverride = "collector"
    replicaCount     = var.replicas
    image            = { repository = "ghcr.io/open-telemetry/opentelemetry-collector-releases/opentelemetry-collector-k8s" }
    command          = { name = "otelcol-k8s" }
    config = {
      # What is null is taken out of the chart's own configuration: nothing listens that nobody speaks to.
      receivers = { jaeger = null, zipkin = null, prometheus = null }
      exporters = { debug = null, otlp_http = { endpoint = var.endpoint, headers = var.headers } }
      service = {
        pipelines = {
          traces  = { receivers = ["otlp"], processors = ["memory_limiter", "batch"], exporters = ["otlp_http"] }
          metrics = null
          logs    = null
        }
      }
    }
    ports = {
      otlp           = local.off
      jaeger-compact = local.off
      jaeger-thrift  = local.off
      jaeger-grpc    = local.off
      zipkin         = local.off
      metrics        = { enabled = true }
    }
    resources           = { requests = { cpu = "100m", memory = var.memory }, limits = { memory = var.memory } }
    podSecurityContext  = { runAsNonRoot = true, runAsUser = 10001, seccompProfile = { type = "RuntimeDefault" } }
    securityContext     = { allowPrivilegeEscalation = false, readOnlyRootFilesystem = true, capabilities = { drop = ["ALL"] } }
    podDisruptionBudget = { enabled = var.replicas > 1, maxUnavailable = 1 }
    podMonitor          = { enabled = var.monitoring }
  }
}
