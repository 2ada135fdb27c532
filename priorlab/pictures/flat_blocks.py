"""How the deviations of small blocks are spread, at each brightness: what tells noise from texture.

Noise of a brightness sets a limit below which no block's deviation falls; texture sets none.
"""

from __future__ import annotations

import dataclasses
import functools
from collections.abc import Sequence

import numpy as np
from numpy.lib.stride_tricks import sliding_window_view
from numpy.typing import NDArray

from priorlab.pictures.small_products import gram, times

Plane = NDArray[np.float64]
Mask = NDArray[np.bool_]

BLOCK = 8
"""Rows and columns of a block."""

MOST_BLOCKS = 40_000

GROUPS = 10
"""The blocks are divided into so many groups of equal size, by brightness."""

FEWEST = 8
"""With fewer blocks in a group nothing can be said."""

FEWEST_FLATTEST = 30
"""With fewer blocks there are too few flat ones to say what is alike in them."""

LOW, HIGHER = 0.02, 0.1
"""The quantiles of the deviations in a group that are looked at."""

RANKS = (0, 2, 4, 6, 9)
"""Which groups are looked at, once they are sorted by that quantile."""

DRAWN = 0.25
"""Text and drawings have more pixels than this that equal their neighbours, in blocks that are not
constant: about 0.4. Noise has hardly any, and 0.2 at most where a camera smoothed it."""

FEW_DIFFER, PRINTED = 0.3, 0.6
"""In a block of text or lines half of the pixels lie within this share of its deviation around
their median, in one of noise within 0.67 of it. More such blocks than that are print, also where
JPEG left ripples around it: 0.79 at least in pages of quality 75 to 98; simulated pictures of
cameras have 0.16 at most, those of the same pages 0.39 (benchmarks/tune_noise.py print)."""

TINY = 2e-4
"""Added to deviations before their logarithm is taken: a twentieth of a gray level of 8 bits."""


@dataclasses.dataclass(frozen=True, eq=False)
class Blocks:
    """The usable blocks of a plane, without those that are constant.

    Attributes
    ----------
    deviation : array
        Standard deviation of each around the plane that fits it best.
    mean : array
        The brightness of each.
    """

    deviation: Plane
    mean: Plane


def find(plane: Plane, usable: Mask, step: int, quantum: float) -> Blocks:
    """Return the blocks of a plane (H, W), of whose pixels at least 95 % are usable.

    Examples
    --------
    >>> noise = np.random.default_rng(0).normal(0.5, 0.1, (64, 64))
    >>> blocks = find(noise, noise < 2, step=8, quantum=1 / 255)
    >>> len(blocks.mean), bool(abs(blocks.deviation.mean() - 0.1) < 0.01)
    (64, True)
    """
    if min(plane.shape) < BLOCK:
        return Blocks(np.empty(0), np.empty(0))
    step *= max(1, round((plane.size / step**2 / MOST_BLOCKS) ** 0.5))
    windows = sliding_window_view(plane, (BLOCK, BLOCK))[::step, ::step]
    shares = sliding_window_view(usable, (BLOCK, BLOCK))[::step, ::step].mean((2, 3))
    pixels = windows.reshape(*windows.shape[:2], -1).astype(np.float64)
    square = (pixels**2).sum(-1) - ((pixels @ _planes()) ** 2).sum(-1)
    deviation = np.sqrt(square.clip(0) / (BLOCK**2 - 3))
    kept = (shares >= 0.95) & (deviation > 0.1 * quantum + 1e-9)
    return Blocks(deviation[kept], pixels.mean(-1)[kept])


def correlation(plane: Plane, usable: Mask) -> float | None:
    """Return how neighbouring pixels correlate in the flattest tenth of the blocks.

    White noise has about 0 there, whatever the rest of the picture shows; noise that was smoothed
    has more. None for a picture with too few blocks.

    Examples
    --------
    >>> noise = np.random.default_rng(0).normal(0.5, 0.1, (128, 128))
    >>> smooth = (noise[1:] + noise[:-1]) / 2
    >>> [correlation(one, one < 2) > 0.15 for one in (noise, smooth)]
    [False, True]
    """
    residuals = _residuals(plane, usable)
    residuals = residuals[(residuals**2).mean(-1) > 1e-12]
    if len(residuals) < FEWEST_FLATTEST:
        return None
    flattest = _flattest(residuals).reshape(-1, BLOCK, BLOCK)
    down = (flattest[:, 1:] * flattest[:, :-1]).mean()
    across = (flattest[:, :, 1:] * flattest[:, :, :-1]).mean()
    return float((down + across) / 2 / (flattest**2).mean())


