import subprocess
import sys
from pathlib import Path

ROOT = Path(__file__).resolve().parents[3]


def test_the_benchmarks_say_which_programs_are_missing_before_they_measure(tmp_path: Path) -> None:
    ended = subprocess.run(
        [sys.executable, "-m", "bench", "--quick"],
        check=False,
        cwd=ROOT,
        env={"PATH": str(tmp_path)},
        capture_output=True,
        text=True,
        timeout=60,
    )

    assert ended.returncode == 2
    assert ended.stdout == ""
    assert "apt-get install wrk redis-server" in ended.stderr
