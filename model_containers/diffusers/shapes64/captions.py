"""Words for scenes: the many ways in which a user may ask for the same picture.

A caption leaves out what is at its default: a background that is the default one, a place in the middle.
"""

import random
from collections.abc import Iterable

from model_containers.diffusers.shapes64.scenes import (
    COLOURS,
    SHAPES,
    Figure,
    Scene,
    default_background,
)

COLOUR_WORDS = {"grey": ("grey", "gray"), "purple": ("purple", "purple", "violet")}
SHAPE_WORDS = {
    "circle": ("circle", "circle", "circle", "disc", "disk", "dot"),
    "square": ("square", "square", "box"),
}

PLACE_PHRASES = {
    "middle": ("in the middle", "in the centre", "in the center"),
    "left": ("on the left", "at the left", "on the left side"),
    "right": ("on the right", "at the right", "on the right side"),
    "top": ("at the top", "on the top"),
    "bottom": ("at the bottom", "on the bottom"),
    "top left": ("in the top left corner", "at the top left", "in the upper left corner"),
    "top right": ("in the top right corner", "at the top right", "in the upper right corner"),
    "bottom left": ("in the bottom left corner", "at the bottom left", "in the lower left corner"),
    "bottom right": ("in the bottom right corner", "at the bottom right", "in the lower right corner"),
}

# Forward phrases name the scene's first figure first, backward ones its second.
FORWARD = {
    "left": ("to the left of", "to the left of", "on the left of", "left of", "and", "next to", "beside"),
    "above": ("above", "above", "over", "on top of"),
}
BACKWARD = {
    "left": ("to the right of", "to the right of", "on the right of", "right of"),
    "above": ("below", "below", "under", "beneath", "underneath"),
}
APART = {"left": ("on the left", "on the right"), "above": ("at the top", "at the bottom")}

BACKGROUND_PHRASES = (
    "on {a} background",
    "on {a} background",
    "on {a} background",
    "on {bare}",
    "with {a} background",
    "against {a} background",
    "in front of {a} background",
    "{bare} background",
)
OPENINGS = ("a picture of", "a drawing of", "an image of", "a photo of", "draw", "please draw", "show me")

UNKNOWN_WORD = "zzz"
"""A word that is in no table: the tokenizer reads every such word as its unknown token."""

OPENING_SHARE = 0.15
BARE_SHARE = 0.2
NAMED_DEFAULT_SHARE = 0.3
BACKGROUND_FIRST_SHARE = 0.1
UNKNOWN_SHARE = 0.06


def caption(scene: Scene, rng: random.Random) -> str:
    """Say the scene in one of many ways, in lower case and without punctuation."""
    bare = rng.random() < BARE_SHARE
    subject = _single(scene, rng, bare) if len(scene.figures) == 1 else _pair(scene, rng, bare)
    background = ""
    if scene.background != default_background(scene.figures) or rng.random() < NAMED_DEFAULT_SHARE:
        background = _background(scene.background, rng)
    parts = [background, subject] if rng.random() < BACKGROUND_FIRST_SHARE else [subject, background]
    if rng.random() < OPENING_SHARE:
        parts.insert(0, rng.choice(OPENINGS))
    words = " ".join(parts).split()
    if rng.random() < UNKNOWN_SHARE:
        words.insert(rng.randrange(len(words) + 1), UNKNOWN_WORD)
    return " ".join(words)


def plain_caption(scene: Scene) -> str:
    """Say the scene in the one plainest way, background and place always named."""
    named = [f"{_article(f.colour)} {f.colour} {f.shape}" for f in scene.figures]
    if len(named) == 2:
        subject = f"{named[0]} {FORWARD[scene.arrangement][0]} {named[1]}"
    else:
        subject = f"{named[0]} {PLACE_PHRASES[scene.arrangement][0]}"
    return f"{subject} on {_article(scene.background)} {scene.background} background"


def wordless(rng: random.Random) -> str:
    """Return a caption that asks for nothing: empty, or a few unknown words, as a negative prompt may be."""
    return "" if rng.random() < 0.7 else " ".join([UNKNOWN_WORD] * rng.randint(1, 8))


def vocabulary() -> list[str]:
    """Return every word that a caption can hold but the unknown one, sorted."""
    tables: list[Iterable[str]] = [COLOURS, SHAPES, BACKGROUND_PHRASES, OPENINGS, ("a", "an", "the")]
    for table in (COLOUR_WORDS, SHAPE_WORDS, PLACE_PHRASES, FORWARD, BACKWARD, APART):
        tables.extend(table.values())
    words = {word for table in tables for phrase in table for word in phrase.split()}
    return sorted(word for word in words if not word.startswith("{"))


def _article(colour: str) -> str:
    return "an" if colour[0] in "aeiou" else "a"


def _colour(name: str, rng: random.Random) -> str:
    return rng.choice(COLOUR_WORDS.get(name, (name,)))


def _figure(figure: Figure, rng: random.Random, bare: bool) -> str:
    colour = _colour(figure.colour, rng)
    shape = rng.choice(SHAPE_WORDS.get(figure.shape, (figure.shape,)))
    article = rng.choice((_article(colour), _article(colour), _article(colour), "the"))
    return f"{colour} {shape}" if bare else f"{article} {colour} {shape}"


def _single(scene: Scene, rng: random.Random, bare: bool) -> str:
    figure = _figure(scene.figures[0], rng, bare)
    if scene.arrangement == "middle" and rng.random() > NAMED_DEFAULT_SHARE:
        return figure
    return f"{figure} {rng.choice(PLACE_PHRASES[scene.arrangement])}"


def _pair(scene: Scene, rng: random.Random, bare: bool) -> str:
    first, second = (_figure(figure, rng, bare) for figure in scene.figures)
    here, there = APART[scene.arrangement]
    match rng.choices(("forward", "backward", "apart"), (5, 4, 1))[0]:
        case "forward":
            return f"{first} {rng.choice(FORWARD[scene.arrangement])} {second}"
        case "backward":
            return f"{second} {rng.choice(BACKWARD[scene.arrangement])} {first}"
        case _ if rng.random() < 0.5:
            return f"{second} {there} and {first} {here}"
        case _:
            return f"{first} {here} and {second} {there}"


def _background(name: str, rng: random.Random) -> str:
    colour = _colour(name, rng)
    return rng.choice(BACKGROUND_PHRASES).format(a=f"{_article(colour)} {colour}", bare=colour)
