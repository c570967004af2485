"""Files of the table: durable, inside their folder, wherever that is."""

from __future__ import annotations

import errno
import os
from pathlib import Path

import pytest

from evoke.adapters.iceberg.files import ROOT_PROPERTY, DurableFileIO


@pytest.fixture
def files(tmp_path: Path) -> DurableFileIO:
    return DurableFileIO({ROOT_PROPERTY: str(tmp_path)})


LOCATION = "file:///somewhere/else/archive/job_events/data/job_hour=1/a.parquet"


def test_what_is_written_is_read_under_its_location(files: DurableFileIO, tmp_path: Path) -> None:
    with files.new_output(LOCATION).create() as stream:
        stream.write(b"abc")
    assert (tmp_path / "job_events/data/job_hour=1/a.parquet").read_bytes() == b"abc"
    with files.new_input(LOCATION).open() as stream:
        assert stream.read() == b"abc"
    assert len(files.new_output(LOCATION)) == len(files.new_input(LOCATION)) == 3
    assert files.new_output(LOCATION).to_input_file().exists()


def test_a_file_is_made_once_unless_it_may_be_overwritten(files: DurableFileIO) -> None:
    files.new_output(LOCATION).create().close()
    with pytest.raises(FileExistsError):
        files.new_output(LOCATION).create()
    files.new_output(LOCATION).create(overwrite=True).close()


def test_a_deleted_file_is_gone(files: DurableFileIO) -> None:
    files.new_output(LOCATION).create().close()
    files.delete(files.new_input(LOCATION))
    assert not files.new_input(LOCATION).exists()
    with pytest.raises(FileNotFoundError):
        files.delete(LOCATION)


@pytest.mark.parametrize(
    "location", ["/etc/passwd", "file:///x/job_events/../../etc/passwd", "file:///x/job_events/", ""]
)
def test_locations_outside_the_table_are_refused(files: DurableFileIO, location: str) -> None:
    with pytest.raises(ValueError, match="no place in the table"):
        files.path(location)


def test_a_file_is_on_disk_before_its_name_is_given_away(files: DurableFileIO, tmp_path: Path) -> None:
    """A disk without space fails the close, not a later reader."""
    full = Path("/dev/full")
    if not full.exists():
        pytest.fail("this system has no /dev/full")
    target = tmp_path / "job_events" / "data"
    target.mkdir(parents=True)
    os.symlink(full, target / "full.parquet")
    stream = files.new_output("x/job_events/data/full.parquet").create(overwrite=True)
    stream.write(b"abc")
    with pytest.raises(OSError, match="No space left") as failed:
        stream.close()
    assert failed.value.errno == errno.ENOSPC
    stream.close()
