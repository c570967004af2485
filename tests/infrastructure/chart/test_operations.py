"""What operators rely on: probes, budgets of disruption, spread, priorities, accounts, secrets, doors, upkeep."""

from __future__ import annotations

from typing import Any

import pytest

from tests.infrastructure.chart.rendering import (
    Object,
    containers,
    environment,
    everything,
    name_of,
    named,
    pods,
    rendered,
)

pytestmark = pytest.mark.chart

HTTPS = [{"protocol": "TCP", "port": 443}]
LASTING = [
    "evoke-api",
    "evoke-archiver",
    "evoke-worker-factorial",
    "evoke-worker-own",
    "evoke-worker-pictures",
]


@pytest.fixture(scope="module")
def objects() -> list[Object]:
    return everything()


def of_kind(objects: list[Object], kind: str) -> dict[str, Object]:
    return {each["metadata"]["name"]: each for each in objects if each["kind"] == kind}


def test_every_process_that_lasts_is_a_deployment(objects: list[Object]) -> None:
    assert sorted(of_kind(objects, "Deployment")) == LASTING


@pytest.mark.parametrize("name", LASTING)
def test_every_container_that_lasts_is_given_time_to_start_and_is_started_again_when_it_hangs(
    objects: list[Object], name: str
) -> None:
    pod = named(objects, "Deployment", name)["spec"]["template"]
    lasting = [
        each
        for each in containers(pod)
        if each in pod["spec"]["containers"] or each.get("restartPolicy") == "Always"
    ]
    assert lasting
    for each in lasting:
        start = each["startupProbe"]
        assert start["periodSeconds"] * start["failureThreshold"] >= 60, each["name"]
        assert {"exec", "httpGet"} & each["livenessProbe"].keys(), each["name"]


def test_only_what_can_do_its_work_counts_as_ready(objects: list[Object]) -> None:
    (api,) = named(objects, "Deployment", "evoke-api")["spec"]["template"]["spec"]["containers"]
    assert api["readinessProbe"]["httpGet"]["path"] == "/readyz"
    (sidecar,) = named(objects, "Deployment", "evoke-worker-own")["spec"]["template"]["spec"]["containers"]
    assert "evoke_model_up=1" in sidecar["readinessProbe"]["exec"]["command"]


def test_the_api_answers_until_every_node_knows_that_it_goes(objects: list[Object]) -> None:
    (api,) = named(objects, "Deployment", "evoke-api")["spec"]["template"]["spec"]["containers"]
    assert api["lifecycle"]["preStop"]["sleep"]["seconds"] >= 5


@pytest.mark.parametrize("name", LASTING)
def test_replicas_go_one_at_a_time_and_stand_apart(objects: list[Object], name: str) -> None:
    deployment = named(objects, "Deployment", name)
    selector = deployment["spec"]["selector"]
    budget = named(objects, "PodDisruptionBudget", name)["spec"]
    assert budget["selector"] == selector
    assert budget["maxUnavailable"] == 1
    template = deployment["spec"]["template"]
    spread = {each["topologyKey"]: each for each in template["spec"]["topologySpreadConstraints"]}
    assert spread.keys() == {"topology.kubernetes.io/zone", "kubernetes.io/hostname"}
    for each in spread.values():
        assert each["labelSelector"] == selector
        assert selector["matchLabels"].items() <= template["metadata"]["labels"].items()


def test_no_process_shares_its_selector_with_another(objects: list[Object]) -> None:
    labels = [pod["metadata"]["labels"] for name, pod in pods(objects) if name.startswith("Deployment/")]
    for name in LASTING:
        asked = named(objects, "Deployment", name)["spec"]["selector"]["matchLabels"].items()
        assert len([each for each in labels if asked <= each.items()]) == 1, name


def test_the_front_goes_before_the_workers_when_room_is_short(objects: list[Object]) -> None:
    classes = {name: each["value"] for name, each in of_kind(objects, "PriorityClass").items()}
    assert classes["evoke-front"] > classes["evoke-workers"]
    for name in LASTING:
        used = named(objects, "Deployment", name)["spec"]["template"]["spec"]["priorityClassName"]
        assert used == ("evoke-workers" if "worker" in name else "evoke-front")


def test_priorities_and_budgets_can_be_left_to_the_cluster() -> None:
    plain = rendered({"podDisruptionBudgets": False})
    assert not of_kind(plain, "PriorityClass") | of_kind(plain, "PodDisruptionBudget")
    assert not [name for name, pod in pods(plain) if "priorityClassName" in pod["spec"]]


@pytest.mark.parametrize("process", ["admin", "api", "archiver", "models", "worker"])
def test_a_role_of_iam_is_given_to_one_process(process: str) -> None:
    role = {"eks.amazonaws.com/role-arn": f"arn:aws:iam::123456789012:role/{process}"}
    accounts = of_kind(rendered({"serviceAccounts": {process: {"annotations": role}}}), "ServiceAccount")
    told = {
        name
        for name, each in accounts.items()
        if role.items() <= each["metadata"].get("annotations", {}).items()
    }
    assert told == {f"evoke-{process}"}


