variables {
  endpoint = "http://signoz-otel-collector.signoz.svc:4318"
}

run "traces_alone_come_in_by_otlp_and_go_on_in_batches" {
  command = plan
  assert {
    condition     = yamldecode(output.values).config.service.pipelines.traces == { receivers = ["otlp"], processors = ["memory_limiter", "batch"], exporters = ["otlp_http"] }
    error_message = "traces take another way"
  }
  assert {
    condition     = yamldecode(output.values).config.exporters.otlp_http.endpoint == "http://signoz-otel-collector.signoz.svc:4318"
    error_message = "they go elsewhere"
  }
  assert {
    condition     = alltrue([for receiver in ["jaeger", "zipkin", "prometheus"] : yamldecode(output.values).config.receivers[receiver] == null])
    error_message = "something listens that nobody speaks to"
  }
}

run "two_survive_a_node" {
  command = plan
  assert {
    condition     = yamldecode(output.values).replicaCount == 2 && yamldecode(output.values).podDisruptionBudget.enabled
    error_message = "a drained node takes all of them"
  }
}

run "what_is_no_url_is_refused" {
  command = plan
  variables {
    endpoint = "signoz:4317"
  }
  expect_failures = [var.endpoint]
}

run "memory_without_a_unit_is_refused" {
  command = plan
  variables {
    memory = "512"
  }
  expect_failures = [var.memory]
}

run "wrong_values_are_refused" {
  command = plan
  variables {
    endpoint = "collector:4318"
    headers  = { "a b" = "c" }
    replicas = 0
    memory   = "1GB"
  }
  expect_failures = [var.endpoint, var.headers, var.replicas, var.memory]
}
