"""What could be a plugin: found by its entry point or its file, not yet imported."""

from __future__ import annotations

import dataclasses
import functools
import hashlib
import importlib.abc
import importlib.machinery
import importlib.util
import os
import re
import sys
from collections.abc import Collection, Iterator, Sequence
from importlib import metadata
from pathlib import Path
from types import CodeType, ModuleType
from typing import TypeAlias

from typing_extensions import override

from priorlab.ground.files import check_regular
from priorlab.hookspecs import GROUP

_OF_FILES = "priorlab_plugin_"
"""What the names of modules begin with that are lone files or folders."""


@dataclasses.dataclass(frozen=True)
class Candidate:
    """A plugin that is not yet imported.

    Attributes
    ----------
    name : str
        Entry-point name or file name.
    source : str
        The distribution and its version, or the path of the file.
    entry : str
        What the entry point names, such as "package.module" or "package:module"; empty for a file.

    Examples
    --------
    >>> Candidate("broken.py", "broken.py").module[:23]
    'priorlab_plugin_broken_'
    """

    name: str
    source: str
    entry: str = ""

    @property
    def module(self) -> str:
        """The name under which it will be imported; of a file, one of its own."""
        if self.entry:
            return self.entry.replace(":", ".")
        path = Path(self.source)
        stem = path.parent.name if path.name == "__init__.py" else path.stem
        place = hashlib.sha256(os.fsencode(path.resolve())).hexdigest()[:8]
        return f"{_OF_FILES}{re.sub(r'[^0-9A-Za-z_]', '_', stem)}_{place}"

    def is_among(self, modules: Collection[str]) -> bool:
        """Return whether it is one of these modules."""
        return bool(({self.module, self.entry.partition(":")[0]} - {""}) & set(modules))

    def load(self) -> ModuleType:
        """Import it; whatever it raises is raised."""
        if self.entry:
            loaded: ModuleType = metadata.EntryPoint(self.name, self.entry, GROUP).load()
            return loaded
        return _load_file(Path(self.source), self.module)


def find(files: Sequence[str | Path], folders: Sequence[str | Path]) -> Iterator[Candidate]:
    """Yield what could be a plugin: the installed ones, files, and what lies in folders.

    Examples
    --------
    >>> {"dip", "handcrafted", "learned"} <= {found.name for found in find([], [])}
    True
    """
    for entry, distribution in sorted(_last_installed(searched()), key=lambda found: found[0].name):
        yield Candidate(entry.name, " ".join(distribution) or entry.value, entry.value)
    for path in map(Path, files):
        yield _candidate(path)
    for folder in map(Path, folders):
        paths = [path for path in folder.glob("*.py") if path.name[0] not in "_."]
        for path in sorted([*paths, *folder.glob("*/__init__.py")]):
            yield _candidate(path)


Installed: TypeAlias = tuple[metadata.EntryPoint, tuple[str, ...]]
"""An entry point, and the name and the version of its distribution where that is known."""


def installed() -> Iterator[Installed]:
    """Yield the entry points of plugins, as they are now.

    Examples
    --------
    >>> "handcrafted" in [entry.name for entry, _ in installed()]
    True
    """
    read: dict[int, tuple[str, ...]] = {}  # a distribution reads its file anew whenever it is asked
    for entry in metadata.entry_points(group=GROUP):
        if entry.dist and id(entry.dist) not in read:
            facts = entry.dist.metadata
            read[id(entry.dist)] = (facts["Name"], facts["Version"])
        yield entry, read.get(id(entry.dist), ())


def searched() -> tuple[tuple[str, int], ...]:
    """Return where Python looks for what is installed, and when each place last changed, in ns.

    Examples
    --------
    >>> searched() == searched()
    True
    """
    return tuple((folder, _changed(folder or os.curdir)) for folder in sys.path)


def _changed(place: str) -> int:
    try:
        return os.stat(place).st_mtime_ns
    except OSError:  # Python looks in places that do not exist
        return 0


