"""How a picture was compressed by JPEG before it was stored otherwise, told from its pixels.

A photograph that was sent, saved as PNG, and perhaps cut is a JPEG picture still, but no file says
so. The cosine coefficients of its blocks do: they are multiples of the steps of a table, but for
the rounding of the pixels (Z. Fan, R. L. de Queiroz: Identification of bitmap compression history:
JPEG detection and quantizer estimation, IEEE Transactions on Image Processing 12(2), 2003).
Whoever resized the picture, or turned it by other than right angles, covered that.
"""

from __future__ import annotations

import dataclasses
import functools
import itertools
from collections.abc import Callable, Iterator
from typing import Any

import numpy as np
from numpy.typing import NDArray

from priorlab.errors import UsageError
from priorlab.forward import jpeg, jpeg_files
from priorlab.forward.jpeg_files import JpegFile
from priorlab.pictures import formats, hidden, jpeg_grid
from priorlab.pictures.picture import Picture

Array = NDArray[np.float64]
Mask = NDArray[np.bool_]

MORE_ZEROS = 0.03
"""Of the coefficients that are none elsewhere, at least this share is zero where blocks begin: at
quality 95 0.11 or more, in photographs without JPEG hardly ever
(`python benchmarks/tune_noise.py grid`)."""

ROUNDED, ROUNDED_CHROMA = 1.5, 3.0
"""A coefficient beyond it is not one of zero that the rounding of the pixels moved. Where pixels
shared a chroma value, that value is known less well."""

NEAR = 0.25
"""A coefficient is a multiple of a step if it misses it by no more than this share of the step."""

EXPLAINED, EXPLAINED_CHROMA = 0.75, 0.4
"""A table explains at least this share of the coefficients beyond what chance does."""

CLEARLY = 0.02
"""A table that was turned explains by this share more than one that was not."""

LEAST_EVIDENCE, LEAST_EVIDENCE_ALONE = 6.0, 4.0
"""Of what chance explains, so many standard deviations more are explained: of all coefficients, and
of those of one frequency."""

FEWEST, SHARE_NEAR = 8, 0.9
"""So many coefficients that are not zero tell the step of a frequency by themselves, if this share
of them are its multiples; fewer that change along rows and columns tell nothing at all."""

FEWEST_STEPS, AGREE = 3, 0.8
"""If no usual table explains all, so many steps are told by themselves, or there is none. It is a
usual one if this share of them is that one's."""

QUALITIES = range(1, 101)
COARSEST = 255
"""The largest step that a table of 8 bits has."""

STRONGER = 1.5
"""A compression of before counts if its error is so many times that of the file."""

TRANSPOSED = 5
"""Exif's number of a picture whose rows are those that are stored as columns; what is mirrored has
the same tables."""

MOST_BLOCK = 32
"""Pixels along a side of the largest block of chroma."""

LARGEST = 8 * 255.0
"""No coefficient is larger."""

DECIMALS = 3
"""Coefficients of equal blocks are equal to so many, be they mirrored or not."""

MOST_SIDE, MOST_COEFFICIENTS = 512, 4000
"""Pixels along a side, and coefficients that are not zero: more are not needed."""


def strongest(picture: Picture) -> tuple[JpegFile, bool] | None:
    """Return the compression that counts, and whether it is the pixels that tell it.

    That of the picture's own file, unless there is none, or the pixels show a stronger one of
    before: the file was opened, perhaps edited, and stored once more.

    Examples
    --------
    >>> from pathlib import Path
    >>> from PIL import Image
    >>> noise = np.random.default_rng(0).integers(96, 160, (96, 96)).astype(np.uint8)
    >>> Image.fromarray(noise).save("noise.jpg", quality=20)
    >>> Image.open("noise.jpg").save("again.jpg", quality=95)
    >>> pixels = np.asarray(Image.open("again.jpg"), np.float32)[None] / 255
    >>> file, is_told_by_pixels = strongest(Picture(image=pixels, path=Path("again.jpg")))
    >>> file.text(), is_told_by_pixels
    ('tables of quality 20 or so, subsampling 4:4:4', True)
    """
    file, found = _own_file(picture), _Luma.of(picture)
    if file is not None and (found is None or found.noise.level <= STRONGER * file.noise.level):
        return file, False
    return None if found is None else (found.with_chroma(), True)


