import pytest

from bench.scale.__main__ import PAGE, main
from bench.scale.page import filled


def test_the_page_shows_what_the_program_calculates() -> None:
    assert main(["--check"]) == 0


def test_a_changed_table_is_noticed() -> None:
    page = PAGE.read_text(encoding="utf-8")

    assert filled(page.replace("| workers (GPUs) | 63 |", "| workers (GPUs) | 64 |")) == page


def test_a_page_without_a_place_for_a_table_is_refused() -> None:
    with pytest.raises(ValueError, match="plans"):
        filled("# Scale\n")
