"""The image files of a dataset: which files of a folder are images, and what identifies them."""

from __future__ import annotations

import dataclasses
import functools
import math
import os
import re
from collections.abc import Iterator, Sequence
from pathlib import Path

import numpy as np
from numpy.typing import NDArray

from priorlab.errors import UsageError, few, printable
from priorlab.pictures import arrays, levels
from priorlab.pictures.formats import READ_SUFFIXES, TEXT_SUFFIXES
from priorlab.pictures.picture import Picture
from priorlab.pictures.reading import load, numbers, read, shown


@dataclasses.dataclass(frozen=True)
class ImageFile:
    """A readable image of a dataset.

    Attributes
    ----------
    name : str
        Unique in its dataset: the file name without its suffix, or with it where two files
        would share a name.
    path : Path
        The file.
    digest : str
        `priorlab.pictures.arrays.digest` of what `priorlab.pictures.reading.read` returns.
    channels, height, width : int
        Its shape.
    white : int
        The number that is white in a file of 16 bits that does not declare it: one for all such
        files of a dataset. 0 for other files.
    notes : tuple of str
        What was left out or changed in reading; not part of what the image is.
    """

    name: str
    path: Path
    digest: str
    channels: int
    height: int
    width: int
    white: int = 0
    notes: tuple[str, ...] = dataclasses.field(default=(), compare=False)

    def read(self) -> NDArray[np.float32]:
        """Read the pixels, as `priorlab.pictures.reading.read` does."""
        return read(self.path, self.white or None)


def of_folder(
    folder: Path,
) -> tuple[tuple[ImageFile, ...], tuple[str, ...], tuple[str, ...]]:
    """Read every file of a folder that has an image's suffix.

    Returns
    -------
    images : tuple of ImageFile
        At least one, in natural order: 2 before 10.
    problems : tuple of str
        A sentence on each image that cannot be used, and one on the other files.
    notes : tuple of str
        What was guessed.

    Raises
    ------
    UsageError
        If the folder cannot be read or holds no usable image.

    Examples
    --------
    >>> images, problems, notes = of_folder(Path("."))
    >>> [image.name for image in images], problems, notes
    (['photo'], (), ())
    """
    try:
        listed = [path for path in folder.iterdir() if path.name[0] != "."]
    except OSError as error:
        raise UsageError(f"cannot read folder {folder}: {error.strerror or error}") from None
    paths = sorted((p for p in listed if p.suffix.lower() in READ_SUFFIXES), key=_natural_order)
    deeper = _subfolders(listed)
    if not paths:
        lower = f"; those below {deeper[0]} do not count" if deeper else ""
        raise UsageError(f"folder {folder} holds no images ({', '.join(READ_SUFFIXES)}){lower}")
    found, problems = [], _other_files(listed)
    if deeper:
        problems.append(f"{printable(', '.join(deeper))}: images in subfolders do not count")
    for name, path in zip(_names(paths), paths, strict=True):
        try:
            found.append(describe(name, path))
        except UsageError as error:
            problems.append(printable(str(error)))
    if not found:
        raise UsageError(f"folder {folder} holds no usable image: {problems[0]}")
    images, notes = on_one_scale(found)
    return images, tuple(problems), notes


def _other_files(paths: Sequence[Path]) -> list[str]:
    """Return a sentence on the files whose suffix is neither a picture's nor a text's."""
    known = (*READ_SUFFIXES, *TEXT_SUFFIXES)
    others = [p.name for p in paths if p.suffix.lower() not in known and not p.is_dir()]
    names = printable(", ".join(sorted(others)))
    return [f"{names}: not the suffix of a picture that can be read"] if others else []


def _subfolders(paths: Sequence[Path]) -> list[str]:
    """Return the names of those folders in or below which there are images."""
    return sorted(
        path.name
        for path in paths
        if path.is_dir()
        and any(
            Path(name).suffix.lower() in READ_SUFFIXES
            for _, _, names in os.walk(path)
            for name in names
        )
    )


def describe(name: str, path: Path, white: int = 0) -> ImageFile:
    """Read an image once and keep what identifies it.

    Examples
    --------
    >>> image = describe("photo", Path("photo.png"))
    >>> image.channels, image.height, image.width
    (3, 32, 40)
    """
    if printable(path.name) != path.name:
        raise UsageError(f"the name of the file {path} is not UTF-8; rename it")
    picture = load(path, white or None)
    image = arrays.check(shown(picture), str(path))
    digest, notes = arrays.digest(image), tuple(_notes(picture))
    return ImageFile(name, path.resolve(), digest, *_size(image), white, notes)


def _notes(picture: Picture) -> Iterator[str]:
    """Yield what was left out or changed; which white was guessed is said of all files at once."""
    yield from (note for note in picture.notes if note != picture.levels.guessed)
    if picture.opacity is not None:
        yield "what is transparent is shown on white"


def notes_on(images: Sequence[ImageFile]) -> tuple[str, ...]:
    """Return the notes on images, each once, behind the names of the files.

    Examples
    --------
    >>> photo = dataclasses.replace(describe("photo", Path("photo.png")), notes=("it is gray",))
    >>> notes_on([photo])
    ('photo.png: it is gray',)
    """
    files: dict[str, list[str]] = {}
    for image in images:
        for note in image.notes:
            files.setdefault(note, []).append(image.path.name)
    return tuple(f"{printable(few(names))}: {note}" for note, names in files.items())


def _size(image: NDArray[np.float32]) -> tuple[int, int, int]:
    channels, height, width = image.shape
    return channels, height, width


def on_one_scale(images: Sequence[ImageFile]) -> tuple[tuple[ImageFile, ...], tuple[str, ...]]:
    """Find one white for all files of 16 bits that declare none; returns notes on it, too.

    By itself a dark picture of a camera would be taken for one of fewer bits.

    Examples
    --------
    >>> photo = describe("photo", Path("photo.png"))
    >>> on_one_scale([photo]) == ((photo,), ())
    True
    """
    present = {image: found for image in images if (found := numbers(image.path)) is not None}
    if not present:
        return tuple(images), ()
    common = levels.of_numbers(functools.reduce(np.union1d, present.values()))
    white = int(common.white)
    scaled = [describe(i.name, i.path, white) if i in present else i for i in images]
    guessed = printable(few([image.path.name for image in present]))
    notes = [f"{guessed}: {common.guessed}"] if common.guessed else []
    fewer = [
        i.path.name for i, found in present.items() if 2 * levels.of_numbers(found).white < white
    ]
    if fewer:
        notes.append(
            f"{printable(', '.join(fewer))}: by itself of fewer bits, but dark here, as all files"
            f" of 16 bits share the white of {white}; if that is wrong, use a folder for each depth"
        )
    return tuple(scaled), tuple(notes)


def _names(paths: Sequence[Path]) -> list[str]:
    """Return a name for each path: all stems, or all file names if two stems are equal."""
    stems = [path.stem for path in paths]
    return stems if len(set(stems)) == len(stems) else [path.name for path in paths]


def _natural_order(path: Path) -> tuple[list[tuple[float, str]], str]:
    """Return a sorting key that has ``2.png`` before ``10.png``."""
    parts = re.findall(r"\d+|\D+", path.name.lower())
    return [(int(part), "") if part.isdecimal() else (math.inf, part) for part in parts], path.name