def _own_file(picture: Picture) -> JpegFile | None:
    """Return what the picture's file says of its compression, None if it says nothing usable."""
    path, frame = formats.split_frame(picture.path) if picture.path else (None, None)
    if path is None or frame or not jpeg_files.is_jpeg(path):  # later pictures have other tables
        return None
    try:
        file = jpeg_files.read(path)
    except UsageError:  # colours that are stored in an unusual way
        return None
    return file if file.size == picture.image.shape[1:] else None


def of_picture(picture: Picture) -> JpegFile | None:
    """Return how a picture was compressed, if its pixels tell, else None.

    It may be a cut-out, mirrored, or turned by right angles. Blocks with pixels that are clear,
    black or white tell nothing: decoding cut them off. Where too little colour is seen, four pixels
    are taken to share one, as in most files.

    Examples
    --------
    >>> from PIL import Image
    >>> noise = np.random.default_rng(0).integers(96, 160, (96, 96)).astype(np.uint8)
    >>> Image.fromarray(noise).save("noise.jpg", quality=20)
    >>> pixels = np.asarray(Image.open("noise.jpg"), np.float32)[None] / 255
    >>> of_picture(Picture(image=pixels[:, 3:, 6:])).text()
    'tables of quality 20 or so, subsampling 4:4:4, blocks from row 5 and column 2 on'
    """
    found = _Luma.of(picture)
    return None if found is None else found.with_chroma()


@dataclasses.dataclass(frozen=True)
class _Luma:
    """What the luma of a picture tells, and what chroma is told from.

    Attributes
    ----------
    noise : JpegQuantisation
        The compression, as if it had no colours.
    size : pair of int
        Height and width of the picture.
    planes : array (1 or 3, H, W)
        Luma and chroma as they were stored, on 0-255.
    spoilt : array (H, W)
        Which pixels tell nothing.
    """

    noise: jpeg.JpegQuantisation
    size: tuple[int, int]
    planes: Array
    spoilt: Mask

    @classmethod
    def of(cls, picture: Picture) -> _Luma | None:
        """Return what is told of a picture, None if nothing is."""
        height, width = picture.image.shape[1:]
        if len(picture.image) not in (1, 3) or min(height, width) < jpeg_grid.LEAST_SIDE:
            return None
        rows, columns = _middle(height), _middle(width)
        image = 255 * picture.image[:, rows, columns].astype(np.float64)
        planes = np.tensordot(jpeg.TO_YCBCR, image, 1) if len(image) == 3 else image
        luma = np.rint(planes[0])
        begins, more = jpeg_grid.most_zeros(luma / 255)
        if more < MORE_ZEROS:
            return None
        spoilt = np.asarray(((image <= 0) | (image >= 255)).any(0))
        if (clear := hidden.clear_pixels(picture)) is not None:
            spoilt |= clear[rows, columns]
        table, share = _luma_table(luma, spoilt, begins)
        turned, share_turned = _luma_table(luma.T, spoilt.T, begins[::-1])
        orientation = 1
        if turned is not None and (table is None or share_turned > share + CLEARLY):
            table, orientation = turned, TRANSPOSED
            planes, spoilt, begins = planes.transpose(0, 2, 1), spoilt.T, begins[::-1]
        if table is None:
            return None
        noise = jpeg.JpegQuantisation(table, table, orientation=orientation, begins=begins)
        return cls(noise, (height, width), planes, spoilt)

    def with_chroma(self) -> JpegFile:
        """Return the whole compression: of chroma that for which there is most evidence."""
        if len(self.planes) == 1:
            return JpegFile(self.noise, self.size)
        is_usual = self.noise.luma in _usual("luma")
        usual = _usual("chroma")[_nearest(self.noise.luma, "luma")]
        best = dataclasses.replace(self.noise, chroma=usual, subsampling="4:2:0")
        most = LEAST_EVIDENCE
        for name, begins in self._ways():
            factors = jpeg.FACTORS[name]
            unusable = _reduced(self.spoilt, begins, factors, np.any)
            means = [_reduced(plane, begins, factors, np.mean) for plane in self.planes[1:]]
            decoded = [means] if 2 not in factors else [means, _sharpened(means, factors)]
            for shared in decoded:
                whole = [np.rint(plane) for plane in shared]
                seen = _Coefficients.of(whole, unusable, (0, 0), ROUNDED_CHROMA).some()
                table = usual if is_usual else seen.table("chroma") or usual
                share, evidence = seen.explained(table)
                if share >= EXPLAINED_CHROMA and evidence > most:
                    best = dataclasses.replace(best, chroma=table, subsampling=name, begins=begins)
                    most = evidence
        return JpegFile(best, self.size, assumes_subsampling=most == LEAST_EVIDENCE)

    def _ways(self) -> Iterator[tuple[str, tuple[int, int]]]:
        """Yield subsampling, and where its first whole block may begin."""
        for name, factors in jpeg.FACTORS.items():
            rows, columns = (
                range(first, n * jpeg.BLOCK, jpeg.BLOCK)
                for first, n in zip(self.noise.begins, factors, strict=True)
            )
            for begins in itertools.product(rows, columns):
                yield name, begins


