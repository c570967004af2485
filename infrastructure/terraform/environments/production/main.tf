# What runs in the EKS cluster that ../../eks makes. Every value of a chart comes from a module that is tested by itself.
data "terraform_remote_state" "eks" {
  backend = "s3"
  config  = var.eks_state
}

locals {
  eks  = data.terraform_remote_state.eks.outputs
  exec = ["eks", "get-token", "--cluster-name", local.eks.cluster_name, "--region", local.eks.region]

  observability = "${path.module}/../../../observability"
  chart         = "${path.module}/../../../charts/evoke"
  chart_digest  = substr(sha256(join("", [for file in sort(fileset(local.chart, "**")) : "${file} ${filesha256("${local.chart}/${file}")}"])), 0, 12)

  # `key=value` lines, as in broker.conf.
  broker_lines    = var.pulsar_cluster_config_file == null ? [] : split("\n", file(var.pulsar_cluster_config_file))
  broker_settings = { for line in local.broker_lines : trimspace(split("=", line)[0]) => trimspace(join("=", slice(split("=", line), 1, length(split("=", line))))) if can(regex("^\\s*[A-Za-z][A-Za-z0-9_]*\\s*=", line)) }
}

provider "kubernetes" {
  host                   = local.eks.cluster_endpoint
  cluster_ca_certificate = base64decode(local.eks.cluster_certificate_authority)
  exec {
    api_version = "client.authentication.k8s.io/v1beta1"
    command     = "aws"
    args        = local.exec
  }
}

provider "helm" {
  kubernetes = {
    host                   = local.eks.cluster_endpoint
    cluster_ca_certificate = base64decode(local.eks.cluster_certificate_authority)
    exec = {
      api_version = "client.authentication.k8s.io/v1beta1"
      command     = "aws"
      args        = local.exec
    }
  }
}

resource "kubernetes_storage_class_v1" "disks" {
  metadata {
    name        = "gp3"
    annotations = { "storageclass.kubernetes.io/is-default-class" = "true" }
  }
  storage_provisioner    = "ebs.csi.aws.com"
  volume_binding_mode    = "WaitForFirstConsumer"
  allow_volume_expansion = true
  parameters             = { type = "gp3", encrypted = "true" }
}

resource "kubernetes_storage_class_v1" "weights" {
  metadata {
    name = "weights"
  }
  storage_provisioner = "efs.csi.aws.com"
  parameters = {
    provisioningMode = "efs-ap"
    fileSystemId     = local.eks.file_system_id
    directoryPerms   = "750"
    uid              = "10001"
    gid              = "10001"
  }
}

# Made here, not by Helm: what Helm makes of namespaces, and the disks in them, outlives `terraform destroy`.
resource "kubernetes_namespace_v1" "this" {
  for_each = toset(concat(["evoke"], keys(local.others)))
  metadata {
    name = each.key
    labels = each.key == "evoke" ? {
      "pod-security.kubernetes.io/enforce"         = "restricted"
      "pod-security.kubernetes.io/enforce-version" = "latest"
    } : {}
  }
}

resource "random_password" "this" {
  for_each = toset(["clickhouse", "grafana"])
  length   = 32
  special  = false
}

resource "kubernetes_secret_v1" "grafana" {
  metadata {
    name      = "grafana-admin"
    namespace = kubernetes_namespace_v1.this["monitoring"].metadata[0].name
  }
  data = { user = "admin", password = random_password.this["grafana"].result }
}

module "pulsar_values" {
  source          = "../../modules/values/pulsar"
  replicas        = var.pulsar_replicas
  storage_class   = kubernetes_storage_class_v1.disks.metadata[0].name
  broker_settings = local.broker_settings
}

module "trino_values" {
  source  = "../../modules/values/trino"
  workers = var.trino_workers
  region  = local.eks.region
  schema  = local.eks.catalog_database
}

module "keda_values" {
  source = "../../modules/values/keda"
}

module "monitoring_values" {
  source        = "../../modules/values/monitoring"
  storage_class = kubernetes_storage_class_v1.disks.metadata[0].name
  rules         = { for file in fileset(local.observability, "rules/*.yaml") : trimsuffix(basename(file), ".yaml") => file("${local.observability}/${file}") }
  dashboards    = { for file in fileset(local.observability, "grafana/*.json") : trimsuffix(basename(file), ".json") => file("${local.observability}/${file}") }
}

