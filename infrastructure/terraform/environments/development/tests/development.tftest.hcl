mock_provider "kubernetes" {}
mock_provider "helm" {}
mock_provider "random" {
  mock_resource "random_password" {
    defaults = { result = "0123456789abcdef0123456789abcdef" }
  }
}

variables {
  kubeconfig = "versions.tf" # any file: nobody is asked
  image_tag  = "1.2.3"
}

run "the_smallest_has_the_servers_and_evoke" {
  assert {
    condition     = toset(keys(helm_release.other)) == toset(["pulsar", "nessie", "trino"]) && length(helm_release.monitoring) == 0
    error_message = "other servers than those that are needed are installed"
  }
  assert {
    condition     = toset(keys(kubernetes_namespace_v1.this)) == toset(["evoke", "pulsar", "trino", "catalog", "s3"])
    error_message = "other namespaces than those that are needed are made"
  }
  assert {
    condition     = kubernetes_namespace_v1.this["evoke"].metadata[0].labels["pod-security.kubernetes.io/enforce"] == "restricted"
    error_message = "evoke's namespace is not held to restricted Pod Security"
  }
  assert {
    condition     = helm_release.evoke.atomic && alltrue([for release in helm_release.other : release.atomic])
    error_message = "a release that fails is not taken back"
  }
  assert {
    condition     = yamldecode(helm_release.evoke.values[0]).image == { pullPolicy = "IfNotPresent", registry = "localhost", tag = "1.2.3" }
    error_message = "the images are not those that were asked for"
  }
  assert {
    condition     = !yamldecode(helm_release.evoke.values[0]).monitoring.podMonitors.enabled && yamldecode(helm_release.evoke.values[0]).monitoring.otlpEndpoint == ""
    error_message = "evoke is told of a Prometheus or a collector that is not there"
  }
  assert {
    condition     = !kubernetes_persistent_volume_claim_v1.s3.wait_until_bound
    error_message = "the disk waits for a pod that waits for the disk"
  }
}

run "everything_is_seen_and_scaled" {
  variables {
    extras = ["keda", "monitoring", "tracing"]
  }
  assert {
    condition     = toset(keys(helm_release.other)) == toset(["pulsar", "nessie", "trino", "keda", "signoz", "collector"]) && length(helm_release.monitoring) == 1
    error_message = "something of the extras is not installed"
  }
  assert {
    condition     = yamldecode(helm_release.evoke.values[0]).monitoring == { podMonitors = { enabled = true }, otlpEndpoint = "http://collector.collector.svc:4318" }
    error_message = "evoke is not told of its watchers"
  }
  assert {
    condition     = contains([for way in yamldecode(helm_release.evoke.values[0]).networkPolicy.otlpTo : way.namespaceSelector.matchLabels["kubernetes.io/metadata.name"]], "collector")
    error_message = "no way leads to the collector"
  }
  assert {
    condition     = length(yamldecode(helm_release.monitoring[0].values[0]).additionalPrometheusRulesMap) > 0 && length(yamldecode(helm_release.monitoring[0].values[0]).grafana.dashboards.evoke) > 0
    error_message = "Prometheus has no rules, or Grafana no dashboards"
  }
}

run "replicas_and_weights_are_handed_on" {
  variables {
    api_replicas = 2
    worker_pools = [{ name = "numbers", queue = "factorial", container = "factorial", replicas = 3 }]
    model_links  = [{ url = "https://example.org/a.safetensors", rename_to = "b.safetensors" }]
  }
  assert {
    condition     = yamldecode(helm_release.evoke.values[0]).api.replicas == 2 && [for pool in yamldecode(helm_release.evoke.values[0]).workers : pool.replicas] == [3]
    error_message = "the numbers of pods are not those that were asked for"
  }
  assert {
    condition     = yamldecode(helm_release.evoke.values[0]).models.pull.links == [{ rename_to = "b.safetensors", url = "https://example.org/a.safetensors" }] && yamldecode(helm_release.evoke.values[0]).models.volume.enabled
    error_message = "the weights are not fetched, or have no volume"
  }
}

run "charts_come_from_a_mirror_and_one_version_is_changed" {
  variables {
    chart_repositories = { pulsar = "oci://registry.example/charts" }
    chart_versions     = { pulsar = "4.6.1" }
  }
  assert {
    condition     = helm_release.other["pulsar"].repository == "oci://registry.example/charts" && helm_release.other["pulsar"].version == "4.6.1"
    error_message = "the mirror or the version is not taken"
  }
  assert {
    condition     = helm_release.other["trino"].repository == "https://trinodb.github.io/charts" && helm_release.other["trino"].version == "0.32.0"
    error_message = "what was not named changed too"
  }
}

run "wrong_names_are_refused" {
  command = plan
  variables {
    kubeconfig         = "no-such-file"
    context            = ""
    storage_class      = "Not A Name"
    registry           = "localhost/"
    image_tag          = "latest"
    s3_image           = "docker.io/versity/versitygw:latest"
    extras             = ["istio"]
    chart_versions     = { pulsar = "^4" }
    chart_repositories = { pulsar = "ftp://example.org" }
    model_ids          = ["../../etc"]
    model_links        = [{ url = "file:///etc/passwd", rename_to = "a" }]
  }
  expect_failures = [
    var.kubeconfig, var.context, var.storage_class, var.registry, var.image_tag, var.s3_image, var.extras,
    var.chart_versions, var.chart_repositories, var.model_ids, var.model_links,
  ]
}

run "wrong_numbers_are_refused" {
  command = plan
  variables {
    api_replicas = 0
    worker_pools = [{ name = "a", queue = "factorial", container = "factorial", replicas = -1 }]
  }
  expect_failures = [var.api_replicas, var.worker_pools]
}

run "two_pools_of_one_name_are_refused" {
  command = plan
  variables {
    worker_pools = [
      { name = "a", queue = "factorial", container = "factorial", replicas = 1 },
      { name = "a", queue = "txt2img_generation", container = "diffusers", replicas = 1 },
    ]
  }
  expect_failures = [var.worker_pools]
}
