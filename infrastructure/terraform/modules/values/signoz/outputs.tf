output "values" {
  description = "Values of the chart, as YAML."
  value       = yamlencode(local.values)
  sensitive   = true
}

output "endpoint" {
  description = "Where the release signoz takes OTLP over HTTP in the namespace of that name."
  value       = "http://signoz-otel-collector.signoz.svc:4318"
}
