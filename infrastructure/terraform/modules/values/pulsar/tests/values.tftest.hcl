variables {
  replicas      = 3
  storage_class = "gp3"
}

run "three_brokers_write_to_three_and_wait_for_two" {
  command = plan
  assert {
    condition     = yamldecode(output.values).broker.configData.managedLedgerDefaultWriteQuorum == "3" && yamldecode(output.values).broker.configData.managedLedgerDefaultAckQuorum == "2"
    error_message = "an acknowledged append could be lost with one bookie"
  }
  assert {
    condition     = yamldecode(output.values).bookkeeper.configData.journalSyncData == "true"
    error_message = "an acknowledged append could be lost with the power"
  }
  assert {
    condition     = yamldecode(output.values).broker.configData.brokerDeleteInactiveTopicsEnabled == "false"
    error_message = "a topic that nobody reads would be deleted"
  }
}

run "one_machine_writes_once" {
  command = plan
  variables {
    replicas = 1
  }
  assert {
    condition     = yamldecode(output.values).broker.configData.managedLedgerDefaultAckQuorum == "1" && yamldecode(output.values).zookeeper.replicaCount == 1
    error_message = "one bookie can't hold two copies"
  }
}

run "own_settings_of_brokers_win" {
  command = plan
  variables {
    broker_settings = { keepAliveIntervalSeconds = "10" }
  }
  assert {
    condition     = yamldecode(output.values).broker.configData.keepAliveIntervalSeconds == "10"
    error_message = "the file of settings is not taken"
  }
}

run "two_are_refused" {
  command = plan
  variables {
    replicas = 2
  }
  expect_failures = [var.replicas]
}

run "wrong_values_are_refused" {
  command = plan
  variables {
    replicas        = 2
    ledger_size     = "100GB"
    storage_class   = "Not a name"
    image_tag       = "latest"
    broker_settings = { "a b" = "c" }
  }
  expect_failures = [var.replicas, var.ledger_size, var.storage_class, var.image_tag, var.broker_settings]
}
