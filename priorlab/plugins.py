"""How plugins are found and loaded, and what is wrong with those that do not load.

Each is loaded by itself: one that fails is reported, and stops nothing but what asked for it.
What a plugin may offer is in `priorlab.hookspecs`.
"""

from __future__ import annotations

import dataclasses
import hashlib
import importlib.util
import os
import re
import sys
import traceback
from collections.abc import Callable, Collection, Iterator, Sequence
from importlib import metadata
from pathlib import Path
from types import ModuleType
from typing import Any

import pluggy

from priorlab.engines import BUILTIN_ENGINES, Engine
from priorlab.errors import UsageError, unknown
from priorlab.hookspecs import GROUP, KINDS, Hooks
from priorlab.metrics import BUILTIN_METRICS, Metric
from priorlab.pictures.datasets import BUILTIN_DATASETS, DatasetSource
from priorlab.priors import Prior
from priorlab.registry import Plugin, Registry, check_places
from priorlab.tasks.base import Task
from priorlab.tasks.builtin import BUILTIN_TASKS
from priorlab.training import Trainer


def load(
    files: Sequence[str | Path] = (),
    folders: Sequence[str | Path] = (),
    *,
    only: Collection[str] | None = None,
) -> Registry:
    """Find and load all plugins, or some of them.

    Parameters
    ----------
    files : sequence of path
        Lone plugin files. They can import other files in their folder.
    folders : sequence of path
        Folders whose ``*.py`` files and packages are plugins.
    only : collection of str, optional
        The modules (`Plugin.module`) of the plugins to load; nothing of the others is imported,
        and none of their names is known. The core is always there.

    Returns
    -------
    Registry
        With broken plugins listed in its `problems`.

    Raises
    ------
    UsageError
        For a file or folder that does not exist.

    Examples
    --------
    >>> _ = Path("broken.py").write_text("import does_not_exist")
    >>> registry = load(files=["broken.py"])
    >>> "denoise" in registry.tasks
    True
    >>> [plugin.name for plugin in registry.problems]
    ['broken.py']

    A process that needs one task imports no plugin but the one that provides it:

    >>> owner = registry.owners["priors", "tv"]
    >>> [plugin.name for plugin in load(only=[owner.module]).plugins]
    ['priorlab', 'handcrafted']
    """
    check_places(files, folders)
    registry = Registry(_absolute(files), _absolute(folders))
    core = Plugin("priorlab", "the core", module=__name__)
    registry.plugins.append(core)
    builtin = {
        "tasks": BUILTIN_TASKS,
        "datasets": BUILTIN_DATASETS,
        "metrics": BUILTIN_METRICS,
        "engines": BUILTIN_ENGINES,
    }
    for kind, items in builtin.items():
        for item in items:
            registry.add(kind, item, core)
    for plugin, modules, importer in _candidates(files, folders):
        if only is None or modules & set(only):
            registry.plugins.append(plugin)
            _load_one(registry, plugin, importer)
    return registry


def _absolute(paths: Sequence[str | Path]) -> tuple[str, ...]:
    return tuple(str(Path(path).absolute()) for path in paths)


def _candidates(
    files: Sequence[str | Path], folders: Sequence[str | Path]
) -> Iterator[tuple[Plugin, set[str], Callable[[], ModuleType]]]:
    """Yield each plugin there is, not yet loaded, its module's names, and what imports it."""
    for entry in sorted(metadata.entry_points(group=GROUP), key=lambda entry: entry.name):
        distribution = entry.dist
        source = f"{distribution.name} {distribution.version}" if distribution else entry.value
        # "package:module" names a module within a package.
        yield Plugin(entry.name, source), {entry.module, entry.value.replace(":", ".")}, entry.load
    for path in map(Path, files):
        yield Plugin(path.name, str(path)), {_module_name(path)}, _importer(path)
    for folder in map(Path, folders):
        paths = [path for path in folder.glob("*.py") if path.name[0] not in "_."]
        for path in sorted([*paths, *folder.glob("*/__init__.py")]):
            name = path.parent.name if path.name == "__init__.py" else path.name
            yield Plugin(name, str(path)), {_module_name(path)}, _importer(path)