def _luma_table(
    luma: Array, spoilt: Mask, begins: tuple[int, int]
) -> tuple[jpeg.Table | None, float]:
    """Return the table of luma that lies as it was stored, None if none is told.

    And which share of the coefficients it explains, 0 of an unusual table, which is made for them.
    """
    seen = _Coefficients.of([luma], spoilt, begins, ROUNDED).different().some()
    table = seen.table("luma") if seen.count_of_both() >= FEWEST else None
    return table, seen.explained(table)[0] if table in _usual("luma") else 0.0


def _middle(side: int) -> slice:
    """Return the middle of a long side; it begins where a block would."""
    start = max(0, (side - MOST_SIDE) // 2) // MOST_BLOCK * MOST_BLOCK
    return slice(start, start + MOST_SIDE)


def _cut(plane: NDArray[Any], begins: tuple[int, int], sizes: tuple[int, int]) -> NDArray[Any]:
    """Return the part of a plane, from a place on, that whole rectangles fill."""
    rest = plane[begins[0] :, begins[1] :]
    rows, columns = (side - side % size for side, size in zip(rest.shape, sizes, strict=True))
    return rest[:rows, :columns]


def _reduced(
    plane: NDArray[Any],
    begins: tuple[int, int],
    sizes: tuple[int, int],
    how: Callable[..., NDArray[Any]],
) -> NDArray[Any]:
    """Return one value of each whole rectangle of a plane from a place on."""
    whole = _cut(plane, begins, sizes)
    (rows, columns), (down, across) = whole.shape, sizes
    by_rows = how(whole.reshape(rows // down, down, columns), axis=1)
    return how(by_rows.reshape(rows // down, columns // across, across), axis=2)


def _sharpened(means: list[Array], factors: tuple[int, int]) -> list[Array]:
    """Return the chroma values of planes of which the means of the pixels that share one are given.

    As most programs decode them: of two pixels, each has three quarters of the value that they
    share and a quarter of its neighbour's.
    """
    for axis, factor in enumerate(factors):
        if factor == 2:
            values = _values_of_means(means[0].shape[axis])
            means = [values @ one if axis == 0 else one @ values.T for one in means]
    return means


@functools.lru_cache(maxsize=8)
def _values_of_means(count: int) -> Array:
    """Return the matrix that makes values of the means of two pixels each.

    A mean has six eighths of its own value, and an eighth of each neighbour's.
    """
    means = (6 * np.eye(count) + np.eye(count, k=1) + np.eye(count, k=-1)) / 8
    means[[0, -1], [0, -1]] = 7 / 8
    return np.asarray(np.linalg.inv(means), np.float64)


@dataclasses.dataclass(frozen=True)
class _Coefficients:
    """Magnitudes (N,) of cosine coefficients that are not zero, and which of the 64 each is."""

    values: Array
    frequencies: NDArray[np.int64]
    rounded: float

    @classmethod
    def of(
        cls, planes: list[Array], spoilt: Mask, begins: tuple[int, int], rounded: float
    ) -> _Coefficients:
        """Return those of all blocks without spoilt pixels."""
        size = (jpeg.BLOCK, jpeg.BLOCK)
        good = ~_reduced(spoilt, begins, size, np.any)
        wholes = [_cut(plane, begins, size) for plane in planes]
        blocks = np.concatenate(
            [
                one.reshape(len(good), jpeg.BLOCK, -1, jpeg.BLOCK).transpose(0, 2, 1, 3)[good]
                for one in wholes
            ]
        )
        transform = np.kron(jpeg.cosine_transform(), jpeg.cosine_transform())
        found = np.abs(blocks.reshape(-1, jpeg.BLOCK**2) @ transform.T)
        found[:, 0] = 0
        block, frequencies = np.nonzero(found > rounded)
        return cls(found[block, frequencies], frequencies, rounded)

    def some(self) -> _Coefficients:
        """Return as many of all places as are needed."""
        return self._of_these(slice(None, None, -(-len(self.values) // MOST_COEFFICIENTS) or 1))

    def different(self) -> _Coefficients:
        """Return equal ones once.

        Drawings and patterns repeat a block: what fits it by chance fits it each time.
        """
        return self._once(self.values.round(DECIMALS))

    def count_of_both(self) -> int:
        """Return how many change along rows and columns: none do where pixels were repeated."""
        down, across = np.divmod(self.frequencies, jpeg.BLOCK)
        return int(((down > 0) & (across > 0)).sum())

    def explained(self, table: jpeg.Table) -> tuple[float, float]:
        """Return which share a table explains beyond chance, and how unlikely that is by chance.

        The latter in standard deviations.
        """
        steps = np.array(table, np.float64)[self.frequencies]
        near, chance = self._near(self.values, steps)
        excess = float(near.sum() - chance.sum())
        spread = float((chance * (1 - chance)).sum()) ** 0.5
        return (excess / float((1 - chance).sum()), excess / spread) if spread else (0.0, 0.0)

    def table(self, plane: str) -> jpeg.Table | None:
        """Return the table that explains the coefficients, None if none does.

        One of the Independent JPEG Group, or else one like them with the steps that are told.
        """
        usual = _usual(plane)
        table = max(usual, key=lambda one: self.explained(one)[1])
        if self.explained(table)[0] >= EXPLAINED and self._is_evident(table):
            return table
        steps = np.array([self._step(place) for place in range(jpeg.BLOCK**2)])
        if (steps > 1).sum() < FEWEST_STEPS:
            return None
        table = usual[_nearest(tuple(steps), plane)]
        if (steps == table)[steps > 1].mean() < AGREE:
            table = tuple(int(step) for step in np.where(steps > 1, steps, table))
        return table if self._is_evident(table) else None

    def _is_evident(self, table: jpeg.Table) -> bool:
        """Return whether a table explains more than chance does.

        Each multiple of a step counts once: a drawing that repeats a block, be it with a little
        noise, has one coefficient many times, and a step that fits by chance fits each time.
        """
        multiples = np.rint(self.values / np.array(table)[self.frequencies])
        return self._once(multiples).explained(table)[1] >= LEAST_EVIDENCE

    def _once(self, kinds: Array) -> _Coefficients:
        """Return one of each kind (N,) and frequency."""
        _, first = np.unique(self.frequencies * LARGEST + kinds, return_index=True)
        return self._of_these(np.sort(first))

    def _of_these(self, these: NDArray[np.int64] | slice) -> _Coefficients:
        return _Coefficients(self.values[these], self.frequencies[these], self.rounded)

    def _step(self, frequency: int) -> int:
        """Return the step of one frequency, 1 if it is not told."""
        values = self.values[self.frequencies == frequency]
        if len(values) < FEWEST:
            return 1
        # Of smaller ones, the rounding of even blocks looks like multiples.
        finest, coarsest = int(2 * self.rounded), int(np.median(values) + self.rounded)
        steps = np.arange(finest, min(COARSEST, coarsest) + 1)
        near, chance = self._near(values[:, None], steps)
        shares = near.mean(0)
        evidence = (shares - chance) * (len(values) / (chance * (1 - chance))) ** 0.5
        told = (shares >= SHARE_NEAR) & (evidence >= LEAST_EVIDENCE_ALONE)
        return int(steps[told].max(initial=1))

    def _near(self, values: Array, steps: NDArray[Any]) -> tuple[Mask, Array]:
        """Return which values are as good as multiples of steps, and how probable that is."""
        share = np.minimum(NEAR, self.rounded / steps)
        ratios = values / steps
        return np.asarray(np.abs(ratios - np.rint(ratios)) <= share), 2 * share


@functools.cache
def _usual(plane: str) -> list[jpeg.Table]:
    """Return the tables of all qualities."""
    return [getattr(jpeg.standard(quality), plane) for quality in QUALITIES]


def _nearest(table: jpeg.Table, plane: str) -> int:
    """Return the index of the usual table nearest to the steps of another that are not 1."""
    told = np.array(table) > 1
    ratios = np.log(np.array(_usual(plane))[:, told] / np.array(table)[told])
    return int(np.abs(ratios).sum(1).argmin())
