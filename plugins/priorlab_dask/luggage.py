"""Files that go to each worker once, before its first cell: plugins, masks, kernels, weights.

A worker has them under other paths than the machine that the run is started on; `Unpacked`
replaces the one by the other in what it is told.
"""

from __future__ import annotations

import ast
import dataclasses
import hashlib
from collections.abc import Iterable, Iterator, Mapping
from pathlib import Path, PurePosixPath
from typing import Any

from priorlab import candidates
from priorlab.candidates import Candidate
from priorlab.components import Component
from priorlab.errors import UsageError
from priorlab.ground.files import write_atomically
from priorlab.harness.isolation.setup import Setup
from priorlab.harness.run import introduction

MOST = 64 * 2**20
"""Bytes that are sent to each worker; what is larger is to be installed there."""


@dataclasses.dataclass(frozen=True)
class Luggage:
    """What a worker needs before its first cell.

    Attributes
    ----------
    run : str
        Names the run.
    setup : dict
        The fields of a child's `Setup`.
    components : list of (str, dict)
        All priors and tasks, each with its kind, as `priorlab.components.description` has them.
    folders : dict of str to dict of str to bytes
        For each folder here the contents of files in it, by their path below it.
    modules : list of str
        Those of the plugins that provide the components.
    files : dict of str to str
        The path of each plugin's file, by the name of its module, which depends on it.
    """

    run: str
    setup: dict[str, Any]
    components: list[tuple[str, dict[str, Any]]]
    folders: dict[str, dict[str, bytes]]
    modules: list[str]
    files: dict[str, str]


def pack(
    run: str, setup: Setup, parts: Iterable[tuple[str, Component]], modules: Iterable[str]
) -> Luggage:
    """Collect what workers need.

    Raises
    ------
    UsageError
        If a file cannot be read, or all of them are too large to be sent.
    """
    parts = list(parts)
    files: dict[str, dict[str, Path]] = {}
    for name in setup.plugin_files:
        plugin = Path(name)
        found = files.setdefault(str(plugin.parent), {})
        found |= {path.relative_to(plugin.parent).as_posix(): path for path in _neighbours(plugin)}
    for name in setup.plugin_folders:
        found = files.setdefault(name, {})
        found |= {path.relative_to(name).as_posix(): path for path in _below(Path(name))}
    for _, component in parts:
        for name in _named_files(component):
            path = Path(name).absolute()
            files.setdefault(str(path.parent), {})[path.name] = path
    folders = {
        folder: {name: _content(path) for name, path in inside.items()}
        for folder, inside in files.items()
    }
    size = sum(len(content) for inside in folders.values() for content in inside.values())
    if size > MOST:
        largest = max((path for inside in files.values() for path in inside.values()), key=_size)
        raise UsageError(
            f"the plugin files, plugin folders and files in parameters hold {size / 2**20:.0f} MB "
            f"({largest} is the largest); at most {MOST / 2**20:.0f} MB are sent to the workers: "
            "make a package of them and install it there"
        )
    described = introduction.described(parts)
    places = candidates.find(setup.plugin_files, setup.plugin_folders)
    named = {found.module: found.source for found in places if not found.entry}
    return Luggage(run, dataclasses.asdict(setup), described, folders, list(modules), named)


class Unpacked:
    """The files of a piece of luggage in a folder of this machine."""

    def __init__(self, luggage: Luggage, folder: Path) -> None:
        """Write them."""
        self._folders: dict[str, Path] = {}
        self._modules = luggage.files
        for there, inside in luggage.folders.items():
            here = folder / hashlib.sha256(there.encode()).hexdigest()[:12]
            self._folders[there] = here
            for name, content in inside.items():
                path = here / PurePosixPath(name)
                path.parent.mkdir(parents=True, exist_ok=True)
                write_atomically(path, content)

    def translated(self, value: Any) -> Any:
        """Return a value with each path and plugin's module replaced by that of this machine."""
        if isinstance(value, Mapping):
            return {key: self.translated(item) for key, item in value.items()}
        if isinstance(value, list | tuple):
            return [self.translated(item) for item in value]
        return self._path(value) if isinstance(value, str) and value else value

    def _path(self, text: str) -> str:
        if text in self._modules:
            return Candidate("", self._path(self._modules[text])).module
        if text in self._folders:
            return str(self._folders[text])
        path = Path(text).absolute()
        for folder in path.parents:
            if (here := self._folders.get(str(folder))) is not None:
                here /= path.relative_to(folder)
                return str(here) if here.exists() else text
        return text


def _named_files(component: Component) -> Iterator[str]:
    """Yield the files that parameters of a component name."""
    for field in dataclasses.fields(component):
        value = getattr(component, field.name)
        if field.metadata.get("file") and value:
            yield value
    for part in component.components().values():
        yield from _named_files(part)


def _neighbours(plugin: Path) -> Iterator[Path]:
    """Yield a plugin's file and what it can import or open: modules and files that they name."""
    modules = [path for path in plugin.parent.glob("*.py") if path.is_file()]
    for package in plugin.parent.glob("*/__init__.py"):
        yield from _below(package.parent)
    for module in {plugin, *modules}:
        yield module
        yield from _named_in(module)


def _named_in(module: Path) -> Iterator[Path]:
    """Yield the files beside a module whose names stand in its code."""
    try:
        tree = ast.parse(_content(module))
    except (SyntaxError, ValueError):
        return
    for node in ast.walk(tree):
        text = node.value if isinstance(node, ast.Constant) else None
        if not (isinstance(text, str) and 0 < len(text) < 200) or ".." in text or "\0" in text:
            continue
        path = module.parent / text
        if path.is_relative_to(module.parent) and path.is_file():
            yield path


def _below(folder: Path) -> Iterator[Path]:
    for path in folder.rglob("*"):
        inner = path.relative_to(folder).parts
        if path.is_file() and not any(part[0] == "." or part == "__pycache__" for part in inner):
            yield path


def _size(path: Path) -> int:
    return path.stat().st_size


def _content(path: Path) -> bytes:
    try:
        return path.read_bytes()
    except OSError as error:
        raise UsageError(f"cannot read {path}: {error.strerror or error}") from None
