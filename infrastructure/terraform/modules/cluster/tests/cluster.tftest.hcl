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
    defaults = { certificate_authority = [{ data = "bW9jaw==" }] }
  }
  mock_resource "aws_launch_template" {
    defaults = { id = "lt-0123456789abcdef0", latest_version = 1 }
  }
}

variables {
  name       = "evoke"
  subnet_ids = ["subnet-1", "subnet-2"]
  key_arn    = "arn:aws:kms:eu-central-1:123456789012:key/mock"
}

run "nobody_reaches_the_api_from_outside_by_default" {
  assert {
    condition     = !aws_eks_cluster.this.vpc_config[0].endpoint_public_access && aws_eks_cluster.this.vpc_config[0].endpoint_private_access
    error_message = "the Kubernetes API is public"
  }
}

run "disks_are_encrypted_and_pods_cannot_reach_the_nodes_role" {
  assert {
    condition     = alltrue([for template in aws_launch_template.node : template.block_device_mappings[0].ebs[0].encrypted == "true"])
    error_message = "a node's disk is not encrypted"
  }
  assert {
    condition     = alltrue([for template in aws_launch_template.node : template.metadata_options[0].http_tokens == "required" && template.metadata_options[0].http_put_response_hop_limit == 1])
    error_message = "pods reach the node's credentials"
  }
}

run "gpu_nodes_take_gpu_pods_alone" {
  assert {
    condition     = one(aws_eks_node_group.this["gpu"].taint).key == "nvidia.com/gpu" && aws_eks_node_group.this["gpu"].labels["evoke/gpu"] == "true"
    error_message = "the GPU nodes are open to all, or can't be found"
  }
}

run "network_policies_are_enforced" {
  assert {
    condition     = jsondecode(aws_eks_addon.before_nodes["vpc-cni"].configuration_values).enableNetworkPolicy == "true"
    error_message = "NetworkPolicies are not enforced"
  }
}

run "without_gpu_nodes_there_is_one_group" {
  variables {
    gpu_nodes = null
  }
  assert {
    condition     = keys(aws_eks_node_group.this) == ["system"]
    error_message = "there are GPU nodes"
  }
}

run "the_whole_internet_is_refused" {
  command = plan
  variables {
    public_access_cidrs = ["0.0.0.0/0"]
  }
  expect_failures = [var.public_access_cidrs]
}

run "an_old_kubernetes_is_refused" {
  command = plan
  variables {
    kubernetes_version = "1.29"
  }
  expect_failures = [var.kubernetes_version]
}

run "more_nodes_at_least_than_at_most_are_refused" {
  command = plan
  variables {
    gpu_nodes = { min = 5, max = 4 }
  }
  expect_failures = [var.gpu_nodes]
}

run "wrong_values_are_refused" {
  command = plan
  variables {
    name                = "Evoke!"
    kubernetes_version  = "1.29"
    subnet_ids          = ["subnet-1"]
    public_access_cidrs = ["0.0.0.0/0"]
    key_arn             = "arn:aws:s3:::bucket"
    log_retention_days  = 31
    system_nodes        = { min = 3, max = 2 }
    gpu_nodes           = { disk_gb = 10 }
  }
  expect_failures = [var.name, var.kubernetes_version, var.subnet_ids, var.public_access_cidrs, var.key_arn, var.log_retention_days, var.system_nodes, var.gpu_nodes]
}
