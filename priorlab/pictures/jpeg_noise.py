"""The white noise that a picture had before it was stored as JPEG, told from its coefficients.

Most of the noise of a JPEG file is gone where its steps are coarse, and in flat blocks altogether:
what is left of it in the pixels is neither white nor as strong as it was. The coefficients still
tell: of those with fine steps, as many are not zero as noise of that strength makes so.
"""

from __future__ import annotations

import dataclasses
import functools
from statistics import NormalDist

import numpy as np
import torch
from numpy.typing import NDArray

from priorlab.forward import jpeg
from priorlab.pictures import jpeg_traces
from priorlab.pictures.picture import Picture

Array = NDArray[np.float64]

MOST_BLOCKS = 20_000
"""Of a large picture so many blocks are looked at."""

BLACK = 0.5 / 255
"""A block with a value so near to black or white is not looked at: noise was cut off."""

FEWEST_BLOCKS, LEAST_FLAT = 15, 0.01
"""Fewer flat blocks than that, or a smaller share, tell less than those before."""

CONFIDENCE = 0.95
"""Chance that a block of nothing but noise counts as flat."""

FLAT = (1, 2, 3)
"""Sums of the two frequencies that decide whether a block is flat."""

ROUNDS = 8

FINE = 3.0
"""A coefficient shows noise if its step is smaller than so many times the deviation."""

OFTEN = 0.6
"""Where a greater share of coefficients than that is not zero, their mean square tells more."""

UNEVEN = 1.4
"""White noise is as strong in the lower frequencies as in the higher ones, up to this factor.
That of cameras is two to five times as strong there, and so is texture."""

LEAST_SHARE = 0.75
"""Noise weaker than so much of the error that compression made is not told from it."""

LEAST_LEVEL = 2 / 255
"""Of weaker noise the pixels tell more in a file of high quality, and in others nothing does."""


@dataclasses.dataclass(frozen=True)
class Stored:
    """What a JPEG file did to a picture, and the white noise that it had before.

    Attributes
    ----------
    error : float
        The root mean square of what compression changed, to be expected of a photograph.
    level : float
        The standard deviation of the noise in each channel; 0 where no white noise shows.
    """

    error: float
    level: float


def of_picture(picture: Picture) -> Stored | None:
    """Return what there is to know of a picture that was read from a JPEG file, else None.

    Whether it is one still, or only its pixels tell.

    Examples
    --------
    >>> from pathlib import Path
    >>> from PIL import Image
    >>> noise = np.random.default_rng(0).normal(128, 10, (256, 256))
    >>> Image.fromarray(noise.astype(np.uint8)).save("noise.jpg", quality=80)
    >>> image = np.asarray(Image.open("noise.jpg"), np.float32)[None] / 255
    >>> round(255 * of_picture(Picture(image=image, path=Path("noise.jpg"))).level, 1)
    10.0
    """
    known = jpeg_traces.strongest(picture)
    if known is None:
        return None
    file, _ = known
    channels = len(picture.image)
    level = white_level(picture.image, file.noise)
    error = file.noise.error(channels)
    return Stored(error, level if level >= max(LEAST_SHARE * error, LEAST_LEVEL) else 0.0)


