"""Small networks that tell the level of noise from what `flat_blocks` sees of a picture.

They were trained on simulated pictures of cameras and others, to return the level at which the
noise is best removed; results/real-noise.md describes how.
"""

from __future__ import annotations

import functools
from pathlib import Path

import numpy as np
from numpy.typing import NDArray

from priorlab.forward.real_noise import WHITE

Array = NDArray[np.float64]

CAMERAS = Path(__file__).with_name("noise_profile.npz")
"""Trained on single channels of simulated cameras. Each picture was noisy, so that it takes texture
all over for grain; but what real cameras leave, it knows best."""

ALL_KINDS = Path(__file__).with_name("noise_or_texture.npz")
"""Of a channel of a colour picture: told more, and trained on white and on enlarged noise and on
clean pictures besides; benchmarks/tune_noise.py trains it. Its levels err on the low side."""

GRAY = Path(__file__).with_name("noise_of_gray.npz")
"""Of a gray picture, in place of that, told besides what an estimate for white noise makes of it:
three networks side by side, whose mean it is; benchmarks/tune_gray_noise.py trains them."""

TOGETHER, TOGETHER_OF_ALL_KINDS = 1.4, 1.2
"""Those two were trained on single channels; who sees all of them does better with more."""

SPREAD_OF_TWO_SIZES = 20
"""What the network of cameras is told, besides the reference: the first of what the other is."""

MOST_ABOVE = 1.5
"""The level is that of cameras, up to so many times that of another network: beyond, it is
texture."""

COARSE_ALONE = 1.3
"""Noise of a gray picture whose level exceeds the white part by more than this factor counts as not
white."""

CERTAINLY_WHITE = 1.1
"""Noise that is so many times as strong at a pixel as at half the size is white, and of white noise
more is known: else it is texture."""

LEAST_WHITE = 0.03
"""Noise that is nearly white has at least that share of white noise: else it is texture, too."""

MOST_COARSE = 30 / 255
"""Stronger noise that is not white is taken for texture all over, unless channels tell them apart;
the network of cameras does not raise a level above it."""

TRAINED_BLOCKS = 1400
"""Those two were trained on so many blocks; of fewer they make too much (see tune_noise.py). A gray
picture's number is told, up to this one."""

LEAST_TOLD = 0.3 / 255
"""Weaker white noise is as none."""


def of_channel(told: Array, blocks: int) -> tuple[float, float]:
    """Return the level at which noise of a channel is best removed, and its deviation at a pixel.

    Parameters
    ----------
    told : array of shape (35,)
        What `flat_blocks.features` returned of it, with what `likeness` did before the last value.
    blocks : int
        How many blocks of half the size were looked at.

    Examples
    --------
    >>> told = np.append(np.zeros(34), np.log(0.05))
    >>> [bool(0 < level < 1) for level in of_channel(told, blocks=1000)]
    [True, True]
    """
    share = _share(blocks)
    cameras = TOGETHER * share * _of_cameras(told)
    others = TOGETHER_OF_ALL_KINDS * share * _network(ALL_KINDS, told)
    if cameras[0] > MOST_ABOVE * others[0]:
        return float(MOST_ABOVE * others[0]), float(others[1])
    return float(cameras[0]), float(cameras[1])


def of_gray(told: Array, white: float, blocks: int) -> tuple[float, float]:
    """Return the same of a gray picture.

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
    grain = pixel / level
    if level <= COARSE_ALONE * max(white, LEAST_TOLD) or grain > CERTAINLY_WHITE:
        return white, white
    if grain > WHITE and white < LEAST_WHITE * level:
        return white, white
    cameras = _share(blocks) * float(_of_cameras(told)[0])
    return max(level, min(cameras, MOST_ABOVE * level, MOST_COARSE)), pixel


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
    """Return which share of what these two make of noise is right.

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
