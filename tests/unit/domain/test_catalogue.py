"""The catalogue: what `models.yaml` may say, and how a model is found by what a user calls it."""

from __future__ import annotations

from pathlib import Path
from typing import Any

import pytest
import yaml

from evoke.bootstrap import load_catalogue
from evoke.catalogue_file import add_entry
from evoke.domain.catalogue import Catalogue, Model, Source
from evoke.domain.catalogue_document import catalogue_of
from evoke.domain.errors import InvalidInput, UnknownModel
from evoke.domain.weights_place import shown

SHIPPED = ["shapes-64", "factorial", "cough", "sounds-16k"]


def entry(id_: str, **fields: Any) -> dict[str, Any]:
    return {
        "id": id_,
        "task": "draw",
        "queue": "pictures",
        "container": "pens",
        "title": id_,
        "input": {},
        **fields,
    }


def catalogue(*entries: dict[str, Any]) -> Catalogue:
    return catalogue_of({"models": list(entries)})


def test_a_model_is_found_by_its_id_and_by_its_aliases() -> None:
    found = catalogue(entry("pen", aliases=["biro", "quill"]), entry("brush"))
    assert found.get("pen") is found.get("biro") is found.get("quill")
    assert found.get("brush").id == "brush"


def test_an_unknown_name_gets_the_nearest_ones() -> None:
    found = catalogue(entry("stable-diffusion-v1-5"), entry("sdxl-turbo"), entry("cough"))
    with pytest.raises(UnknownModel) as raised:
        found.get("stable-difusion-1.5")
    assert raised.value.nearest[0] == "stable-diffusion-v1-5"
    assert "did you mean stable-diffusion-v1-5" in str(raised.value)


def test_a_name_that_is_like_nothing_gets_no_hint() -> None:
    with pytest.raises(UnknownModel) as raised:
        catalogue(entry("pen")).get("0123456789" * 1000)
    assert raised.value.nearest == ()
    assert len(str(raised.value)) < 200


@pytest.mark.parametrize(
    "entries",
    [
        [entry("a"), entry("a")],
        [entry("a"), entry("b", aliases=["a"])],
        [entry("a", aliases=["x"]), entry("x")],
    ],
)
def test_two_models_can_not_have_one_name(entries: list[dict[str, Any]]) -> None:
    with pytest.raises(InvalidInput, match="two entries are called"):
        catalogue(*entries)


def test_queues_are_named_once_in_the_order_of_the_entries() -> None:
    found = catalogue(entry("a", queue="y"), entry("b", queue="x"), entry("c", queue="y"))
    assert found.queues == ("y", "x")


def test_the_first_model_of_a_task_is_its_default() -> None:
    found = catalogue(entry("a", task="t"), entry("b", task="t"), entry("c", task="u"))
    assert (found.default("t").id, found.default("u").id) == ("a", "c")
    with pytest.raises(UnknownModel):
        found.default("v")


def test_a_container_serves_its_own_models() -> None:
    found = catalogue(entry("a", container="x"), entry("b", container="y"), entry("c", container="x"))
    assert [model.id for model in found.served_by("x")] == ["a", "c"]
    assert found.served_by("z") == ()


