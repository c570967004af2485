"""`python -m model_containers.cough.example [FILE]`: runs the pipeline without any server.

Without a file it makes a recording: two coughs and a beep in a quiet room.
"""

from __future__ import annotations

import argparse
import io
import wave
from pathlib import Path
from typing import BinaryIO

import numpy as np

from model_containers.cough.algos.errors import BadRecording
from model_containers.cough.runtime import WorkUnit, execute
from model_containers.cough.training.sounds import RATE, background, beep, cough


def sample() -> BinaryIO:
    """A recording as a wav file."""
    rng = np.random.default_rng(5)
    samples = background(rng, 4 * RATE) * 0.003
    for start_s, sound in ((0.5, cough(rng)), (1.6, beep(rng)), (2.6, cough(rng))):
        start = int(start_s * RATE)
        samples[start : start + len(sound)] += 0.7 * sound
    stream = io.BytesIO()
    with wave.open(stream, "wb") as file:
        file.setnchannels(1)
        file.setsampwidth(2)
        file.setframerate(RATE)
        file.writeframes((samples.clip(-1, 1) * 32767).astype("<i2").tobytes())
    stream.seek(0)
    return stream


def main() -> None:
    """Diagnose and print."""
    parser = argparse.ArgumentParser(prog="python -m model_containers.cough.example", description=__doc__)
    parser.add_argument(
        "file", type=Path, nargs="?", help="a recording; without one the example makes its own"
    )
    file: Path | None = parser.parse_args().file
    if file is not None and not file.is_file():
        parser.error(f"there is no file {file}")
    try:
        diagnosis = execute(WorkUnit(source_file=sample() if file is None else file))
    except BadRecording as error:
        parser.exit(1, f"{file}: {error}\n")
    print(f"{diagnosis.duration_s:.1f} s, a cough with probability {diagnosis.overall.value:.2f}")
    for finding in diagnosis.findings:
        segment, found = finding.segment, finding.probability
        print(
            f"  {segment.start_s:5.2f} to {segment.end_s:5.2f} s: {found.value:.2f} ± {found.uncertainty:.2f}"
        )


if __name__ == "__main__":
    main()