@functools.lru_cache(maxsize=1)
def _last_installed(_where: tuple[tuple[str, int], ...]) -> tuple[Installed, ...]:
    """Return `installed`, which takes milliseconds, once as long as no place has changed."""
    return tuple(installed())


def _candidate(path: Path) -> Candidate:
    """Return what a file could be: a package is called as its folder, a lone file as it is."""
    name = path.absolute().parent.name if path.name == "__init__.py" else path.name
    return Candidate(name, str(path))


class AlwaysCompiled(importlib.machinery.SourceFileLoader):
    """Compiles a file whenever it is imported, and leaves nothing beside it.

    Python would take bytecode for that of the file if second and size agree: an edit that replaces
    a number right after a run would go unnoticed.
    """

    @override
    def get_code(self, fullname: str) -> CodeType:
        path = self.get_filename(fullname)
        code: CodeType = self.source_to_code(self.get_data(path), path)
        return code


def _load_file(path: Path, name: str) -> ModuleType:
    """Import a file, or the package whose `__init__.py` it is."""
    check_regular(path)
    if path.suffix not in importlib.machinery.SOURCE_SUFFIXES:
        raise ImportError(f"{path} is not a Python file")
    package = path.name == "__init__.py"
    loader = AlwaysCompiled(name, str(path))
    spec = importlib.util.spec_from_file_location(
        name,
        path,
        loader=loader,
        submodule_search_locations=[str(path.parent)] if package else None,
    )
    assert spec is not None  # it is None only without a loader
    module = importlib.util.module_from_spec(spec)
    sys.modules[name] = module
    if _FORMER_NAMES not in sys.meta_path:
        sys.meta_path.append(_FORMER_NAMES)
    if not package:
        _open_folder(path.parent.absolute())
    try:
        loader.exec_module(module)
    except BaseException:
        del sys.modules[name]
        raise
    return module


class _FormerNames(importlib.abc.MetaPathFinder, importlib.abc.Loader):
    """Finds a plugin under the name that it had before its folder was moved or renamed.

    What is kept on disk calls it so, such as compiled loops that numba keeps beside the file. Of
    several plugins of one name it cannot be told which was there.
    """

    @override
    def find_spec(
        self, fullname: str, path: Sequence[str] | None, target: ModuleType | None = None
    ) -> importlib.machinery.ModuleSpec | None:
        if (module := _moved(fullname)) is None:
            return None
        own = module.__spec__  # which an import under another name replaces
        return importlib.machinery.ModuleSpec(fullname, self, loader_state=(module, own))

    @override
    def create_module(self, spec: importlib.machinery.ModuleSpec) -> ModuleType | None:
        module: ModuleType = spec.loader_state[0]
        return module

    @override
    def exec_module(self, module: ModuleType) -> None:
        assert module.__spec__ is not None
        module.__spec__ = module.__spec__.loader_state[1]


_FORMER_NAMES = _FormerNames()


def _moved(name: str) -> ModuleType | None:
    """Return the one plugin from a file that is called so but for the digest of its place."""
    if not name.startswith(_OF_FILES):
        return None
    stem = name.rpartition("_")[0]
    found = {
        id(module): module
        for other, module in list(sys.modules.items())
        if other.startswith(_OF_FILES) and other.rpartition("_")[0] == stem
    }
    return next(iter(found.values())) if len(found) == 1 else None


def _open_folder(folder: Path) -> None:
    """Let a plugin's file import its neighbours, as a script can.

    The folder comes last on the path, so that none of them is taken for an installed library.
    What it has in common with the folder of an earlier plugin is refused: Python imports one
    module of a name, and this would be the wrong one for one of them.
    """
    if str(folder) in sys.path:
        return
    for other in _opened & set(sys.path):
        common = {
            path.name
            for path in folder.glob("*.py")
            if getattr(sys.modules.get(path.stem), "__file__", "") == str(Path(other, path.name))
        }
        if common:
            raise ImportError(
                f"{', '.join(sorted(common))} was imported from {other} already; rename it"
            )
    sys.path.append(str(folder))
    _opened.add(str(folder))


_opened: set[str] = set()
"""Folders on the path because of a plugin's file."""
