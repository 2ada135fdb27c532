"""Files that appear complete or not at all, and what is no file to be read."""

from __future__ import annotations

import contextlib
import errno
import os
import secrets
import shutil
import stat
import tempfile
import unicodedata
from collections.abc import Collection, Iterator
from pathlib import Path
from typing import BinaryIO

from priorlab.errors import UsageError, printable


def write_atomically(path: Path, content: bytes | str) -> None:
    """Write next to the file and rename, so that no reader ever sees half of it.

    Parameters
    ----------
    path : Path
        An existing file is replaced.
    content : bytes or str
        Texts are written as UTF-8 (what is no character as a question mark), line ends as they
        are.

    Raises
    ------
    UsageError
        If the file cannot be written.

    Examples
    --------
    >>> write_atomically(Path("notes.txt"), "first")
    >>> write_atomically(Path("notes.txt"), "second")
    >>> Path("notes.txt").read_text()
    'second'
    """
    with written_atomically(path) as file:
        file.write(printable(content).encode() if isinstance(content, str) else content)


@contextlib.contextmanager
def said_if_not_written(path: Path) -> Iterator[None]:
    """Turn an error of the system, while a file or folder is written, into one sentence.

    Raises
    ------
    UsageError
        In its place.

    Examples
    --------
    >>> with said_if_not_written(Path("missing/notes.txt")):
    ...     _ = Path("missing/notes.txt").write_text("first")
    Traceback (most recent call last):
    ...
    priorlab.errors.UsageError: cannot write missing/notes.txt: No such file or directory
    """
    try:
        yield
    except OSError as error:
        raise UsageError(f"cannot write {path}: {error.strerror or error}") from None


@contextlib.contextmanager
def written_atomically(path: Path) -> Iterator[BinaryIO]:
    """Open a file to be written piece by piece; it appears when all is written.

    Of a link, what it leads to is replaced. A file that is replaced keeps its permissions.

    Raises
    ------
    UsageError
        If the file cannot be written.

    Examples
    --------
    >>> with written_atomically(Path("rows.csv")) as file:
    ...     _ = file.write(b"a,b")
    ...     Path("rows.csv").exists()
    False
    >>> Path("rows.csv").read_text()
    'a,b'
    """
    place = Path(os.path.realpath(path))
    part = place.with_name(f".{secrets.token_hex(8)}.part")  # the name itself may be of full length
    with said_if_not_written(path):
        try:
            with part.open("xb") as file:
                yield file
            with contextlib.suppress(FileNotFoundError):
                shutil.copymode(place, part)
            part.replace(place)
        finally:
            part.unlink(missing_ok=True)


def check_place(path: Path, suffixes: Collection[str] = ()) -> None:
    """Find out early that a file cannot be written, before hours of work lead up to it.

    Parameters
    ----------
    path : Path
        The file.
    suffixes : collection of str
        Those that it may have, in small letters or large ones; any by default.

    Raises
    ------
    UsageError
        For another suffix, a folder that does not exist or is read-only, or something in its place
        that is no file or is read-only.

    Examples
    --------
    >>> check_place(Path("rows.CSV"), [".csv", ".parquet"])
    >>> check_place(Path("missing/rows.csv"))
    Traceback (most recent call last):
    ...
    priorlab.errors.UsageError: cannot write missing/rows.csv: there is no folder missing
    """
    if suffixes and path.suffix.lower() not in suffixes:
        raise UsageError(f"cannot write {path}: the suffix is not one of {', '.join(suffixes)}")
    check_name(path)
    if exists(path) and (kind := other_than_file(path)):
        raise UsageError(f"cannot write {path}: it is {kind}")
    folder = Path(os.path.realpath(path)).parent if path.is_symlink() else path.parent
    if not folder.is_dir():
        raise UsageError(f"cannot write {path}: there is no folder {folder}")
    if not os.access(folder, os.W_OK):
        raise UsageError(f"cannot write {path}: the folder {folder} is read-only")
    if exists(path) and not os.access(path, os.W_OK):
        raise UsageError(f"cannot write {path}: it is read-only")


def why_no_folder(error: OSError) -> str:
    """Return why a folder cannot be made.

    Examples
    --------
    >>> why_no_folder(FileExistsError(errno.EEXIST, "File exists"))
    'it is no folder'
    """
    return "it is no folder" if isinstance(error, FileExistsError) else error.strerror or str(error)


def is_folder(path: Path) -> bool:
    """Return whether this is a folder; what cannot be the name of anything is none.

    Examples
    --------
    >>> is_folder(Path(".")), is_folder(Path("x" * 5000)), is_folder(Path(chr(0)))
    (True, False, False)
    """
    return os.path.isdir(path)  # Path's own method raises for such names


