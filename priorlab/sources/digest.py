"""The digest of the code, and of the data files, that a component's results depend on.

What counts are the files that its modules import, one after the other, as far as they belong to
the same distribution, lie in the same folder as its lone file, or are priorlab's own. Other
libraries are known by their versions. A comment or docstring changes nothing: see
`priorlab.sources.normal_form`.
"""

from __future__ import annotations

import ast
import functools
import hashlib
import sysconfig
from collections.abc import Iterable, Iterator
from importlib import metadata
from pathlib import Path

from priorlab.sources.imports import CORE, Finder, Module, locate, parents, providers, references
from priorlab.sources.normal_form import executed, normal_form

_NO_DATA = {".py", ".pyc", ".pyi", ".typed", ".md", ".rst"}
"""Suffixes of files in a package that are code, or that no result depends on."""
_LONGEST_NAME = 256
"""Bytes of a file's name in most file systems; a longer text names no file."""


def digest(modules: Iterable[str]) -> str:
    """Return the digest of some modules, of what they import, and of their data files.

    Parameters
    ----------
    modules : iterable of str
        Full names.

    Returns
    -------
    str
        64 hexadecimal digits. Where the files lie makes no difference.

    Raises
    ------
    LookupError
        If there is no such module.

    Examples
    --------
    >>> len(digest(["priorlab.errors"]))
    64
    >>> digest(["priorlab.errors"]) == digest(["priorlab.files"])
    False
    """
    code: dict[str, str] = {}
    data: dict[str, Path] = {}
    for module, whole in closure(modules).items():
        if module.file:
            content = module.file.read_bytes()
            code[_label(module, module.file)] = _code_digest(content, whole)
            files = _data(module, content) if whole else ()
            data |= {_label(module, file): file for file in files}
    entries = code | {label: _file_digest(file) for label, file in data.items()}
    lines = "".join(f"{label} {entries[label]}\n" for label in sorted(entries))
    return hashlib.sha256(lines.encode(errors="surrogatepass")).hexdigest()


def modules_of(kind: type, home: str) -> set[str]:
    """Return the modules in which a class, its bases and their methods were written.

    Parameters
    ----------
    kind : type
        The class of a component.
    home : str
        The module of the plugin that provides it. Modules of other distributions are left out.
        The code of `home` itself counts only where the class or a method is written there, or
        where the class does not say where it is written: one that a function made may not.

    Examples
    --------
    >>> from priorlab.priors import Denoiser
    >>> sorted(modules_of(Denoiser, "priorlab.plugins"))
    ['priorlab.components', 'priorlab.priors', 'priorlab.solvers.plug_and_play']
    """
    module = locate(home)
    if module is None:
        raise LookupError(f"there is no module {home!r}")
    parts = [part for base in kind.__mro__ for part in (base, *vars(base).values())]
    names = {getattr(part, "__module__", None) for part in parts}
    found = {name for name in names if isinstance(name, str) and _follows(module, name)}
    return found if kind.__module__ in found else found | {home}


def closure(modules: Iterable[str]) -> dict[Module, bool]:
    """Return the modules that some modules depend on, themselves included.

    Parameters
    ----------
    modules : iterable of str
        Full names.

    Returns
    -------
    dict of Module to bool
        Whether all of its code counts. Of a package that is there only because it holds a module
        that is imported, just what importing it executes does.

    Examples
    --------
    >>> sorted(module.name for module in closure(["priorlab.files"]))
    ['priorlab.errors', 'priorlab.files']
    """
    find = functools.cache(locate)
    found: dict[Module, bool] = {}
    todo = [(name, True) for name in modules]
    for name, _ in todo:
        if find(name) is None:
            raise LookupError(f"there is no module {name!r}")
    while todo:
        name, whole = todo.pop()
        module = find(name)
        if module is None or found.get(module) or (module in found and not whole):
            continue
        found[module] = whole
        todo += [(parent, False) for parent in parents(name) if parent != CORE]
        content = module.file.read_bytes() if module.file else b""
        for base, imported in _references(content, whole, module):
            if _follows(module, base, find):
                todo += [(provider, True) for provider in providers(base, imported, find)]
    return found


def _follows(module: Module, target: str, find: Finder = locate) -> bool:
    """Return whether the code of `target` is a part of what uses `module`."""
    top, own = target.partition(".")[0], module.name.partition(".")[0]
    if top in (CORE, own):
        return True
    if _is_library(module.root):
        return not _distributions(top).isdisjoint(_distributions(own))
    found = find(top)
    return found is not None and found.root.resolve() == module.root.resolve()


@functools.cache
def _is_library(folder: Path) -> bool:
    """Return whether the modules in a folder have nothing in common but being installed."""
    paths = sysconfig.get_paths()
    libraries = {Path(paths[key]) for key in ("stdlib", "platstdlib", "purelib", "platlib")}
    return folder in libraries or folder.name in ("site-packages", "dist-packages", "lib-dynload")


@functools.cache
def _distributions(top: str) -> frozenset[str]:
    """Return the names of the distributions that install a top-level module or package."""
    return frozenset(_installed().get(top, ()))


@functools.cache
def _installed() -> dict[str, list[str]]:
    return dict(metadata.packages_distributions())


@functools.lru_cache(maxsize=1024)
def _tree(content: bytes) -> ast.Module | None:
    """Return the syntax tree of a file, or None if it has none."""
    try:
        return ast.parse(content)
    except (SyntaxError, ValueError):
        return None


@functools.lru_cache(maxsize=2048)
def _references(content: bytes, whole: bool, module: Module) -> frozenset[tuple[str, str]]:
    """Return what a file of code imports, or what importing it does."""
    tree = _tree(content)
    return references(tree if whole else executed(tree), module) if tree else frozenset()


@functools.lru_cache(maxsize=2048)
def _code_digest(content: bytes, whole: bool) -> str:
    """Return the digest of a file of code, or of what importing it executes."""
    if tree := _tree(content):
        content = normal_form(tree if whole else executed(tree)).encode(errors="surrogatepass")
    return hashlib.sha256(content).hexdigest()


def _data(module: Module, content: bytes) -> Iterator[Path]:
    """Yield the data files of a module.

    In a package those are all files in its folder, and in its subfolders that hold no
    modules. The folder of a lone file may hold anything: there they are the files that its code
    names.
    """
    assert module.file is not None
    folder = module.file.parent
    if not module.lone:
        yield from _files_in(folder)
        return
    for node in ast.walk(_tree(content) or ast.Module([], [])):
        text = node.value if isinstance(node, ast.Constant) else None
        if (
            isinstance(text, str)
            and len(text.encode(errors="surrogatepass")) < _LONGEST_NAME
            and ".." not in text
        ):
            file = folder / text
            if file.is_relative_to(folder) and file.is_file() and file.suffix not in _NO_DATA:
                yield file


def _files_in(folder: Path) -> Iterator[Path]:
    for path in folder.iterdir():
        if path.name.startswith((".", "__pycache__")):
            continue
        if path.is_dir():
            if not any(path.glob("*.py")):
                yield from _files_in(path)
        elif path.is_file() and path.suffix not in _NO_DATA:
            yield path


def _file_digest(file: Path) -> str:
    return hashlib.sha256(file.read_bytes()).hexdigest()


def _label(module: Module, file: Path) -> str:
    """Return the place of a file below that of its top-level module."""
    return file.relative_to(module.root).as_posix()
