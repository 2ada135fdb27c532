"""Write pictures: each file with as many bits as its format holds, complete or not at all."""

from __future__ import annotations

import dataclasses
import io
import os
from collections.abc import Collection
from pathlib import Path
from typing import Any

import numpy as np
from numpy.typing import ArrayLike, NDArray
from PIL import Image
from PIL.PngImagePlugin import PngInfo

from priorlab.errors import UsageError, percent
from priorlab.ground.files import check_place, write_atomically
from priorlab.pictures import arrays, colours, metadata, png, writing_tiff
from priorlab.pictures.formats import ANY_CHANNELS, SUFFIXES, split_frame
from priorlab.pictures.levels import DEEP, EIGHT, FLOATS, Levels
from priorlab.pictures.picture import NOTHING, Metadata, Picture

COMPRESS_LEVEL = 4
"""Of PNG files: half the time of Pillow's default, 1 % larger."""

_PILLOW: dict[str, tuple[str, dict[str, Any]]] = {
    ".png": ("PNG", {"compress_level": COMPRESS_LEVEL}),
    ".jpg": ("JPEG", {"quality": 95, "subsampling": 0}),
    ".jpeg": ("JPEG", {"quality": 95, "subsampling": 0}),
    ".bmp": ("BMP", {}),
    ".webp": ("WEBP", {"lossless": True, "exact": True}),
}
"""The suffixes that Pillow writes, with 8 bits: its name of the format, and options."""

_OPAQUE = (".jpg", ".jpeg", ".bmp")
"""Those of files without opacity."""

_TIFF = (".tif", ".tiff")


def write(
    path: str | os.PathLike[str], image: ArrayLike, like: Picture | None = None
) -> tuple[str, ...]:
    """Write an image; the file appears complete or not at all.

    Parameters
    ----------
    path : path
        Its suffix, one of `SUFFIXES`, decides the format. TIFF files keep 16 bits of each value,
        NumPy files 32-bit floats, (H, W) or (H, W, C); PNG files 16 bits where `like` has more
        than 8, else 8; the others keep 8 bits. An existing file is replaced.
    image : array of float, shape (C, H, W)
        Rounded to the nearest level; what is below 0 or above 1 is there in files of floats only,
        as far as they can be read again. Other files than TIFF and NumPy hold gray and RGB images
        only, C = 1 or 3.
    like : Picture, optional
        What the image was made from: its opacity, EXIF, ICC profile and resolution are kept, and
        the numbers that stand for its values, where the format holds them. Floats stay floats in
        TIFF files.

    Returns
    -------
    tuple of str
        A line on each thing of the image or of `like` that the file does not hold.

    Raises
    ------
    UsageError
        For an unknown suffix, values that are not finite, more channels than the format holds,
        or a file that cannot be written.

    Examples
    --------
    >>> import tempfile
    >>> from priorlab.pictures.reading import read
    >>> with tempfile.TemporaryDirectory() as folder:
    ...     _ = write(Path(folder) / "four.tif", np.full((4, 16, 20), 0.5))
    ...     read(Path(folder) / "four.tif").shape
    (4, 16, 20)
    """
    path = Path(path)
    values = np.asarray(image, dtype=np.float32)
    arrays.check_shape(values, f"the image for {path}")
    check_writable(path, channels=len(values))
    if not np.isfinite(values).all():
        raise UsageError(f"cannot write {path}: the image has values that are not finite")
    page, notes = _laid_out(values, path.suffix.lower(), like)
    floats = page.levels.container == "float32"
    beyond = 0.0 if floats else float(((values < 0) | (values > 1)).mean())
    if beyond:
        notes.append(
            f"{percent(beyond)} of the values are beyond black or white, and cut off;"
            " .npy files hold them"
        )
        page = dataclasses.replace(page, image=page.image.clip(0, 1))
    write_atomically(path, _encoded(page, path.suffix.lower()))
    return tuple(f"{path.name}: {note}" for note in notes)