@pytest.mark.parametrize(
    ("document", "field"),
    [
        ({}, "models"),
        ({"models": None}, "models"),
        ({"models": {"a": {}}}, "models"),
        ({"models": ["text"]}, "models\\[0\\]"),
        ({"models": [entry("a"), {"id": "b"}]}, "models\\[1\\].*task"),
        ({"models": [entry("a", limits={"max_pixels": "many"})]}, "models\\[0\\].*max_pixels"),
        ({"models": [entry("a", input="schema")]}, "models\\[0\\].*input"),
        ({"models": [entry("a", licenze="free")]}, "models\\[0\\].*licenze"),
        ({"models": [entry("a/b")]}, "models\\[0\\].id.*a/b"),
        ({"models": [entry("a", container="../c")]}, "models\\[0\\].container"),
        ({"models": [entry("a", limits={"max_steps": 0})]}, "limits.max_steps.*more than 0, got 0"),
        ({"models": [entry("a", source={"uri": "ftp://x/y"})]}, "source.uri.*'ftp' is no kind of source"),
        ({"models": [entry("a", source={"uri": "hf:../x"})]}, "source.uri.*hf:ORG/NAME"),
        ({"models": [entry("a", source={"uri": "hf:a/b@../c"})]}, "source.uri.*no revision"),
        ({"models": [entry("a", source={"uri": "s3://bucket"})]}, "source.uri.*s3://BUCKET/KEY"),
        ({"models": [entry("a", source={"uri": "https:///x"})]}, "source.uri.*no URL"),
        ({"models": [entry("a", source={"uri": "https://x.org/"})]}, "source.uri.*must name a file"),
        (
            {"models": [entry("a", source={"uri": "https://me:pass@x.org/a"})]},
            "source.uri.*no user or password",
        ),
        ({"models": [entry("a", source={"uri": "https://x.org/a", "sha256": "12"})]}, "source.sha256.*64"),
        (
            {"models": [entry("a", source={"uri": "hf:a/b", "sha256": "0" * 64})]},
            "source.sha256.*single file",
        ),
        ({"models": [entry("a", source={"uri": "https://x.org/a", "size_bytes": 0})]}, "source.size_bytes"),
        ({"models": [], "containers": []}, "containers"),
        ({"models": [], "containers": {"../x": {"command": ["a"]}}}, "containers.*'../x'"),
        ({"models": [], "containers": {"x": {"command": []}}}, "containers.x.command"),
        ({"models": [], "containers": {"x": {"command": "a b"}}}, "containers.x"),
        ({"models": [], "model_links": {}}, "model_links"),
        ({"models": [], "model_links": [{"url": "https://x.org/a"}]}, "model_links\\[0\\].*rename_to"),
        (
            {"models": [], "model_links": [{"url": "https://x.org/a", "rename_to": "../a"}]},
            "rename_to.*file name",
        ),
        ({"models": [], "model_links": [{"url": "a/b", "rename_to": "a"}]}, "model_links\\[0\\].url"),
        ({"models": [], "modles": []}, "modles"),
    ],
)
def test_a_document_that_is_no_catalogue_is_refused_with_the_place(
    document: dict[str, Any], field: str
) -> None:
    with pytest.raises(InvalidInput, match=field):
        catalogue_of(document)


@pytest.mark.parametrize("queue", ["pictures_bulk", "pictures_bulk_bulk", "_bulk"])
def test_a_queue_whose_topic_is_another_queues_bulk_lane_is_refused_with_its_entry(queue: str) -> None:
    with pytest.raises(InvalidInput, match=rf"models\[1\]\.queue.*'{queue}' of 'brush'.*'_bulk'"):
        catalogue(entry("pen"), entry("brush", queue=queue))


@pytest.mark.parametrize("queue", ["bulk", "bulk_pictures", "pictures_bulky"])
def test_a_queue_may_speak_of_bulk_elsewhere_in_its_name(queue: str) -> None:
    assert catalogue(entry("pen"), entry("brush", queue=queue)).queues == ("pictures", queue)


def test_the_catalogue_that_ships_is_sound() -> None:
    found = load_catalogue(None)
    assert "txt2img_generation" in found.queues
    for model in found.models:
        assert found.get(model.id) is model
        assert _defaults_fit(model)


def _defaults_fit(model: Model) -> bool:
    properties = model.input.get("properties", {})
    required = model.input.get("required", [])
    return model.input["type"] == "object" and set(required) <= set(properties)


def test_a_file_that_is_missing_or_no_yaml_is_refused_with_its_name(tmp_path: Path) -> None:
    with pytest.raises(InvalidInput, match="nowhere"):
        load_catalogue(tmp_path / "nowhere.yaml")
    (tmp_path / "bad.yaml").write_text("models: [", encoding="utf-8")
    with pytest.raises(InvalidInput, match="bad"):
        load_catalogue(tmp_path / "bad.yaml")
    (tmp_path / "list.yaml").write_text("- a", encoding="utf-8")
    with pytest.raises(InvalidInput, match="models"):
        load_catalogue(tmp_path / "list.yaml")


def test_a_password_in_an_address_is_not_repeated() -> None:
    with pytest.raises(InvalidInput) as refusal:
        catalogue(entry("a", source={"uri": "https://me:hush@x.org/a"}))
    assert "hush" not in str(refusal.value)
    assert shown("https://x.org/a.safetensors?token=hush#hush") == "https://x.org/a.safetensors?…"


@pytest.mark.parametrize("task", ["text-to-audio", "text-to-sound", "text-to-music"])
def test_what_makes_sound_is_limited_where_its_entry_says_nothing(task: str) -> None:
    found = catalogue(entry("a", task=task), entry("b", task=task, limits={"max_duration_s": 5}), entry("c"))
    assert [(m.limits.max_duration_s, m.limits.max_prompt_len) for m in found.models] == [
        (30.0, 100),
        (5.0, 100),
        (None, None),
    ]


