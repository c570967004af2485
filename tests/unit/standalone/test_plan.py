"""Which processes are started for which models, and which models are left out."""

from __future__ import annotations

import sys
from pathlib import Path

import msgspec
import pytest

from evoke.domain.catalogue import Catalogue, Container, Model, Source
from evoke.domain.errors import InvalidInput
from services.standalone.banner import curl_line, example_input, submit_line
from services.standalone.installation import Installation, missing_packages
from services.standalone.plan import Command, Stage, chosen_models, make_plan

ENVIRONMENT = {
    "PATH": "/bin",
    "EVOKE_DATA_DIR": "/data",
    "EVOKE_API_KEY": "secret",
    "AWS_SECRET_ACCESS_KEY": "secret",
}
INPUT = {"required": ["no"], "properties": {"no": {"type": "integer", "examples": [20]}}}


def model(name: str, queue: str = "factorial", container: str = "factorial", uri: str | None = None) -> Model:
    source = Source(uri=uri) if uri is not None else None
    return Model(id=name, task=name, queue=queue, container=container, title=name, input=INPUT, source=source)


@pytest.fixture
def installation(tmp_path: Path) -> Installation:
    (tmp_path / "root" / "weights").mkdir(parents=True)
    (tmp_path / "catalogue" / "near").mkdir(parents=True)
    (tmp_path / "models" / "fetched").mkdir(parents=True)
    return Installation(tmp_path / "root", tmp_path / "catalogue", tmp_path / "models")


def commands(installation: Installation, *models: Model) -> dict[str, Command]:
    plan = make_plan(models, (), installation, ENVIRONMENT, Path("/run/e"))
    return {command.name: command for command in plan.commands}


def test_a_model_needs_api_archiver_container_and_sidecar(installation: Installation) -> None:
    found = commands(installation, model("factorial"))
    assert {name: command.words[:3] for name, command in found.items()} == {
        "api": (sys.executable, "-m", "services.api"),
        "archiver": (sys.executable, "-m", "services.archiver"),
        "factorial": (sys.executable, "-m", "model_containers.factorial"),
        "sidecar": (sys.executable, "-m", "worker_sidecar"),
    }


def test_models_of_one_container_share_it_and_each_queue_has_a_sidecar(installation: Installation) -> None:
    found = commands(installation, model("a", "slow"), model("b", "slow"), model("c", "quick"))
    assert set(found) == {"api", "archiver", "factorial", "sidecar:slow", "sidecar:quick"}
    assert found["sidecar:slow"].environment["EVOKE_QUEUE"] == "slow"
    assert found["sidecar:slow"].environment["EVOKE_MODEL_ADDRESS"] == "unix:/run/e/factorial.sock"


def test_a_queue_behind_two_containers_is_refused(installation: Installation) -> None:
    with pytest.raises(InvalidInput, match="queue shared is served by factorial and by diffusers"):
        commands(installation, model("a", "shared"), model("b", "shared", "diffusers"))


def test_containers_learn_no_setting_and_no_credential(installation: Installation) -> None:
    container = commands(installation, model("factorial"))["factorial"]
    assert dict(container.environment) == {"PATH": "/bin"}


def test_a_container_is_told_where_its_weights_lie(installation: Installation, tmp_path: Path) -> None:
    container = commands(installation, model("a", uri="package:weights"), model("b"))["factorial"]
    weights = tmp_path / "root" / "weights"
    assert container.words[3:] == ("--address", "unix:/run/e/factorial.sock", "--model", f"a={weights}")


def test_a_single_file_of_weights_comes_with_the_folder_of_its_configs(
    installation: Installation, tmp_path: Path
) -> None:
    file = tmp_path / "models" / "a.safetensors"
    file.touch()
    source = Source(uri="https://example.org/a.safetensors", config="/configs")
    entry = msgspec.structs.replace(model("a"), source=source)
    assert commands(installation, entry)["factorial"].words[-1] == f"a={file},config=/configs"


def own(tmp_path: Path, *words: str) -> Installation:
    (tmp_path / "pens").mkdir(exist_ok=True)
    containers = {"pens": Container(command=words, folder=str(tmp_path / "pens"))}
    return Installation(tmp_path, tmp_path, None, containers)


def test_a_container_of_the_catalogues_own_is_started_in_its_folder_at_its_address(tmp_path: Path) -> None:
    installed = own(tmp_path, "{python}", "-m", "pens")
    entry = model("a", container="pens")
    assert installed.missing(entry) is None
    started = commands(installed, entry)["pens"]
    assert started.words == (sys.executable, "-m", "pens", "--address", "unix:/run/e/pens.sock")
    assert started.folder == tmp_path / "pens"
    assert started.environment["PYTHONPATH"].startswith(str(tmp_path))
    assert "EVOKE_API_KEY" not in started.environment


