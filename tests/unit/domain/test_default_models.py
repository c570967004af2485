"""The model that serves a task where a request names none."""

from __future__ import annotations

import pytest

from evoke.bootstrap import load_catalogue
from evoke.domain.errors import NoModelOfTask, UnknownModel


def test_the_first_model_of_a_task_serves_it() -> None:
    assert load_catalogue(None).default("text-to-sound").id == "sounds-16k"


def test_a_task_without_a_model_is_told_by_its_name() -> None:
    with pytest.raises(NoModelOfTask, match=r"^the catalogue has no model of text-to-music$") as caught:
        load_catalogue(None).default("text-to-music")
    assert isinstance(caught.value, UnknownModel)
    assert caught.value.nearest == ()
