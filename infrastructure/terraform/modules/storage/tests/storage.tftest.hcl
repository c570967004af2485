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
  name                   = "evoke"
  account_id             = "123456789012"
  key_arn                = "arn:aws:kms:eu-central-1:123456789012:key/mock"
  vpc_id                 = "vpc-1"
  subnet_ids             = ["subnet-1", "subnet-2"]
  node_security_group_id = "sg-1"
}

run "no_bucket_is_public_and_all_are_encrypted_with_our_key" {
  assert {
    condition     = alltrue([for block in aws_s3_bucket_public_access_block.this : block.block_public_acls && block.block_public_policy && block.ignore_public_acls && block.restrict_public_buckets])
    error_message = "a bucket can be made public"
  }
  assert {
    condition     = alltrue([for each in aws_s3_bucket_server_side_encryption_configuration.this : one(one(each.rule).apply_server_side_encryption_by_default).kms_master_key_id == var.key_arn])
    error_message = "a bucket is not encrypted with our key"
  }
  assert {
    condition     = aws_efs_file_system.weights.encrypted && aws_efs_file_system.weights.kms_key_id == var.key_arn
    error_message = "the file system is not encrypted with our key"
  }
}

run "unfinished_uploads_are_removed_and_artifacts_stay" {
  assert {
    condition     = alltrue([for each in aws_s3_bucket_lifecycle_configuration.this : length(each.rule) == 1 && one(each.rule[0].abort_incomplete_multipart_upload).days_after_initiation == 1])
    error_message = "unfinished uploads stay, or artifacts go"
  }
}

run "artifacts_are_deleted_after_their_time_and_the_archive_never" {
  variables {
    artifact_days = 30
  }
  assert {
    condition     = length(aws_s3_bucket_lifecycle_configuration.this["artifacts"].rule) == 2 && length(aws_s3_bucket_lifecycle_configuration.this["archive"].rule) == 1
    error_message = "artifacts stay, or the archive goes"
  }
}

run "buckets_with_something_in_them_are_not_deleted_by_default" {
  assert {
    condition     = alltrue([for bucket in aws_s3_bucket.this : !bucket.force_destroy])
    error_message = "destroy deletes what is in the buckets"
  }
}

run "part_of_a_day_is_refused" {
  command = plan
  variables {
    artifact_days = 0.5
  }
  expect_failures = [var.artifact_days]
}

run "wrong_values_are_refused" {
  command = plan
  variables {
    name                   = "Evoke!"
    account_id             = "12"
    key_arn                = "arn:aws:s3:::bucket"
    vpc_id                 = "1"
    subnet_ids             = []
    node_security_group_id = "1"
    artifact_days          = 0
  }
  expect_failures = [var.name, var.account_id, var.key_arn, var.vpc_id, var.subnet_ids, var.node_security_group_id, var.artifact_days]
}
