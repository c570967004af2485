"""What a scene of the checkpoint's grammar should look like, in the judge's words."""

import numpy as np
from numpy.typing import NDArray

from model_containers.diffusers.shapes64.scenes import Scene
from tests.unit.shapes64.judge import Expected, faults


def expected(scene: Scene) -> Expected:
    """Say what a picture of the scene should show."""
    figures = tuple((figure.colour, figure.shape) for figure in scene.figures)
    return Expected(scene.background, figures, scene.arrangement)


def judge(picture: NDArray[np.uint8], scene: Scene) -> list[str]:
    """Return the kinds of faults in a picture of the scene."""
    return [fault.kind for fault in faults(picture, expected(scene))]
