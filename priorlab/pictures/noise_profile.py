"""Find out what noise a picture has: its level, how it depends on brightness, and its grain."""

from __future__ import annotations

import dataclasses
import functools
from pathlib import Path
from typing import Any

import numpy as np
from numpy.typing import NDArray

from priorlab.forward.noise import Gaussian, Noise
from priorlab.forward.real_noise import RealNoise
from priorlab.pictures import flat_blocks
from priorlab.pictures.noise_level import estimate_sigma
from priorlab.pictures.picture import Picture

Array = NDArray[np.float64]

WEIGHTS = Path(__file__).with_name("noise_profile.npz")
"""A network of about 700 numbers; benchmarks/tune_noise.py trains it on simulated pictures."""

COARSE = 1.3
"""Noise whose level exceeds the white part by more than this factor counts as not white."""

UNEVEN = 1.25
"""Channels, or degrees of brightness, whose levels differ by less count as equal."""

BRIGHTNESSES = 7
"""At so many degrees of brightness the level is looked at."""

FULL_TRUST = 200
"""Blocks of one brightness that count as much as what all blocks say."""

LOW = 0.1
"""The quantile of the blocks' deviations that is compared between degrees of brightness."""


@dataclasses.dataclass(frozen=True)
class NoiseProfile:
    """The noise that a picture shows.

    Attributes
    ----------
    noise : Noise
        `Gaussian` where it is white and even, else `RealNoise`.
    text : str
        The same in words.
    """

    noise: Noise
    text: str


def profile(picture: Picture) -> NoiseProfile:
    """Find out what noise a picture has.

    White noise is measured as `priorlab.pictures.noise_level` describes. Noise that a camera
    smoothed looks like weak texture. What tells them apart is how the deviations of small blocks
    are spread: noise sets a limit below which there are none. A small network, trained on
    simulated pictures, returns the level at which that noise is best removed; the smoothest
    blocks show how it depends on brightness. The idea to look at several scales and at each
    brightness is that of M. Lebrun, M. Colom, J.-M. Morel: Multiscale image blind denoising,
    IEEE Transactions on Image Processing 24(10), 2015.

    Parameters
    ----------
    picture : Picture
        What is transparent, black or white in it is not looked at.

    Examples
    --------
    >>> noise = np.random.default_rng(0).normal(0, 10 / 255, (1, 96, 96)).astype(np.float32)
    >>> profile(Picture(image=0.5 + noise)).text
    'estimated sigma = 10.0 (0-255 scale)'
    """
    image, quantum = picture.image, picture.quantum
    opaque = None if picture.opacity is None else picture.opacity > 0.99
    usable = usable_pixels(image, opaque, quantum)
    white = estimate_sigma(image, usable)
    least = quantum / 12**0.5 or np.finfo(np.float32).eps
    found = [
        _network(seen) if seen is not None else (level, level)
        for seen, level in zip(_seen(image, usable, white, quantum), white, strict=True)
    ]
    levels, pixels = np.maximum(np.array(found).T, least)
    coarse = _rms(levels) > COARSE * max(_rms(white), float(least))
    if not coarse:
        levels = pixels = np.maximum(white, least)
    levels = levels.clip(None, 1)
    if levels.max() < UNEVEN * levels.min():
        levels = np.array([_rms(levels)])
    curve = _curve(image, usable, np.broadcast_to(levels, len(image)), quantum)
    if not coarse and len(levels) == 1 and max(curve) < UNEVEN**2 * min(curve):
        return NoiseProfile(Gaussian(float(levels[0])), _words(levels, False, (1.0,)))
    fine = float(np.clip(_rms(pixels) / _rms(levels), 0.3, 1)) if coarse else 1.0
    noise = RealNoise(tuple(map(float, levels)), fine, curve)
    return NoiseProfile(noise, _words(levels, coarse, curve))


def observed(
    image: NDArray[np.floating[Any]], opaque: NDArray[np.bool_] | None, quantum: float
) -> list[Array | None]:
    """Return what the network is told of each channel: `flat_blocks.features`.

    Examples
    --------
    >>> noise = np.random.default_rng(0).normal(0.5, 0.1, (1, 96, 96))
    >>> [seen.shape for seen in observed(noise, None, 1 / 255)]
    [(25,)]
    """
    usable = usable_pixels(image, opaque, quantum)
    return _seen(image, usable, estimate_sigma(image, usable), quantum)


