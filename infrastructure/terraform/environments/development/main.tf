# evoke and its servers on minikube, one of each. The S3 server is the one that the local stack uses, from its image.
provider "kubernetes" {
  config_path    = var.kubeconfig
  config_context = var.context
}

provider "helm" {
  kubernetes = {
    config_path    = var.kubeconfig
    config_context = var.context
  }
}

locals {
  namespaces = concat(
    ["evoke", "pulsar", "trino", "catalog", "s3"],
    [for name in ["keda", "monitoring"] : name if contains(var.extras, name)],
    local.tracing ? ["signoz", "collector"] : [],
  )
  monitoring    = contains(var.extras, "monitoring")
  tracing       = contains(var.extras, "tracing")
  observability = "${path.module}/../../../observability"
  chart         = "${path.module}/../../../charts/evoke"
  chart_digest  = substr(sha256(join("", [for file in sort(fileset(local.chart, "**")) : "${file} ${filesha256("${local.chart}/${file}")}"])), 0, 12)
  s3            = "http://s3.s3.svc:7070"
  keys          = { AWS_ACCESS_KEY_ID = "evoke", AWS_SECRET_ACCESS_KEY = random_password.this["s3"].result }
}

resource "random_password" "this" {
  for_each = toset(["s3", "clickhouse", "grafana"])
  length   = 32
  special  = false
}

resource "kubernetes_namespace_v1" "this" {
  for_each = toset(local.namespaces)
  metadata {
    name   = each.key
    labels = each.key == "evoke" ? { "pod-security.kubernetes.io/enforce" = "restricted" } : {}
  }
}

resource "kubernetes_secret_v1" "s3" {
  for_each = toset(["evoke", "trino", "catalog", "s3"])
  metadata {
    name      = "s3"
    namespace = kubernetes_namespace_v1.this[each.key].metadata[0].name
  }
  data = local.keys
}

resource "kubernetes_secret_v1" "grafana" {
  count = local.monitoring ? 1 : 0
  metadata {
    name      = "grafana-admin"
    namespace = kubernetes_namespace_v1.this["monitoring"].metadata[0].name
  }
  data = { user = "admin", password = random_password.this["grafana"].result }
}

resource "kubernetes_deployment_v1" "s3" {
  #checkov:skip=CKV_K8S_11:a limit of CPU slows it down while the machine is idle
  #checkov:skip=CKV_K8S_15:its tag is pinned and does not move
  #checkov:skip=CKV_K8S_22:where else than in /data this server writes has not been looked at
  #checkov:skip=CKV_K8S_35:this server takes its keys from the environment alone
  #checkov:skip=CKV_K8S_43:a laptop's server; whoever wants a digest names one in s3_image
  metadata {
    name      = "s3"
    namespace = kubernetes_namespace_v1.this["s3"].metadata[0].name
  }
  spec {
    replicas = 1
    strategy {
      type = "Recreate"
    }
    selector {
      match_labels = { app = "s3" }
    }
    template {
      metadata {
        labels = { app = "s3" }
      }
      spec {
        security_context {
          seccomp_profile {
            type = "RuntimeDefault"
          }
        }
        # A bucket is a folder there.
        init_container {
          name    = "buckets"
          image   = var.s3_image
          command = ["mkdir", "-p", "/data/evoke", "/data/evoke-archive"]
          resources {
            requests = { cpu = "10m", memory = "16Mi" }
            limits   = { memory = "64Mi" }
          }
          security_context {
            allow_privilege_escalation = false
            capabilities {
              drop = ["ALL"]
            }
          }
          volume_mount {
            name       = "data"
            mount_path = "/data"
          }
        }
        container {
          name  = "versitygw"
          image = var.s3_image
          args  = ["--port", ":7070", "--health", "/health", "posix", "/data"]
          resources {
            requests = { cpu = "50m", memory = "64Mi" }
            limits   = { memory = "512Mi" }
          }
          security_context {
            allow_privilege_escalation = false
            capabilities {
              drop = ["ALL"]
            }
          }
          readiness_probe {
            period_seconds = 5
            http_get {
              path = "/health"
              port = 7070
            }
          }
          liveness_probe {
            period_seconds    = 15
            failure_threshold = 4
            http_get {
              path = "/health"
              port = 7070
            }
          }
          env {
            name = "ROOT_ACCESS_KEY"
            value_from {
              secret_key_ref {
                name = "s3"
                key  = "AWS_ACCESS_KEY_ID"
              }
            }
          }
          env {
            name = "ROOT_SECRET_KEY"
            value_from {
              secret_key_ref {
                name = "s3"
                key  = "AWS_SECRET_ACCESS_KEY"
              }
            }
          }
          port {
            container_port = 7070
          }
          volume_mount {
            name       = "data"
            mount_path = "/data"
          }
        }
        volume {
          name = "data"
          persistent_volume_claim {
            claim_name = kubernetes_persistent_volume_claim_v1.s3.metadata[0].name
          }
        }
      }
    }
  }
  depends_on = [kubernetes_secret_v1.s3]
}

resource "kubernetes_persistent_volume_claim_v1" "s3" {
  metadata {
    name      = "data"
    namespace = kubernetes_namespace_v1.this["s3"].metadata[0].name
  }
  spec {
    access_modes       = ["ReadWriteOnce"]
    storage_class_name = var.storage_class
    resources {
      requests = { storage = "10Gi" }
    }
  }
  # Many classes make a disk only once a pod wants it.
  wait_until_bound = false
}

resource "kubernetes_service_v1" "s3" {
  metadata {
    name      = "s3"
    namespace = kubernetes_namespace_v1.this["s3"].metadata[0].name
  }
  spec {
    selector = { app = "s3" }
    port {
      port = 7070
    }
  }
}

