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
  name    = "evoke"
  key_arn = "arn:aws:kms:eu-central-1:123456789012:key/mock"
}

run "tags_never_move_and_images_are_scanned" {
  assert {
    condition     = alltrue([for each in aws_ecr_repository.this : each.image_tag_mutability == "IMMUTABLE" && one(each.image_scanning_configuration).scan_on_push])
    error_message = "a tag can be moved, or an image is not scanned"
  }
  assert {
    condition     = toset(keys(aws_ecr_repository.this)) == toset(var.images)
    error_message = "an image has no repository"
  }
}

run "a_name_that_is_none_is_refused" {
  command = plan
  variables {
    images = ["API"]
  }
  expect_failures = [var.images]
}

run "wrong_values_are_refused" {
  command = plan
  variables {
    name    = "Evoke!"
    images  = []
    key_arn = "arn:aws:s3:::bucket"
    kept    = 0
  }
  expect_failures = [var.name, var.images, var.key_arn, var.kept]
}