module "signoz_values" {
  source              = "../../modules/values/signoz"
  storage_class       = kubernetes_storage_class_v1.disks.metadata[0].name
  disk                = var.traces_disk
  clickhouse_password = random_password.this["clickhouse"].result
}

module "collector_values" {
  source   = "../../modules/values/collector"
  endpoint = module.signoz_values.endpoint
}

module "evoke_values" {
  source               = "../../modules/values/evoke"
  registry             = local.eks.registry
  image_tag            = var.image_tag
  api_replicas         = var.api_replicas
  archiver_replicas    = 2
  api_keys_secret      = var.api_keys_secret
  worker_pools         = var.worker_pools
  model_ids            = var.model_ids
  model_links          = var.model_links
  model_token_secret   = var.model_token_secret
  models_volume        = { storageClass = "weights", size = "500Gi", accessMode = "ReadWriteMany" }
  pod_identity         = true
  engine_namespaces    = { pulsar = "pulsar", trino = "trino" }
  monitoring_namespace = "monitoring"
  otlp                 = { endpoint = module.collector_values.endpoint, namespace = "collector" }
  engine = {
    pulsar = {
      url          = "pulsar://pulsar-proxy.pulsar.svc:6650"
      adminUrl     = "http://pulsar-proxy.pulsar.svc:80"
      backlogBytes = var.pulsar_backlog_bytes
    }
    s3 = { bucket = local.eks.artifacts_bucket, region = local.eks.region, presigned = true }
    catalog = {
      uri       = "https://glue.${local.eks.region}.amazonaws.com/iceberg"
      warehouse = local.eks.account_id
      namespace = local.eks.catalog_database
      signing   = "glue"
    }
    trino = { url = "http://trino.trino.svc:8080" }
  }
}

locals {
  others = {
    monitoring = { repository = var.chart_repositories.monitoring, chart = "kube-prometheus-stack", values = module.monitoring_values.values }
    keda       = { repository = var.chart_repositories.keda, chart = "keda", values = module.keda_values.values }
    pulsar     = { repository = var.chart_repositories.pulsar, chart = "pulsar", values = module.pulsar_values.values }
    trino      = { repository = var.chart_repositories.trino, chart = "trino", values = module.trino_values.values }
    signoz     = { repository = var.chart_repositories.signoz, chart = "signoz", values = module.signoz_values.values }
    collector  = { repository = var.chart_repositories.collector, chart = "opentelemetry-collector", values = module.collector_values.values }
  }
}

# Figures first: the others bring PodMonitors, which need its definitions.
resource "helm_release" "monitoring" {
  name       = "monitoring"
  namespace  = kubernetes_namespace_v1.this["monitoring"].metadata[0].name
  repository = local.others.monitoring.repository
  chart      = local.others.monitoring.chart
  version    = var.chart_versions.monitoring
  values     = [local.others.monitoring.values]
  atomic     = true
  timeout    = 900
  depends_on = [kubernetes_secret_v1.grafana]
}

resource "helm_release" "other" {
  for_each   = toset([for name in keys(local.others) : name if name != "monitoring"])
  name       = each.key
  namespace  = kubernetes_namespace_v1.this[each.key].metadata[0].name
  repository = local.others[each.key].repository
  chart      = local.others[each.key].chart
  version    = var.chart_versions[each.key]
  values     = [local.others[each.key].values]
  atomic     = true
  timeout    = 900
  depends_on = [helm_release.monitoring]
}

resource "helm_release" "evoke" {
  name      = "evoke"
  namespace = kubernetes_namespace_v1.this["evoke"].metadata[0].name
  chart     = local.chart
  values    = [module.evoke_values.values]
  # A changed template is a change: Helm's provider by itself sees no more of a chart in a folder than its version.
  description = "chart ${local.chart_digest}"
  atomic      = true
  timeout     = 900
  depends_on  = [helm_release.other, kubernetes_storage_class_v1.weights]
}