def _module_name(path: Path) -> str:
    """Return the name under which a file is imported: one of its own."""
    stem = path.parent.name if path.name == "__init__.py" else path.stem
    place = hashlib.sha256(os.fsencode(path.resolve())).hexdigest()[:8]
    return f"priorlab_plugin_{re.sub(r'[^0-9A-Za-z_]', '_', stem)}_{place}"


def _importer(path: Path) -> Callable[[], ModuleType]:
    """Return a function that imports a file as a module with a name of its own."""

    def run() -> ModuleType:
        package = path.name == "__init__.py"
        name = _module_name(path)
        spec = importlib.util.spec_from_file_location(
            name, path, submodule_search_locations=[str(path.parent)] if package else None
        )
        if spec is None or spec.loader is None:
            raise ImportError(f"{path} is not a Python file")
        module = importlib.util.module_from_spec(spec)
        sys.modules[name] = module
        if not package:
            _open_folder(path.parent.absolute())
        try:
            spec.loader.exec_module(module)
        except BaseException:
            del sys.modules[name]
            raise
        return module

    return run


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


def _load_one(registry: Registry, plugin: Plugin, importer: Callable[[], ModuleType]) -> None:
    """Import one plugin and add what it provides, or note what is wrong with it."""
    manager = pluggy.PluginManager(GROUP)
    manager.add_hookspecs(Hooks)
    try:
        module = importer()
        plugin.module = module.__name__
        manager.register(module)
        callers = manager.get_hookcallers(module) or []
        if not callers:
            plugin.problem = "it implements no hook, such as priorlab_priors with @hookimpl"
        for caller in callers:
            if not caller.has_spec():
                raise unknown("hook", caller.name, [f"priorlab_{kind}" for kind in KINDS])
        for kind in KINDS:
            for items in getattr(manager.hook, f"priorlab_{kind}")():
                if not isinstance(items, list | tuple):
                    raise TypeError(f"priorlab_{kind} must return a list, not {items!r}")
                for item in items:
                    _check_item(kind, item)
                    registry.add(kind, item, plugin)
    except KeyboardInterrupt:
        raise
    except BaseException as error:  # a plugin may raise anything, SystemExit included
        last = str(error).strip().splitlines() or [""]
        kind = "" if isinstance(error, UsageError) else f"{type(error).__name__}: "
        plugin.problem = f"{kind}{last[0]}"
        plugin.details = traceback.format_exc()


_DESCRIPTORS = {"datasets": DatasetSource, "metrics": Metric, "trainers": Trainer}
"""What plugins provide as objects, not as classes, and their type."""

_BASES = {"priors": Prior, "tasks": Task, "engines": Engine}
"""What plugins provide as classes, and what those derive from."""


def _check_item(kind: str, item: Any) -> None:
    """Raise a `TypeError` that tells a plugin's author what to change."""
    name = getattr(item, "name", None)
    label = getattr(item, "__name__", repr(item))
    if not isinstance(name, str) or not re.fullmatch(r"[a-z][a-z0-9-]*", name):
        raise TypeError(f"{label} needs a name of small letters, digits and hyphens, not {name!r}")
    if kind in _DESCRIPTORS:
        if not isinstance(item, _DESCRIPTORS[kind]):
            raise TypeError(
                f"{label} must be an object of priorlab's {_DESCRIPTORS[kind].__name__}"
            )
        return
    base = _BASES[kind]
    if not (isinstance(item, type) and issubclass(item, base)):
        raise TypeError(f"{label} must be a class derived from priorlab's {base.__name__}")
    if missing := sorted(getattr(item, "__abstractmethods__", ())):
        raise TypeError(f"{label} does not define {', '.join(missing)}")
    if any(isinstance(value, dataclasses.Field) for value in vars(item).values()):
        raise TypeError(f"{label} needs the decorator @dataclass(frozen=True, kw_only=True)")
    if required := [
        field.name for field in dataclasses.fields(item) if field.default is dataclasses.MISSING
    ]:
        raise TypeError(f"{label} needs a default for {', '.join(required)}")
