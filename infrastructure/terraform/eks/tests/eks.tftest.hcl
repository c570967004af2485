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
  mock_resource "aws_eks_cluster" {
    defaults = {
      certificate_authority = [{ data = "bW9jaw==" }]
      vpc_config            = { cluster_security_group_id = "sg-mock" }
    }
  }
  mock_resource "aws_vpc" {
    defaults = { id = "vpc-mock" }
  }
  mock_resource "aws_launch_template" {
    defaults = { id = "lt-0123456789abcdef0", latest_version = 1 }
  }
}

variables {
  name   = "evoke"
  region = "eu-central-1"
}

run "the_parts_fit_together" {
  assert {
    condition     = output.artifacts_bucket == "evoke-artifacts-123456789012" && output.catalog_database == "evoke"
    error_message = "the outputs name other things"
  }
}

run "a_type_without_gpus_is_refused" {
  command = plan
  variables {
    gpu_instance_type = "m7i.large"
  }
  expect_failures = [var.gpu_instance_type]
}

run "one_zone_is_refused" {
  command = plan
  variables {
    zone_count = 1
  }
  expect_failures = [var.zone_count]
}

run "wrong_values_are_refused" {
  command = plan
  variables {
    name                = "Evoke!"
    region              = "moon"
    tags                = { "aws:owner" = "me" }
    vpc_cidr            = "10.20.0.0/24"
    zone_count          = 1
    kubernetes_version  = "1.29"
    public_access_cidrs = ["0.0.0.0/0"]
    system_nodes        = { min = 3, max = 2 }
    gpu_instance_type   = "m7i.large"
    gpu_nodes           = { min = -1 }
    artifact_days       = 0.5
  }
  expect_failures = [var.name, var.region, var.tags, var.vpc_cidr, var.zone_count, var.kubernetes_version, var.public_access_cidrs, var.system_nodes, var.gpu_instance_type, var.gpu_nodes, var.artifact_days]
}
