"""The pipeline without a server: its configuration, its verdicts, its training."""

from __future__ import annotations

import subprocess
import sys
from pathlib import Path

import numpy as np
import pytest

from model_containers.cough.algos.classification import Classifier, scaled
from model_containers.cough.algos.color_spectrogram import ColorSpecParams
from model_containers.cough.algos.segmentation import SegmentationParams
from model_containers.cough.example import sample
from model_containers.cough.runtime import Config, WorkUnit, execute, load_config
from model_containers.cough.runtime.pipeline import WEIGHTS
from model_containers.cough.training.evaluate import area_under, roc
from model_containers.cough.training.scenes import COUGH, examples_of, make_scene
from model_containers.cough.training.sounds import OTHERS, RATE, cough
from tests.system.processes import ROOT


def test_the_configuration_that_ships_is_what_the_code_says_by_default() -> None:
    assert load_config() == Config()


@pytest.mark.parametrize(
    ("text", "told"),
    [
        ("threshold: 2", "threshold"),
        ("sample_rate: 1", "sample_rate"),
        ("treshold: 0.4", "treshold"),
        ("segmentation: { gap: 1 }", "segmentation.gap: is no setting"),
        ("segmentation: { gap_s: wide }", "segmentation.gap_s"),
    ],
)
def test_a_wrong_configuration_is_told_with_its_field(tmp_path: Path, text: str, told: str) -> None:
    (tmp_path / "config.yml").write_text(text)
    with pytest.raises(ValueError, match=told):
        load_config(tmp_path / "config.yml")


def test_coughs_are_found_and_told_from_a_beep() -> None:
    diagnosis = execute(WorkUnit(source_file=sample()))
    assert diagnosis.duration_s == pytest.approx(4)
    found = [(round(one.segment.start_s, 1), one.probability.value > 0.5) for one in diagnosis.findings]
    assert found == [(0.5, True), (1.6, False), (2.6, True)]
    assert diagnosis.coughs == 2
    assert diagnosis.overall.value > 0.9


def test_a_work_unit_says_what_is_done_otherwise() -> None:
    work = WorkUnit(
        sample(), SegmentationParams(max_segments=1), color_spec_params=ColorSpecParams("grey", 1)
    )
    (finding,) = execute(work).findings
    assert finding.picture.shape == (48, 64, 3)


def test_every_step_is_told() -> None:
    told: list[tuple[int, int]] = []
    execute(WorkUnit(sample()), step=lambda done, total: told.append((done, total)))
    assert told == [(1, 4), (2, 4), (3, 4), (4, 4)]


def test_sounds_are_whole_and_differ() -> None:
    rng = np.random.default_rng(0)
    for make in (cough, *OTHERS.values()):
        one, other = make(rng), make(rng)
        assert np.abs(one).max() == pytest.approx(1, abs=1e-3)
        assert 0.03 * RATE < len(one) < 1.5 * RATE
        assert len(one) != len(other) or not np.array_equal(one, other)


def test_a_scene_knows_where_its_coughs_are_and_the_same_seed_makes_the_same() -> None:
    speech = [np.ones(800, np.float32)]
    scene, again = (make_scene(np.random.default_rng(4), speech, coughs=True) for _ in range(2))
    assert np.array_equal(scene.samples, again.samples)
    assert COUGH in {event.kind for event in scene.events}
    assert COUGH in {kind for _, kind in examples_of(scene, Config())}
    quiet = make_scene(np.random.default_rng(4), speech, coughs=False)
    assert COUGH not in {event.kind for event in quiet.events}


def test_the_weights_that_ship_tell_held_out_coughs_from_other_sounds() -> None:
    """Without speech, which needs espeak-ng: the model card has the whole figure."""
    rng, classifier = np.random.default_rng(99), Classifier.load(WEIGHTS)
    speech = [OTHERS["breath"](rng) for _ in range(10)]
    scenes = [make_scene(rng, speech, coughs=number % 2 == 0) for number in range(60)]
    found = [example for scene in scenes for example in examples_of(scene, Config()) if example[1]]
    values = np.array([one.value for one in classifier.classify([picture for picture, _ in found])])
    coughs = np.array([kind == COUGH for _, kind in found])
    assert coughs.sum() > 30
    assert area_under(*roc(values, coughs)) > 0.95


def test_a_roc_is_one_for_a_perfect_order_and_a_half_for_none() -> None:
    labels = np.array([True, True, False, False])
    assert area_under(*roc(np.array([0.9, 0.8, 0.2, 0.1]), labels)) == 1.0
    assert area_under(*roc(np.array([0.1, 0.2, 0.8, 0.9]), labels)) == 0.0
    assert area_under(*roc(np.zeros(4), labels)) == 0.5


@pytest.mark.model
def test_numpy_computes_what_pytorch_trained(tmp_path: Path) -> None:
    torch = pytest.importorskip("torch")
    from model_containers.cough.training.networks import Network

    network = Network()
    weights = {name: tensor.numpy() for name, tensor in network.state_dict().items()}
    pictures = np.random.default_rng(0).uniform(-60, 0, (3, 48, 64)).astype(np.float32)
    found = [one.value for one in Classifier([weights]).classify(list(pictures))]
    with torch.no_grad():
        expected = torch.sigmoid(network(torch.from_numpy(scaled(pictures))[:, None]))[:, 0].tolist()
    assert found == pytest.approx(expected, abs=1e-5)


@pytest.mark.parametrize(
    ("name", "reason"), [("absent.wav", "there is no file"), ("text.wav", "is no sound file")]
)
def test_the_example_says_what_is_wrong_with_a_file(tmp_path: Path, name: str, reason: str) -> None:
    (tmp_path / "text.wav").write_text("no sound")
    done = subprocess.run(
        [sys.executable, "-m", "model_containers.cough.example", str(tmp_path / name)],
        cwd=ROOT,
        capture_output=True,
        text=True,
        check=False,
    )
    assert done.returncode in (1, 2)
    assert reason in done.stderr
    assert "Traceback" not in done.stderr


def test_the_example_prints_its_findings() -> None:
    done = subprocess.run(
        [sys.executable, "-m", "model_containers.cough.example"],
        cwd=ROOT,
        capture_output=True,
        text=True,
        timeout=120,
        check=True,
    )
    assert done.stdout.startswith("4.0 s, a cough with probability 0.9")
    assert len(done.stdout.splitlines()) == 4


def test_the_pipeline_loads_no_server_and_no_pytorch() -> None:
    heavy = ("grpc", "torch", "scipy")
    code = f"import sys, model_containers.cough.runtime; print([m for m in {heavy} if m in sys.modules])"
    done = subprocess.run([sys.executable, "-c", code], cwd=ROOT, capture_output=True, text=True, check=True)
    assert done.stdout.strip() == "[]"