def encoded(image: NDArray[np.float32], suffix: str) -> bytes:
    """Return what `write` puts into a file.

    Parameters
    ----------
    image : array of shape (C, H, W)
        With as many channels as the format holds.
    suffix : str
        One of `SUFFIXES`.

    Examples
    --------
    >>> encoded(np.full((1, 16, 20), 0.5, np.float32), ".png")[1:4]
    b'PNG'
    """
    page, _ = _laid_out(image, suffix, None)
    return _encoded(page, suffix)


@dataclasses.dataclass(frozen=True, eq=False, kw_only=True)
class _Page:
    """What a file is to hold: an image (C, H, W), opacity (H, W), and how."""

    image: NDArray[np.float32]
    opacity: NDArray[np.float32] | None
    levels: Levels
    metadata: Metadata

    def samples(self) -> NDArray[Any]:
        """Return the numbers (H, W, C) to store, the opacity, where there is any, last."""
        planes = [self.levels.numbers(self.image)]
        if self.opacity is not None:
            opaque = {"uint8": EIGHT, "uint16": DEEP, "float32": FLOATS}[self.levels.container]
            planes.append(opaque.numbers(self.opacity[None]))
        return np.concatenate(planes).transpose(1, 2, 0)


def _laid_out(
    image: NDArray[np.float32], suffix: str, like: Picture | None
) -> tuple[_Page, list[str]]:
    """Return what a file of a format holds of an image, and what it does not hold."""
    if like is None:
        levels = DEEP if suffix in _TIFF else FLOATS if suffix == ".npy" else EIGHT
        return _Page(image=image, opacity=None, levels=levels, metadata=NOTHING), []
    levels, notes = _levels(suffix, like)
    size = (image.shape[1], image.shape[2])
    opacity = like.opacity
    if opacity is not None and opacity.shape != size:
        # Of what reaches farther, an edge of the opacity has a rim that is seen.
        scaled = Image.fromarray(opacity).resize(size[::-1], Image.Resampling.BILINEAR)
        opacity = np.clip(np.asarray(scaled), 0, 1)
    if opacity is not None and suffix in (*_OPAQUE, ".npy"):
        notes.append(f"{suffix} files written here hold no opacity: shown on white")
        image, opacity = image * opacity + (1 - opacity), None
    kept = metadata.resized(like.metadata, like.image.shape[1:], size)
    kept, lost = _kept(kept, suffix, len(image))
    page = _Page(image=image, opacity=opacity, levels=levels, metadata=kept)
    return page, [*notes, *lost]


def _levels(suffix: str, like: Picture) -> tuple[Levels, list[str]]:
    """Return the numbers that stand for values in a file of a format, and what is lost.

    Counts of a sensor stay what they are in a file of the same format. From another format white
    becomes the largest number: what shows the file takes it so, and 12 bits would be nearly black.
    """
    deep, floats = like.levels.container != "uint8", like.levels.container == "float32"
    if suffix == ".npy":
        return FLOATS, []
    if suffix in _TIFF:
        return (like.levels if floats or (deep and _keeps_counts(_TIFF, like)) else DEEP), []
    if suffix == ".png" and deep:
        levels = like.levels if _keeps_counts((".png",), like) and not floats else DEEP
        return levels, (["floats became 16 bits"] if floats else [])
    kind = "floats" if floats else "more than 8 bits"
    return EIGHT, ([f"{kind} became 8 bits; .tif and .png files hold 16"] if deep else [])


def _keeps_counts(suffixes: Collection[str], like: Picture) -> bool:
    """Return whether a picture was read from no file of another format than that of `suffixes`."""
    return like.path is None or split_frame(like.path)[0].suffix.lower() in suffixes


