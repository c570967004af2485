"""A stand-in for AWS on this machine: moto's server, with what it lacks of EKS and what it forgets of EC2.

`python aws_stand_in.py PORT` listens on 127.0.0.1 alone and keeps everything in memory; it needs the packages of
`requirements/moto.txt`. It knows no rights, no quotas and no waiting: it shows that
a plan's graph, references and calls hold.
"""

from __future__ import annotations

import base64
import datetime
import os
import sys
import uuid
from typing import Any

os.environ["MOTO_IAM_LOAD_MANAGED_POLICIES"] = "true"  # roles have AWS's own policies attached
os.environ["MOTO_EC2_LOAD_DEFAULT_AMIS"] = "false"

import moto.server
from moto.core.responses import ActionResult
from moto.ec2.models import ec2_backends
from moto.ec2.models.launch_templates import LaunchTemplateVersion
from moto.ec2.models.security_groups import SecurityGroupRule
from moto.eks import urls
from moto.eks.exceptions import ResourceInUseException, ResourceNotFoundException
from moto.eks.models import Nodegroup
from moto.eks.responses import EKSResponse

CERTIFICATE = b"-----BEGIN CERTIFICATE-----\nof a stand-in\n-----END CERTIFICATE-----\n"
Kept = dict[str, dict[str, Any]]


class Keeper:
    """What moto keeps nothing of: add-ons and Pod Identity associations, by cluster."""

    def __init__(self) -> None:
        self._addons: dict[str, Kept] = {}
        self._associations: dict[str, Kept] = {}

    def addons(self, request: Any) -> Kept:
        """The add-ons of the request's cluster, by name. Raises moto's error when there is no such cluster."""
        return self._of(self._addons, request)

    def associations(self, request: Any) -> Kept:
        """The associations of the request's cluster, by id. Raises moto's error when there is no such cluster."""
        return self._of(self._associations, request)

    def forget(self, cluster: Any) -> None:
        """A cluster is gone, with all that belongs to it."""
        self._addons.pop(cluster.arn, None)
        self._associations.pop(cluster.arn, None)

    @staticmethod
    def _of(kept: dict[str, Kept], request: Any) -> Kept:
        cluster = request.eks_backend.describe_cluster(request._get_param("name"))
        return kept.setdefault(cluster.arn, {})


KEEPER = Keeper()


def _now() -> datetime.datetime:
    return datetime.datetime.now(datetime.UTC)


def _arn(request: Any, *words: str) -> str:
    return f"arn:aws:eks:{request.region}:{request.current_account}:{'/'.join(words)}"


def _missing(what: str, request: Any) -> ResourceNotFoundException:
    return ResourceNotFoundException(
        clusterName=request._get_param("name"),
        nodegroupName=None,
        fargateProfileName=None,
        addonName=None,
        message=f"No {what} found",
    )


def _taken(what: str, request: Any) -> ResourceInUseException:
    return ResourceInUseException(
        clusterName=request._get_param("name"),
        nodegroupName=None,
        addonName=None,
        message=f"{what} already exists",
    )


class Added:
    """The calls of EKS that moto lacks, named as moto names calls."""

    def create_addon(self: Any) -> ActionResult:
        name, kept = self._get_param("addonName"), KEEPER.addons(self)
        if name in kept:
            raise _taken(f"add-on {name}", self)
        cluster = self._get_param("name")
        wanted = self._get_param("podIdentityAssociations") or []
        kept[name] = {
            "addonName": name,
            "clusterName": cluster,
            "status": "ACTIVE",
            "addonVersion": self._get_param("addonVersion") or "v1.0.0-eksbuild.1",
            "health": {"issues": []},
            "addonArn": _arn(self, "addon", cluster, name, str(uuid.uuid4())),
            "createdAt": _now(),
            "modifiedAt": _now(),
            "tags": self._get_param("tags") or {},
            "configurationValues": self._get_param("configurationValues"),
            "podIdentityAssociations": [
                _associated(self, "kube-system", each["serviceAccount"], each["roleArn"])["associationArn"]
                for each in wanted
            ],
        }
        return ActionResult({"addon": kept[name]})

    def describe_addon(self: Any) -> ActionResult:
        name = self._get_param("addonName")
        if name not in KEEPER.addons(self):
            raise _missing(f"add-on {name}", self)
        return ActionResult({"addon": KEEPER.addons(self)[name]})

    def delete_addon(self: Any) -> ActionResult:
        name = self._get_param("addonName")
        if name not in KEEPER.addons(self):
            raise _missing(f"add-on {name}", self)
        gone, associations = KEEPER.addons(self).pop(name), KEEPER.associations(self)
        for arn in gone["podIdentityAssociations"]:
            associations.pop(arn.rpartition("/")[2], None)
        return ActionResult({"addon": {**gone, "status": "DELETING"}})

    def list_addons(self: Any) -> ActionResult:
        return ActionResult({"addons": sorted(KEEPER.addons(self))})

    def create_pod_identity_association(self: Any) -> ActionResult:
        who = (self._get_param("namespace"), self._get_param("serviceAccount"))
        made = _associated(self, *who, self._get_param("roleArn"), self._get_param("tags"))
        return ActionResult({"association": made})

    def describe_pod_identity_association(self: Any) -> ActionResult:
        found = KEEPER.associations(self).get(self._get_param("associationId"))
        if found is None:
            raise _missing("association", self)
        return ActionResult({"association": found})

    def delete_pod_identity_association(self: Any) -> ActionResult:
        found = KEEPER.associations(self).pop(self._get_param("associationId"), None)
        if found is None:
            raise _missing("association", self)
        return ActionResult({"association": found})

    def list_pod_identity_associations(self: Any) -> ActionResult:
        return ActionResult({"associations": list(KEEPER.associations(self).values())})


