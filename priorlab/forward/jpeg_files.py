"""What a JPEG file says of its compression: tables, subsampling, and how it is to be turned."""

from __future__ import annotations

import dataclasses
import os
from pathlib import Path
from typing import Any

import numpy as np
from PIL import Image, UnidentifiedImageError

from priorlab.errors import UsageError
from priorlab.forward import jpeg
from priorlab.ground.files import check_regular

ORIENTATION = 274
"""The number of the Exif tag."""


@dataclasses.dataclass(frozen=True)
class JpegFile:
    """The compression of a JPEG file, sequential or progressive, or of what was read from one.

    Attributes
    ----------
    noise : JpegQuantisation
        The model of its errors, in the picture turned upright.
    size : tuple of int
        Height and width of the picture turned upright.
    assumes_subsampling : bool
        Whether it is not known which pixels share a colour, and the usual is assumed.
    """

    noise: jpeg.JpegQuantisation
    size: tuple[int, int]
    assumes_subsampling: bool = False

    def text(self) -> str:
        """Return in words how the file was compressed.

        Examples
        --------
        >>> Image.open("photo.png").save("photo.jpg", quality=75, subsampling="4:2:2")
        >>> read("photo.jpg").text()
        'tables of quality 75 or so, subsampling 4:2:2'
        """
        noise = self.noise
        laid = "" if noise.orientation == 1 else f", orientation {noise.orientation}"
        if noise.begins != (0, 0):
            row, column = noise.corner(*self.size)
            laid = f"{laid}, blocks from row {row} and column {column} on"
        quality = min(range(1, 101), key=self._distance)
        assumed = " assumed" if self.assumes_subsampling else ""
        return f"tables of quality {quality} or so, subsampling {noise.subsampling}{assumed}{laid}"

    def _distance(self, quality: int) -> float:
        table = jpeg.standard(quality).luma
        return float(np.abs(np.log(np.divide(self.noise.luma, table))).sum())


def is_jpeg(path: str | os.PathLike[str]) -> bool:
    """Whether a file is a JPEG file, by its content.

    Examples
    --------
    >>> is_jpeg("photo.png")
    False
    """
    try:
        with open(path, "rb") as file, Image.open(file, formats=["JPEG"]):
            return True
    except (UnidentifiedImageError, OSError):
        return False


def read(path: str | os.PathLike[str]) -> JpegFile:
    """Return the compression of a JPEG file.

    Raises
    ------
    UsageError
        If it is not a JPEG file, or one whose colours are not stored as luma and chroma, or whose
        chroma is sampled in a way not in `jpeg.FACTORS`.

    Examples
    --------
    >>> Image.open("photo.png").save("photo.jpg", quality=90, subsampling="4:2:0")
    >>> read("photo.jpg").noise == jpeg.standard(quality=90, subsampling="4:2:0")
    True
    """
    check_regular(Path(path))
    try:
        with open(path, "rb") as file, Image.open(file, formats=["JPEG"]) as image:
            orientation = image.getexif().get(ORIENTATION, 1)
            orientation = orientation if orientation in range(1, 9) else 1
            width, height = image.size if orientation < 5 else image.size[::-1]
            return JpegFile(_noise(image, path, orientation), (height, width))
    except UnidentifiedImageError:
        raise UsageError(f"{path} is not a JPEG file, which would have the tables") from None
    except OSError as error:
        raise UsageError(f"{path} cannot be read: {error}") from None


def _noise(image: Any, path: str | os.PathLike[str], orientation: int) -> jpeg.JpegQuantisation:
    # For each plane: its number, its sampling factors across and down, the number of its table.
    planes = image.layer
    tables = [tuple(image.quantization[plane[3]]) for plane in planes]
    if len(planes) == 1:
        return jpeg.JpegQuantisation(tables[0], tables[0], orientation=orientation)
    stored_as_rgb = image.info.get("adobe_transform", 1) == 0 or [p[0] for p in planes] == [*b"RGB"]
    if len(planes) != 3 or stored_as_rgb:
        found = "RGB" if len(planes) == 3 else "CMYK"
        raise UsageError(
            f"{path} stores {found} colours; expected luma and chroma (YCbCr), or gray"
        )
    (across, down), *chroma = [plane[1:3] for plane in planes]
    factors = {(down / v, across / h) for h, v in chroma}
    names = [name for name, shared in jpeg.FACTORS.items() if factors == {shared}]
    if not names:
        expected = ", ".join(jpeg.FACTORS)
        raise UsageError(f"{path} samples its colours in an unusual way; expected {expected}")
    # Where the tables of both chroma planes differ, an error is taken to be the larger one.
    both = tuple(int(step) for step in np.maximum(tables[1], tables[2]))
    return jpeg.JpegQuantisation(tables[0], both, names[0], orientation)
