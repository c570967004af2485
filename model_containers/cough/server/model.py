"""The pipeline as a model of the SDK."""

from __future__ import annotations

import hashlib
import time

from pydantic import BaseModel, ConfigDict, Field

from model_containers.cough.algos.classification import Classifier
from model_containers.cough.algos.color_spectrogram import png
from model_containers.cough.algos.errors import BadRecording
from model_containers.cough.runtime import Config, Diagnosis, Finding, WorkUnit, execute
from model_containers.cough.runtime.pipeline import STEPS, WEIGHTS
from model_containers.sdk import CheckpointError, InvalidInput, Manifest, Model, Result, Run

FILE = "audio"


class Input(BaseModel):
    """What a job says beside its recording."""

    model_config = ConfigDict(extra="forbid")

    threshold: float = Field(
        0.5, ge=0, le=1, title="Threshold", description="Probability from which a segment is called a cough."
    )
    pictures: int = Field(
        16, ge=0, le=16, title="Pictures", description="Spectrograms of the clearest segments."
    )


class CoughModel(Model):
    """Finds coughs in the file `audio`."""

    def __init__(self, config: Config, max_concurrency: int) -> None:
        self._config = config
        self._classifier: Classifier | None = None
        self._version = ""
        self.manifest = Manifest(
            id="cough",
            title="Cough",
            task="audio-diagnosis",
            description="Finds coughs in a recording and says how probable each is. No medical device.",
            input=Input,
            max_concurrency=max_concurrency,
            limits={"max_duration_s": config.max_duration_s},
            queue="audio_diagnosis",
            licence="Apache-2.0",
            deadline_s=120,
        )

    def setup(self) -> None:
        """Load the classifier's weights, which come with the code."""
        try:
            self._classifier = Classifier.load(WEIGHTS)
            self._version = hashlib.sha256(WEIGHTS.read_bytes()).hexdigest()[:12]
        except (OSError, ValueError) as error:
            raise CheckpointError(f"{WEIGHTS.name}: {error}") from error

    def generate(self, input: Input, run: Run) -> Result:
        """Diagnose, draw the clearest segments, and tell all of them."""
        if FILE not in run.files:
            raise InvalidInput(FILE, "is required: a sound file")
        began = time.perf_counter()
        work = WorkUnit(source_file=run.files[FILE])
        try:
            diagnosis = execute(
                work, self._config, self._classifier, lambda done, total: run.progress(done, total, "steps")
            )
        except BadRecording as error:
            raise InvalidInput(FILE, str(error)) from error
        examined = time.perf_counter()
        self._draw(diagnosis, input.pictures, run)
        timings = {"examine": (examined - began) * 1e3, "draw": (time.perf_counter() - examined) * 1e3}
        run.progress(STEPS, STEPS, "steps")
        return Result(timings_ms=timings, result=self._told(diagnosis, input.threshold))

    def _draw(self, diagnosis: Diagnosis, count: int, run: Run) -> None:
        clearest = sorted(diagnosis.findings, key=lambda one: one.probability.value, reverse=True)[:count]
        for number, finding in enumerate(clearest):
            run.write_output(f"segment-{number:02}.png", "image/png", png(finding.picture), _facts(finding))

    def _told(self, diagnosis: Diagnosis, threshold: float) -> dict[str, object]:
        segments = [
            {**_facts(finding), "cough": finding.probability.value >= threshold}
            for finding in diagnosis.findings
        ]
        return {
            "model_version": self._version,
            "duration_s": round(diagnosis.duration_s, 3),
            "probability": round(diagnosis.overall.value, 4),
            "uncertainty": round(diagnosis.overall.uncertainty, 4),
            "coughs": sum(bool(segment["cough"]) for segment in segments),
            "segments": segments,
        }


def _facts(finding: Finding) -> dict[str, object]:
    return {
        "start_s": round(finding.segment.start_s, 3),
        "end_s": round(finding.segment.end_s, 3),
        "probability": round(finding.probability.value, 4),
        "uncertainty": round(finding.probability.uncertainty, 4),
    }
