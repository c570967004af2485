"""What the chart makes is what a security team signs and what evoke's processes need."""

from __future__ import annotations

import json
from typing import Any

import pytest
from pydantic import SecretStr

from evoke.adapters.pulsar.administration import wanted
from evoke.domain import topics
from evoke.domain.topics import Lane
from evoke.settings import PREFIX, Settings, load_settings
from tests.infrastructure.chart.rendering import (
    FULL,
    ROOT,
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


@pytest.fixture(scope="module")
def objects() -> list[Object]:
    return everything()


def worker(objects: list[Object], pool: str) -> Object:
    found: Object = named(objects, "Deployment", f"evoke-worker-{pool}")["spec"]["template"]["spec"]
    return found


def test_every_pod_keeps_the_rules_of_restricted_pod_security(objects: list[Object]) -> None:
    for name, pod in pods(objects):
        security = pod["spec"]["securityContext"]
        assert security["runAsNonRoot"] is True, name
        assert security["runAsUser"] > 0, name
        assert security["seccompProfile"] == {"type": "RuntimeDefault"}, name
        for container in containers(pod):
            own = container["securityContext"]
            assert own["allowPrivilegeEscalation"] is False, name
            assert own["capabilities"] == {"drop": ["ALL"]}, name
            assert own["readOnlyRootFilesystem"] is True, name
        assert not [volume for volume in pod["spec"]["volumes"] if "hostPath" in volume], name


def test_no_pod_speaks_with_kubernetes_or_takes_settings_from_services(objects: list[Object]) -> None:
    for name, pod in pods(objects):
        assert pod["spec"]["automountServiceAccountToken"] is False, name
        assert pod["spec"]["enableServiceLinks"] is False, name


def test_every_container_has_a_bound_of_memory_and_a_fixed_image(objects: list[Object]) -> None:
    for name, pod in pods(objects):
        for container in containers(pod):
            assert "memory" in container["resources"]["limits"], name
            assert "cpu" in container["resources"]["requests"], name
            assert ":" in container["image"], name
            assert not container["image"].endswith(":latest"), name


def test_what_is_told_to_a_process_are_settings_that_it_takes(objects: list[Object]) -> None:
    seen = 0
    for name, pod in pods(objects):
        for container in containers(pod):
            told = {
                key.removeprefix(PREFIX).lower(): value
                for key, value in environment(container).items()
                if key.startswith(PREFIX) and key != "EVOKE_URL"
            }
            unknown = set(told) - set(Settings.model_fields)
            assert not unknown, (name, unknown)
            load_settings({key: value for key, value in told.items() if isinstance(value, str)})
            seen += bool(told)
    assert seen >= 7


def test_no_secret_is_written_into_an_object(objects: list[Object]) -> None:
    secret = {
        f"{PREFIX}{name.upper()}"
        for name, field in Settings.model_fields.items()
        if SecretStr in _types(field)
    }
    assert "EVOKE_PULSAR_TOKEN" in secret
    for name, pod in pods(objects):
        for container in containers(pod):
            for key, value in environment(container).items():
                if key in secret or key.startswith("AWS_"):
                    assert "secretKeyRef" in value, (name, key)


def _types(field: Any) -> tuple[Any, ...]:
    return getattr(field.annotation, "__args__", (field.annotation,))


def own_arguments(image: str) -> list[str]:
    """What an image of ours is started with when it is told nothing, as `--option=value`."""
    name = image.rpartition("/")[2].partition(":")[0].removeprefix("evoke-")
    text = (ROOT / "infrastructure" / "images" / name / "Dockerfile").read_text()
    words = json.loads(text.rpartition("CMD ")[2])
    return [f"{option}={value}" for option, value in zip(words[::2], words[1::2], strict=True)]


@pytest.mark.parametrize("pool", ["factorial", "pictures", "own"])
def test_a_model_starts_before_its_sidecar_ends_after_it_and_shares_a_socket(
    objects: list[Object], pool: str
) -> None:
    spec = worker(objects, pool)
    model = next(each for each in spec["initContainers"] if each["name"] == "model")
    (sidecar,) = spec["containers"]
    assert model["restartPolicy"] == "Always"
    address = environment(sidecar)["EVOKE_MODEL_ADDRESS"]
    assert f"--address={address}" in (model.get("args") or own_arguments(model["image"]))
    folder = address.removeprefix("unix:").rpartition("/")[0]
    for container in (model, sidecar):
        assert {"name": "socket", "mountPath": folder} in container["volumeMounts"]


def test_a_container_in_another_language_brings_its_own_health_command() -> None:
    own = {"name": "a", "queue": "q", "image": "example.org/own:1", "healthCommand": ["/healthy"]}
    model = worker(rendered({"workers": [own]}), "a")["initContainers"][0]
    assert model["startupProbe"]["exec"]["command"] == ["/healthy"]
    assert model["livenessProbe"]["exec"]["command"] == ["/healthy"]


def test_a_model_gets_no_credentials(objects: list[Object]) -> None:
    for pool in ("factorial", "pictures", "own"):
        template = named(objects, "Deployment", f"evoke-worker-{pool}")["spec"]["template"]
        model = next(each for each in template["spec"]["initContainers"] if each["name"] == "model")
        assert "envFrom" not in model
        assert not [name for name in environment(model) if name.startswith(("EVOKE_", "AWS_"))]
        skipped = template["metadata"]["annotations"]["eks.amazonaws.com/skip-containers"]
        assert "model" in skipped.split(",")


def test_a_pod_gets_longer_to_end_than_its_process_takes(objects: list[Object]) -> None:
    for name, pod in pods(objects):
        for container in pod["spec"]["containers"]:
            drain = environment(container).get("EVOKE_DRAIN_S")
            if drain is not None:
                pause = container.get("lifecycle", {}).get("preStop", {}).get("sleep", {}).get("seconds", 0)
                assert pod["spec"]["terminationGracePeriodSeconds"] > float(drain) + pause + 2.8, name


def test_a_pool_says_what_it_needs_and_takes_the_rest_from_the_defaults() -> None:
    objects = rendered(
        {
            "workerDefaults": {"replicas": 3, "modelResources": {"limits": {"memory": "4Gi"}}},
            "workers": [
                {"name": "a", "queue": "q", "container": "factorial"},
                {
                    "name": "b",
                    "queue": "q",
                    "container": "factorial",
                    "replicas": 1,
                    "modelResources": {"limits": {"nvidia.com/gpu": 1}},
                },
            ],
        }
    )
    assert named(objects, "Deployment", "evoke-worker-a")["spec"]["replicas"] == 3
    assert named(objects, "Deployment", "evoke-worker-b")["spec"]["replicas"] == 1
    limits = worker(objects, "b")["initContainers"][0]["resources"]["limits"]
    assert limits == {"memory": "4Gi", "nvidia.com/gpu": 1}


def test_a_pool_is_scaled_by_every_topic_that_its_jobs_wait_in(objects: list[Object]) -> None:
    scaled = named(objects, "ScaledObject", "evoke-worker-pictures")["spec"]
    assert scaled["minReplicaCount"] == 0
    asked = {trigger["metadata"]["topic"].rpartition("/")[2] for trigger in scaled["triggers"]}
    queue = "txt2img_generation"
    parts = {topics.requested(queue, lane, part) for lane in Lane for part in range(2)}
    assert asked == {*parts, topics.retry_requested(queue)}
    held = {name for name, subscriptions in wanted(queue, 2) if "workers" in subscriptions}
    assert asked == held
    assert {trigger["metadata"]["subscription"] for trigger in scaled["triggers"]} == {"workers"}
    # KEDA's name of it: its documentation's page is called Apache Pulsar, and it knows no scaler `apache-pulsar`.
    assert {trigger["type"] for trigger in scaled["triggers"]} == {"pulsar"}


def test_a_scaled_pool_has_no_fixed_number_of_pods(objects: list[Object]) -> None:
    assert "replicas" not in named(objects, "Deployment", "evoke-worker-pictures")["spec"]
    assert "replicas" not in named(objects, "Deployment", "evoke-worker-own")["spec"]
    assert named(objects, "HorizontalPodAutoscaler", "evoke-worker-own")["spec"]["minReplicas"] == 1


def test_weights_are_fetched_once_for_what_is_asked_for(objects: list[Object]) -> None:
    (job,) = (each for each in objects if each["kind"] == "Job" and "models" in each["metadata"]["name"])
    marker = environment(job["spec"]["template"]["spec"]["containers"][0])["WEIGHTS"]
    waiting = next(
        each for each in worker(objects, "pictures")["initContainers"] if each["name"] == "weights"
    )
    assert environment(waiting)["WEIGHTS"] == marker
    assert named(everything(), "Job", job["metadata"]["name"])


def test_a_job_that_fetches_weights_is_a_new_one_where_it_would_have_to_change(objects: list[Object]) -> None:
    """Kubernetes refuses to change a Job's pod, and with it the upgrade."""

    def fetching(**values: Any) -> Object:
        found = rendered(values, FULL)
        (job,) = (each for each in found if each["kind"] == "Job" and "models" in each["metadata"]["name"])
        return job

    before = fetching()
    assert fetching(settings={"EVOKE_LOG_LEVEL": "warning"}, monitoring={"otlpEndpoint": ""}) == before
    for change in (
        {"models": {"resources": {"limits": {"memory": "3Gi"}}}},
        {"models": {"pull": {"ids": ["shapes-64", "sounds-16k"]}}},
        {"image": {"tag": "1.2.4"}},
        {"secretEnvironment": ["other"]},
        {"engine": {"s3": {"endpoint": "http://other.example"}}},
    ):
        after = fetching(**change)
        assert after["spec"]["template"] != before["spec"]["template"]
        assert after["metadata"]["name"] != before["metadata"]["name"], change


def test_workers_only_read_the_weights(objects: list[Object]) -> None:
    spec = worker(objects, "pictures")
    (claim,) = (volume for volume in spec["volumes"] if volume["name"] == "models")
    assert claim["persistentVolumeClaim"]["readOnly"] is True
    for container in spec["initContainers"]:
        assert {"name": "models", "mountPath": "/models", "readOnly": True} in container["volumeMounts"]


def test_every_pod_of_ours_is_denied_all_that_no_policy_allows(objects: list[Object]) -> None:
    deny = named(objects, "NetworkPolicy", "evoke-deny")["spec"]
    assert deny["policyTypes"] == ["Ingress", "Egress"]
    assert not deny.keys() & {"ingress", "egress"}
    for name, pod in pods(objects):
        labels = pod["metadata"]["labels"]
        assert deny["podSelector"]["matchLabels"].items() <= labels.items(), name


def test_a_process_reaches_the_servers_that_it_needs_and_no_others(objects: list[Object]) -> None:
    def ports(process: str) -> set[int | str]:
        policy = named(objects, "NetworkPolicy", f"evoke-{process}")["spec"]
        return {port["port"] for rule in policy["egress"] for port in rule["ports"]}

    assert ports("worker") == {6651, 443, 7070, 4318}
    assert ports("api") == {6651, 443, 7070, 4318}
    assert ports("archiver") == {6651, 443, 7070, 19120, 4318}
    assert ports("test") == {"http"}


def test_who_fetches_weights_reaches_the_ports_of_its_links() -> None:
    urls = (
        "https://mirror.example:8443/a.safetensors",
        "https://example.org/b.safetensors",
        "s3://bucket/c:1/d",
    )
    links = [{"url": url, "rename_to": f"{number}.safetensors"} for number, url in enumerate(urls)]
    policy = named(rendered({"models": {"pull": {"links": links}}}, FULL), "NetworkPolicy", "evoke-models")
    s3 = 7070
    assert sorted(port["port"] for rule in policy["spec"]["egress"] for port in rule["ports"]) == [
        443,
        s3,
        8443,
    ]


def test_a_pool_of_ours_that_names_no_options_has_those_of_its_image() -> None:
    given = {"name": "pictures", "queue": "txt2img_generation"}
    own = {"container": "diffusers"}
    address = "--address=unix:/run/evoke/model.sock"
    for told, expected in (
        (own, None),
        ({**own, "args": ["--model=a=/models/a"]}, [address, "--model=a=/models/a"]),
        ({"image": "example.org/mine:1"}, [address]),
    ):
        spec = worker(rendered({"workers": [{**given, **told}]}, FULL), "pictures")
        (model,) = (each for each in spec["initContainers"] if each["name"] == "model")
        assert model.get("args") == expected


def test_every_process_has_its_own_account(objects: list[Object]) -> None:
    accounts = {each["metadata"]["name"] for each in objects if each["kind"] == "ServiceAccount"}
    used = {pod["spec"]["serviceAccountName"] for _, pod in pods(objects)}
    assert used == accounts


def test_what_is_there_before_an_install_is_all_that_the_admin_job_needs(objects: list[Object]) -> None:
    hooks = {
        name_of(each) for each in objects if "pre-install" in str(each["metadata"].get("annotations", {}))
    }
    job = named(objects, "Job", "evoke-admin")["spec"]["template"]["spec"]
    assert f"ServiceAccount/{job['serviceAccountName']}" in hooks
    (catalogue,) = (volume["configMap"]["name"] for volume in job["volumes"] if volume["name"] == "catalogue")
    assert f"ConfigMap/{catalogue}" in hooks


def test_a_changed_catalogue_rolls_the_pods() -> None:
    def mark(text: str) -> str:
        api = named(rendered({"catalogue": text}), "Deployment", "evoke-api")
        return str(api["spec"]["template"]["metadata"]["annotations"]["evoke/catalogue"])

    assert mark("include: [shipped]") != mark("include: [shipped]\nmodels: []")


def test_names_stay_short_enough_whatever_the_release_is_called() -> None:
    for each in rendered({"fullnameOverride": "a" * 40}):
        assert len(each["metadata"]["name"]) <= 63
