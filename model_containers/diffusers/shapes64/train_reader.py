"""The text encoder's own lesson: to say, at fixed positions behind the words, what stands where.

A denoiser that has to find out by itself which colour word belongs to which shape, and which figure is on which side,
learns colours and places long before it learns shapes. Reading is far cheaper to learn than drawing: so the text
encoder is taught first, on captions alone, to gather what a caption says of each place of the canvas at one token
position (a register) of its own. The denoiser then reads a place's colour and shape from one spot.
Registers: Darcet et al., "Vision Transformers Need Registers", 2023; here they are the padding behind the prompt,
which a causal encoder lets see all words.
"""

import random
from dataclasses import dataclass

import torch
from torch.nn import functional

from model_containers.diffusers.shapes64.captions import caption, wordless
from model_containers.diffusers.shapes64.libraries import Network, Tokenizer
from model_containers.diffusers.shapes64.networks import TEXT_LENGTH, TEXT_WIDTH, make_text_encoder
from model_containers.diffusers.shapes64.scenes import COLOURS, PLACES, SHAPES, Scene, training_scene
from model_containers.diffusers.shapes64.words import make_tokenizer, tokenize
from model_containers.training.stage import Plan, Stage

REGISTERS = len(PLACES) + 1
"""One for each place, and one for the background; they are the last positions of the prompt."""

WORDLESS_SHARE = 0.05
_PAIR_PLACES = {"left": ("left", "right"), "above": ("top", "bottom")}
_COLOUR_NUMBER = {colour: number + 1 for number, colour in enumerate(COLOURS)}
_SHAPE_NUMBER = {shape: number + 1 for number, shape in enumerate(SHAPES)}


@dataclass(frozen=True)
class Answers:
    """What a caption says: for each register a colour and a shape, 0 for none; int64 of shape (captions, 10)."""

    colours: torch.Tensor
    shapes: torch.Tensor


def answers(scenes: list[Scene | None]) -> Answers:
    """Return what captions of these scenes say; None: a caption that asks for nothing."""
    told = [_told(scene) for scene in scenes]
    return Answers(
        torch.tensor([colours for colours, _ in told]), torch.tensor([shapes for _, shapes in told])
    )


def _told(scene: Scene | None) -> tuple[list[int], list[int]]:
    colours, shapes = [0] * REGISTERS, [0] * REGISTERS
    if scene is not None:
        places = _PAIR_PLACES[scene.arrangement] if len(scene.figures) == 2 else (scene.arrangement,)
        for place, figure in zip(places, scene.figures, strict=True):
            colours[PLACES.index(place)] = _COLOUR_NUMBER[figure.colour]
            shapes[PLACES.index(place)] = _SHAPE_NUMBER[figure.shape]
        colours[-1] = _COLOUR_NUMBER[scene.background]
    return colours, shapes


class Questions(torch.nn.Module):
    """Asks the registers; needed for the lesson alone."""

    def __init__(self) -> None:
        super().__init__()
        self.colour = torch.nn.Linear(TEXT_WIDTH, len(COLOURS) + 1)
        self.shape = torch.nn.Linear(TEXT_WIDTH, len(SHAPES) + 1)

    def loss(self, text: torch.Tensor, told: Answers) -> torch.Tensor:
        """Return the mean cross-entropy of the answers, given hidden states of shape (captions, 32, 128)."""
        registers = text[:, TEXT_LENGTH - REGISTERS :]
        colours = functional.cross_entropy(self.colour(registers).flatten(0, 1), told.colours.flatten())
        shapes = functional.cross_entropy(self.shape(registers).flatten(0, 1), told.shapes.flatten())
        return colours + shapes

    @torch.no_grad()
    def right(self, text: torch.Tensor, told: Answers) -> float:
        """Return the share of captions that are read without any mistake."""
        registers = text[:, TEXT_LENGTH - REGISTERS :]
        colours = (self.colour(registers).argmax(-1) == told.colours).all(-1)
        shapes = (self.shape(registers).argmax(-1) == told.shapes).all(-1)
        return float((colours & shapes).float().mean())


@dataclass(frozen=True)
class Reader:
    """What this stage makes: a text encoder that reads, the tokenizer that it knows, and what can examine it."""

    text_encoder: Network
    tokenizer: Tokenizer
    questions: Questions


def train_reader(plan: Plan) -> Reader:
    """Teach a text encoder to read by the plan, or take up where its state left off."""
    torch.manual_seed(plan.seed)
    tokenizer = make_tokenizer()
    start, end, pad = tokenizer.bos_token_id, tokenizer.eos_token_id, tokenizer.pad_token_id
    text_encoder, questions = make_text_encoder(len(tokenizer), start, end, pad), Questions()
    learning = torch.nn.ModuleDict({"text_encoder": text_encoder, "questions": questions}).to(plan.device)
    stage = Stage(plan, {"learning": learning}, ["learning"])
    rng = random.Random(plan.seed + stage.step)
    while stage.progress < 1.0:
        scenes, captions = lesson(rng, plan.batch)
        text = text_encoder(tokenize(tokenizer, captions).to(plan.device)).last_hidden_state
        told = answers(scenes)
        stage.take_step(
            questions.loss(text, Answers(told.colours.to(text.device), told.shapes.to(text.device)))
        )
    stage.save()
    return Reader(text_encoder.eval().requires_grad_(False), tokenizer, questions.eval())


def lesson(rng: random.Random, size: int) -> tuple[list[Scene | None], list[str]]:
    """Return training scenes with captions of them; some captions ask for nothing."""
    scenes: list[Scene | None] = [
        None if rng.random() < WORDLESS_SHARE else training_scene(rng) for _ in range(size)
    ]
    return scenes, [wordless(rng) if scene is None else caption(scene, rng) for scene in scenes]
