variables {
  storage_class = "gp3"
}

run "monitors_of_all_releases_count_and_no_password_is_written" {
  command = plan
  assert {
    condition     = !yamldecode(output.values).prometheus.prometheusSpec.podMonitorSelectorNilUsesHelmValues
    error_message = "evoke's PodMonitor would be passed over"
  }
  assert {
    condition     = yamldecode(output.values).grafana.adminPassword == null && yamldecode(output.values).grafana.admin.existingSecret == "grafana-admin"
    error_message = "Grafana's password is not from a Secret"
  }
}

run "a_retention_of_nothing_is_refused" {
  command = plan
  variables {
    retention_days = 0
  }
  expect_failures = [var.retention_days]
}
