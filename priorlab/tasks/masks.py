"""Draw masks for inpainting: boolean arrays (H, W), true where a pixel is known."""

from __future__ import annotations

import math

import numpy as np
from numpy.typing import NDArray

Known = NDArray[np.bool_]
Size = tuple[int, int]
KINDS = ("random", "text", "box")

TEXT = "the quick brown fox jumps over the lazy dog while five wizards box with a jolly gnome "


def draw(kind: str, size: Size, missing: float, rng: np.random.Generator) -> Known:
    """Draw a mask of one of the `KINDS`.

    Parameters
    ----------
    kind : {"random", "text", "box"}
        Single pixels, overlaid text, or a box.
    size : tuple of int
        Height and width.
    missing : float
        Fraction of missing pixels, in [0, 1); text covers what it covers.
    rng : Generator
        Places the pixels, the text or the box.

    Examples
    --------
    >>> known = draw("random", (10, 20), missing=0.25, rng=np.random.default_rng(0))
    >>> known.shape, int(known.sum())
    ((10, 20), 150)
    """
    if kind == "random":
        return _random(size, missing, rng)
    if kind == "box":
        return _box(size, missing, rng)
    return _text(size, rng)


def _random(size: Size, missing: float, rng: np.random.Generator) -> Known:
    """Return a mask with exactly the fraction `missing`, rounded down to whole pixels."""
    known = np.ones(math.prod(size), np.bool_)
    known[rng.permutation(known.size)[: _down(missing * known.size)]] = False
    return known.reshape(size)


def _box(size: Size, missing: float, rng: np.random.Generator) -> Known:
    """Return a mask that misses a box with the image's proportions, anywhere."""
    height, width = (_down(side * missing**0.5) for side in size)
    top = int(rng.integers(size[0] - height + 1))
    left = int(rng.integers(size[1] - width + 1))
    known = np.ones(size, np.bool_)
    known[top : top + height, left : left + width] = False
    return known


def _text(size: Size, rng: np.random.Generator) -> Known:
    """Return a mask that misses lines of text, in a font of the image's scale."""
    from PIL import Image, ImageDraw, ImageFont

    height, width = size
    points = max(8, min(size) // 12)
    font = ImageFont.load_default(points)
    page = Image.new("L", (width, height), 0)
    pen = ImageDraw.Draw(page)
    lines = math.ceil(height / (1.5 * points))
    for line in range(lines):
        start = int(rng.integers(len(TEXT)))
        words = (TEXT[start:] + TEXT * (1 + width // (20 * points))).lstrip()
        pen.text((points // 3, int((line + 0.2) * 1.5 * points)), words, fill=255, font=font)
    return np.asarray(np.asarray(page) < 128, np.bool_)


def _down(count: float) -> int:
    """Round down, unless only a rounding error separates the count from the next number."""
    return math.floor(count + 1e-6)