module "pulsar_values" {
  source        = "../../modules/values/pulsar"
  replicas      = 1
  ledger_size   = "10Gi"
  storage_class = var.storage_class
  monitoring    = local.monitoring
}

module "nessie_values" {
  source             = "../../modules/values/nessie"
  bucket             = "evoke-archive"
  s3_endpoint        = local.s3
  credentials_secret = "s3"
  storage_class      = var.storage_class
}

module "trino_values" {
  source             = "../../modules/values/trino"
  workers            = 0
  max_memory         = "1GB"
  region             = "us-east-1"
  rest_catalog       = { uri = "http://nessie.catalog.svc:19120/iceberg/", warehouse = "evoke", s3_endpoint = local.s3 }
  credentials_secret = "s3"
}

module "keda_values" {
  source     = "../../modules/values/keda"
  replicas   = 1
  monitoring = local.monitoring
}

module "monitoring_values" {
  source        = "../../modules/values/monitoring"
  storage_class = var.storage_class
  disk          = "10Gi"
  rules         = { for file in fileset(local.observability, "rules/*.yaml") : trimsuffix(basename(file), ".yaml") => file("${local.observability}/${file}") }
  dashboards    = { for file in fileset(local.observability, "grafana/*.json") : trimsuffix(basename(file), ".json") => file("${local.observability}/${file}") }
}

module "signoz_values" {
  source              = "../../modules/values/signoz"
  storage_class       = var.storage_class
  disk                = "10Gi"
  memory              = "2Gi"
  clickhouse_password = random_password.this["clickhouse"].result
}

module "collector_values" {
  source     = "../../modules/values/collector"
  endpoint   = module.signoz_values.endpoint
  replicas   = 1
  monitoring = local.monitoring
}

module "evoke_values" {
  source               = "../../modules/values/evoke"
  registry             = var.registry
  image_tag            = var.image_tag
  api_replicas         = var.api_replicas
  worker_pools         = var.worker_pools
  model_ids            = var.model_ids
  model_links          = var.model_links
  models_volume        = length(var.model_ids) + length(var.model_links) == 0 ? null : { storageClass = var.storage_class, size = "20Gi", accessMode = "ReadWriteOnce" }
  monitoring           = local.monitoring
  monitoring_namespace = "monitoring"
  otlp                 = local.tracing ? { endpoint = module.collector_values.endpoint, namespace = "collector" } : {}
  engine_namespaces    = { pulsar = "pulsar", trino = "trino", catalog = "catalog", s3 = "s3" }
  engine = {
    pulsar  = { url = "pulsar://pulsar-proxy.pulsar.svc:6650", adminUrl = "http://pulsar-proxy.pulsar.svc:80" }
    s3      = { bucket = "evoke", endpoint = local.s3, pathStyle = true, credentialsSecret = "s3" }
    catalog = { uri = "http://nessie.catalog.svc:19120/iceberg/", warehouse = "evoke" }
    trino   = { url = "http://trino.trino.svc:8080" }
  }
}

locals {
  charts = {
    pulsar     = { namespace = "pulsar", repository = var.chart_repositories.pulsar, chart = "pulsar", values = module.pulsar_values.values }
    nessie     = { namespace = "catalog", repository = var.chart_repositories.nessie, chart = "nessie", values = module.nessie_values.values }
    trino      = { namespace = "trino", repository = var.chart_repositories.trino, chart = "trino", values = module.trino_values.values }
    keda       = { namespace = "keda", repository = var.chart_repositories.keda, chart = "keda", values = module.keda_values.values }
    monitoring = { namespace = "monitoring", repository = var.chart_repositories.monitoring, chart = "kube-prometheus-stack", values = module.monitoring_values.values }
    signoz     = { namespace = "signoz", repository = var.chart_repositories.signoz, chart = "signoz", values = module.signoz_values.values }
    collector  = { namespace = "collector", repository = var.chart_repositories.collector, chart = "opentelemetry-collector", values = module.collector_values.values }
  }
  others = concat(["pulsar", "nessie", "trino"], local.tracing ? ["signoz", "collector"] : [], contains(var.extras, "keda") ? ["keda"] : [])
}

# Figures first: the others bring PodMonitors, which need its definitions.
resource "helm_release" "monitoring" {
  count      = local.monitoring ? 1 : 0
  name       = "monitoring"
  namespace  = kubernetes_namespace_v1.this["monitoring"].metadata[0].name
  repository = local.charts.monitoring.repository
  chart      = local.charts.monitoring.chart
  version    = var.chart_versions.monitoring
  values     = [local.charts.monitoring.values]
  atomic     = true
  timeout    = 900
  depends_on = [kubernetes_secret_v1.grafana]
}

resource "helm_release" "other" {
  for_each   = toset(local.others)
  name       = each.key
  namespace  = kubernetes_namespace_v1.this[local.charts[each.key].namespace].metadata[0].name
  repository = local.charts[each.key].repository
  chart      = local.charts[each.key].chart
  version    = var.chart_versions[each.key]
  values     = [local.charts[each.key].values]
  atomic     = true
  timeout    = 900
  depends_on = [
    kubernetes_deployment_v1.s3,
    kubernetes_service_v1.s3,
    kubernetes_secret_v1.s3,
    helm_release.monitoring,
  ]
}

resource "helm_release" "evoke" {
  name      = "evoke"
  namespace = kubernetes_namespace_v1.this["evoke"].metadata[0].name
  chart     = local.chart
  values    = [module.evoke_values.values]
  # A changed template is a change: Helm's provider by itself sees no more of a chart in a folder than its version.
  description = "chart ${local.chart_digest}"
  atomic      = true
  timeout     = 600
  depends_on  = [helm_release.other]
}
