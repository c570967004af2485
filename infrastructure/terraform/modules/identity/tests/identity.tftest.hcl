mock_provider "aws" {
  mock_data "aws_iam_policy_document" {
    defaults = { json = "{\"Version\":\"2012-10-17\",\"Statement\":[]}" }
  }
  mock_data "aws_caller_identity" {
    defaults = { account_id = "123456789012" }
  }
  mock_data "aws_partition" {
    defaults = { partition = "aws" }
  }
  mock_data "aws_region" {
    defaults = { name = "eu-central-1" }
  }
  mock_data "aws_availability_zones" {
    defaults = { names = ["eu-central-1a", "eu-central-1b", "eu-central-1c"] }
  }
  mock_resource "aws_iam_role" {
    defaults = { arn = "arn:aws:iam::123456789012:role/mock" }
  }
  mock_resource "aws_kms_key" {
    defaults = { arn = "arn:aws:kms:eu-central-1:123456789012:key/mock" }
  }
  mock_resource "aws_s3_bucket" {
    defaults = { arn = "arn:aws:s3:::mock" }
  }
  mock_resource "aws_launch_template" {
    defaults = { id = "lt-0123456789abcdef0", latest_version = 1 }
  }
}

variables {
  name         = "evoke"
  cluster_name = "evoke"
  bucket_arns  = { artifacts = "arn:aws:s3:::a", archive = "arn:aws:s3:::b" }
  database     = "evoke"
  key_arn      = "arn:aws:kms:eu-central-1:123456789012:key/mock"
}

run "every_process_has_a_role_for_its_own_account" {
  assert {
    condition     = { for process, each in aws_eks_pod_identity_association.process : process => "${each.namespace}/${each.service_account}" } == { admin = "evoke/evoke-admin", api = "evoke/evoke-api", archiver = "evoke/evoke-archiver", trino = "trino/trino", worker = "evoke/evoke-worker" }
    error_message = "a role is given to another account"
  }
}

run "nobody_may_do_everything" {
  assert {
    condition     = alltrue(flatten([for each in data.aws_iam_policy_document.process : [for statement in each.statement : !contains(statement.resources, "*") && alltrue([for action in statement.actions : !endswith(action, "*")])]]))
    error_message = "a policy has a wildcard"
  }
}

run "workers_and_trino_delete_nothing" {
  assert {
    condition     = alltrue(flatten([for process in ["api", "worker", "trino"] : [for statement in data.aws_iam_policy_document.process[process].statement : !contains(statement.actions, "s3:DeleteObject")]]))
    error_message = "a process may delete what it never has to"
  }
  assert {
    condition     = alltrue(flatten([for statement in data.aws_iam_policy_document.process["trino"].statement : !contains(statement.actions, "s3:PutObject")]))
    error_message = "Trino may write"
  }
}

run "buckets_of_other_uses_are_refused" {
  command = plan
  variables {
    bucket_arns = { artifacts = "arn:aws:s3:::a" }
  }
  expect_failures = [var.bucket_arns]
}

run "wrong_values_are_refused" {
  command = plan
  variables {
    name         = "Evoke!"
    cluster_name = ""
    bucket_arns  = { other = "arn:aws:s3:::mock" }
    database     = "a-b"
    key_arn      = "arn:aws:s3:::bucket"
    namespace    = "Not a name"
    release      = "Not a name"
    trino        = { namespace = "", account = "trino" }
  }
  expect_failures = [var.name, var.cluster_name, var.bucket_arns, var.database, var.key_arn, var.namespace, var.release, var.trino]
}
