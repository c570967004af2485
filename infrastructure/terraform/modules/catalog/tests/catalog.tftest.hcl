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

run "a_hyphen_becomes_what_sql_can_name" {
  variables {
    name   = "evoke-test"
    bucket = "evoke-archive"
  }
  assert {
    condition     = output.database == "evoke_test" && aws_glue_catalog_database.this.location_uri == "s3://evoke-archive/warehouse"
    error_message = "the database has another name or place"
  }
}

run "wrong_values_are_refused" {
  command = plan
  variables {
    name   = "Evoke!"
    bucket = "B"
  }
  expect_failures = [var.name, var.bucket]
}
