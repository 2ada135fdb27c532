"""Small networks that tell the level of noise from what `flat_blocks` sees of a picture.

They were trained on simulated pictures of cameras and others, to return the level at which the
noise is best removed; results/real-noise.md describes how.
"""

from __future__ import annotations

import functools
from collections.abc import Sequence
from pathlib import Path

import numpy as np
from numpy.typing import NDArray

from priorlab.forward.real_noise import WHITE

Array = NDArray[np.float64]

CAMERAS = Path(__file__).with_name("noise_profile.npz")
"""Trained on single channels of simulated cameras. Each picture was noisy, so that it takes texture
all over for grain; but what real cameras leave, it knows best."""

COLOURS = Path(__file__).with_name("noise_of_colours.npz")
"""Of a channel of a colour picture: told more, also of the other channels and of what an estimate
for white noise makes of it, and trained on white and on enlarged noise and on clean pictures
besides; three networks side by side, whose mean it is. benchmarks/tune_colour_noise.py trains
them."""

GRAY = Path(__file__).with_name("noise_of_gray.npz")
"""The same of a gray picture; benchmarks/tune_gray_noise.py trains it."""

TOGETHER = 1.4
"""That of cameras was trained on single channels; who sees all of them does better with more."""

SPREAD_OF_TWO_SIZES = 20
"""What the network of cameras is told, besides the reference: the first of what the others are."""

LIKENESS = slice(30, 34)
"""Where the network of colours is told what `flat_blocks.likeness` returned."""

MOST_RAISED, MOST_RAISED_COLOURS = 1.5, 1.25
"""The level of a gray picture, or of colours, is raised to that of cameras, up to so many times:
beyond, it is texture."""

MOST_ABOVE = 1.5
"""The level of a channel of colours is at most so many times that of cameras: they are not sure."""

LEAST_RAISED = 3 / 255
"""A weaker level of colours is not raised: fine texture of a clean picture looks the same."""

COARSE, COARSE_COLOURS = 1.3, 2.0
"""Noise of a gray picture, or of colours, whose level exceeds the white part by more than this
factor counts as not white."""

CERTAINLY_WHITE = 1.1
"""Noise that is so many times as strong at a pixel as at half the size is white, and of white noise
more is known: else it is texture."""

LEAST_WHITE = 0.03
"""Noise that is nearly white has at least that share of white noise: else it is texture, too."""

MOST_COARSE = 30 / 255
"""Stronger noise that is not white is taken for texture all over, unless channels tell them apart;
the network of cameras does not raise a level above it."""

TRAINED_BLOCKS = 1400
"""That of cameras was trained on so many blocks; of fewer it makes too much (see tune_noise.py).
The others are told the number, up to this one."""

LEAST_TOLD = 0.3 / 255
"""Weaker white noise is as none."""


def of_colours(told: Sequence[Array], white: Array, blocks: Sequence[int]) -> tuple[Array, Array]:
    """Return the levels at which the noise of channels is best removed, and deviations at a pixel.

    Both are `white` where the noise is.

    Parameters
    ----------
    told : sequence of arrays of shape (44,)
        What `told_of_colours` returned of each channel.
    white : array
        The level of each channel's noise, if that is white.
    blocks : sequence of int
        How many blocks of half the size were looked at in each.

    Examples
    --------
    >>> told = [np.append(np.zeros(43), np.log(0.05))] * 3
    >>> levels, pixels = of_colours(told, white=np.full(3, 0.05), blocks=[1000] * 3)
    >>> levels.tolist() == pixels.tolist() == [0.05, 0.05, 0.05]
    True
    """
    levels, pixels = np.array([_network(COLOURS, one) for one in told]).T
    each = zip(told, blocks, strict=True)
    cameras, grain = (
        TOGETHER * np.array([_share(count) * _of_cameras(one) for one, count in each]).T
    )
    levels = np.minimum(levels, MOST_ABOVE * cameras)
    level = _rms(levels)
    if level <= COARSE_COLOURS * max(_rms(white), LEAST_TOLD) or _rms(pixels) >= WHITE * level:
        return white, white
    if level < LEAST_RAISED:
        return levels, pixels
    higher = np.maximum(levels, np.minimum(cameras, MOST_RAISED_COLOURS * levels))
    return higher, np.where(cameras > levels, grain, pixels)


