output "values" {
  description = "Values of the chart, as YAML."
  value       = yamlencode(local.values)
}

output "endpoint" {
  description = "EVOKE_OTLP_ENDPOINT where the release is called collector, in the namespace of that name."
  value       = "http://collector.collector.svc:4318"
}