def check_name(path: Path) -> None:
    """Raise a `UsageError` for what cannot be the name of a file, such as one that is too long.

    Examples
    --------
    >>> check_name(Path("x" * 5000))
    Traceback (most recent call last):
    ...
    priorlab.errors.UsageError: xxx...xxx cannot be the name of a file: File name too long
    """
    try:
        path.stat()
    except FileNotFoundError:
        return
    except (OSError, ValueError) as error:
        reason = getattr(error, "strerror", None) or error
        if isinstance(error, ValueError) or error.errno == errno.ENAMETOOLONG:
            raise UsageError(f"{path} cannot be the name of a file: {reason}") from None


def expanded(text: str) -> Path:
    """Return a path as it is stored, with the user's folder in place of ``~``, if there is such a
    user.

    Examples
    --------
    >>> expanded("~nobody-of-this-name/photo.png")
    PosixPath('~nobody-of-this-name/photo.png')
    """
    return as_stored(Path(os.path.expanduser(text)))  # Path's own method raises if there is none


def path_text(path: Path) -> str:
    """Return a path as text that nobody takes for a name, if there is something at it.

    ``Path("./photos")`` has lost its dot.

    Examples
    --------
    >>> Path("photos").mkdir()
    >>> path_text(Path("./photos")), path_text(Path("elsewhere"))
    ('./photos', 'elsewhere')
    """
    alone = len(path.parts) == 1 and not path.is_absolute()
    return f"./{path}" if alone and exists(path) else str(path)


def as_stored(path: Path) -> Path:
    """Return a path with its letters composed as those of the names on the disk.

    Keyboards type an accented letter as one character, and some systems store it as two. A path
    of which nothing is there is returned as it is.

    Examples
    --------
    >>> as_stored(Path("photo.png"))
    PosixPath('photo.png')
    """
    if str(path).isascii() or exists(path):
        return path
    found = Path(path.anchor)
    for part in path.relative_to(path.anchor).parts:
        here = found / part
        if not exists(here):
            with contextlib.suppress(OSError, ValueError):
                names = sorted(os.listdir(found))
                alike = (found / name for name in names if composed(name) == composed(part))
                here = next(alike, here)
        found = here
    return found if exists(found) else path


def composed(name: str) -> str:
    """Return a name with each accented letter as one character.

    Examples
    --------
    >>> composed("e\u0301") == composed("\u00e9") == "\u00e9"
    True
    """
    return unicodedata.normalize("NFC", name)


def is_one_name(name: str, other: str, folder: Path) -> bool:
    """Return whether a disk takes two names for one, as some do with capitals or accents.

    It is tried in a folder of its own, in `folder` or the first one above it that is there. Where
    nothing can be written, they count as two.

    Examples
    --------
    >>> is_one_name("a.png", "b.png", Path("out"))
    False
    """
    if composed(name).casefold() != composed(other).casefold():
        return False
    place = next((one for one in (folder, *folder.absolute().parents) if is_folder(one)), folder)
    try:
        with tempfile.TemporaryDirectory(prefix=".", dir=place) as tried:
            Path(tried, name).touch()
            return exists(Path(tried, other))
    except OSError:
        return False


def exists(path: Path) -> bool:
    """Return whether there is such a file or folder, or anything else.

    Examples
    --------
    >>> exists(Path("photo.png")), exists(Path("x" * 5000)), exists(Path(chr(0)))
    (True, False, False)
    """
    return os.path.exists(path)


def check_regular(path: Path) -> None:
    """Raise a `UsageError` for what is no file to be read: a folder, a named pipe, a device, ...

    Opening some of these waits for ever, and others never end.

    Examples
    --------
    >>> check_regular(Path("."))
    Traceback (most recent call last):
    ...
    priorlab.errors.UsageError: . is a folder, not a file
    """
    if kind := other_than_file(path):
        raise UsageError(f"{path} is {kind}, not a file")


def other_than_file(path: Path) -> str:
    """Return what something is, such as "a folder", that is no file; else an empty text.

    Raises
    ------
    UsageError
        If it is not there or cannot be looked at.

    Examples
    --------
    >>> other_than_file(Path("/dev/null"))
    'a device'
    """
    try:
        mode = path.stat().st_mode
    except (OSError, ValueError) as error:  # ValueError: a character that no name can have
        reason = getattr(error, "strerror", None) or error
        raise UsageError(f"cannot read {path}: {reason}") from None
    if stat.S_ISREG(mode):
        return ""
    return next((kind for is_one, kind in _OTHERS if is_one(mode)), "something else")


_OTHERS = (
    (stat.S_ISDIR, "a folder"),
    (stat.S_ISFIFO, "a named pipe"),
    (stat.S_ISSOCK, "a socket"),
    (stat.S_ISCHR, "a device"),
    (stat.S_ISBLK, "a device"),
)
