"""`python -m model_containers.cough.training.evaluate`: the ROC on held-out synthesised sounds.

Held out are the seed of all chances and the pieces of speech; the recipes of the sounds are those of the training.
"""

from __future__ import annotations

import argparse
import json
import time
from collections.abc import Sequence
from pathlib import Path

import numpy as np
from numpy.typing import NDArray

from model_containers.cough.algos.classification import Classifier, Probability, overall
from model_containers.cough.runtime.config import load_config
from model_containers.cough.runtime.pipeline import WEIGHTS
from model_containers.cough.training.scenes import COUGH, examples_of, make_scene, make_speech

HELD_OUT_SEED = 20_260_101


def roc(
    scores: NDArray[np.float64], labels: NDArray[np.bool_]
) -> tuple[NDArray[np.float64], NDArray[np.float64]]:
    """False and true positive rates at every threshold, from (0, 0) to (1, 1); equal scores make one point."""
    order = np.argsort(-scores, kind="stable")
    ranked, ends = labels[order], np.flatnonzero(np.append(np.diff(scores[order]) != 0, True))
    true = np.concatenate(([0], np.cumsum(ranked)[ends])) / max(1, labels.sum())
    false = np.concatenate(([0], np.cumsum(~ranked)[ends])) / max(1, (~labels).sum())
    return false, true


def area_under(false: NDArray[np.float64], true: NDArray[np.float64]) -> float:
    """The area under the curve, by trapezoids."""
    return float(np.sum(np.diff(false) * (true[1:] + true[:-1]) / 2))


def evaluate(scenes: int, spoken: int, weights: Path = WEIGHTS) -> dict[str, object]:
    """Judge held-out recordings; the figures of the model card."""
    rng, config, classifier = np.random.default_rng(HELD_OUT_SEED), load_config(), Classifier.load(weights)
    speech = make_speech(rng, spoken)
    segments: list[tuple[Probability, str]] = []
    clips: list[tuple[float, bool]] = []
    for number in range(scenes):
        found = examples_of(make_scene(rng, speech, coughs=number % 2 == 0), config)
        judged = classifier.classify([spectrogram for spectrogram, _ in found])
        segments += [(one, kind) for one, (_, kind) in zip(judged, found, strict=True) if kind]
        clips.append((overall(judged).value, number % 2 == 0))
    values = np.array([one.value for one, _ in segments])
    coughs = np.array([kind == COUGH for _, kind in segments])
    called = values >= config.threshold
    return {
        "segments": len(segments),
        "segment_auc": round(area_under(*roc(values, coughs)), 4),
        "sensitivity": round(float(called[coughs].mean()), 4),
        "specificity": round(float((~called[~coughs]).mean()), 4),
        "false_alarms": {kind: round(share, 4) for kind, share in _false_alarms(segments, called).items()},
        "recordings": len(clips),
        "recording_auc": round(
            area_under(*roc(np.array([s for s, _ in clips]), np.array([c for _, c in clips]))), 4
        ),
        "uncertainty_when_right": round(_mean_uncertainty(segments, called == coughs), 4),
        "uncertainty_when_wrong": round(_mean_uncertainty(segments, called != coughs), 4),
    }


def _false_alarms(segments: Sequence[tuple[Probability, str]], called: NDArray[np.bool_]) -> dict[str, float]:
    """The share of the segments of each other kind that is called a cough."""
    kinds = np.array([kind for _, kind in segments])
    return {str(kind): float(called[kinds == kind].mean()) for kind in sorted(set(kinds)) if kind != COUGH}


def _mean_uncertainty(segments: Sequence[tuple[Probability, str]], chosen: NDArray[np.bool_]) -> float:
    found = [one.uncertainty for (one, _), wanted in zip(segments, chosen, strict=True) if wanted]
    return float(np.mean(found)) if found else 0.0


def main() -> None:
    """Evaluate and print."""
    parser = argparse.ArgumentParser(
        description="Evaluate the cough classifier on held-out synthesised sounds."
    )
    parser.add_argument("--scenes", type=int, default=600)
    parser.add_argument("--speech", type=int, default=100)
    parser.add_argument("--weights", type=Path, default=WEIGHTS)
    options = parser.parse_args()
    began = time.monotonic()
    print(json.dumps(evaluate(options.scenes, options.speech, options.weights), indent=2))
    print(f"in {time.monotonic() - began:.0f} s")


if __name__ == "__main__":
    main()
