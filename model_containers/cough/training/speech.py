"""Speech by espeak-ng: many voices saying many words."""

from __future__ import annotations

import io
import shutil
import subprocess

import numpy as np

from model_containers.cough.algos.decoding import decode
from model_containers.cough.training.sounds import RATE, Rng, Samples

WORDS = (
    *(
        "one",
        "two",
        "three",
        "four",
        "five",
        "six",
        "seven",
        "eight",
        "nine",
        "ten",
        "water",
        "table",
        "window",
    ),
    *(
        "garden",
        "doctor",
        "please",
        "tomorrow",
        "yesterday",
        "coffee",
        "paper",
        "chicken",
        "quickly",
        "cough",
    ),
    *(
        "caught",
        "off",
        "kick",
        "cut",
        "puff",
        "have",
        "half",
        "hop",
        "stop",
        "back",
        "pack",
        "chalk",
        "check",
    ),
    *("yes", "no", "who", "what", "huh", "ah", "oh"),
)
VOICES = ("en-us", "en-gb", "de", "fr-fr", "es", "it", "nl", "pl", "sv", "pt")
VARIANTS = ("", "+m1", "+m3", "+m5", "+m7", "+f1", "+f2", "+f3", "+f4", "+croak", "+whisper")


class NoEspeak(RuntimeError):
    """espeak-ng is not installed (Debian: apt-get install espeak-ng)."""


def speech(rng: Rng) -> Samples:
    """Some words in some voice. Raises NoEspeak."""
    program = shutil.which("espeak-ng")
    if program is None:
        raise NoEspeak("espeak-ng is not installed (Debian: apt-get install espeak-ng)")
    words = " ".join(rng.choice(WORDS, size=rng.integers(1, 4)))
    voice = str(rng.choice(VOICES)) + str(rng.choice(VARIANTS))
    options = [
        "-v",
        voice,
        "-s",
        str(rng.integers(120, 240)),
        "-p",
        str(rng.integers(20, 80)),
        "--stdout",
        words,
    ]
    done = subprocess.run([program, *options], capture_output=True, check=True, timeout=60)
    sound = decode(io.BytesIO(done.stdout), RATE, 60.0)
    return np.asarray(sound / (np.abs(sound).max() + 1e-9), np.float32)
