"""Files that appear complete or not at all."""

from __future__ import annotations

import contextlib
import secrets
from collections.abc import Iterator
from pathlib import Path
from typing import BinaryIO

from priorlab.errors import UsageError


def write_atomically(path: Path, content: bytes | str) -> None:
    """Write next to the file and rename, so that no reader ever sees half of it.

    Parameters
    ----------
    path : Path
        An existing file is replaced.
    content : bytes or str
        Texts are written as UTF-8, line ends as they are.

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
        file.write(content.encode() if isinstance(content, str) else content)


@contextlib.contextmanager
def written_atomically(path: Path) -> Iterator[BinaryIO]:
    """Open a file to be written piece by piece; it appears when all is written.

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
    part = path.with_name(f".{path.name}.{secrets.token_hex(4)}.part")
    try:
        try:
            with part.open("xb") as file:
                yield file
            part.replace(path)
        finally:
            part.unlink(missing_ok=True)
    except OSError as error:
        raise UsageError(f"cannot write {path}: {error.strerror or error}") from None
