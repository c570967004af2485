"""The codec: EnCodec's architecture with weights that are written down instead of learned.

A frame's latent says how loud each atom is. The decoder unfolds it in two steps: 25 Hz to 800 Hz, the atom as
coefficients of a lapped cosine transform, and 800 Hz to 16 kHz, that transform's inverse. The encoder is the same
backwards. Between the steps stand ELUs, which are the identity for what is positive: so each signed number goes through
as two, `lift + x` and `lift - x`, and the lift cancels in the difference. LSTMs and residual blocks add nothing.
Lapped transform: Princen and Bradley, 1986.
"""

from __future__ import annotations

import numpy as np
import torch
from numpy.typing import NDArray

from model_containers.audiocraft.libraries import Network, transformers
from model_containers.audiocraft.sounds16k.atoms import FRAME_HZ, LENGTH, RATE_HZ
from model_containers.audiocraft.sounds16k.scores import CODEBOOKS, ENTRIES, LEVELS, SILENCE, atoms, entry

RATIOS = (32, 20)
BANDS = RATIOS[1]
WIDTH = 4 * BANDS
"""Of the latent: room for as many atoms."""

_WAVE_LIFT, _BAND_LIFT = 4.0, 16.0
_RIDGE = 0.02
Matrix = NDArray[np.float64]


def make_codec() -> Network:
    """Make the codec: 25 frames a second of two codebooks, 0.4 kbit/s."""
    codec = transformers.EncodecModel(
        transformers.EncodecConfig(
            target_bandwidths=[FRAME_HZ * CODEBOOKS * 8 / 1000],
            sampling_rate=RATE_HZ,
            hidden_size=WIDTH,
            num_filters=BANDS,
            upsampling_ratios=list(RATIOS),
            num_lstm_layers=1,
            use_causal_conv=False,
            use_conv_shortcut=False,
            codebook_size=ENTRIES,
        )
    )
    with torch.no_grad():
        _silence(codec)
        waves = atom_coefficients()
        _write_decoder(codec.decoder.layers, waves)
        _write_encoder(codec.encoder.layers, waves)
        _write_codebooks(codec)
    return codec.eval().requires_grad_(False)


def lapped_kernels() -> Matrix:
    """The orthonormal lapped cosine transform: (bands, 2 x bands)."""
    time, band = np.arange(2 * BANDS), np.arange(BANDS)[:, None]
    window = np.sin(np.pi * (time + 0.5) / (2 * BANDS))
    return np.asarray(
        window * np.sqrt(2 / BANDS) * np.cos(np.pi / BANDS * (time + 0.5 + BANDS / 2) * (band + 0.5))
    )


def atom_coefficients() -> Matrix:
    """Each atom as coefficients: (atoms, bands, 64)."""
    slots = 2 * RATIOS[0]
    pieces = np.stack(
        [[atom.samples[slot * BANDS : slot * BANDS + 2 * BANDS] for slot in range(slots)] for atom in atoms()]
    )
    if pieces.shape[2] != 2 * BANDS or (slots + 1) * BANDS != LENGTH:
        raise ValueError("an atom does not fit the transform")
    return np.asarray(np.einsum("ast,bt->abs", pieces, lapped_kernels()))


def _silence(codec: Network) -> None:
    """Let residual blocks and LSTMs add nothing, and every bias be 0."""
    for name, weight in codec.named_parameters():
        if "lstm" in name or name.endswith("bias") or (".block." in name and "original0" in name):
            weight.zero_()


def _set(layer: Network, weight: Matrix, bias: Matrix | None = None) -> None:
    """Write the weights of a convolution that keeps length and direction of its filters apart."""
    kept = torch.from_numpy(weight.astype(np.float32))
    length = torch.linalg.vector_norm(kept, dim=(1, 2), keepdim=True)
    parts = layer.conv.parametrizations.weight
    parts.original0.copy_(length)
    # A filter of length 0 needs some direction all the same.
    parts.original1.copy_(torch.where(length > 0, kept, torch.ones_like(kept)))
    if bias is not None:
        layer.conv.bias.copy_(torch.from_numpy(bias.astype(np.float32)))


def _centred(outputs: int, inputs: int, values: Matrix) -> Matrix:
    weight = np.zeros((outputs, inputs, 7))
    weight[: values.shape[0], : values.shape[1], 3] = values
    return weight


def _write_decoder(layers: Network, waves: Matrix) -> None:
    kernels = lapped_kernels()
    _set(layers[0], _centred(WIDTH, WIDTH, np.eye(WIDTH)))
    unfold = np.zeros((WIDTH, 2 * BANDS, 2 * RATIOS[0]))
    unfold[: len(waves), :BANDS], unfold[: len(waves), BANDS:] = waves, -waves
    _set(layers[3], unfold, np.full(2 * BANDS, _BAND_LIFT))
    # Half of the difference of the two is the coefficient; the lift is in both and cancels.
    inverse = np.zeros((2 * BANDS, BANDS, 2 * RATIOS[1]))
    inverse[:BANDS, 0], inverse[BANDS:, 0] = kernels / 2, -kernels / 2
    inverse[:, 1] = -inverse[:, 0]
    _set(layers[6], inverse, np.array([_WAVE_LIFT] * 2 + [0.0] * (BANDS - 2)))
    _set(layers[9], _centred(1, BANDS, np.array([[0.5, -0.5]])))


def _write_encoder(layers: Network, waves: Matrix) -> None:
    kernels = lapped_kernels()
    _set(
        layers[0],
        _centred(BANDS, 1, np.array([[1.0], [-1.0]])),
        np.array([_WAVE_LIFT] * 2 + [0.0] * (BANDS - 2)),
    )
    forward = np.zeros((2 * BANDS, BANDS, 2 * RATIOS[1]))
    forward[:BANDS, 0], forward[BANDS:, 0] = kernels / 2, -kernels / 2
    forward[:, 1] = -forward[:, 0]
    _set(layers[3], forward, np.full(2 * BANDS, _BAND_LIFT))
    fold = np.zeros((WIDTH, 2 * BANDS, 2 * RATIOS[0]))
    fold[: len(waves), :BANDS], fold[: len(waves), BANDS:] = matched(waves) / 2, -matched(waves) / 2
    _set(layers[6], fold)
    _set(layers[9], _centred(WIDTH, WIDTH, np.eye(WIDTH)))


def matched(waves: Matrix) -> Matrix:
    """What tells how loud each atom is, given the sum of a frame's atoms: (atoms, bands, 64)."""
    flat = waves.reshape(len(waves), -1)
    likeness = flat @ flat.T
    damped = likeness + _RIDGE * np.diag(likeness).mean() * np.eye(len(flat))
    return np.asarray(np.linalg.solve(damped, flat).reshape(waves.shape))


def _write_codebooks(codec: Network) -> None:
    """An entry is one atom at one level; entry 0, and those that are left over, are silence."""
    for layer, levels in zip(codec.quantizer.layers, LEVELS, strict=True):
        table = torch.zeros(ENTRIES, WIDTH)
        for number in range(len(atoms())):
            for level, loudness in enumerate(levels):
                table[entry(number, level), number] = loudness
        # Left-over entries are far from every latent, so that the encoder takes none of them for silence.
        table[entry(len(atoms()), SILENCE) :] = -100.0
        layer.codebook.embed.copy_(table)
        layer.codebook.embed_avg.copy_(table)
