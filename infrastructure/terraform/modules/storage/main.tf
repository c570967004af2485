# A bucket of artifacts and one of the archive, and a file system of weights that all workers read.
locals {
  buckets = { artifacts = "${var.name}-artifacts-${var.account_id}", archive = "${var.name}-archive-${var.account_id}" }
}

resource "aws_s3_bucket" "this" {
  #checkov:skip=CKV_AWS_18:access logs are the account's choice, as CloudTrail's events of data are
  #checkov:skip=CKV_AWS_144:a copy in another region doubles the bill; who wants one adds it to these buckets
  #checkov:skip=CKV2_AWS_62:nothing listens: the log tells what is stored
  #checkov:skip=CKV_AWS_21:objects are written once under names of their own, and what is deleted is meant to be gone
  for_each      = local.buckets
  bucket        = each.value
  force_destroy = var.force_destroy
}

resource "aws_s3_bucket_public_access_block" "this" {
  for_each                = local.buckets
  bucket                  = aws_s3_bucket.this[each.key].id
  block_public_acls       = true
  block_public_policy     = true
  ignore_public_acls      = true
  restrict_public_buckets = true
}

resource "aws_s3_bucket_ownership_controls" "this" {
  for_each = local.buckets
  bucket   = aws_s3_bucket.this[each.key].id
  rule {
    object_ownership = "BucketOwnerEnforced"
  }
}

resource "aws_s3_bucket_server_side_encryption_configuration" "this" {
  for_each = local.buckets
  bucket   = aws_s3_bucket.this[each.key].id
  rule {
    bucket_key_enabled = true
    apply_server_side_encryption_by_default {
      sse_algorithm     = "aws:kms"
      kms_master_key_id = var.key_arn
    }
  }
}

resource "aws_s3_bucket_lifecycle_configuration" "this" {
  for_each = local.buckets
  bucket   = aws_s3_bucket.this[each.key].id

  # A writer that was killed leaves an unfinished upload.
  rule {
    id     = "unfinished-uploads"
    status = "Enabled"
    filter {}
    abort_incomplete_multipart_upload {
      days_after_initiation = 1
    }
  }

  dynamic "rule" {
    for_each = each.key == "artifacts" && var.artifact_days != null ? [var.artifact_days] : []
    content {
      id     = "old-artifacts"
      status = "Enabled"
      filter {}
      expiration {
        days = rule.value
      }
    }
  }
}

data "aws_iam_policy_document" "tls" {
  for_each = local.buckets
  statement {
    sid       = "TlsOnly"
    effect    = "Deny"
    actions   = ["s3:*"]
    resources = [aws_s3_bucket.this[each.key].arn, "${aws_s3_bucket.this[each.key].arn}/*"]
    principals {
      type        = "*"
      identifiers = ["*"]
    }
    condition {
      test     = "Bool"
      variable = "aws:SecureTransport"
      values   = ["false"]
    }
  }
}

resource "aws_s3_bucket_policy" "this" {
  for_each   = local.buckets
  bucket     = aws_s3_bucket.this[each.key].id
  policy     = data.aws_iam_policy_document.tls[each.key].json
  depends_on = [aws_s3_bucket_public_access_block.this]
}

resource "aws_efs_file_system" "weights" {
  creation_token  = "${var.name}-weights"
  encrypted       = true
  kms_key_id      = var.key_arn
  throughput_mode = "elastic"
  tags            = { Name = "${var.name}-weights" }
}

resource "aws_security_group" "weights" {
  name        = "${var.name}-weights"
  description = "NFS from the nodes of ${var.name}"
  vpc_id      = var.vpc_id
}

resource "aws_vpc_security_group_ingress_rule" "weights" {
  security_group_id            = aws_security_group.weights.id
  referenced_security_group_id = var.node_security_group_id
  ip_protocol                  = "tcp"
  from_port                    = 2049
  to_port                      = 2049
  description                  = "NFS from the nodes"
}

resource "aws_efs_mount_target" "weights" {
  count           = length(var.subnet_ids)
  file_system_id  = aws_efs_file_system.weights.id
  subnet_id       = var.subnet_ids[count.index]
  security_groups = [aws_security_group.weights.id]
}
