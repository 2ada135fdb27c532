"""Large images in tiles, so that a prior takes the memory of a tile and not that of the image.

What a local prior makes of a pixel depends on its surroundings only. A tile is computed from a
window that holds the surroundings of all its pixels, so that the tiles meet without a seam.
"""

from __future__ import annotations

import dataclasses
from collections.abc import Callable, Iterable

from torch import Tensor

SIDE = 1024
"""About the most rows and columns of a tile."""

SHARE = 8
"""A tile is at least this many times as wide as what it is computed from reaches beyond it."""


@dataclasses.dataclass(frozen=True)
class Locality:
    """How far a denoiser looks.

    Attributes
    ----------
    reach : int
        A pixel of the result depends on pixels up to this many rows and columns away.
    grid : int
        Pixels by which the image may be moved without changing its result, as it is moved along.
    side : int
        Most rows and columns of a tile, for the sake of memory.

    Examples
    --------
    >>> Locality(reach=5).side
    1024
    """

    reach: int
    grid: int = 1
    side: int = SIDE


Window = tuple[slice, slice]
"""Rows and columns."""


@dataclasses.dataclass(frozen=True)
class Tile:
    """A part of an image: its place, the window it is computed from, and its place in that."""

    place: Window
    window: Window
    inner: Window


def tiles(height: int, width: int, locality: Locality) -> list[Tile]:
    """Return the tiles of an image, row by row; they are of about equal size.

    Examples
    --------
    >>> first, second = tiles(64, 160, Locality(reach=6, grid=8, side=96))
    >>> [tile.place[1] for tile in (first, second)]
    [slice(0, 80, None), slice(80, 160, None)]
    >>> second.window[1], second.inner[1]
    (slice(72, 160, None), slice(8, 88, None))
    """
    rows, columns = _spans(height, locality), _spans(width, locality)
    return [Tile(*zip(down, right, strict=True)) for down in rows for right in columns]


def in_tiles(
    work: Callable[[Tensor], Tensor],
    x: Tensor,
    locality: Locality | None,
    mapping: Callable[[Callable[[Tile], None], Iterable[Tile]], Iterable[None]] = map,
) -> Tensor:
    """Return ``work(x)``, computed tile by tile if the image is large.

    Parameters
    ----------
    work : callable
        Maps images (B, C, H, W) to images of the same shape and type, whatever their size.
    x : Tensor
        Images (B, C, H, W).
    locality : Locality or None
        How far `work` looks; None if each pixel may depend on all others: then it is called once.
    mapping : callable
        Like `map`; one that uses threads works on several tiles at a time.

    Returns
    -------
    Tensor
        Images like `x`. They do not depend on `mapping`.

    Examples
    --------
    >>> import torch
    >>> def smooth(x):
    ...     return torch.nn.functional.avg_pool2d(x, 3, 1, 1, count_include_pad=False)
    >>> x = torch.rand(1, 1, 64, 300)
    >>> torch.allclose(in_tiles(smooth, x, Locality(reach=1, side=100)), smooth(x))
    True
    """
    height, width = x.shape[-2:]
    parts = [] if locality is None else tiles(height, width, locality)
    if len(parts) < 2:
        return work(x)
    out = x.new_empty(x.shape)

    def fill(tile: Tile) -> None:
        out[:, :, *tile.place] = work(x[:, :, *tile.window])[:, :, *tile.inner]

    for _ in mapping(fill, parts):
        pass
    return out


def _spans(size: int, locality: Locality) -> list[tuple[slice, slice, slice]]:
    """Return along one axis the place of each tile, its window, and its place in the window."""
    grid = locality.grid
    margin = -(-locality.reach // grid) * grid
    count = -(-size // max(locality.side, SHARE * margin))
    length = -(-size // (count * grid)) * grid
    spans = []
    for start in range(0, size, length):
        stop = min(start + length, size)
        first, last = max(0, start - margin), min(stop + margin, size)
        spans.append((slice(start, stop), slice(first, last), slice(start - first, stop - first)))
    return spans
