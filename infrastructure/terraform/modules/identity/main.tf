# A role for each process, by EKS Pod Identity: what it may do with the buckets, the catalog and the key, and no more.
data "aws_partition" "this" {}
data "aws_caller_identity" "this" {}
data "aws_region" "this" {}

locals {
  artifacts = var.bucket_arns["artifacts"]
  archive   = var.bucket_arns["archive"]
  glue      = "arn:${data.aws_partition.this.partition}:glue:${data.aws_region.this.name}:${data.aws_caller_identity.this.account_id}"
  catalog   = ["${local.glue}:catalog", "${local.glue}:database/${var.database}", "${local.glue}:table/${var.database}/*"]

  reads  = { actions = ["s3:GetObject"], resources = ["${local.artifacts}/*"] }
  writes = { actions = ["s3:GetObject", "s3:PutObject", "s3:AbortMultipartUpload"], resources = ["${local.artifacts}/*"] }
  lists  = { actions = ["s3:ListBucket", "s3:GetBucketLocation"], resources = [local.artifacts, local.archive] }
  keeps  = { actions = ["s3:GetObject", "s3:PutObject", "s3:DeleteObject", "s3:AbortMultipartUpload"], resources = ["${local.archive}/*"] }
  sees   = { actions = ["s3:GetObject"], resources = ["${local.archive}/*"] }
  key    = { actions = ["kms:Decrypt", "kms:GenerateDataKey"], resources = [var.key_arn] }
  tables = { actions = ["glue:GetCatalog", "glue:GetDatabase", "glue:GetTable", "glue:GetTables", "glue:CreateTable", "glue:UpdateTable"], resources = local.catalog }
  looks  = { actions = ["glue:GetCatalog", "glue:GetDatabase", "glue:GetDatabases", "glue:GetTable", "glue:GetTables"], resources = local.catalog }

  processes = {
    api      = [local.reads, local.writes, local.lists, local.key]
    worker   = [local.writes, local.lists, local.key]
    archiver = [local.lists, local.keeps, local.tables, local.key]
    admin    = [local.lists, local.keeps, local.tables, local.key]
    trino    = [local.lists, local.sees, local.looks, local.key]
  }
  accounts = {
    for process in keys(local.processes) : process => process == "trino" ? var.trino : {
      namespace = var.namespace
      account   = "${var.release}-${process}"
    }
  }
}

data "aws_iam_policy_document" "pods" {
  statement {
    actions = ["sts:AssumeRole", "sts:TagSession"]
    principals {
      type        = "Service"
      identifiers = ["pods.eks.amazonaws.com"]
    }
    condition {
      test     = "StringEquals"
      variable = "aws:SourceAccount"
      values   = [data.aws_caller_identity.this.account_id]
    }
  }
}

data "aws_iam_policy_document" "process" {
  for_each = local.processes
  dynamic "statement" {
    for_each = each.value
    content {
      actions   = statement.value.actions
      resources = statement.value.resources
    }
  }
}

resource "aws_iam_role" "process" {
  for_each           = local.processes
  name               = "${var.name}-${each.key}"
  assume_role_policy = data.aws_iam_policy_document.pods.json
}

resource "aws_iam_role_policy" "process" {
  for_each = local.processes
  name     = "evoke"
  role     = aws_iam_role.process[each.key].id
  policy   = data.aws_iam_policy_document.process[each.key].json
}

resource "aws_eks_pod_identity_association" "process" {
  for_each        = local.accounts
  cluster_name    = var.cluster_name
  namespace       = each.value.namespace
  service_account = each.value.account
  role_arn        = aws_iam_role.process[each.key].arn
}
