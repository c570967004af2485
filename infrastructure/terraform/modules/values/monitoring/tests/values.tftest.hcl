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

run "alerts_and_dashboards_are_there_from_the_beginning" {
  command = plan
  variables {
    rules      = { causes = "groups: [{ name: a, rules: [{ alert: Down, expr: 'up == 0', annotations: { summary: '{{ $labels.instance }}' } }] }]" }
    dashboards = { overview = jsonencode({ title = "Overview", panels = [{ targets = [{ legendFormat = "{{queue}}" }] }] }) }
  }
  assert {
    condition     = yamldecode(output.values).additionalPrometheusRulesMap.causes.groups[0].rules[0].annotations.summary == "{{ $labels.instance }}"
    error_message = "an alert is lost or changed"
  }
  assert {
    condition     = jsondecode(yamldecode(output.values).grafana.dashboards.evoke.overview.json).panels[0].targets[0].legendFormat == "{{queue}}"
    error_message = "a dashboard is lost or changed"
  }
  assert {
    condition     = yamldecode(output.values).grafana.dashboardProviders["evoke.yaml"].providers[0].options.path == "/var/lib/grafana/dashboards/${keys(yamldecode(output.values).grafana.dashboards)[0]}"
    error_message = "Grafana looks for dashboards elsewhere"
  }
}

run "what_holds_no_rules_is_refused" {
  command = plan
  variables {
    rules = { causes = "alert: Down" }
  }
  expect_failures = [var.rules]
}

run "what_is_no_dashboard_is_refused" {
  command = plan
  variables {
    dashboards = { overview = "{}" }
  }
  expect_failures = [var.dashboards]
}

run "wrong_values_are_refused" {
  command = plan
  variables {
    retention_days = 0
    disk           = "50GB"
    storage_class  = "Not a name"
    grafana_secret = ""
    rules          = { a = "groups: 1" }
    dashboards     = { a = "{}" }
  }
  expect_failures = [var.retention_days, var.disk, var.storage_class, var.grafana_secret, var.rules, var.dashboards]
}