def _associated(
    request: Any, namespace: str, account: str, role: str, tags: dict[str, str] | None = None
) -> dict[str, Any]:
    kept = KEEPER.associations(request)
    if any((each["namespace"], each["serviceAccount"]) == (namespace, account) for each in kept.values()):
        raise _taken(f"an association of {namespace}/{account}", request)
    cluster, name = request._get_param("name"), f"a-{uuid.uuid4().hex[:17]}"
    kept[name] = {
        "clusterName": cluster,
        "namespace": namespace,
        "serviceAccount": account,
        "roleArn": role,
        "associationId": name,
        "associationArn": _arn(request, "podidentityassociation", cluster, name),
        "tags": tags or {},
        "createdAt": _now(),
        "modifiedAt": _now(),
    }
    return kept[name]


def _add_calls() -> None:
    for name, call in vars(Added).items():
        if not name.startswith("_"):
            setattr(EKSResponse, name, call)
    cluster = "{0}/clusters/(?P<name>[^/]+)"
    for path in (
        "/addons$",
        "/addons/(?P<addonName>[^/]+)$",
        "/pod-identity-associations$",
        "/pod-identity-associations/(?P<associationId>[^/]+)$",
    ):
        urls.url_paths[cluster + path] = urls.response.dispatch


def _answer_as_eks_does() -> None:
    """A cluster has a security group in its VPC, and says again what it was asked for."""
    create, delete = EKSResponse.create_cluster, EKSResponse.delete_cluster

    def created(self: Any) -> Any:
        answer = create(self)
        cluster = answer.result["cluster"]
        wanted = self._get_param("accessConfig") or {}
        cluster.access_config = {
            "authenticationMode": wanted.get("authenticationMode", "CONFIG_MAP"),
            "bootstrapClusterCreatorAdminPermissions": wanted.get(
                "bootstrapClusterCreatorAdminPermissions", True
            ),
        }
        cluster.upgrade_policy = self._get_param("upgradePolicy") or {"supportType": "EXTENDED"}
        cluster.kubernetes_network_config = {"ipFamily": "ipv4", "serviceIpv4Cidr": "172.20.0.0/16"}
        cluster.certificate_authority = {"data": base64.b64encode(CERTIFICATE).decode()}
        network = ec2_backends[self.current_account][self.region]
        vpc = network.get_subnet(cluster.resources_vpc_config["subnetIds"][0]).vpc_id
        name = f"eks-cluster-sg-{cluster.name}"
        group = network.create_security_group(name, "EKS created security group", vpc_id=vpc)
        cluster.resources_vpc_config["clusterSecurityGroupId"] = group.id
        cluster.resources_vpc_config["vpcId"] = vpc
        cluster.resources_vpc_config.setdefault("publicAccessCidrs", ["0.0.0.0/0"])
        return answer

    def deleted(self: Any) -> Any:
        cluster = self.eks_backend.describe_cluster(self._get_param("name"))
        answer = delete(self)
        KEEPER.forget(cluster)
        group = cluster.resources_vpc_config["clusterSecurityGroupId"]
        ec2_backends[self.current_account][self.region].delete_security_group(group_id=group)
        return answer

    EKSResponse.create_cluster, EKSResponse.delete_cluster = created, deleted


def _answer_as_node_groups_do() -> None:
    """A group made from a launch template has no disk size of its own, and nobody reaches its nodes by SSH."""
    init, create = Nodegroup.__init__, EKSResponse.create_nodegroup

    def inited(self: Any, *words: Any, **options: Any) -> None:
        init(self, *words, **options)
        if not options.get("remote_access"):
            self.remote_access = None
            self.resources.pop("remoteAccessSecurityGroup", None)
        if options.get("launch_template"):
            self.disk_size = options.get("disk_size")

    def created(self: Any) -> Any:
        answer = create(self)
        group = answer.result["nodegroup"]
        group.version = (
            self._get_param("version") or self.eks_backend.describe_cluster(group.cluster_name).version
        )
        group.release_version = self._get_param("releaseVersion") or f"{group.version}.0-20260101"
        group.update_config = self._get_param("updateConfig") or {"maxUnavailable": 1}
        return answer

    Nodegroup.__init__, EKSResponse.create_nodegroup = inited, created


def _keep_a_templates_tags_out_of_its_versions() -> None:
    init = LaunchTemplateVersion.__init__

    def inited(self: Any, *words: Any, **options: Any) -> None:
        init(self, *words, **options)
        for key in ("TagSpecification", "TagSpecifications"):
            if tags := self.data.get(key):
                self.data[key] = [each for each in tags if each.get("ResourceType") != "launch-template"]

    LaunchTemplateVersion.__init__ = inited


def _keep_what_is_said_of_rules() -> None:
    """moto tells the description of a rule for addresses, and forgets that of a rule for another group."""

    def description(self: Any) -> str | None:
        told: str | None = (self.ip_range or self.source_group).get("Description")
        return told

    def referenced(self: Any) -> dict[str, str] | None:
        group = {name: value for name, value in self.source_group.items() if name != "Description"}
        return group or None

    SecurityGroupRule.description = property(description)
    SecurityGroupRule.referenced_group_info = property(referenced)


if __name__ == "__main__":
    _add_calls()
    _keep_what_is_said_of_rules()
    _answer_as_eks_does()
    _answer_as_node_groups_do()
    _keep_a_templates_tags_out_of_its_versions()
    moto.server.main(["-H", "127.0.0.1", "-p", sys.argv[1]])