def white_level(image: NDArray[np.floating], noise: jpeg.JpegQuantisation) -> float:
    """Return the level of white noise that an image had before it was compressed, 0 for none.

    The flat blocks are found as in `priorlab.pictures.noise_level`, and that level which makes as
    many coefficients of theirs differ from zero as do. It is that of independent noise of each
    channel, judged by the luma. Noise of a camera, or texture, is stronger in the lower frequencies
    and none of it.

    Parameters
    ----------
    image : array
        The decoded image (C, H, W), upright, in [0, 1].
    noise : JpegQuantisation
        How it was compressed.

    Examples
    --------
    >>> drawn = np.random.default_rng(0).normal(0.5, 10 / 255, (1, 1, 256, 256))
    >>> noise = jpeg.standard(quality=80)
    >>> decoded = noise.sample(drawn, np.random.default_rng(0))[0]
    >>> round(255 * white_level(decoded, noise), 1)
    10.0
    """
    coefficients, steps = _coefficients(image, noise)
    sums = np.add.outer(np.arange(jpeg.BLOCK), np.arange(jpeg.BLOCK))
    counts = np.abs(np.rint(coefficients / steps))
    low = np.isin(sums, FLAT)
    energy = np.square(counts[:, low] * steps[low]).sum(1)
    if len(counts) < FEWEST_BLOCKS:
        return 0.0
    flat = np.ones(len(counts), np.bool_)
    level = np.inf
    for _ in range(ROUNDS):
        levels = _levels(counts[flat], steps)
        before, level = level, float(np.sort(levels[sums > 1])[2])
        flatter = energy <= _most_energy(level, tuple(steps[low]))
        enough = max(FEWEST_BLOCKS, LEAST_FLAT * len(counts))
        if flatter.sum() < enough or abs(level - before) < 0.01 * level:
            break
        flat = flatter
    shows = (steps < FINE * level) & (sums > 1)
    coarse, fine = shows & (sums <= 3), shows & (sums >= 5)
    if flat.all() or not coarse.any() or not fine.any():
        return 0.0
    if np.median(levels[coarse]) > UNEVEN * np.median(levels[fine]):
        return 0.0
    of_luma = np.linalg.norm(jpeg.TO_YCBCR[0]) if len(image) == 3 else 1.0
    return float(np.median(levels[fine]) / of_luma / 255)


def _coefficients(image: NDArray[np.floating], noise: jpeg.JpegQuantisation) -> tuple[Array, Array]:
    """Return those (N, 8, 8) of the luma of blocks without black or white, and their steps."""
    lying = noise.stored(torch.from_numpy(np.ascontiguousarray(image))[None])[0].numpy()
    lying = lying[:, noise.begins[0] % jpeg.BLOCK :, noise.begins[1] % jpeg.BLOCK :]
    size, channels = jpeg.BLOCK, len(lying)
    rows, columns = (side // size for side in lying.shape[1:])
    whole = lying[:, : rows * size, : columns * size].reshape(channels, rows, size, columns, size)
    every = -(-rows * columns // MOST_BLOCKS) or 1
    blocks = whole[:, ::every].transpose(1, 3, 0, 2, 4).reshape(-1, channels, size, size)
    blocks = blocks[((blocks > BLACK) & (blocks < 1 - BLACK)).all((1, 2, 3))].astype(np.float64)
    luma = np.einsum("c,nchw->nhw", jpeg.TO_YCBCR[0], blocks) if channels == 3 else blocks[:, 0]
    steps = np.array(noise.luma, np.float64).reshape(size, size)
    cosine = jpeg.cosine_transform()
    return np.asarray(cosine @ (255 * luma) @ cosine.T), steps


def _levels(counts: Array, steps: Array) -> Array:
    """Return for each frequency the deviation that noise would have, were it all that there is."""
    share = ((counts > 0).sum(0) + 0.5) / (len(counts) + 1)
    quantile = np.array([NormalDist().inv_cdf(1 - p / 2) for p in share.ravel()])
    by_number = steps / (2 * quantile.reshape(steps.shape).clip(1e-3))
    square = np.square(counts).mean(0) * steps**2 - steps**2 / 12
    return np.asarray(np.where(share > OFTEN, np.sqrt(square.clip(0)), by_number))


@functools.lru_cache(maxsize=64)
def _most_energy(level: float, steps: tuple[float, ...]) -> float:
    """Return what a block of nothing but noise has at most in its low frequencies."""
    noise = np.random.default_rng(0).normal(0, level, (4000, len(steps)))
    decoded = np.rint(noise / steps) * steps
    return float(np.quantile(np.square(decoded).sum(1), CONFIDENCE))