def usable_pixels(
    image: NDArray[np.floating[Any]], opaque: NDArray[np.bool_] | None, quantum: float
) -> NDArray[np.bool_]:
    """Return where the noise is as it was: not clipped at black or white, not transparent.

    In a picture with values beyond black and white nothing was clipped.

    Examples
    --------
    >>> usable_pixels(np.array([[[0.0, 0.5, 1.0]]]), None, 1 / 255).tolist()
    [[[False, True, False]]]
    """
    if image.min() < 0 or image.max() > 1:
        usable = np.ones(image.shape, np.bool_)
    else:
        usable = (image > quantum / 2) & (image < 1 - quantum / 2)
    return usable if opaque is None else usable & opaque


def _seen(
    image: NDArray[np.floating[Any]], usable: NDArray[np.bool_], white: Array, quantum: float
) -> list[Array | None]:
    return [
        flat_blocks.features(plane.astype(np.float64), mask, level, quantum)
        for plane, mask, level in zip(image, usable, white, strict=True)
    ]


def _network(seen: Array) -> tuple[float, float]:
    """Return the level at which the noise is best removed, and its deviation at the pixels."""
    weights = _weights()
    value = ((seen - weights["mean"]) / weights["scale"]).clip(-4, 4)
    for layer in range(0, 6, 2):
        value = weights[f"layer{layer}"] @ value + weights[f"layer{layer + 1}"]
        if layer < 4:
            value = value.clip(0)
    level, pixel = np.exp(value + seen[-1])
    return float(level), float(pixel)


@functools.cache
def _weights() -> dict[str, Array]:
    with np.load(WEIGHTS, allow_pickle=False) as file:
        return {name: file[name].astype(np.float64) for name in file.files}


def _curve(
    image: NDArray[np.floating[Any]], usable: NDArray[np.bool_], levels: Array, quantum: float
) -> tuple[float, ...]:
    """Return the relative level at equal distances of brightness: 1 where nothing is known."""
    found = [
        flat_blocks.flat_half(plane.astype(np.float64), mask, quantum)
        for plane, mask in zip(image, usable, strict=True)
    ]
    relative = np.concatenate([b.deviation / s for b, s in zip(found, levels, strict=True)])
    brightness = np.concatenate([blocks.mean for blocks in found])
    if len(relative) < FULL_TRUST:
        return (1.0,)
    overall = np.quantile(relative, LOW)
    knots = np.linspace(0, 1, BRIGHTNESSES)
    curve = np.ones(BRIGHTNESSES)
    counts = np.zeros(BRIGHTNESSES)
    for k, knot in enumerate(knots):
        near = relative[np.abs(brightness - knot) < 0.75 / (BRIGHTNESSES - 1)]
        counts[k] = len(near)
        if len(near) >= FULL_TRUST / 10:
            trust = len(near) / (len(near) + FULL_TRUST)
            curve[k] = (np.quantile(near, LOW) / overall) ** trust
    curve = curve.clip(0.5, 2)
    mean = np.sqrt((counts * curve**2).sum() / counts.sum()) if counts.sum() else 1.0
    return tuple(float(value) for value in curve / mean)


def _words(levels: Array, coarse: bool, curve: tuple[float, ...]) -> str:
    """Say what was found."""
    shown = [f"{255 * level:.1f}" for level in levels]
    where = {3: ("red", "green", "blue")}.get(len(levels), range(1, len(levels) + 1))
    if len(levels) > 1:
        value = ", ".join(f"{text} in {name}" for text, name in zip(shown, where, strict=True))
    else:
        value = shown[0]
    said = [f"estimated sigma = {value} (0-255 scale)"]
    if coarse:
        said.append("as white noise would disturb; it is coarse-grained, as cameras leave it")
    if max(curve) >= UNEVEN**2 * min(curve):
        strongest = int(np.argmax(curve)) / (len(curve) - 1)
        tone = "shadows" if strongest < 0.3 else "lights" if strongest > 0.7 else "middle tones"
        said.append(f"strongest in the {tone}")
    return "; ".join(said)


def _rms(values: Array) -> float:
    return float(np.sqrt(np.mean(np.square(values))))
