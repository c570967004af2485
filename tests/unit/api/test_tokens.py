"""Opaque tokens go out and come back; anything else is refused."""

from __future__ import annotations

import contextlib

import pytest
from hypothesis import given
from hypothesis import strategies as st

from evoke.domain.errors import InvalidInput
from evoke.ports.event_log import Position
from services.api.tokens import parse_position, parse_stream_token, position_token, stream_token

positions = st.text(st.characters(codec="ascii", exclude_characters="\n"), min_size=1, max_size=40).map(
    Position
)


@given(positions, positions)
def test_a_position_comes_back(topic: str, position: Position) -> None:
    token = position_token(topic, position)
    assert parse_position(token) == (topic, position)
    assert token.isascii()
    assert not set(token) & set("+/= \n")


@given(st.lists(positions, min_size=3, max_size=3))
def test_a_streams_place_comes_back(reached: list[Position]) -> None:
    assert parse_stream_token(stream_token(reached)) == reached


@given(st.text(max_size=700))
def test_anything_else_is_refused_or_is_a_token(text: str) -> None:
    for parse in (parse_position, parse_stream_token):
        with contextlib.suppress(InvalidInput):
            assert parse(text)


@pytest.mark.parametrize("token", ["", "A", "AAAA", "x" * 601, "\u00e9", "Zm9v", "_" * 8])
def test_what_is_no_position_is_refused(token: str) -> None:
    with pytest.raises(InvalidInput):
        parse_position(token)
