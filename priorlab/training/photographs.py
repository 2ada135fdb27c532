"""Training data: the photographs of a folder, decoded once, and the crops drawn from them."""

from __future__ import annotations

import dataclasses
import hashlib
import os
from pathlib import Path
from typing import Self

import numpy as np
import numpy.typing as npt
from PIL import Image

from priorlab.errors import UsageError

Array = npt.NDArray[np.uint8]

HOLD_OUT_EVERY = 20
"""Every 20th image of a folder is held out: used only to measure what was learned."""
SUFFIXES = (".png", ".jpg", ".jpeg", ".bmp", ".tif", ".tiff")


@dataclasses.dataclass(frozen=True)
class Photographs:
    """The photographs of a folder, by name.

    Attributes
    ----------
    shown : list of uint8 arrays
        What a training sees, (3, H, W) each.
    held_out : list of uint8 arrays
        Every 20th image, which it does not see.
    digest : str
        SHA-256 over the names and contents of all files.
    """

    shown: list[Array]
    held_out: list[Array]
    digest: str

    @classmethod
    def read(cls, dataset: Path, least: int) -> Self:
        """Decode the photographs of a folder.

        Parameters
        ----------
        dataset : Path
            The folder.
        least : int
            The least height and width, in pixels, that the training can use.

        Raises
        ------
        UsageError
            If it is no folder, holds no image, or one that cannot be read or is too small.
        """
        paths = image_paths(dataset)
        images = [decode(path, least) for path in paths]
        shown = [image for i, image in enumerate(images) if (i + 1) % HOLD_OUT_EVERY]
        return cls(shown, images[HOLD_OUT_EVERY - 1 :: HOLD_OUT_EVERY], data_digest(paths))

    @property
    def facts(self) -> dict[str, str]:
        """What the provenance of a training says about its data."""
        return {
            "images": str(len(self.shown)),
            "images_held_out": str(len(self.held_out)),
            "data_sha256": self.digest,
        }


def image_paths(dataset: Path) -> list[Path]:
    """Return the image files of a folder by name, or raise a `UsageError` if there is none."""
    if not dataset.is_dir():
        raise UsageError(f"{dataset} is not a folder of images")
    files = (path for path in dataset.iterdir() if path.is_file())
    paths = sorted(path for path in files if path.suffix.lower() in SUFFIXES)
    if not paths:
        raise UsageError(f"{dataset} holds no image ({', '.join(SUFFIXES)})")
    return paths


def data_digest(paths: list[Path]) -> str:
    """Return the SHA-256 over the names and contents of the files, in the order given."""
    digest = hashlib.sha256()
    for path in paths:
        digest.update(os.fsencode(path.name) + b"\0" + hashlib.sha256(path.read_bytes()).digest())
    return digest.hexdigest()


def decode(path: Path, least: int) -> Array:
    """Return an image of 8 bits as uint8 (3, H, W); a gray one has three equal channels."""
    try:
        with Image.open(path) as image:
            if image.mode[0] in "IF":  # converting would clip, not scale
                raise UsageError(f"{path} has more than 8 bits; training takes 8-bit images")
            pixels = np.asarray(image.convert("RGB"))
    except OSError as error:
        raise UsageError(f"{path} is not a readable image: {error}") from None
    if min(pixels.shape[:2]) < least:
        raise UsageError(
            f"{path} is {pixels.shape[1]}x{pixels.shape[0]} pixels;"
            f" training takes images of at least {least}x{least}"
        )
    return np.ascontiguousarray(pixels.transpose(2, 0, 1))


def gray(image: Array) -> Array:
    """Return the ITU-R 601 luma (1, H, W) of an image (3, H, W), rounded to 8 bits.

    Examples
    --------
    >>> gray(np.full((3, 1, 1), 200, np.uint8))
    array([[[200]]], dtype=uint8)
    """
    luma = Image.fromarray(image.transpose(1, 2, 0)).convert("L")
    return np.asarray(luma)[None]


def halved(image: Array) -> Array:
    """Return an image (C, H, W) at half its size: each pixel is the mean of four.

    Where a photograph was stored with colour at half resolution, as JPEG files mostly are, this
    one has as many samples of colour as of brightness.

    Examples
    --------
    >>> halved(np.uint8([[[0, 20, 5], [20, 40, 5]]]))
    array([[[20]]], dtype=uint8)
    """
    height, width = image.shape[1] // 2 * 2, image.shape[2] // 2 * 2
    blocks = image[:, :height, :width].reshape(len(image), height // 2, 2, width // 2, 2)
    result: Array = np.rint(blocks.mean((2, 4), dtype=np.float32)).astype(np.uint8)
    return result


def crop(
    image: Array | npt.NDArray[np.float16], side: int, rng: np.random.Generator
) -> npt.NDArray[np.float32]:
    """Draw a crop (C, side, side) in one of its eight orientations; bytes become [0, 1]."""
    top = rng.integers(image.shape[1] - side + 1)
    left = rng.integers(image.shape[2] - side + 1)
    part = image[:, top : top + side, left : left + side]
    part = np.rot90(part, int(rng.integers(4)), (1, 2))
    if rng.integers(2):
        part = part[:, :, ::-1]
    return part.astype(np.float32) / np.float32(255 if image.dtype == np.uint8 else 1)
