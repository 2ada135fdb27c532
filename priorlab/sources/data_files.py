"""The files beside code that are data, such as weights: what a result depends on as well."""

from __future__ import annotations

import ast
import os
from collections.abc import Iterator
from pathlib import Path

_NO_DATA = {".py", ".pyc", ".pyi", ".typed", ".md", ".rst"}
"""Suffixes of files in a package that are code, or that no result depends on."""
_LONGEST_NAME = 256
"""Bytes of a file's name in most file systems; a longer text names no file."""
_LONGEST_PATH = 4096
_NO_FILES = tuple(map(Path, ("/dev", "/proc", "/sys")))
"""Folders of what looks like files and is none."""
_MOST = 1000
"""No more files than this are taken for what a pattern in the code means."""


def in_package(folder: Path) -> Iterator[Path]:
    """Yield the data files in a package's folder, and in subfolders that hold no modules."""
    for path in folder.iterdir():
        if path.name.startswith((".", "__pycache__")):
            continue
        if path.is_dir():
            if not any(path.glob("*.py")):
                yield from in_package(path)
        elif path.is_file() and path.suffix not in _NO_DATA:
            yield path


def named_in(tree: ast.AST, file: Path) -> dict[str, Path]:
    """Return the files that a lone file of code names: its folder may hold anything else.

    Names count wherever they stand in the code: of a file, relative to the folder or to a folder
    that is named, too; with a part that is filled in when the code runs, or with a star; and of a
    suffix, which stands for the file beside it.

    Parameters
    ----------
    tree : AST
        The syntax tree of the file.
    file : Path
        Where it is.

    Returns
    -------
    dict of str to Path
        The files by where they lie, seen from the folder.

    Examples
    --------
    >>> _ = Path("weights.bin").write_text("")
    >>> named_in(ast.parse("path = here / 'weights.bin'"), Path("mine.py").resolve())
    {'weights.bin': ...Path('...weights.bin')}
    """
    texts = list(dict.fromkeys(_texts(tree)))
    folders = [
        file.parent,
        *(file.parent / text for text in texts if _is_folder(file.parent, text)),
    ]
    found = {}
    for path in (path for folder in folders for text in texts for path in _meant(folder, text)):
        found[_seen_from(file.parent, path)] = path
    for text in texts:
        if text.startswith(".") and text[1:].isalnum() and file.with_suffix(text).is_file():
            found[file.with_suffix(text).name] = file.with_suffix(text)
    found.pop(file.name, None)
    return found


def elsewhere(tree: ast.AST) -> dict[str, Path]:
    """Return the files that code names by their full paths, or from the home folder.

    Returns
    -------
    dict of str to Path
        The files by their full paths.

    Examples
    --------
    >>> file = Path("weights.bin").resolve()
    >>> _ = file.write_text("")
    >>> elsewhere(ast.parse(f"path = {str(file)!r}")) == {file.as_posix(): file}
    True
    """
    texts = list(dict.fromkeys(_texts(tree, full=True)))
    places = [place for text in texts if (place := _full(text))]
    found = [path for place in places for path in _meant(Path(place.anchor), _below(place))]
    names = list(dict.fromkeys(_texts(tree)))
    for folder in (place for place in places if _is_folder(place.parent, place.name)):
        found += [path for name in names for path in _meant(folder, name)]
    return {path.as_posix(): path for path in found}


def _full(text: str) -> Path | None:
    """Return the full path that a text is, if files can be there."""
    try:
        path = Path(text).expanduser()
    except RuntimeError:  # nobody has a home
        return None
    is_one = path.is_absolute() and not any(path.is_relative_to(place) for place in _NO_FILES)
    return path if is_one else None


def _below(path: Path) -> str:
    return path.relative_to(path.anchor).as_posix()


def _texts(tree: ast.AST, *, full: bool = False) -> Iterator[str]:
    """Yield the texts in code that can be names, or else full paths.

    Where a part is filled in when the code runs, with a star for it.
    """
    for node in ast.walk(tree):
        text: object = None
        if isinstance(node, ast.JoinedStr):
            parts = (part.value if isinstance(part, ast.Constant) else "*" for part in node.values)
            text = "".join(map(str, parts))
        elif isinstance(node, ast.Constant):
            text = node.value
        if isinstance(text, str) and _can_be_name(text) and _is_full(text) is full:
            yield text


def _can_be_name(text: str) -> bool:
    size = len(text.encode(errors="surrogatepass"))
    longest = _LONGEST_PATH if _is_full(text) else _LONGEST_NAME
    return 0 < size < longest and text.isprintable()


def _is_full(text: str) -> bool:
    return text.startswith("~") or Path(text).is_absolute()


def _is_folder(folder: Path, text: str) -> bool:
    """Return whether a text names another folder."""
    return "*" not in text and text.strip("./") != "" and (folder / text).is_dir()


def _meant(folder: Path, text: str) -> Iterator[Path]:
    """Yield the files that a text names, seen from a folder."""
    if "*" not in text:
        if (folder / text).is_file():
            yield folder / text
        return
    # A pattern of nothing but stars and marks, such as that of a product, means no files.
    if not any(mark.isalnum() for mark in text) or "." not in text or "**" in text:
        return
    try:
        found = sorted(path for path in folder.glob(text) if path.is_file())
    except (ValueError, NotImplementedError):  # no pattern at all
        return
    yield from found[:_MOST]


def _seen_from(folder: Path, path: Path) -> str:
    return Path(os.path.relpath(path, folder)).as_posix()
