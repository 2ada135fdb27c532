"""Which pictures a user means with files, folders and patterns, and where each result goes."""

from __future__ import annotations

import dataclasses
import glob
import os
import unicodedata
from collections import Counter
from collections.abc import Iterator, Sequence
from pathlib import Path

from priorlab.errors import UsageError
from priorlab.ground.files import (
    as_stored,
    check_name,
    composed,
    exists,
    is_one_name,
    other_than_file,
)
from priorlab.pictures.formats import READ_SUFFIXES, SUFFIXES, split_frame

STAND_IN = ".png"
"""The suffix of a result whose source has one that is not written."""


@dataclasses.dataclass(frozen=True)
class Found:
    """A picture to work on.

    Attributes
    ----------
    source : Path
        The file, or one picture of a file of several, such as ``scan.tif[3]``.
    place : Path
        Where its result goes, below the output folder. Its suffix is one that is written.
    """

    source: Path
    place: Path

    @property
    def file(self) -> Path:
        """The file that holds the picture."""
        return split_frame(self.source)[0]


@dataclasses.dataclass(frozen=True)
class Collection:
    """The pictures that were found, each once, and what of a folder is none.

    Attributes
    ----------
    pictures : tuple of Found
        No two have the same place.
    folder : Path
        The output folder.
    to_file : bool
        Whether the user named the file to write, for the one picture there is.
    left_out : tuple of str
        The files of folders that are no pictures by their suffix, and links to folders.
    """

    pictures: tuple[Found, ...]
    folder: Path
    to_file: bool = False
    left_out: tuple[str, ...] = ()


def collect(
    given: Sequence[str | Path] | str | Path, output: str | Path, *, overwrite: bool = False
) -> Collection:
    """Find the pictures in files, folders and patterns, and where their results go.

    Parameters
    ----------
    given : sequence of path, or path
        Files, folders, and patterns such as ``"*.jpg"`` or ``"photos/**/*.jpg"``. A file is taken
        whatever its suffix; of a folder and its subfolders, what has the suffix of a picture and
        is not hidden.
    output : path
        For one file the file to write. For whatever may be several, or if there is such a folder
        or the text ends with a slash, the folder for the results; what lies in it is not taken
        from a folder that is given.
    overwrite : bool
        Whether a result may replace a picture.

    Returns
    -------
    Collection
        The results of a file lie in the output folder itself. Those of a folder keep its structure
        below the output folder; of several folders, or of one beside files, below its name. Where
        another suffix would give two one name, that result is called after its whole file name.

    Raises
    ------
    UsageError
        For a file or folder that does not exist or cannot be read, a pattern that nothing matches,
        no picture at all, two pictures whose results would have the same name, a result in place
        of a picture, or an output that is no folder where several pictures need one.

    Examples
    --------
    >>> found = collect(["*.png"], "out")
    >>> [str(picture.place) for picture in found.pictures], found.to_file
    (['photo.png'], False)
    >>> found = collect(["photo.png"], "out/clean.png")
    >>> [str(picture.place) for picture in found.pictures], found.to_file, str(found.folder)
    (['clean.png'], True, 'out')
    """
    given = [given] if isinstance(given, str | Path) else given
    for item in (*given, output):
        if not isinstance(item, str | os.PathLike):
            raise UsageError(f"a picture or an output is a path, not {type(item).__name__}")
        check_name(Path(item))
    target = as_stored(Path(output))
    one = len(given) == 1 and not Path(given[0]).is_dir() and not _is_pattern(str(given[0]))
    if one and not target.is_dir() and not str(output).endswith(("/", os.sep)):
        (source,) = _matches(str(given[0]))
        pictures: tuple[Found, ...] = (Found(source, Path(target.name)),)
        found = Collection(pictures, target.parent, to_file=True)
    else:
        _check_folder(target)
        pictures, left_out = _in_folders(given, target)
        found = Collection(pictures, target, left_out=left_out)
    if not overwrite:
        _check_not_replaced(found)
    return found


def _in_folders(
    given: Sequence[str | Path], output: Path
) -> tuple[tuple[Found, ...], tuple[str, ...]]:
    """Return the pictures in files, folders and patterns, and what is left out."""
    paths = [path for item in given for path in _matches(str(item))]
    if not paths:
        raise UsageError("expected at least one picture")
    found: dict[Path, Found] = {}
    left_out: list[str] = []
    for path in paths:
        if not path.is_dir():
            found.setdefault(path.resolve(), Found(path, _place_of(path)))
            continue
        below = Path() if len(paths) == 1 else Path(path.resolve().name)
        for file in _files_in(path, output.resolve(), left_out):
            found.setdefault(file.resolve(), Found(file, below / file.relative_to(path)))
    if not found:
        raise UsageError(f"{', '.join(map(str, paths))}: no pictures ({', '.join(READ_SUFFIXES)})")
    pictures = _with_suffixes(tuple(found.values()))
    _check_places(pictures, output)
    return pictures, tuple(left_out)