def told_of_colours(
    spreads: Sequence[Array | None],
    likeness: Array,
    white: Array,
    luma: float,
    blocks: Sequence[int],
) -> list[Array | None]:
    """Return what the network of colours is told of each channel.

    Parameters
    ----------
    spreads : sequence of three arrays of shape (31,), or None
        What `flat_blocks.features` returned of each channel.
    likeness : array of shape (3, 4)
        What `flat_blocks.likeness` returned.
    white : array of shape (3,)
        The level of each channel's noise, if that is white.
    luma : float
        The level of white noise that would leave as much in the brightness as there is.
    blocks : sequence of int
        How many blocks of half the size were looked at in each.

    Returns
    -------
    list of arrays of shape (44,), or None
        None for a channel of which there is no spread.

    Examples
    --------
    >>> spread = np.append(np.zeros(30), np.log(0.05))
    >>> told = told_of_colours(
    ...     [spread, spread, None], np.zeros((3, 4)), np.full(3, 0.04), 0.04, [900, 900, 0]
    ... )
    >>> [one is not None and one.shape for one in told]
    [(44,), (44,), False]
    """
    own: list[Array | None] = []
    for spread, alike, level, count in zip(spreads, likeness, white, blocks, strict=True):
        if spread is None:
            own.append(None)
            continue
        levels = np.log(np.maximum([level, luma], LEAST_TOLD)) - spread[-1]
        size = np.log(min(1.0, count / TRAINED_BLOCKS))
        own.append(np.concatenate([spread[:-1], alike, [levels[0], size, levels[1]], spread[-1:]]))
    known = [one for one in own if one is not None]
    if not known:
        return own
    together = np.mean(known, axis=0)
    of_all = together[LIKENESS.start : LIKENESS.stop + 1]  # and of the level of white noise
    return [
        None
        if one is None
        else np.concatenate([one[:-1], of_all, [one[-1] - together[-1]], one[-1:]])
        for one in own
    ]


def of_gray(told: Array, white: float, blocks: int) -> tuple[float, float]:
    """Return the same of a gray picture, as two numbers.

    Parameters
    ----------
    told : array of shape (35,)
        What `told_of_gray` returned.
    white : float
        The level of its noise, if that is white.
    blocks : int
        How many blocks of half the size were looked at.

    Examples
    --------
    >>> told = told_of_gray(np.append(np.zeros(30), np.log(0.05)), np.zeros(2), 0.04, 1000)
    >>> [bool(0 < level < 1) for level in of_gray(told, 0.04, 1000)]
    [True, True]
    """
    level, pixel = map(float, _network(GRAY, told))
    grain, seen = pixel / level, max(white, LEAST_TOLD)  # JPEG takes what is weaker
    if level <= COARSE * seen or grain > CERTAINLY_WHITE:
        return white, white
    if grain > WHITE and seen < LEAST_WHITE * level:
        return white, white
    cameras = _share(blocks) * float(_of_cameras(told)[0])
    return max(level, min(cameras, MOST_RAISED * level, MOST_COARSE)), pixel


def told_of_gray(spread: Array, correlations: Array, white: float, blocks: int) -> Array:
    """Return what the network of gray pictures is told.

    Parameters
    ----------
    spread : array of shape (31,)
        What `flat_blocks.features` returned.
    correlations : array of shape (2,)
        Of its flattest blocks, at full and at half size.
    white : float
        The level of its noise, if that is white.
    blocks : int
        How many blocks of half the size were looked at.

    Examples
    --------
    >>> told_of_gray(np.zeros(31), np.zeros(2), white=0.1, blocks=100).shape
    (35,)
    """
    as_white = np.log(max(white, LEAST_TOLD)) - spread[-1]
    size = np.log(min(1.0, blocks / TRAINED_BLOCKS))
    return np.concatenate([spread[:-1], correlations, [as_white, size], spread[-1:]])


def _of_cameras(told: Array) -> Array:
    return _network(CAMERAS, np.append(told[:SPREAD_OF_TWO_SIZES], told[-1]))


def _share(blocks: int) -> float:
    """Return which share of what the network of cameras makes of noise is right.

    Among few blocks there are fewer flat ones, so that texture reads as noise.
    """
    return float(min(1.0, blocks / TRAINED_BLOCKS) ** (1 / 3))


def _network(file: Path, told: Array) -> Array:
    """Return both levels, relative to the last of what it is told."""
    weights = _weights(file)
    value = ((told - weights["mean"]) / weights["scale"]).clip(-3, 3)
    for layer in range(0, len(weights) - 2, 2):
        if layer:
            value = value.clip(0)
        value = weights[f"layer{layer}"] @ value + weights[f"layer{layer + 1}"]
    return np.asarray(np.exp(value + told[-1]))


@functools.cache
def _weights(file: Path) -> dict[str, Array]:
    with np.load(file, allow_pickle=False) as stored:
        return {name: stored[name].astype(np.float64) for name in stored.files}


def _rms(values: Array) -> float:
    return float(np.sqrt(np.mean(values**2)))
