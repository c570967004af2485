# Everything that evoke needs of AWS. What runs in the cluster is in ../environments/production.
provider "aws" {
  region = var.region
  default_tags {
    tags = merge({ project = "evoke", installation = var.name }, var.tags)
  }
}

data "aws_caller_identity" "this" {}
data "aws_availability_zones" "this" {
  #checkov:skip=CKV_AWS_394:the first zones by name are taken, and a zone that AWS adds comes after those that are there
  state = "available"
  filter {
    name   = "opt-in-status"
    values = ["opt-in-not-required"]
  }
}

module "encryption" {
  source = "../modules/encryption"
  name   = var.name
  region = var.region
}

module "network" {
  source     = "../modules/network"
  name       = var.name
  cidr       = var.vpc_cidr
  zones      = slice(data.aws_availability_zones.this.names, 0, var.zone_count)
  single_nat = var.single_nat
}

module "cluster" {
  source              = "../modules/cluster"
  name                = var.name
  kubernetes_version  = var.kubernetes_version
  subnet_ids          = module.network.private_subnet_ids
  public_access_cidrs = var.public_access_cidrs
  key_arn             = module.encryption.key_arn
  system_nodes        = var.system_nodes
  gpu_nodes = var.gpu_nodes == null ? null : {
    instance_types = [var.gpu_instance_type]
    min            = var.gpu_nodes.min
    max            = var.gpu_nodes.max
    spot           = var.gpu_nodes.spot
  }
}

module "storage" {
  source                 = "../modules/storage"
  name                   = var.name
  account_id             = data.aws_caller_identity.this.account_id
  key_arn                = module.encryption.key_arn
  vpc_id                 = module.network.vpc_id
  subnet_ids             = module.network.private_subnet_ids
  node_security_group_id = module.cluster.security_group_id
  artifact_days          = var.artifact_days
  force_destroy          = var.force_destroy
}

module "catalog" {
  source = "../modules/catalog"
  name   = var.name
  bucket = module.storage.archive_bucket
}

module "registry" {
  source        = "../modules/registry"
  name          = var.name
  key_arn       = module.encryption.key_arn
  force_destroy = var.force_destroy
}

module "identity" {
  source       = "../modules/identity"
  name         = var.name
  cluster_name = module.cluster.name
  bucket_arns  = module.storage.bucket_arns
  database     = module.catalog.database
  key_arn      = module.encryption.key_arn
}
