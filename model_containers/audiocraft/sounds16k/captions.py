"""Prompts for scenes, in many wordings."""

from __future__ import annotations

import random

from model_containers.audiocraft.sounds16k.scenes import Scene, draw_scene, prompt_held_out

NOUNS: dict[str, tuple[str, ...]] = {
    "siren": ("siren", "alarm siren", "police siren", "ambulance siren", "wailing siren"),
    "beep": ("beep", "beeping", "beeping tone", "beeps", "electronic beep"),
    "horn": ("car horn", "horn", "honking", "car honking", "horn of a car"),
    "drum": ("drum", "drumming", "drum beat", "drums", "beating drum"),
    "chirp": ("chirp", "chirping", "bird chirping", "birds chirping", "chirping bird"),
    "engine": ("engine", "motor", "engine running", "car engine", "engine of a car"),
    "rain": ("rain", "rainfall", "falling rain", "pouring rain", "rain on a roof", "heavy rain"),
}
PITCH_WORDS = {
    "low": ("low", "deep", "low pitched", "low frequency"),
    "high": ("high", "high pitched", "shrill", "high frequency"),
}
PACE_WORDS = {"slow": ("slow", "slowly", "unhurried"), "fast": ("fast", "quick", "rapid")}
OPENINGS = ("", "", "", "a", "the", "the sound of a", "sound of a", "we hear a", "recording of a")
_BEHIND = ("{noun}, {words}", "{noun} that is {words}", "{noun} {words}")


def caption(scene: Scene, rng: random.Random) -> str:
    """Return a prompt for the scene."""
    noun = rng.choice(NOUNS[scene.kind])
    words = [rng.choice(PITCH_WORDS[scene.pitch])] if scene.pitch else []
    if scene.pace:
        words.append(rng.choice(PACE_WORDS[scene.pace]))
    rng.shuffle(words)
    joined = rng.choice((" ", ", ", " and ")).join(words)
    if not words:
        text = noun
    elif rng.random() < 0.7:
        text = f"{joined} {noun}"
    else:
        text = rng.choice(_BEHIND).format(noun=noun, words=joined)
    return f"{rng.choice(OPENINGS)} {text}".strip()


def training_pair(rng: random.Random) -> tuple[Scene, str]:
    """Draw a scene and a prompt that training may see."""
    while True:
        scene = draw_scene(rng)
        prompt = caption(scene, rng)
        if not scene.held_out and not prompt_held_out(prompt):
            return scene, prompt


def held_out_pairs(count: int, seed: int = 0) -> list[tuple[Scene, str]]:
    """Draw different prompts that training never saw: their wording is held out, or their whole scene."""
    rng = random.Random(seed)
    pairs: dict[str, Scene] = {}
    while len(pairs) < count:
        scene = draw_scene(rng)
        prompt = caption(scene, rng)
        if scene.held_out or prompt_held_out(prompt):
            pairs.setdefault(prompt, scene)
    return [(scene, prompt) for prompt, scene in pairs.items()]


def vocabulary() -> list[str]:
    """Return every word of every caption, sorted."""
    texts = [*(noun for nouns in NOUNS.values() for noun in nouns), *OPENINGS, *_BEHIND, "and"]
    texts += [word for words in (*PITCH_WORDS.values(), *PACE_WORDS.values()) for word in words]
    words = {word.strip(",{}") for text in texts for word in text.split()}
    return sorted(words - {"", "noun", "words"})
