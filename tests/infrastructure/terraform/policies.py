"""What must hold of every resource, whoever adds one: a list of what breaks it, from Terraform's own JSON."""

from __future__ import annotations

import json
from collections.abc import Iterable, Iterator
from typing import Any

Resource = dict[str, Any]
"""`type`, `address` and `values`, as `terraform show -json` writes a resource."""
CLOSED = ("block_public_acls", "block_public_policy", "ignore_public_acls", "restrict_public_buckets")
ADMINISTRATORS = ("AdministratorAccess", "PowerUserAccess", "IAMFullAccess")
OPEN = ("0.0.0.0/0", "::/0")


def resources_of(shown: dict[str, Any]) -> list[Resource]:
    """Every resource that is managed, in all modules. shown: what `terraform show -json` printed of a state."""

    def within(module: dict[str, Any]) -> Iterator[Resource]:
        yield from (each for each in module.get("resources", ()) if each["mode"] == "managed")
        for child in module.get("child_modules", ()):
            yield from within(child)

    return list(within(shown["values"]["root_module"]))


def broken(resources: Iterable[Resource]) -> list[str]:
    """What breaks a policy, one line each; nothing when all hold."""
    there = list(resources)
    return [*_buckets(there), *_volumes(there), *_rights(there), *_doors(there)]


def _buckets(resources: list[Resource]) -> Iterator[str]:
    for bucket in _of(resources, "aws_s3_bucket"):
        name = bucket["values"]["id"]

        def parts(kind: str, name: str = name) -> list[dict[str, Any]]:
            return [each["values"] for each in _of(resources, kind) if each["values"]["bucket"] == name]

        if not any(all(part[word] for word in CLOSED) for part in parts("aws_s3_bucket_public_access_block")):
            yield f"{bucket['address']} can be made public"
        if not any(
            rule["apply_server_side_encryption_by_default"][0]["sse_algorithm"] == "aws:kms"
            for part in parts("aws_s3_bucket_server_side_encryption_configuration")
            for rule in part["rule"]
        ):
            yield f"{bucket['address']} is not encrypted by a key of ours"
        if not any(
            statement["Effect"] == "Deny"
            and statement.get("Condition") == {"Bool": {"aws:SecureTransport": "false"}}
            for part in parts("aws_s3_bucket_policy")
            for statement in _statements(part["policy"])
        ):
            yield f"{bucket['address']} answers without TLS"


def _volumes(resources: list[Resource]) -> Iterator[str]:
    for template in _of(resources, "aws_launch_template"):
        disks = template["values"]["block_device_mappings"]
        if not disks or any(str(disk["ebs"][0]["encrypted"]) != "true" for disk in disks):
            yield f"{template['address']} has a disk that is not encrypted"
    for kind in ("aws_ebs_volume", "aws_efs_file_system"):
        for volume in _of(resources, kind):
            if not volume["values"]["encrypted"]:
                yield f"{volume['address']} is not encrypted"
    for cluster in _of(resources, "aws_eks_cluster"):
        if not any("secrets" in each["resources"] for each in cluster["values"]["encryption_config"]):
            yield f"{cluster['address']} keeps its secrets unencrypted"


def _rights(resources: list[Resource]) -> Iterator[str]:
    for kind in ("aws_iam_policy", "aws_iam_role_policy"):
        for policy in _of(resources, kind):
            for statement in _statements(policy["values"]["policy"]):
                if statement["Effect"] != "Allow":
                    continue
                if any(action.endswith("*") for action in _listed(statement["Action"])):
                    yield f"{policy['address']} allows actions by a wildcard"
                if "*" in _listed(statement["Resource"]):
                    yield f"{policy['address']} allows it on everything"
    for attached in _of(resources, "aws_iam_role_policy_attachment"):
        if attached["values"]["policy_arn"].rpartition("/")[2] in ADMINISTRATORS:
            yield f"{attached['address']} makes an administrator"


def _doors(resources: list[Resource]) -> Iterator[str]:
    for rule in _of(resources, "aws_vpc_security_group_ingress_rule"):
        if rule["values"].get("cidr_ipv4") in OPEN or rule["values"].get("cidr_ipv6") in OPEN:
            yield f"{rule['address']} lets the whole internet in"
    for cluster in _of(resources, "aws_eks_cluster"):
        network = cluster["values"]["vpc_config"][0]
        if network["endpoint_public_access"] and set(OPEN) & set(network["public_access_cidrs"] or OPEN):
            yield f"{cluster['address']} answers the whole internet"


def _of(resources: list[Resource], kind: str) -> Iterator[Resource]:
    return (each for each in resources if each["type"] == kind)


def _statements(policy: str) -> list[dict[str, Any]]:
    return [each for each in _listed(json.loads(policy)["Statement"]) if isinstance(each, dict)]


def _listed(value: Any) -> list[Any]:
    return value if isinstance(value, list) else [value]
