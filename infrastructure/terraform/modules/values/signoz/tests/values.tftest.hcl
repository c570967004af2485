variables {
  storage_class       = "gp3"
  clickhouse_password = "0123456789abcdef0123456789abcdef"
}

run "nobody_knows_the_password_and_traces_outlive_a_pod" {
  command = plan
  assert {
    condition     = yamldecode(nonsensitive(output.values)).clickhouse.password == "0123456789abcdef0123456789abcdef"
    error_message = "the chart's own password is kept"
  }
  assert {
    condition     = yamldecode(nonsensitive(output.values)).clickhouse.persistence.enabled && yamldecode(nonsensitive(output.values)).global.storageClass == "gp3"
    error_message = "traces have no disk of the class that was named"
  }
}

run "a_short_password_is_refused" {
  command = plan
  variables {
    clickhouse_password = "signoz"
  }
  expect_failures = [var.clickhouse_password]
}

run "a_disk_without_a_unit_is_refused" {
  command = plan
  variables {
    disk = "50"
  }
  expect_failures = [var.disk]
}

run "wrong_values_are_refused" {
  command = plan
  variables {
    storage_class       = "Not a name"
    disk                = "50GB"
    memory              = "1GB"
    collectors          = 0
    clickhouse_password = "short"
  }
  expect_failures = [var.storage_class, var.disk, var.memory, var.collectors, var.clickhouse_password]
}
