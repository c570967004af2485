output "values" {
  description = "Values of the chart, as YAML."
  value       = yamlencode(local.values)
}
