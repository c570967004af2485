"""Images leave out what no process reads, and nothing else; what packages say of their files stays true."""

from __future__ import annotations

import base64
import hashlib
import shutil
import subprocess
import sys
from pathlib import Path

import pytest

from infrastructure.images import slim

SOURCE = "int answer(void) { return 42; }\nstatic int hidden(void) { return 1; }\nint used(void) { return hidden(); }\n"
ASK = "import ctypes, sys; print(ctypes.CDLL(sys.argv[1]).answer())"


@pytest.fixture
def packages(tmp_path: Path) -> Path:
    """A site-packages folder with a package `a` and its RECORD."""
    (tmp_path / "a-1.dist-info").mkdir()
    return tmp_path


def put(packages: Path, *names: str) -> None:
    for name in names:
        path = packages / name
        path.parent.mkdir(parents=True, exist_ok=True)
        path.write_bytes(name.encode())
    record = packages / "a-1.dist-info" / "RECORD"
    found = [path for path in packages.rglob("*") if path.is_file() and path != record]
    lines = [f"{path.relative_to(packages)},sha256={digest(path)},{path.stat().st_size}\n" for path in found]
    record.write_text("".join(lines) + "a-1.dist-info/RECORD,,\n")


def digest(path: Path) -> str:
    return base64.urlsafe_b64encode(hashlib.sha256(path.read_bytes()).digest()).rstrip(b"=").decode()


@pytest.mark.parametrize(
    "name",
    [
        "botocore/data/ec2/2016-11-15/service-2.json.gz",
        "botocore/data/s3control/2018-08-20/service-2.json.gz",
        "boto3/data/ec2/2016-11-15/resources-1.json",
        "boto3/examples/s3.rst",
        "a/tests/test_it.py",
        "a/b/testdata/file.bin",
        "a/it.pyi",
        "a/it.pyx",
        "apsw/sqlite_extra_binaries/sqldiff",
    ],
)
def test_what_no_process_reads_goes_with_its_folder(packages: Path, name: str) -> None:
    put(packages, name, "a/it.py")
    slim.slim(packages)
    assert not (packages / name).exists()
    assert not (packages / name).parent.exists() or (packages / name).parent == packages / "a"
    assert name not in (packages / "a-1.dist-info" / "RECORD").read_text()


@pytest.mark.parametrize(
    "name",
    [
        "botocore/data/s3/2006-03-01/endpoint-rule-set-1.json.gz",
        "botocore/data/sts/2011-06-15/service-2.json.gz",
        "botocore/data/sso-oidc/2019-06-10/service-2.json.gz",
        "botocore/data/endpoints.json",
        "botocore/data/partitions.json",
        "boto3/data/s3/2006-03-01/resources-1.json",
        "a/testing/it.py",
        "a/latests/it.py",
        "a/py.typed",
    ],
)
def test_all_else_stays(packages: Path, name: str) -> None:
    put(packages, name)
    slim.slim(packages)
    assert (packages / name).read_bytes() == name.encode()
    assert f"{name},sha256={digest(packages / name)}" in (packages / "a-1.dist-info" / "RECORD").read_text()


@pytest.fixture
def library(packages: Path, monkeypatch: pytest.MonkeyPatch) -> Path:
    """A shared library with its symbols for debuggers."""
    if not (shutil.which("cc") and shutil.which("strip")):
        pytest.skip("there is no C compiler here")
    monkeypatch.setattr(slim, "WORTH_BYTES", 0)
    path = packages / "a" / "it.so"
    path.parent.mkdir()
    done = subprocess.run(
        ["cc", "-g", "-shared", "-fPIC", "-x", "c", "-o", str(path), "-"],
        input=SOURCE,
        text=True,
        check=False,
    )
    assert done.returncode == 0
    put(packages)
    return path


def test_a_library_loses_its_symbols_for_debuggers_and_works(packages: Path, library: Path) -> None:
    before = library.read_bytes()
    slim.slim(packages)
    assert b".debug_info" in before
    assert b".debug_info" not in library.read_bytes()
    asked = subprocess.run(
        [sys.executable, "-c", ASK, str(library)], capture_output=True, text=True, check=True
    )
    assert asked.stdout == "42\n"
    record = (packages / "a-1.dist-info" / "RECORD").read_text()
    assert f"a/it.so,sha256={digest(library)},{library.stat().st_size}" in record
    assert list(library.parent.iterdir()) == [library]


def test_a_library_that_would_not_load_without_its_symbols_keeps_them(
    packages: Path, library: Path, tmp_path: Path, monkeypatch: pytest.MonkeyPatch
) -> None:
    broken = tmp_path / "tools" / "strip"
    broken.parent.mkdir()
    broken.write_text('#!/bin/sh\necho broken >"$2"\n')
    broken.chmod(0o755)
    monkeypatch.setenv("PATH", f"{broken.parent}:/usr/bin:/bin")
    before = library.read_bytes()
    slim.slim(packages)
    assert library.read_bytes() == before
    assert list(library.parent.iterdir()) == [library]


def test_a_machine_without_strip_is_told(packages: Path, monkeypatch: pytest.MonkeyPatch) -> None:
    monkeypatch.setenv("PATH", str(packages))
    with pytest.raises(SystemExit, match="binutils"):
        slim.slim(packages)
