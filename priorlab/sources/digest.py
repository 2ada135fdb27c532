"""The digest of the code, and of the data files, that a component's results depend on.

What counts are the files that its modules import, one after the other, as far as they belong to
the same distribution or to one with plugins of priorlab, are not installed at all, or are
priorlab's own. Other libraries count by their versions. A comment or docstring changes nothing:
see `priorlab.sources.normal_form`.
"""

from __future__ import annotations

import ast
import functools
import hashlib
import sys
from collections.abc import Callable, Iterable, Iterator
from dataclasses import dataclass
from pathlib import Path

from priorlab.sources import data_files, installed
from priorlab.sources.imports import CORE, Finder, Module, locate, parents, providers, references
from priorlab.sources.normal_form import executed, normal_form

Reader = Callable[[Path], bytes]
"""Returns the content of a file; one that remembers it reads each file once for a digest."""


@dataclass(frozen=True)
class Source:
    """A file that results depend on.

    Attributes
    ----------
    label : str
        What names it wherever it lies: its place below that of its top-level module.
    file : Path
        Where it is.
    kind : {"code", "start", "data"}
        What counts of it: all of its code, only what importing it executes, or every byte.
    """

    label: str
    file: Path
    kind: str

    def digest(self, read: Reader = Path.read_bytes) -> str:
        """Return the digest of what counts of the file as it is now."""
        content = read(self.file)
        if self.kind == "data":
            return hashlib.sha256(content).hexdigest()
        return _code_digest(content, self.kind == "code")


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
    >>> digest(["priorlab.errors"]) == digest(["priorlab.ground.files"])
    False
    """
    read = functools.cache(Path.read_bytes)
    found, libraries = _walk(modules, read)
    entries = {source.label: source.digest(read) for source in _files(found, read)}
    lines = "".join(f"{label} {entries[label]}\n" for label in sorted(entries))
    lines += "".join(f"{version}\n" for version in sorted(libraries))
    return hashlib.sha256(lines.encode(errors="surrogatepass")).hexdigest()


def sources(modules: Iterable[str]) -> list[Source]:
    """Return the files whose content `digest` digests.

    Examples
    --------
    >>> for source in sorted(sources(["priorlab.ground.files"]), key=lambda found: found.label):
    ...     print(source.label, source.kind)
    priorlab/errors.py code
    priorlab/ground/__init__.py start
    priorlab/ground/files.py code
    """
    read = functools.cache(Path.read_bytes)
    found, _ = _walk(modules, read)
    return list({source.label: source for source in _files(found, read)}.values())


def _files(found: dict[Module, bool], read: Reader) -> Iterator[Source]:
    """Yield the files of modules, code before data."""
    for module, whole in found.items():
        if module.file:
            yield Source(_label(module, module.file), module.file, "code" if whole else "start")
    folders = set()
    for module, whole in found.items():
        if not module.file or not whole:
            continue
        content = read(module.file)
        yield from _elsewhere(module, content)
        if module.lone:
            tree = _tree(content) or ast.Module([], [])
            for place, file in data_files.named_in(tree, module.file).items():
                yield Source(f"{module.file.name}: {place}", file, "data")
        elif module.file.parent not in folders:
            folders.add(module.file.parent)
            for file in data_files.in_package(module.file.parent):
                yield Source(_label(module, file), file, "data")


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
    ['priorlab.components', 'priorlab.priors', 'priorlab.solvers.plug_and_play.settings']
    """
    module = locate(home)
    if module is None:
        raise LookupError(f"there is no module {home!r}")
    parts = [part for base in kind.__mro__ for part in (base, *vars(base).values())]
    names = {getattr(part, "__module__", None) for part in parts}
    found = {name for name in names if isinstance(name, str) and _follows(module, name)}
    return found if kind.__module__ in found else found | {home}


def _walk(modules: Iterable[str], read: Reader) -> tuple[dict[Module, bool], set[str]]:
    """Return the modules that some modules depend on, themselves included, and their libraries.

    Returns
    -------
    found : dict of Module to bool
        Whether all of its code counts. Of a package that is there only because it holds a module
        that is imported, just what importing it executes does.
    libraries : set of str
        Versions of those that others' code imports: what priorlab itself computes with is in
        every key anyway.
    """
    find = functools.cache(locate)
    found: dict[Module, bool] = {}
    libraries: set[str] = set()
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
        content = read(module.file) if module.file else b""
        for base, imported in _references(content, whole, module):
            if _follows(module, base, find):
                todo += [(provider, True) for provider in providers(base, imported, find)]
            elif name.partition(".")[0] != CORE:
                libraries.update(installed.versions(base.partition(".")[0]))
    return found, libraries


def _follows(module: Module, target: str, find: Finder = locate) -> bool:
    """Return whether the code of `target` is a part of what uses `module`.

    What is installed is known by its version, unless it is of the same distribution, or of one
    with plugins: those change together. What is not installed has no version.
    """
    top, own = target.partition(".")[0], module.name.partition(".")[0]
    if top in (CORE, own):
        return True
    if top in sys.stdlib_module_names:
        return False
    found = find(top)
    if found is None:
        return False
    if not installed.is_library(found.root):
        return True
    related = installed.distributions(own) | installed.with_plugins()
    return not installed.distributions(top).isdisjoint(related)


@functools.lru_cache(maxsize=1024)
def _tree(content: bytes) -> ast.Module | None:
    """Return the syntax tree of a file, or None if it has none."""
    try:
        return ast.parse(content)
    except (SyntaxError, ValueError):
        return None


def _elsewhere(module: Module, content: bytes) -> Iterator[Source]:
    """Yield the files that code names by their full paths: few do so, and all are asked."""
    marks = (b"'/", b'"/', b"'~", b'"~')
    if module.name.partition(".")[0] == CORE or not any(mark in content for mark in marks):
        return
    for place, file in data_files.elsewhere(_tree(content) or ast.Module([], [])).items():
        yield Source(place, file, "data")


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


def _label(module: Module, file: Path) -> str:
    """Return the place of a file below that of its top-level module."""
    return file.relative_to(module.root).as_posix()