def _check_folder(output: Path) -> None:
    """Raise a `UsageError` if this cannot become the folder of several results."""
    if output.is_dir():
        return
    if output.exists() or output.suffix.lower() in SUFFIXES:
        raise UsageError(f"several pictures need a folder for their results: {output} is a file")


def _is_pattern(text: str) -> bool:
    return glob.has_magic(text) and not split_frame(Path(text))[0].exists()


def _matches(text: str) -> list[Path]:
    """Return the files and folders that a text names."""
    if _is_pattern(text):
        spellings = {text, *(unicodedata.normalize(form, text) for form in ("NFC", "NFD"))}
        found = {match for one in spellings for match in glob.glob(one, recursive=True)}
        if found:
            return [Path(match) for match in sorted(found)]
        raise UsageError(f"no file matches {text!r}")
    file, number = split_frame(Path(text))
    try:
        os.stat(file)
    except OSError as error:
        raise UsageError(f"cannot read {text}: {error.strerror or error}") from None
    return [file if number is None else file.with_name(f"{file.name}[{number}]")]


def _files_in(folder: Path, without: Path, left_out: list[str]) -> Iterator[Path]:
    """Yield the pictures of a folder and of its subfolders, and note what is left out."""

    def fail(error: OSError) -> None:
        raise UsageError(f"cannot read folder {error.filename}: {error.strerror}")

    for place, folders, files in os.walk(folder, onerror=fail):
        inner = sorted(name for name in folders if name[0] != ".")
        left_out += [f"{Path(place, name)} (a link)" for name in inner if _is_link(place, name)]
        folders[:] = [
            name
            for name in inner
            if not _is_link(place, name) and Path(place, name).resolve() != without
        ]
        for name in sorted(name for name in files if name[0] != "."):
            path = Path(place, name)
            other = other_than_file(path) if exists(path) else "a link to nothing"
            if other:
                left_out.append(f"{path} ({other})")
            elif path.suffix.lower() in READ_SUFFIXES:
                yield path
            else:
                left_out.append(str(path))


def _is_link(place: str, name: str) -> bool:
    return Path(place, name).is_symlink()


def _place_of(path: Path) -> Path:
    """Return a name for the result of a file, or of one picture of it."""
    file, number = split_frame(path)
    return Path(file.name if number is None else f"{file.stem}-{number}{file.suffix}")


def _with_suffixes(pictures: Sequence[Found]) -> tuple[Found, ...]:
    """Return pictures whose places have a suffix that is written.

    Beside ``b.png``, whose result has that name, the one of ``b.gif`` is ``b.gif.png``; so it is
    beside ``B.png``, since some disks take the two for one name.
    """
    written = [_written(found.place) for found in pictures]
    count = Counter(map(_folded, written))
    return tuple(
        dataclasses.replace(found, place=place)
        if place == found.place or count[_folded(place)] == 1
        else dataclasses.replace(found, place=place.with_name(found.place.name + STAND_IN))
        for found, place in zip(pictures, written, strict=True)
    )


def _written(place: Path) -> Path:
    return place if place.suffix.lower() in SUFFIXES else place.with_suffix(STAND_IN)


def _check_not_replaced(found: Collection) -> None:
    """Raise a `UsageError` if a result would replace a picture that is to be restored."""
    sources = {picture.file.resolve(): picture.source for picture in found.pictures}
    for picture in found.pictures:
        if replaced := sources.get((found.folder / picture.place).resolve()):
            raise UsageError(
                f"the result of {picture.source} would replace the picture {replaced}; name"
                " another output, or add --overwrite"
            )


def _folded(place: Path) -> str:
    """Return a text that is the same for two places which some disks take for one."""
    return composed(str(place)).casefold()


def _check_places(pictures: Sequence[Found], output: Path) -> None:
    """Raise a `UsageError` if two results would overwrite each other."""
    places: dict[str, list[Found]] = {}
    for found in pictures:
        others = places.setdefault(_folded(found.place), [])
        for other in others:
            if not _is_one_place(other.place, found.place, output):
                continue
            beside = other.file.parent == found.file.parent
            remedy = "rename one of them" if beside else "name the folder above them"
            raise UsageError(
                f"{other.source} and {found.source} would both be written to {found.place};"
                f" {remedy}, or restore them one at a time"
            )
        others.append(found)


def _is_one_place(place: Path, other: Path, output: Path) -> bool:
    """Return whether two places that differ in capitals or accents at most are one on this disk."""
    pairs = zip(place.parts, other.parts, strict=True)
    return all(one == two or is_one_name(one, two, output) for one, two in pairs)
