# Values of evoke's own chart.
locals {
  gpu = {
    nodeSelector = { "evoke/gpu" = "true" }
    tolerations  = [{ key = "nvidia.com/gpu", operator = "Exists", effect = "NoSchedule" }]
  }

  # Lists that are empty or not, since both results of a condition must have the same attributes.
  workers = [
    for pool in var.worker_pools : merge(concat(
      [{
        name         = pool.name
        queue        = pool.queue
        container    = pool.container
        args         = pool.args
        modelsVolume = pool.weights
        modelResources = {
          requests = { cpu = pool.cpu, memory = pool.memory }
          limits   = merge({ memory = pool.memory }, [for gpus in [pool.gpus] : { "nvidia.com/gpu" = gpus } if gpus > 0]...)
        }
      }],
      [for replicas in [pool.replicas] : { replicas = replicas } if replicas != null],
      [
        for scaled in [pool] : {
          autoscaling = { kind = "keda", minReplicas = scaled.min, maxReplicas = scaled.max, jobsPerWorker = scaled.jobs_per_worker }
        } if scaled.replicas == null
      ],
      # A GPU is taken by the pod that goes: no second one beside it.
      [for placed in [local.gpu] : merge(placed, { maxSurge = 0, maxUnavailable = 1 }) if pool.gpus > 0],
    )...)
  ]

  # Which namespace a way leads to, or comes from.
  ways = merge(
    { for use, namespace in var.engine_namespaces : "${use}To" => namespace },
    { otlpTo = var.otlp.namespace, metricsFrom = var.monitoring ? var.monitoring_namespace : "" },
  )

  values = {
    image    = { registry = var.registry, tag = var.image_tag, pullPolicy = var.pull_policy }
    engine   = var.engine
    api      = { replicas = var.api_replicas, keysSecret = { name = var.api_keys_secret } }
    archiver = { replicas = var.archiver_replicas }
    workers  = local.workers
    models = {
      volume = merge({ enabled = var.models_volume != null }, [for volume in [var.models_volume] : volume if volume != null]...)
      pull = {
        enabled     = length(var.model_links) + length(var.model_ids) > 0
        ids         = var.model_ids
        links       = [for link in var.model_links : { url = link.url, rename_to = link.rename_to }]
        tokenSecret = var.model_token_secret
      }
    }
    networkPolicy = merge({ podIdentity = var.pod_identity }, {
      for way, namespace in local.ways : way => [{ namespaceSelector = { matchLabels = { "kubernetes.io/metadata.name" = namespace } } }]
      if namespace != ""
    })
    priorityClasses = { create = true }
    monitoring      = { podMonitors = { enabled = var.monitoring }, otlpEndpoint = var.otlp.endpoint }
  }
}