def test_a_command_says_itself_where_the_address_goes(tmp_path: Path) -> None:
    installed = own(tmp_path, "./serve", "--listen={address}")
    started = commands(installed, model("a", container="pens"))["pens"]
    assert started.words == (str(tmp_path / "pens" / "serve"), "--listen=unix:/run/e/pens.sock")


@pytest.mark.parametrize("program", ["./serve", "no-such-program-anywhere"])
def test_a_container_whose_program_is_missing_is_left_out_with_the_reason(
    tmp_path: Path, program: str
) -> None:
    reason = own(tmp_path, program).missing(model("a", container="pens")) or ""
    assert program.removeprefix("./") in reason
    assert "program" in reason


def test_a_container_whose_folder_is_missing_is_left_out_with_the_reason(tmp_path: Path) -> None:
    installed = own(tmp_path, "{python}")
    (tmp_path / "pens").rmdir()
    assert "there is no folder" in (installed.missing(model("a", container="pens")) or "")


def test_who_takes_work_stops_first_and_who_writes_it_down_last(installation: Installation) -> None:
    found = commands(installation, model("factorial"))
    order = sorted(found.values(), key=lambda command: command.stage)
    assert [command.name for command in order] == ["api", "sidecar", "factorial", "archiver"]
    assert order[-1].stage is Stage.ARCHIVE


@pytest.mark.parametrize(
    ("uri", "place"),
    [
        ("package:weights", "root/weights"),
        ("near", "catalogue/near"),
        ("file:near", "catalogue/near"),
        ("package:nowhere", None),
        ("hf:someone/something", None),
    ],
)
def test_sources_are_found_where_they_say(
    uri: str, place: str | None, installation: Installation, tmp_path: Path
) -> None:
    found = installation.weights(model("m", uri=uri))
    assert found == (tmp_path / place if place else None)


def test_downloaded_weights_are_found_by_the_models_id(installation: Installation, tmp_path: Path) -> None:
    fetched = model("fetched", uri="hf:someone/something")
    assert installation.weights(fetched) == tmp_path / "models" / "fetched"
    assert installation.missing(fetched) is None


def test_a_model_whose_weights_are_missing_is_left_out_with_the_reason(installation: Installation) -> None:
    catalogue = Catalogue([model("here"), model("gone", uri="package:gone")])
    running, skipped = chosen_models(catalogue, (), installation)
    assert [m.id for m in running] == ["here"]
    assert [name for name, _ in skipped] == ["gone"]
    assert "root/gone" in skipped[0][1]


def test_a_model_without_a_container_is_left_out(installation: Installation) -> None:
    assert "model_containers/nothing" in (installation.missing(model("m", container="nothing")) or "")


def test_a_model_that_was_asked_for_and_can_not_run_stops_the_start(installation: Installation) -> None:
    catalogue = Catalogue([model("here"), model("gone", uri="package:gone")])
    with pytest.raises(InvalidInput, match="gone can't run here"):
        chosen_models(catalogue, ("here", "gone"), installation)


def test_nothing_to_run_stops_the_start(installation: Installation) -> None:
    with pytest.raises(InvalidInput, match="no model can run here"):
        chosen_models(Catalogue([model("gone", uri="package:gone")]), (), installation)


def test_an_unknown_name_gets_the_nearest(installation: Installation) -> None:
    with pytest.raises(InvalidInput, match="did you mean factorial"):
        chosen_models(Catalogue([model("factorial")]), ("factorail",), installation)


def test_only_what_was_asked_for_runs(installation: Installation) -> None:
    running, skipped = chosen_models(Catalogue([model("a"), model("b")]), ("b", "b"), installation)
    assert ([m.id for m in running], skipped) == (["b"], ())


def test_packages_that_are_installed_are_not_missing() -> None:
    assert missing_packages("factorial") == ()


def test_what_to_type_is_complete() -> None:
    shown = Model(
        id="shapes-64",
        task="text-to-image",
        queue="q",
        container="c",
        title="t",
        input={"required": ["prompt"], "properties": {"prompt": {"examples": ["a red circle"]}}},
    )
    assert submit_line(shown, "http://localhost:8000").endswith('submit shapes-64 "a red circle" -o out.png')
    assert submit_line(shown, "http://localhost:9000").startswith("EVOKE_URL=http://localhost:9000 ")
    assert '{"model": "shapes-64", "input": {"prompt": "a red circle"}}' in curl_line(
        shown, "http://localhost:8000"
    )
    assert submit_line(model("factorial"), "http://localhost:8000").endswith("submit factorial -p no=20")
    assert example_input(model("factorial")) == {"no": 20}
