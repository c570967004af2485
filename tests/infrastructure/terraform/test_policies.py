"""Each policy can be broken: what is right passes, and one wrong word in it is told."""

from __future__ import annotations

import copy
import json
from typing import Any

import pytest

from tests.infrastructure.terraform.policies import Resource, broken, resources_of


def policy(effect: str, action: str, resource: str, **more: Any) -> str:
    return json.dumps({"Statement": [{"Effect": effect, "Action": action, "Resource": resource, **more}]})


TLS = policy("Deny", "s3:*", "arn:b/*", Condition={"Bool": {"aws:SecureTransport": "false"}})
RIGHT: dict[str, dict[str, Any]] = {
    "aws_s3_bucket": {"id": "b"},
    "aws_s3_bucket_public_access_block": {
        "bucket": "b",
        "block_public_acls": True,
        "block_public_policy": True,
        "ignore_public_acls": True,
        "restrict_public_buckets": True,
    },
    "aws_s3_bucket_server_side_encryption_configuration": {
        "bucket": "b",
        "rule": [{"apply_server_side_encryption_by_default": [{"sse_algorithm": "aws:kms"}]}],
    },
    "aws_s3_bucket_policy": {"bucket": "b", "policy": TLS},
    "aws_launch_template": {"block_device_mappings": [{"ebs": [{"encrypted": "true"}]}]},
    "aws_ebs_volume": {"encrypted": True},
    "aws_efs_file_system": {"encrypted": True},
    "aws_eks_cluster": {
        "encryption_config": [{"resources": ["secrets"]}],
        "vpc_config": [{"endpoint_public_access": True, "public_access_cidrs": ["203.0.113.7/32"]}],
    },
    "aws_iam_policy": {"policy": policy("Allow", "s3:GetObject", "arn:b/*")},
    "aws_iam_role_policy": {"policy": policy("Allow", "s3:GetObject", "arn:b/*")},
    "aws_iam_role_policy_attachment": {"policy_arn": "arn:aws:iam::aws:policy/AmazonEKSClusterPolicy"},
    "aws_vpc_security_group_ingress_rule": {"cidr_ipv4": "10.0.0.0/8", "cidr_ipv6": None},
}


def resources(**wrong: dict[str, Any]) -> list[Resource]:
    """The right resources, with some values of one kind replaced; None leaves the kind out."""
    return [
        {"type": kind, "address": kind, "values": {**copy.deepcopy(values), **wrong.get(kind, {})}}
        for kind, values in RIGHT.items()
    ]


def test_what_is_right_breaks_nothing() -> None:
    assert broken(resources()) == []


@pytest.mark.parametrize(
    ("kind", "wrong", "told"),
    [
        (
            "aws_s3_bucket_public_access_block",
            {"ignore_public_acls": False},
            "aws_s3_bucket can be made public",
        ),
        ("aws_s3_bucket_public_access_block", {"bucket": "other"}, "aws_s3_bucket can be made public"),
        (
            "aws_s3_bucket_server_side_encryption_configuration",
            {"rule": [{"apply_server_side_encryption_by_default": [{"sse_algorithm": "AES256"}]}]},
            "aws_s3_bucket is not encrypted by a key of ours",
        ),
        (
            "aws_s3_bucket_policy",
            {"policy": policy("Deny", "s3:*", "*")},
            "aws_s3_bucket answers without TLS",
        ),
        (
            "aws_launch_template",
            {"block_device_mappings": [{"ebs": [{"encrypted": "false"}]}]},
            "aws_launch_template has a disk that is not encrypted",
        ),
        (
            "aws_launch_template",
            {"block_device_mappings": []},
            "aws_launch_template has a disk that is not encrypted",
        ),
        ("aws_ebs_volume", {"encrypted": False}, "aws_ebs_volume is not encrypted"),
        ("aws_efs_file_system", {"encrypted": False}, "aws_efs_file_system is not encrypted"),
        ("aws_eks_cluster", {"encryption_config": []}, "aws_eks_cluster keeps its secrets unencrypted"),
        (
            "aws_eks_cluster",
            {"vpc_config": [{"endpoint_public_access": True, "public_access_cidrs": ["0.0.0.0/0"]}]},
            "aws_eks_cluster answers the whole internet",
        ),
        (
            "aws_eks_cluster",
            {"vpc_config": [{"endpoint_public_access": True, "public_access_cidrs": None}]},
            "aws_eks_cluster answers the whole internet",
        ),
        (
            "aws_iam_policy",
            {"policy": policy("Allow", "s3:*", "arn:b/*")},
            "aws_iam_policy allows actions by a wildcard",
        ),
        (
            "aws_iam_role_policy",
            {"policy": policy("Allow", "s3:GetObject", "*")},
            "aws_iam_role_policy allows it on everything",
        ),
        (
            "aws_iam_role_policy_attachment",
            {"policy_arn": "arn:aws:iam::aws:policy/AdministratorAccess"},
            "aws_iam_role_policy_attachment makes an administrator",
        ),
        (
            "aws_vpc_security_group_ingress_rule",
            {"cidr_ipv4": "0.0.0.0/0"},
            "aws_vpc_security_group_ingress_rule lets the whole internet in",
        ),
        (
            "aws_vpc_security_group_ingress_rule",
            {"cidr_ipv6": "::/0"},
            "aws_vpc_security_group_ingress_rule lets the whole internet in",
        ),
    ],
)
def test_what_is_wrong_is_told(kind: str, wrong: dict[str, Any], told: str) -> None:
    assert broken(resources(**{kind: wrong})) == [told]


def test_resources_of_all_modules_are_looked_at_and_data_are_not() -> None:
    inner = {"resources": [{"mode": "managed", "type": "b"}]}
    outer = {"resources": [{"mode": "managed", "type": "a"}, {"mode": "data", "type": "c"}]}
    shown = {"values": {"root_module": {**outer, "child_modules": [{"child_modules": [inner]}]}}}
    assert [each["type"] for each in resources_of(shown)] == ["a", "b"]
