mock_provider "kubernetes" {}
mock_provider "helm" {}
mock_provider "random" {
  mock_resource "random_password" {
    defaults = { result = "0123456789abcdef0123456789abcdef" }
  }
}

override_data {
  target = data.terraform_remote_state.eks
  values = {
    outputs = {
      region                        = "eu-central-1"
      cluster_name                  = "evoke"
      cluster_endpoint              = "https://cluster.example"
      cluster_certificate_authority = "bW9jaw=="
      registry                      = "123456789012.dkr.ecr.eu-central-1.amazonaws.com/evoke"
      artifacts_bucket              = "evoke-artifacts-123456789012"
      archive_bucket                = "evoke-archive-123456789012"
      catalog_database              = "evoke"
      file_system_id                = "fs-0123456789abcdef0"
      account_id                    = "123456789012"
    }
  }
}

variables {
  eks_state       = { bucket = "state", key = "evoke/eks.tfstate", region = "eu-central-1" }
  image_tag       = "1.2.3"
  api_keys_secret = "evoke-keys"
}

run "evoke_is_told_what_eks_has" {
  assert {
    condition     = yamldecode(helm_release.evoke.values[0]).engine.s3 == { bucket = "evoke-artifacts-123456789012", presigned = true, region = "eu-central-1" }
    error_message = "artifacts go elsewhere"
  }
  assert {
    condition     = yamldecode(helm_release.evoke.values[0]).engine.catalog == { namespace = "evoke", signing = "glue", uri = "https://glue.eu-central-1.amazonaws.com/iceberg", warehouse = "123456789012" }
    error_message = "the catalog is not Glue's"
  }
  assert {
    condition     = yamldecode(helm_release.evoke.values[0]).image.registry == "123456789012.dkr.ecr.eu-central-1.amazonaws.com/evoke"
    error_message = "the images are not those of the account"
  }
  assert {
    condition     = yamldecode(helm_release.evoke.values[0]).networkPolicy.podIdentity && yamldecode(helm_release.evoke.values[0]).api.keysSecret.name == "evoke-keys"
    error_message = "pods have no way to their rights, or the API asks for no keys"
  }
  assert {
    condition     = yamldecode(helm_release.evoke.values[0]).workers[0].autoscaling.kind == "keda" && yamldecode(helm_release.evoke.values[0]).workers[0].modelResources.limits["nvidia.com/gpu"] == 1
    error_message = "the pool of GPUs does not follow its queue"
  }
}

run "disks_are_encrypted_and_weights_are_shared" {
  assert {
    condition     = kubernetes_storage_class_v1.disks.parameters.encrypted == "true" && kubernetes_storage_class_v1.weights.parameters.fileSystemId == "fs-0123456789abcdef0"
    error_message = "disks are open, or weights lie elsewhere"
  }
  assert {
    condition     = yamldecode(helm_release.evoke.values[0]).models.volume.storageClass == "weights" && yamldecode(helm_release.evoke.values[0]).models.volume.accessMode == "ReadWriteMany"
    error_message = "pods on several nodes can't share the weights"
  }
  assert {
    condition     = kubernetes_namespace_v1.this["evoke"].metadata[0].labels["pod-security.kubernetes.io/enforce"] == "restricted"
    error_message = "evoke's namespace is not held to restricted Pod Security"
  }
}

run "settings_of_brokers_are_read_from_a_file" {
  variables {
    pulsar_cluster_config_file = "tests/broker.conf"
  }
  assert {
    condition = alltrue([
      yamldecode(helm_release.other["pulsar"].values[0]).broker.configData.maxMessageSize == "10485760",
      yamldecode(helm_release.other["pulsar"].values[0]).broker.configData.s3ManagedLedgerOffloadBucket == "cold",
      yamldecode(helm_release.other["pulsar"].values[0]).broker.configData.journalSyncData == "a=b",
    ])
    error_message = "lines of the file are lost"
  }
}

run "charts_come_from_a_mirror" {
  variables {
    chart_repositories = { monitoring = "https://charts.example", trino = "oci://registry.example/charts" }
  }
  assert {
    condition     = helm_release.monitoring.repository == "https://charts.example" && helm_release.other["trino"].repository == "oci://registry.example/charts"
    error_message = "the mirror is not taken"
  }
  assert {
    condition     = helm_release.other["pulsar"].repository == "https://pulsar.apache.org/charts"
    error_message = "what was not named changed too"
  }
}

run "wrong_names_are_refused" {
  command = plan
  variables {
    eks_state                  = { bucket = "B", key = "", region = "moon" }
    image_tag                  = "latest"
    api_keys_secret            = ""
    model_token_secret         = "A Secret"
    model_ids                  = ["../../etc"]
    model_links                = [{ url = "ftp://example.org/a", rename_to = "a/b" }]
    pulsar_cluster_config_file = "no-such-file"
    chart_versions             = { keda = "latest" }
    chart_repositories         = { keda = "charts" }
    traces_disk                = "50GB"
  }
  expect_failures = [
    var.eks_state, var.image_tag, var.api_keys_secret, var.model_token_secret, var.model_ids, var.model_links,
    var.pulsar_cluster_config_file, var.chart_versions, var.chart_repositories, var.traces_disk,
  ]
}

run "wrong_numbers_are_refused" {
  command = plan
  variables {
    api_replicas         = 0
    pulsar_replicas      = 2
    pulsar_backlog_bytes = 10
    trino_workers        = -1
    worker_pools         = [{ name = "a", queue = "factorial", container = "factorial", min = 3, max = 2 }]
  }
  expect_failures = [var.api_replicas, var.pulsar_replicas, var.pulsar_backlog_bytes, var.trino_workers, var.worker_pools]
}
