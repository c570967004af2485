variables {
  registry  = "registry.example/evoke"
  image_tag = "1.2.3"
  engine    = { s3 = { bucket = "artifacts" } }
  worker_pools = [
    { name = "pictures", queue = "txt2img_generation", container = "diffusers", gpus = 1, cpu = "3", memory = "12Gi", weights = true, max = 8 },
    { name = "factorial", queue = "factorial", container = "factorial", replicas = 2 },
  ]
}

run "a_pool_with_gpus_goes_where_gpus_are_and_makes_room_first" {
  command = plan
  assert {
    condition     = yamldecode(output.values).workers[0].modelResources.limits["nvidia.com/gpu"] == 1
    error_message = "the pool asks for no GPU"
  }
  assert {
    condition     = yamldecode(output.values).workers[0].nodeSelector["evoke/gpu"] == "true" && yamldecode(output.values).workers[0].maxSurge == 0
    error_message = "the pool is not placed on GPU nodes, or wants a second GPU to be replaced"
  }
  assert {
    condition     = yamldecode(output.values).workers[0].autoscaling == { kind = "keda", minReplicas = 0, maxReplicas = 8, jobsPerWorker = 4 }
    error_message = "a pool without a fixed number is not scaled"
  }
}

run "a_pool_of_a_fixed_number_is_not_scaled" {
  command = plan
  assert {
    condition     = yamldecode(output.values).workers[1].replicas == 2 && !contains(keys(yamldecode(output.values).workers[1]), "autoscaling")
    error_message = "replicas is not taken"
  }
  assert {
    condition     = !contains(keys(yamldecode(output.values).workers[1]), "nodeSelector")
    error_message = "a pool without GPUs is bound to GPU nodes"
  }
}

run "links_are_fetched_under_their_names" {
  command = plan
  variables {
    model_links   = [{ url = "https://example.org/a.safetensors", rename_to = "b.safetensors" }]
    models_volume = { storageClass = "efs", size = "50Gi", accessMode = "ReadWriteMany" }
  }
  assert {
    condition     = yamldecode(output.values).models.pull.enabled && yamldecode(output.values).models.pull.links[0].rename_to == "b.safetensors"
    error_message = "the links are not handed on"
  }
  assert {
    condition     = yamldecode(output.values).models.volume.enabled && yamldecode(output.values).models.volume.storageClass == "efs"
    error_message = "the volume is not handed on"
  }
}

run "nothing_is_fetched_when_nothing_is_asked_for" {
  command = plan
  assert {
    condition     = !yamldecode(output.values).models.pull.enabled && !yamldecode(output.values).models.volume.enabled
    error_message = "there is a Job that fetches nothing"
  }
}

run "servers_in_the_cluster_are_reached_in_their_namespaces_alone" {
  command = plan
  variables {
    engine_namespaces = { pulsar = "pulsar" }
  }
  assert {
    condition     = yamldecode(output.values).networkPolicy.pulsarTo[0].namespaceSelector.matchLabels["kubernetes.io/metadata.name"] == "pulsar"
    error_message = "the policy is not handed on"
  }
}

run "a_moving_tag_is_refused" {
  command = plan
  variables {
    image_tag = "latest"
  }
  expect_failures = [var.image_tag]
}

run "two_pools_of_one_name_are_refused" {
  command = plan
  variables {
    worker_pools = [
      { name = "a", queue = "a", container = "factorial" },
      { name = "a", queue = "b", container = "factorial" },
    ]
  }
  expect_failures = [var.worker_pools]
}

run "a_name_that_leads_elsewhere_is_refused" {
  command = plan
  variables {
    model_links = [{ url = "https://example.org/a", rename_to = "../a" }]
  }
  expect_failures = [var.model_links]
}

run "traces_go_to_their_collector_and_prometheus_alone_comes_for_figures" {
  command = plan
  variables {
    otlp                 = { endpoint = "http://collector.collector.svc:4318", namespace = "collector" }
    monitoring_namespace = "monitoring"
  }
  assert {
    condition     = yamldecode(output.values).monitoring.otlpEndpoint == "http://collector.collector.svc:4318"
    error_message = "nothing is traced"
  }
  assert {
    condition     = yamldecode(output.values).networkPolicy.otlpTo[0].namespaceSelector.matchLabels["kubernetes.io/metadata.name"] == "collector"
    error_message = "traces may go anywhere, or nowhere"
  }
  assert {
    condition     = yamldecode(output.values).networkPolicy.metricsFrom[0].namespaceSelector.matchLabels["kubernetes.io/metadata.name"] == "monitoring"
    error_message = "figures are open to all, or to nobody"
  }
}

run "without_a_collector_nothing_is_traced" {
  command = plan
  assert {
    condition     = yamldecode(output.values).monitoring.otlpEndpoint == "" && !contains(keys(yamldecode(output.values).networkPolicy), "otlpTo")
    error_message = "there is a way to no collector"
  }
}

run "a_collector_that_is_no_url_is_refused" {
  command = plan
  variables {
    otlp = { endpoint = "collector:4318" }
  }
  expect_failures = [var.otlp]
}

run "wrong_values_are_refused" {
  command = plan
  variables {
    registry             = "registry.example/"
    image_tag            = "latest"
    pull_policy          = "Sometimes"
    engine               = { kafka = {} }
    engine_namespaces    = { kafka = "kafka" }
    api_replicas         = 0
    archiver_replicas    = 0
    api_keys_secret      = "A Secret"
    worker_pools         = [{ name = "a", queue = "factorial", container = "factorial", min = 3, max = 2 }]
    model_ids            = ["../../etc"]
    model_links          = [{ url = "file:///etc/passwd", rename_to = "a" }]
    model_token_secret   = "A Secret"
    models_volume        = { storageClass = "efs", size = "5Gi", accessMode = "ReadOnlyMany" }
    monitoring_namespace = "Not a name"
    otlp                 = { endpoint = "collector:4318" }
  }
  expect_failures = [var.registry, var.image_tag, var.pull_policy, var.engine, var.engine_namespaces, var.api_replicas, var.archiver_replicas, var.api_keys_secret, var.worker_pools, var.model_ids, var.model_links, var.model_token_secret, var.models_volume, var.monitoring_namespace, var.otlp]
}
