"""The groups of a tile are filtered band by band, with tables of the spectra that a band needs.

A band is the reference blocks within some rows of pixels. The tables of a whole tile would not fit
into the caches of processors whose cores share the last one: two threads would then wait for the
memory.
"""

from collections.abc import Callable
from typing import NamedTuple

import numpy as np
from numpy.typing import NDArray

from priorlab_handcrafted.blocks import transforms
from priorlab_handcrafted.blocks.matching import Array
from priorlab_handcrafted.blocks.transforms import BLOCK

BAND = 12
"""Rows of pixels in which the reference blocks of a band begin."""


class Band(NamedTuple):
    """Some `groups` of a tile, and where the rows of blocks that they touch begin and end."""

    groups: slice
    begin: int
    end: int


class Groups(NamedTuple):
    """The groups of a tile: their `members` in the `area`, of which the first `counts` are used.

    The `members` are rows of a table of `places`, which is enough for any one of the `bands`.
    """

    area: tuple[slice, slice]
    members: NDArray[np.int32]
    counts: NDArray[np.int32]
    places: int
    bands: list[Band]


class Transform(NamedTuple):
    """A matrix for rows and columns of a block, its inverse, and the weights of the pixels."""

    forward: Array
    inverse: Array
    taper: Array


Shrink = Callable[..., None]
"""Gets the spectra of each picture, `members`, `counts`, and `total` and `weights` to add to."""


def in_bands(
    area: tuple[slice, slice],
    members: NDArray[np.int32],
    counts: NDArray[np.int32],
    rows: NDArray[np.int64],
    reach: int,
) -> Groups:
    """Return groups, of which as many have their reference block in each of the `rows`.

    Their other blocks begin up to `reach` pixels above and below. `members`, places in the tile,
    are changed to those in a table.
    """
    last, across = (side.stop - side.start - BLOCK + 1 for side in area)
    columns = len(members) // len(rows)
    bands, begin = [], 0
    for end in [*np.flatnonzero(np.diff(rows // BAND)) + 1, len(rows)]:
        top, bottom = rows[begin] - reach, rows[end - 1] + reach + 1
        groups = slice(begin * columns, end * columns)
        bands.append(Band(groups, max(0, top), min(last, bottom)))
        begin = end
    places = across * max(band.end - band.begin for band in bands)
    members %= places
    return Groups(area, members, counts, places, bands)


def filtered(pictures: list[Array], groups: Groups, transform: Transform, shrink: Shrink) -> Array:
    """Return the windowed sum of all filtered blocks of a tile, and that of their weights.

    Parameters
    ----------
    pictures : list of (height, width)
        What `shrink` gets the spectra of.
    groups : Groups
    transform : Transform
    shrink : callable
        Filters some of the groups.

    Returns
    -------
    (2, height, width)
        The quotient is the estimate.
    """
    forward, inverse, taper = transform
    tables = [np.empty((groups.places, BLOCK**2), np.float32) for _ in pictures]
    rings = [transforms.rows_for(picture) for picture in pictures]
    total = np.zeros((groups.places, BLOCK**2), np.float32)
    weights = np.zeros(groups.places, np.float32)
    image, mass = sums = np.empty((2, *pictures[0].shape), np.float32)
    ring, shares = transforms.rows_for(image), np.zeros((8, image.shape[1] - 7), np.float32)
    averaged = (total, weights, inverse, taper, ring, shares, image, mass)
    known = complete = 0
    for some, begin, end in groups.bands:
        transforms.synthesise(*averaged, complete, begin)
        for picture, rows, table in zip(pictures, rings, tables, strict=True):
            transforms.analyse(picture, forward, rows, table, known, end + 7)
        shrink(*tables, groups.members[some], groups.counts[some], total, weights)
        known, complete = end + 7, begin
    transforms.synthesise(*averaged, complete, len(image))
    return sums
