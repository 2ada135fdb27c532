"""Removing what JPEG compression does."""

from __future__ import annotations

import dataclasses
from collections.abc import Collection
from typing import ClassVar, cast

import numpy as np
from numpy.typing import NDArray
from typing_extensions import override

from priorlab.components import parameter
from priorlab.errors import UsageError
from priorlab.forward import jpeg, jpeg_files
from priorlab.forward.measurement import Measurement
from priorlab.forward.noise import Noise
from priorlab.forward.operators import Identity, LinearOperator, Shape
from priorlab.pictures import formats, jpeg_grid, jpeg_traces
from priorlab.pictures.hidden import largest_part_without
from priorlab.pictures.picture import Picture
from priorlab.tasks.base import Protocol, Task


@dataclasses.dataclass(frozen=True, kw_only=True)
class Dejpeg(Task):
    """Remove the blocks and the ringing of JPEG compression.

    Clean images are compressed with Pillow. The quality is that of the Independent JPEG Group,
    as in Pillow and most programs; others count in their own way. For a JPEG file of your own, both
    are taken from it. For a picture that was read from one and stored otherwise, or once more,
    perhaps as a cut-out, they are told from its pixels (`priorlab.pictures.jpeg_traces`), or from
    that file, `tables`, if it was not cut out. It must not have been resized since.

    Examples
    --------
    >>> import torch
    >>> clean = torch.rand(1, 3, 16, 16, generator=torch.Generator().manual_seed(0))
    >>> errors = [(Dejpeg(quality=q).measure(clean, seed=0).y - clean).norm() for q in (10, 90)]
    >>> bool(errors[0] > errors[1])
    True
    """

    name: ClassVar[str] = "dejpeg"
    called: ClassVar[str] = "JPEG"
    quality: int = parameter(10, "quality on IJG's scale", low=1, high=100, shown=True)
    subsampling: str = parameter(
        "4:4:4",
        "4:4:4: each pixel has a colour; 4:2:2: two share one; 4:2:0: four do",
        choices=jpeg.WRITTEN,
    )
    tables: str = parameter("", "JPEG file to take both from instead", file=True)

    def __post_init__(self) -> None:
        super().__post_init__()
        if self.tables and (self.quality, self.subsampling) != (10, "4:4:4"):
            raise UsageError(
                f"{self.name}: give either tables={self.tables} or quality and subsampling"
            )

    @override
    def shown(self) -> list[str]:
        means_nothing = {"quality"} if self.tables else set()
        return [key for key in super().shown() if key not in means_nothing]

    @property
    def noise(self) -> Noise:
        """The error that JPEG makes; it is not random."""
        if self.tables:
            return jpeg_files.read(self.tables).noise
        return jpeg.standard(self.quality, self.subsampling)

    @property
    @override
    def protocol(self) -> Protocol:
        return Protocol(clipped=True, rounded=True)

    def operator(self, shape: Shape, rng: np.random.Generator) -> LinearOperator:
        """Return the identity; JPEG files hold gray and RGB images only."""
        self.check_channels(shape[1])
        return Identity()

    def check_channels(self, count: int) -> None:
        """Raise a `UsageError` unless an image of so many channels is gray or RGB."""
        if count not in (1, 3):
            raise UsageError(f"{self.name} treats 1 or 3 channels, like JPEG, not {count}")

    @override
    def for_picture(self, picture: Picture, typed: Collection[str]) -> tuple[Task, tuple[str, ...]]:
        path, frame = formats.split_frame(picture.path) if picture.path else (None, None)
        own = "" if path is None or frame or not jpeg_files.is_jpeg(path) else str(path)
        if "quality" in typed:
            return self, self._contradicted(own)
        if "subsampling" in typed:
            raise UsageError(f"{self.name}: subsampling= needs quality=; else both are found")
        tables = self.tables
        if not tables:
            known = jpeg_traces.strongest(picture) if own else None
            if not own or (known is not None and known[1]):
                return _OfPixels(), ()
            tables = own
        file = jpeg_files.read(tables)
        height, width = picture.image.shape[1:]
        if file.size != (height, width):
            raise UsageError(
                f"{self.name}: tables={tables} has {file.size[1]}x{file.size[0]} pixels, but the "
                f"picture has {width}x{height}: its blocks lie elsewhere"
            )
        task = dataclasses.replace(self, tables=tables)
        return task, (f"as {tables} says: {file.text()}",)

    def _contradicted(self, own: str) -> tuple[str, ...]:
        """Return a line on what the picture's JPEG file says, if that is not what was typed."""
        try:
            file = jpeg_files.read(own) if own else None
        except UsageError:  # its colours are stored in an unusual way
            return ()
        if file is None or file.noise == self.noise:
            return ()
        return (
            f"{own} says: {file.text()}; taken is what was typed, quality={self.quality} and"
            f" subsampling {self.subsampling}, as if it had been compressed so before",
        )

    @override
    def doubts(self, measurement: Measurement, clear: NDArray[np.bool_] | None) -> tuple[str, ...]:
        """Say where the blocks lie that the picture shows, if not where they are to be."""
        noise = cast(jpeg.JpegQuantisation, measurement.noise)  # as `adopt` made it
        image = measurement.y[0].cpu().double().numpy()
        height, width = image.shape[1:]
        seen = (slice(0, height), slice(0, width)) if clear is None else largest_part_without(clear)
        luma = image[0] if len(image) == 1 else np.tensordot(jpeg.TO_YCBCR[0], image, 1)
        found = jpeg_grid.corner(luma[seen])
        if found is None:
            return ()
        row, column = (
            (place + part.start) % jpeg.BLOCK for place, part in zip(found, seen, strict=True)
        )
        expected = noise.corner(height, width)
        if (row, column) == expected:
            return ()
        remedy = (
            "cut off what lies before them, and give quality="
            if self.tables
            else "without quality= they are found where they are"
        )
        return (
            f"its blocks of 8x8 pixels begin at row {row} and column {column}, not at"
            f" {expected[0]} and {expected[1]}: it was cropped or turned since, and less is"
            f" restored; {remedy}",
        )


class _OfPixels(Dejpeg):
    """The task of a picture whose pixels tell the compression that counts, and not its file."""

    @override
    def noise_in(self, picture: Picture) -> tuple[Noise, str]:
        self.check_channels(len(picture.image))
        found = jpeg_traces.of_picture(picture)
        if found is None:
            raise UsageError(
                f"{self.name}: {picture.name} is no JPEG file, and its pixels do not tell how it"
                " was compressed, as they do unless it was resized, turned or edited since; give"
                " tables=FILE.jpg, the JPEG file that it was read from, or quality=10, say"
            )
        return found.noise, f"as its pixels show, it was stored as JPEG before: {found.text()}"

    @override
    def doubts(self, measurement: Measurement, clear: NDArray[np.bool_] | None) -> tuple[str, ...]:
        return ()