def _kept(found: Metadata, suffix: str, channels: int) -> tuple[Metadata, list[str]]:
    """Return what a file of a format holds of what a picture's file said, and what is lost."""
    notes = []
    if found.icc_profile:
        space = {1: "GRAY", 3: "RGB"}.get(1 if suffix != ".webp" and channels == 1 else 3)
        if suffix in (".bmp", ".npy") or colours.profile_space(found.icc_profile) != space:
            notes.append("its colour profile is not kept")
            found = dataclasses.replace(found, icc_profile=b"")
    if found.exif and suffix in (".bmp", ".npy"):
        notes.append(f"its EXIF data are not kept, which {suffix} files do not hold")
        found = dataclasses.replace(found, exif=b"")
    if suffix != ".png" and not found.icc_profile and not png.is_srgb(found.colour_chunks):
        notes.append("its gamma or primaries are not kept; .png files hold them")
    others = [*found.others, *(writing_tiff.left_out(found) if suffix in _TIFF else [])]
    if others:
        notes.append(f"not kept: {', '.join(others)}")
    return found, notes


def _encoded(page: _Page, suffix: str) -> bytes:
    """Return the content of a file."""
    buffer = io.BytesIO()
    if suffix == ".npy":
        np.save(buffer, arrays.to_user(page.image))
        return buffer.getvalue()
    samples = page.samples()
    if suffix in _TIFF:
        return writing_tiff.encode(samples, page.levels, page.opacity is not None, page.metadata)
    if page.levels.container == "uint16":
        bits = round(np.log2(1 / page.levels.quantum + 1))
        return png.encode(samples, bits, page.metadata)
    kind, options = _PILLOW[suffix]
    shown = Image.fromarray(samples[..., 0] if samples.shape[2] == 1 else samples)
    said = {"exif": page.metadata.exif, "icc_profile": page.metadata.icc_profile}
    options = options | {key: value for key, value in said.items() if value}
    if page.metadata.dpi:
        options["dpi"] = page.metadata.dpi
    if kind == "PNG":
        options["pnginfo"] = PngInfo()
        for chunk in png.colour_chunks_beside(page.metadata):
            options["pnginfo"].add(*chunk)
    shown.save(buffer, format=kind, **options)
    return buffer.getvalue()


def check_writable(
    path: str | os.PathLike[str], suffixes: Collection[str] = SUFFIXES, channels: int = 1
) -> None:
    """Find out early that a file cannot be written, before hours of work lead up to it.

    Parameters
    ----------
    path : path
        The file.
    suffixes : collection of str
        Those that it may have.
    channels : int
        How many the image will have.

    Raises
    ------
    UsageError
        For a suffix that is not one of `suffixes` or whose files do not hold so many channels,
        or a folder that does not exist or is read-only.

    Examples
    --------
    >>> check_writable("restored.png", channels=4)
    Traceback (most recent call last):
    ...
    priorlab.errors.UsageError: cannot write restored.png: .png files hold 1 or 3 channels, not 4...
    """
    path = Path(path)
    check_place(path, suffixes)
    suffix = path.suffix.lower()
    if channels not in (1, 3) and suffix not in ANY_CHANNELS:
        raise UsageError(
            f"cannot write {path}: {suffix} files hold 1 or 3 channels, not {channels};"
            f" {', '.join(ANY_CHANNELS)} files hold any number"
        )


def check_replaces(source: Path, output: Path, overwrite: bool | None = None) -> None:
    """Raise a `UsageError` if a picture would be replaced by what is made of it unasked.

    `overwrite` is None where nobody can ask for it.

    Examples
    --------
    >>> check_replaces(Path("photo.png"), Path("./photo.png"), overwrite=False)
    Traceback (most recent call last):
    ...
    priorlab.errors.UsageError: photo.png is the picture itself; name another output, or ask for...
    """
    place, _ = split_frame(Path(source))
    if overwrite or not output.exists() or not place.exists() or not output.samefile(place):
        return
    choice = "" if overwrite is None else ", or ask for it to be overwritten"
    raise UsageError(f"{output} is the picture itself; name another output{choice}")
