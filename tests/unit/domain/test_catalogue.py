"""The catalogue: what `models.yaml` may say, and how a model is found by what a user calls it."""

from __future__ import annotations

from pathlib import Path
from typing import Any

import pytest

from evoke.bootstrap import load_catalogue
from evoke.domain.catalogue import Catalogue, Model, catalogue_of
from evoke.domain.errors import InvalidInput, UnknownModel


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
