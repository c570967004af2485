"""What `make` does before anything is installed: find a Python, know what is there, refuse in words."""

from __future__ import annotations

import fcntl
import importlib.util
import os
import shutil
import subprocess
import sys
from pathlib import Path
from types import ModuleType

import pytest

ROOT = Path(__file__).resolve().parents[3]
LOCAL = ROOT / "infrastructure" / "local"


@pytest.fixture
def installer(tmp_path: Path) -> ModuleType:
    """The installer of a project that lies in an empty folder, with this one's files of packages."""
    local = tmp_path / "project" / "infrastructure" / "local"
    local.mkdir(parents=True)
    for path in (LOCAL / "install.py", LOCAL / "pdm-tools.txt"):
        shutil.copy(path, local)
    for name in ("pyproject.toml", "pdm.lock"):
        shutil.copy(ROOT / name, tmp_path / "project")
    spec = importlib.util.spec_from_file_location("install_under_test", local / "install.py")
    assert spec is not None
    assert spec.loader is not None
    module = importlib.util.module_from_spec(spec)
    spec.loader.exec_module(module)
    return module


def find_python(path: str, **environment: str) -> subprocess.CompletedProcess[str]:
    return subprocess.run(
        ["/bin/sh", str(LOCAL / "find-python")],
        env={"PATH": path, **environment},
        capture_output=True,
        text=True,
        check=False,
    )


def fake_python(folder: Path, name: str, version: str) -> None:
    """A Python that is too old for every check and tells its version."""
    script = f'#!/bin/sh\ncase "$2" in *exit*) exit 1 ;; esac\necho "Python {version}"\n'
    (folder / name).write_text(script, encoding="utf-8")
    (folder / name).chmod(0o755)


def test_a_python_that_suits_is_found_by_its_whole_path() -> None:
    found = find_python(f"{Path(sys.executable).parent}:/usr/bin:/bin", PYTHON=sys.executable)
    assert found.returncode == 0
    assert Path(found.stdout.strip()).exists()


def test_an_old_python_is_told_with_its_version_and_what_to_do(tmp_path: Path) -> None:
    for tool in ("cat", "tail"):
        (tmp_path / tool).symlink_to(shutil.which(tool) or "")
    fake_python(tmp_path, "python3", "3.9.2")
    found = find_python(str(tmp_path))
    assert found.returncode == 1
    for part in ("evoke needs Python 3.11 or newer", "Python 3.9.2", "apt-get install", "PYTHON="):
        assert part in found.stderr


def test_no_python_at_all_is_told(tmp_path: Path) -> None:
    (tmp_path / "cat").symlink_to(shutil.which("cat") or "")
    assert "no Python at all" in find_python(str(tmp_path)).stderr


def test_the_linters_settings_do_not_make_an_installation_stale(installer: ModuleType) -> None:
    before = installer._what_is_installed()
    text = installer.PYPROJECT.read_text(encoding="utf-8")
    installer.PYPROJECT.write_text(text.replace("line-length = 110", "line-length = 111"), encoding="utf-8")
    assert installer._what_is_installed() == before
    installer.PYPROJECT.write_text(text.replace('"typer>=0.16"', '"typer>=0.17"'), encoding="utf-8")
    assert installer._what_is_installed() != before


def test_every_container_of_the_catalogue_has_a_group(installer: ModuleType) -> None:
    containers = subprocess.run(
        [sys.executable, "-m", "services.standalone", "--list-containers"],
        cwd=ROOT,
        env={name: value for name, value in os.environ.items() if not name.startswith("EVOKE_")},
        capture_output=True,
        text=True,
        check=True,
    ).stdout.split()
    assert set(containers) <= set(installer.optional_groups())
    for engine in installer.ENGINE_GROUPS.values():
        assert {*installer.RUN_GROUPS, *engine} <= set(installer.optional_groups())


def test_a_disk_that_is_too_small_is_told_with_the_way_round(
    installer: ModuleType, monkeypatch: pytest.MonkeyPatch, tmp_path: Path
) -> None:
    monkeypatch.setenv("PDM_CACHE_DIR", str(tmp_path / "cache"))
    monkeypatch.setattr(installer, "GIB", 1 << 60)
    with pytest.raises(installer.CannotInstall) as caught:
        installer.check_disk(heavy=True)
    assert "MODELS=factorial" in str(caught.value)
    assert str(tmp_path) in str(caught.value)


def test_the_cache_lies_in_its_usual_place_where_links_reach(
    installer: ModuleType, monkeypatch: pytest.MonkeyPatch, tmp_path: Path
) -> None:
    monkeypatch.setenv("PDM_CACHE_DIR", str(tmp_path / "cache"))
    assert installer.cache_dir() == tmp_path / "cache"
    other_disk = Path("/dev/shm")
    if other_disk.is_dir() and other_disk.stat().st_dev != tmp_path.stat().st_dev:
        monkeypatch.setenv("PDM_CACHE_DIR", str(other_disk / "cache"))
        assert installer.cache_dir() == installer.TOOLS / "cache"


def test_a_package_whose_unpacking_was_broken_off_is_removed_from_the_cache(
    installer: ModuleType, monkeypatch: pytest.MonkeyPatch, tmp_path: Path
) -> None:
    monkeypatch.setenv("PDM_CACHE_DIR", str(tmp_path))
    whole, broken, busy = (tmp_path / "packages" / f"{name}.cache" for name in ("whole", "broken", "busy"))
    for package in (whole, broken, busy):
        package.mkdir(parents=True)
    (whole / "whole-1.dist-info").mkdir()
    (whole / "whole-1.dist-info" / "RECORD").touch()
    with (busy / ".lock").open("w") as lock:
        fcntl.flock(lock, fcntl.LOCK_EX)
        installer.mend_cache()
    assert sorted(path.name for path in (tmp_path / "packages").iterdir()) == ["busy.cache", "whole.cache"]


def test_a_damaged_stamp_counts_as_none(installer: ModuleType, tmp_path: Path) -> None:
    stamp = tmp_path / "stamp.json"
    assert installer._read_stamp(stamp) == {}
    stamp.write_text("{", encoding="utf-8")
    assert installer._read_stamp(stamp) == {}


def test_make_lists_what_it_can_do() -> None:
    told = subprocess.run(
        ["make", "-C", str(ROOT), "help"], capture_output=True, text=True, check=True
    ).stdout
    for target in ("up", "test", "check", "bench", "docs"):
        assert f"make {target} " in told
