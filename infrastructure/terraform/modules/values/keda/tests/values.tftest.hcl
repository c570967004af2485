run "two_operators_by_default" {
  command = plan
  assert {
    condition     = yamldecode(output.values).operator.replicaCount == 2
    error_message = "the loss of a node stops scaling"
  }
}

run "none_is_refused" {
  command = plan
  variables {
    replicas = 0
  }
  expect_failures = [var.replicas]
}

run "wrong_values_are_refused" {
  command = plan
  variables {
    replicas = 0
  }
  expect_failures = [var.replicas]
}