def test_a_file_includes_others_whose_paths_start_at_their_own_folder(tmp_path: Path) -> None:
    (tmp_path / "far").mkdir()
    near, far = tmp_path / "models.yaml", tmp_path / "far" / "more.yaml"
    near.write_text(
        yaml.safe_dump(
            {
                "include": ["shipped", "far/more.yaml"],
                "models": [entry("a", source={"uri": "weights", "config": "/configs"})],
            }
        )
    )
    far.write_text(
        yaml.safe_dump(
            {
                "include": ["../models.yaml"],
                "containers": {
                    "pens": {"command": ["./draw"]},
                    "ink": {"command": ["x"], "folder": "../ink"},
                },
                "models": [entry("b", source={"uri": "file:weights"}), entry("c", source={"uri": "hf:a/b"})],
                "model_links": [{"url": "https://x.org/a.safetensors", "rename_to": "a.safetensors"}],
            }
        )
    )
    found = load_catalogue(near)
    assert [model.id for model in found.models] == ["a", *SHIPPED, "b", "c"]
    sources = {model.id: model.source for model in found.models}
    assert sources["a"] == Source(uri=str(tmp_path / "weights"), config="/configs")
    assert sources["b"] == Source(uri=str(tmp_path / "far" / "weights"))
    assert sources["c"] == Source(uri="hf:a/b")
    assert found.containers["pens"].folder == str(tmp_path / "far")
    assert Path(found.containers["ink"].folder).resolve() == tmp_path / "ink"
    assert [link.rename_to for link in found.links] == ["a.safetensors"]


@pytest.mark.parametrize(
    ("first", "second", "told"),
    [
        ({"models": []}, {"models": {}}, "models: must be a list"),
        ({"models": [entry("a")]}, {"models": [entry("a")]}, "two entries are called 'a'"),
        (
            {"containers": {"x": {"command": ["a"]}}},
            {"containers": {"x": {"command": ["b"]}}},
            "two entries are called 'x'",
        ),
        ({"include": "more.yaml"}, {}, "include: must be a list"),
    ],
)
def test_files_that_do_not_go_together_are_refused(
    tmp_path: Path, first: dict[str, Any], second: dict[str, Any], told: str
) -> None:
    (tmp_path / "models.yaml").write_text(yaml.safe_dump({"include": ["more.yaml"], **first}))
    (tmp_path / "more.yaml").write_text(yaml.safe_dump(second))
    with pytest.raises(InvalidInput, match=told):
        load_catalogue(tmp_path / "models.yaml")


def test_an_entry_is_added_without_touching_the_rest(tmp_path: Path) -> None:
    file = tmp_path / "models.yaml"
    written = f"# mine\nmodels:\n  - {yaml.safe_dump(entry('a'), default_flow_style=True)}  # and a remark\n"
    file.write_text(written)
    add_entry(file, entry("b", description="a: tricky, one"))
    assert file.read_text().startswith(written.rstrip("\n"))
    assert [model.id for model in load_catalogue(file).models] == ["a", "b"]


def test_a_first_entry_makes_a_catalogue_with_those_that_ship(tmp_path: Path) -> None:
    file = tmp_path / "models.yaml"
    add_entry(file, entry("a"))
    assert [model.id for model in load_catalogue(file).models] == ["a", *SHIPPED]


@pytest.mark.parametrize(
    "text", ["models: []\n", "models:\n- {id: a}\n", "models:\n  - {id: a}\nlicence: x\n"]
)
def test_a_file_that_can_not_be_added_to_stays_as_it_is_and_the_entry_is_shown(
    tmp_path: Path, text: str
) -> None:
    file = tmp_path / "models.yaml"
    file.write_text(text)
    with pytest.raises(InvalidInput, match="by hand:\n- id: b"):
        add_entry(file, entry("b"))
    assert file.read_text() == text


def test_an_entry_that_is_wrong_is_not_written(tmp_path: Path) -> None:
    file = tmp_path / "models.yaml"
    add_entry(file, entry("a"))
    before = file.read_text()
    with pytest.raises(InvalidInput, match="two entries"):
        add_entry(file, entry("a"))
    assert file.read_text() == before
    assert [path.name for path in tmp_path.iterdir()] == ["models.yaml"]