def at_scales(plane: Plane, usable: Mask, quantum: float) -> tuple[Blocks, ...]:
    """Return the usable blocks of a plane at full, half and quarter size, 8 of its pixels apart.

    Examples
    --------
    >>> noise = np.random.default_rng(0).normal(0.5, 0.1, (96, 96))
    >>> [len(blocks.mean) for blocks in at_scales(noise, noise < 2, 0)]
    [144, 121, 81]
    """
    found = []
    for step in (BLOCK, BLOCK // 2, BLOCK // 4):
        found.append(find(plane, usable, step, quantum))
        plane, usable = halved(plane), halved(usable.astype(np.float32)) > 0.99
    return tuple(found)


def features(scales: Sequence[Blocks]) -> Plane | None:
    """Return how the deviations of the blocks at each size are spread.

    Parameters
    ----------
    scales : sequence of Blocks
        At full, at half and at quarter size.

    Returns
    -------
    array of shape (31,), or None
        Logarithms of quantiles relative to the last value, which is one of them itself. None for
        a picture with too few blocks.

    Examples
    --------
    >>> noise = np.random.default_rng(0).normal(0.5, 0.1, (128, 128))
    >>> features(at_scales(noise, noise < 2, quantum=0)).shape
    (31,)
    """
    if min(len(blocks.mean) for blocks in scales) < GROUPS * FEWEST:
        return None
    spread = np.log(np.array([_sorted_quantiles(blocks) for blocks in scales]) + TINY)
    reference = spread[1, 1, GROUPS // 2 - 1]
    return np.append(spread[:, :, RANKS].ravel() - reference, reference)


def likeness(image: NDArray[np.floating], usable: Mask) -> Plane:
    """Return what in the flattest blocks of each channel is like its neighbours, or other channels.

    Texture is alike over larger distances than grain, and nearly so in red, green and blue, whose
    noise differs.

    Parameters
    ----------
    image, usable : arrays of shape (C, H, W)

    Returns
    -------
    array of shape (C, 4)
        The `correlation` at full and at half size, 0 where it is not known; and the logarithm of
        the share of the deviation that the other channels do not show, at full and at half size, 0
        where nothing tells it, as in other than RGB images.

    Examples
    --------
    >>> noise = np.random.default_rng(0).normal(0.5, 0.1, (3, 128, 128))
    >>> similar = 0.9 * noise[:1] + 0.1 * noise
    >>> [bool(likeness(one, one < 2)[0, 2] < -1) for one in (noise, similar)]
    [False, True]
    """
    planes, result = image.astype(np.float64), np.zeros((len(image), 4))
    for scale in range(2):
        pairs = zip(planes, usable, strict=True)
        result[:, scale] = [correlation(*pair) or 0.0 for pair in pairs]
        if len(image) == 3:
            result[:, 2 + scale] = _own_shares(planes, np.logical_and.reduce(usable))
        planes = np.stack([halved(plane) for plane in planes])
        usable = np.stack([halved(mask.astype(np.float32)) > 0.99 for mask in usable])
    return result


def is_drawn(image: NDArray[np.floating], usable: Mask) -> bool:
    """Return whether an image (C, H, W) is text or a drawing, on paper that has no noise.

    Then many pixels equal all their neighbours in blocks that are not constant.

    Examples
    --------
    >>> drawing = np.zeros((1, 64, 64))
    >>> drawing[:, ::8] = 1
    >>> noise = np.random.default_rng(0).normal(0.5, 0.1, (1, 64, 64))
    >>> [is_drawn(one, one < 2) for one in (drawing, noise)]
    [True, False]
    """
    shares = [_even_share(*pair) for pair in zip(image, usable, strict=True)]
    return float(np.mean(shares)) > DRAWN


def is_printed(image: NDArray[np.floating], usable: Mask) -> bool:
    """Return whether most blocks of an image (C, H, W) have paper and a few pixels of ink.

    Unlike `is_drawn` it holds where the paper is not quite even, as JPEG leaves it around letters;
    with noise, only where that is much weaker than the ink.

    Examples
    --------
    >>> rng = np.random.default_rng(0)
    >>> page = rng.normal(0, 0.02, (1, 64, 64))
    >>> page[:, ::8] += 1
    >>> noise = rng.normal(0.5, 0.1, (1, 64, 64))
    >>> [is_printed(one, one < 2) for one in (page, noise)]
    [True, False]
    """
    return printed_share(image, usable) > PRINTED


def printed_share(image: NDArray[np.floating], usable: Mask) -> float:
    """Return which share of the blocks that are not constant is paper with a few pixels of ink.

    Examples
    --------
    >>> page = np.zeros((1, 64, 64))
    >>> page[:, ::8] = 1
    >>> printed_share(page, page < 2)
    1.0
    """
    pixels = np.concatenate([_pixels(*pair) for pair in zip(image, usable, strict=True)])
    pixels = pixels[np.ptp(pixels, axis=-1) > 0]
    if not len(pixels):
        return 0.0
    from_median = np.abs(pixels - np.median(pixels, axis=-1, keepdims=True))
    few_differ = np.median(from_median, axis=-1) < FEW_DIFFER * pixels.std(axis=-1)
    return float(few_differ.mean())


def _even_share(plane: NDArray[np.floating], usable: Mask) -> float:
    pixels = _pixels(plane, usable)
    pixels = pixels[np.ptp(pixels, axis=-1) > 0].reshape(-1, BLOCK, BLOCK)
    if not len(pixels):
        return 0.0
    around = sliding_window_view(pixels, (3, 3), axis=(1, 2))
    return float((np.ptp(around, axis=(-2, -1)) == 0).mean())


def _own_shares(image: Plane, usable: Mask) -> Plane:
    """Return for each channel the logarithm of the share that the others do not show."""
    residuals = np.stack([_residuals(plane, usable) for plane in image], axis=-1)
    if len(residuals) < FEWEST_FLATTEST:
        return np.zeros(len(image))
    flattest = _flattest(residuals).reshape(-1, len(image))
    covariance = gram(flattest) / len(flattest) + 1e-10 * np.eye(len(image))
    alone = 1 / np.diag(np.linalg.inv(covariance))
    return np.asarray(np.log(alone / np.diag(covariance)) / 2)


def _flattest(residuals: Plane) -> Plane:
    """Return the tenth of the blocks (N, ...) with the least power, 10 at least."""
    power = (residuals**2).reshape(len(residuals), -1).mean(-1)
    return residuals[np.argsort(power)[: max(10, len(power) // 10)]]


def halved(plane: NDArray[np.floating]) -> Plane:
    """Return the means of 2 x 2 pixels; an odd last row or column is left out.

    Examples
    --------
    >>> halved(np.arange(6.0).reshape(2, 3))
    array([[2.]])
    """
    height, width = (length // 2 * 2 for length in plane.shape)
    return np.asarray(plane[:height, :width].reshape(height // 2, 2, width // 2, 2).mean((1, 3)))


def _sorted_quantiles(blocks: Blocks) -> Plane:
    """Return both quantiles (2, GROUPS) in each group of brightness, sorted."""
    by_brightness = blocks.deviation[np.argsort(blocks.mean)]
    groups = np.array_split(by_brightness, GROUPS)
    return np.sort(np.array([np.quantile(group, (LOW, HIGHER)) for group in groups]).T)


def _pixels(plane: NDArray[np.floating], usable: Mask) -> Plane:
    """Return the pixels (blocks, 64) of usable blocks side by side."""
    if min(plane.shape) < BLOCK:
        return np.empty((0, BLOCK**2))
    windows = sliding_window_view(plane, (BLOCK, BLOCK))[::BLOCK, ::BLOCK]
    shares = sliding_window_view(usable, (BLOCK, BLOCK))[::BLOCK, ::BLOCK].mean((2, 3))
    return np.asarray(windows[shares >= 0.95].reshape(-1, BLOCK**2).astype(np.float64))


def _residuals(plane: Plane, usable: Mask) -> Plane:
    """Return the pixels (blocks, 64) of usable blocks, around their planes."""
    pixels = _pixels(plane, usable)
    return np.asarray(pixels - times(times(pixels, _planes()), _planes().T))


@functools.cache
def _planes() -> Plane:
    """Return an orthonormal basis (pixels, 3) of the planes over a block."""
    position = np.arange(BLOCK) - (BLOCK - 1) / 2
    rows, columns = (axis.ravel() for axis in np.meshgrid(position, position, indexing="ij"))
    basis: Plane = np.linalg.qr(np.stack([np.ones(BLOCK**2), rows, columns], axis=1))[0]
    return basis