def test_a_process_with_a_role_by_irsa_reaches_what_gives_it_credentials_and_no_other_does() -> None:
    sts = {"ipBlock": {"cidr": "10.0.3.4/32"}}
    inside = {"ipBlock": {"cidr": "10.0.9.0/24"}}
    values = {
        "engine": {"s3": {"endpoint": "http://s3.example:7070"}},
        "serviceAccounts": {
            "archiver": {"annotations": {"eks.amazonaws.com/role-arn": "arn:aws:iam::1:role/a"}}
        },
        "networkPolicy": {"s3To": [inside], "stsTo": [sts]},
    }
    policies = of_kind(rendered(values), "NetworkPolicy")
    led = {
        name
        for name, each in policies.items()
        if {"ports": HTTPS, "to": [sts]} in each["spec"].get("egress", [])
    }
    assert led == {"evoke-archiver"}


def test_secrets_that_something_else_makes_reach_every_process_of_ours_but_no_model(
    objects: list[Object],
) -> None:
    reached = set()
    for name, pod in pods(objects):
        for each in containers(pod):
            if {"secretRef": {"name": "evoke"}} in each.get("envFrom", []):
                reached.add((name.partition("/")[2], each["name"]))
    assert {container for _, container in reached} >= {
        "api",
        "archiver",
        "sidecar",
        "topics",
        "table",
        "pull",
    }
    assert not [each for each in reached if each[1] in ("model", "weights")]
    assert not of_kind(objects, "Secret")


def test_keys_certificates_and_passwords_come_from_secrets_by_name(objects: list[Object]) -> None:
    spec = named(objects, "Deployment", "evoke-api")["spec"]["template"]["spec"]
    secrets = {each["secret"]["secretName"] for each in spec["volumes"] if "secret" in each}
    assert secrets == {"keys", "pulsar-ca"}
    (api,) = spec["containers"]
    told = environment(api)
    assert told["EVOKE_TRINO_PASSWORD"]["secretKeyRef"] == {"name": "trino", "key": "password"}
    assert told["AWS_SECRET_ACCESS_KEY"]["secretKeyRef"]["name"] == "s3"


def test_no_door_is_opened_that_was_not_asked_for() -> None:
    plain = rendered()
    assert not of_kind(plain, "Ingress") | of_kind(plain, "HTTPRoute")
    assert {each["spec"]["type"] for each in of_kind(plain, "Service").values()} == {"ClusterIP"}


def test_both_doors_lead_to_the_api(objects: list[Object]) -> None:
    service = named(objects, "Service", "evoke-api")["spec"]
    assert service["selector"] == named(objects, "Deployment", "evoke-api")["spec"]["selector"]["matchLabels"]
    (path,) = named(objects, "Ingress", "evoke-api")["spec"]["rules"][0]["http"]["paths"]
    assert path["backend"]["service"] == {"name": "evoke-api", "port": {"name": service["ports"][0]["name"]}}
    (rule,) = named(objects, "HTTPRoute", "evoke-api")["spec"]["rules"]
    assert rule["backendRefs"] == [{"name": "evoke-api", "port": service["ports"][0]["port"]}]


def test_the_archive_is_kept_up_by_one_job_at_a_time(objects: list[Object]) -> None:
    jobs = of_kind(objects, "CronJob")
    assert sorted(jobs) == ["evoke-compact", "evoke-expire"]
    for name, job in jobs.items():
        assert job["spec"]["concurrencyPolicy"] == "Forbid"
        (container,) = job["spec"]["jobTemplate"]["spec"]["template"]["spec"]["containers"]
        assert container["args"] == [name.removeprefix("evoke-")]
    left = of_kind(rendered({"archiver": {"expiry": {"enabled": False}}}), "CronJob")
    assert list(left) == ["evoke-compact"]


def test_topics_and_table_are_made_before_anything_else_is_installed_or_upgraded(
    objects: list[Object],
) -> None:
    job = named(objects, "Job", "evoke-admin")
    assert set(job["metadata"]["annotations"]["helm.sh/hook"].split(",")) == {"pre-install", "pre-upgrade"}
    assert [each["args"] for each in containers(job["spec"]["template"])] == [["admin", "init"], ["prepare"]]


def test_helm_test_submits_a_job(objects: list[Object]) -> None:
    (pod,) = (
        each for each in objects if each["metadata"].get("annotations", {}).get("helm.sh/hook") == "test"
    )
    (container,) = pod["spec"]["containers"]
    assert container["args"][:3] == ["submit", "factorial", "20"]
    assert environment(container)["EVOKE_URL"] == "http://evoke-api:80"


def test_gpus_are_asked_for_and_tolerated_where_nodes_for_them_are_made(objects: list[Object]) -> None:
    nodes: Any = named(objects, "NodePool", "evoke-gpu")["spec"]["template"]
    spec = named(objects, "Deployment", "evoke-worker-pictures")["spec"]["template"]["spec"]
    assert spec["nodeSelector"].items() <= nodes["metadata"]["labels"].items()
    (taint,) = nodes["spec"]["taints"]
    assert [each["key"] for each in spec["tolerations"]] == [taint["key"]]
    model = next(each for each in spec["initContainers"] if each["name"] == "model")
    assert model["resources"]["limits"][taint["key"]] == 1


def test_every_object_says_what_it_belongs_to(objects: list[Object]) -> None:
    for each in objects:
        labels = each["metadata"]["labels"]
        assert labels["app.kubernetes.io/instance"] == "evoke", name_of(each)
        assert labels["app.kubernetes.io/managed-by"] == "Helm", name_of(each)
