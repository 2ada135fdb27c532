"""Plugins: the hooks, how plugins are found, and what is wrong with those that do not load.

A plugin is a module that implements one or more of the hooks in `Hooks`. It is found through
the entry-point group ``priorlab`` of an installed distribution, or named by its file
(``--plugin FILE``) or folder (``--plugin-dir DIR``). Each is loaded by itself: one that fails
is reported and stops nothing but what asked for it.
"""

from __future__ import annotations

import dataclasses
import hashlib
import importlib.util
import re
import sys
import traceback
from collections.abc import Callable, Iterator, Mapping, Sequence
from importlib import metadata
from pathlib import Path
from types import ModuleType
from typing import TYPE_CHECKING, Any, cast

import pluggy

from priorlab import specs
from priorlab.errors import UsageError, unknown
from priorlab.specs import Component

if TYPE_CHECKING:
    from priorlab.metrics import Metric
    from priorlab.pictures.datasets import DatasetSource
    from priorlab.priors import Prior
    from priorlab.tasks.base import Task
    from priorlab.training import Trainer

GROUP = "priorlab"
hookimpl = pluggy.HookimplMarker(GROUP)
_hookspec = pluggy.HookspecMarker(GROUP)


class Hooks:
    """What a plugin may offer; each hook returns a list."""

    @_hookspec
    def priorlab_priors(self) -> list[type[Prior]]:
        """Return prior classes: frozen dataclasses derived from one of the three forms."""
        raise AssertionError("a hook specification is never called")

    @_hookspec
    def priorlab_tasks(self) -> list[type[Task]]:
        """Return task classes."""
        raise AssertionError("a hook specification is never called")

    @_hookspec
    def priorlab_datasets(self) -> list[DatasetSource]:
        """Return named image sets."""
        raise AssertionError("a hook specification is never called")

    @_hookspec
    def priorlab_metrics(self) -> list[Metric]:
        """Return metrics to tabulate beside PSNR and SSIM."""
        raise AssertionError("a hook specification is never called")

    @_hookspec
    def priorlab_trainers(self) -> list[Trainer]:
        """Return trainings that `priorlab train NAME` can run."""
        raise AssertionError("a hook specification is never called")


KINDS = tuple(name.removeprefix("priorlab_") for name in vars(Hooks) if name[0] != "_")
"""What plugins provide: priors, tasks, datasets, metrics, trainers."""


@dataclasses.dataclass
class Plugin:
    """One plugin, loaded or broken.

    Attributes
    ----------
    name : str
        Entry-point name or file name.
    source : str
        The distribution and its version, or the path of the file.
    provides : dict of str to list of str
        For each kind the names that the plugin offers.
    digest : str
        SHA-256 of the plugin's files: results are cached under it.
    problem : str
        Empty, or in one line why (part of) the plugin cannot be used.
    details : str
        The traceback that belongs to the problem, if any.
    """

    name: str
    source: str
    provides: dict[str, list[str]] = dataclasses.field(default_factory=dict)
    digest: str = ""
    problem: str = ""
    details: str = ""


@dataclasses.dataclass
class Registry:
    """Everything that can be named: the built-in tasks and what the plugins provide."""

    priors: dict[str, type[Prior]] = dataclasses.field(default_factory=dict)
    tasks: dict[str, type[Task]] = dataclasses.field(default_factory=dict)
    datasets: dict[str, DatasetSource] = dataclasses.field(default_factory=dict)
    metrics: dict[str, Metric] = dataclasses.field(default_factory=dict)
    trainers: dict[str, Trainer] = dataclasses.field(default_factory=dict)
    plugins: list[Plugin] = dataclasses.field(default_factory=list)
    conflicts: dict[tuple[str, str], list[Plugin]] = dataclasses.field(default_factory=dict)
    owners: dict[tuple[str, str], Plugin] = dataclasses.field(default_factory=dict)
    files: tuple[str, ...] = ()
    folders: tuple[str, ...] = ()

    def build_priors(self, text: str) -> list[Prior]:
        """Build the priors that a list of specs names; see `priorlab.specs`."""
        return cast("list[Prior]", specs.build(text, "priors", self.find))

    def build_tasks(self, text: str) -> list[Task]:
        """Build the tasks that a list of specs names; see `priorlab.specs`."""
        return cast("list[Task]", specs.build(text, "tasks", self.find))

    def find(self, kind: str, name: str) -> Any:
        """Return what `name` stands for among the `kind`: "priors", "datasets", ...

        Raises
        ------
        UsageError
            For an unknown name, with a suggestion, or one that two plugins claim.
        """
        known: Mapping[str, Any] = getattr(self, kind)
        if claims := self.conflicts.get((kind, name)):
            raise UsageError(f"{_claimed(kind, name, claims)}; remove or rename one of them")
        if name not in known:
            error = unknown(kind.removesuffix("s"), name, known)
            raise UsageError(f"{error}{self.hint()}")
        return known[name]

    def digest_of(self, component: type[Component]) -> str:
        """Return the digest of the code that a component's results depend on."""
        for kind in ("priors", "tasks"):
            owner = self.owners.get((kind, component.name))
            if owner and getattr(self, kind).get(component.name) is component:
                return owner.digest
        return _module_digest(component.__module__)

    @property
    def problems(self) -> list[Plugin]:
        """The plugins that could not be loaded, wholly or in part."""
        return [plugin for plugin in self.plugins if plugin.problem]

    def hint(self) -> str:
        """Return what to add to an error on an unknown name: it may be in a broken plugin."""
        broken = ", ".join(plugin.name for plugin in self.problems)
        return f"; plugins with problems: {broken}, see 'priorlab plugins'" if broken else ""

    def _add(self, kind: str, item: Any, plugin: Plugin) -> None:
        """Add what a plugin provides; a name claimed twice then stands for nothing."""
        key = (kind, item.name)
        if key in self.conflicts or key in self.owners:
            claims = self.conflicts.setdefault(key, [])
            if key in self.owners:
                claims.append(self.owners.pop(key))
                getattr(self, kind).pop(item.name)
            claims.append(plugin)
            for claim in claims:
                claim.problem = claim.problem or _claimed(kind, item.name, claims)
            return
        getattr(self, kind)[item.name] = item
        self.owners[key] = plugin
        plugin.provides.setdefault(kind, []).append(item.name)


def load(files: Sequence[str | Path] = (), folders: Sequence[str | Path] = ()) -> Registry:
    """Find and load all plugins.

    Parameters
    ----------
    files : sequence of path
        Lone plugin files.
    folders : sequence of path
        Folders whose ``*.py`` files and packages are plugins.

    Returns
    -------
    Registry
        With broken plugins listed in its `problems`.

    Raises
    ------
    UsageError
        For a file or folder that does not exist.
    """
    from priorlab.metrics import BUILTIN_METRICS
    from priorlab.pictures.datasets import BUILTIN_DATASETS
    from priorlab.tasks.builtin import BUILTIN_TASKS

    registry = Registry(files=tuple(map(str, files)), folders=tuple(map(str, folders)))
    core = Plugin("priorlab", "the core", digest=core_digest())
    registry.plugins.append(core)
    builtin = {"tasks": BUILTIN_TASKS, "datasets": BUILTIN_DATASETS, "metrics": BUILTIN_METRICS}
    for kind, items in builtin.items():
        for item in items:
            registry._add(kind, item, core)
    for plugin, importer in _candidates(files, folders):
        registry.plugins.append(plugin)
        _load_one(registry, plugin, importer)
    return registry


def _claimed(kind: str, name: str, claims: Sequence[Plugin]) -> str:
    sources = " and ".join(f"{plugin.name} ({plugin.source})" for plugin in claims)
    return f"{kind.removesuffix('s')} {name!r} is provided by both {sources}"


def core_digest() -> str:
    """Return the digest of the core's files that can change a restored image."""
    folder = Path(__file__).parent
    bystanders = {"__init__", "api", "cli", "datasets", "describe", "errors", "metrics"}
    bystanders |= {"noise_level", "plugins", "training"}
    folders = ("solvers", "forward", "tasks", "pictures")
    files = [*folder.glob("*.py"), *(f for name in folders for f in folder.glob(f"{name}/*.py"))]
    return _digest(folder, [file for file in files if file.stem not in bystanders])


def _candidates(
    files: Sequence[str | Path], folders: Sequence[str | Path]
) -> Iterator[tuple[Plugin, Callable[[], ModuleType]]]:
    """Yield each plugin there is, not yet loaded, with the function that imports it."""
    for entry in sorted(metadata.entry_points(group=GROUP), key=lambda entry: entry.name):
        distribution = entry.dist
        source = f"{distribution.name} {distribution.version}" if distribution else entry.value
        yield Plugin(entry.name, source), entry.load
    for path in map(Path, files):
        if not path.is_file():
            raise UsageError(f"--plugin {path}: there is no such file")
        yield Plugin(path.name, str(path)), _importer(path)
    for folder in map(Path, folders):
        if not folder.is_dir():
            raise UsageError(f"--plugin-dir {folder}: there is no such folder")
        paths = [path for path in folder.glob("*.py") if path.name[0] not in "_."]
        for path in sorted([*paths, *folder.glob("*/__init__.py")]):
            name = path.parent.name if path.name == "__init__.py" else path.name
            yield Plugin(name, str(path)), _importer(path)


def _importer(path: Path) -> Callable[[], ModuleType]:
    """Return a function that imports a file as a module with a name of its own."""

    def run() -> ModuleType:
        package = path.name == "__init__.py"
        stem = path.parent.name if package else path.stem
        place = hashlib.sha256(str(path.resolve()).encode()).hexdigest()[:8]
        name = f"priorlab_plugin_{re.sub(r'[^0-9A-Za-z_]', '_', stem)}_{place}"
        spec = importlib.util.spec_from_file_location(
            name, path, submodule_search_locations=[str(path.parent)] if package else None
        )
        if spec is None or spec.loader is None:
            raise ImportError(f"{path} is not a Python file")
        module = importlib.util.module_from_spec(spec)
        sys.modules[name] = module
        try:
            spec.loader.exec_module(module)
        except BaseException:
            del sys.modules[name]
            raise
        return module

    return run


def _load_one(registry: Registry, plugin: Plugin, importer: Callable[[], ModuleType]) -> None:
    """Import one plugin and add what it provides, or note what is wrong with it."""
    manager = pluggy.PluginManager(GROUP)
    manager.add_hookspecs(Hooks)
    try:
        module = importer()
        plugin.digest = _module_digest(module.__name__)
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
                    registry._add(kind, item, plugin)
    except KeyboardInterrupt:
        raise
    except BaseException as error:  # a plugin may raise anything, SystemExit included
        last = str(error).strip().splitlines() or [""]
        kind = "" if isinstance(error, UsageError) else f"{type(error).__name__}: "
        plugin.problem = f"{kind}{last[0]}"
        plugin.details = traceback.format_exc()


def _check_item(kind: str, item: Any) -> None:
    """Raise a `TypeError` that tells a plugin's author what to mend."""
    name = getattr(item, "name", None)
    label = getattr(item, "__name__", repr(item))
    if not isinstance(name, str) or not re.fullmatch(r"[a-z][a-z0-9-]*", name):
        raise TypeError(f"{label} needs a name of small letters, digits and hyphens, not {name!r}")
    if kind not in ("priors", "tasks"):
        return
    from priorlab.priors import Prior
    from priorlab.tasks.base import Task

    base = Prior if kind == "priors" else Task
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


def _module_digest(name: str) -> str:
    """Return the digest of a lone module's file, or of all files of its top-level package."""
    path = Path(sys.modules[name.partition(".")[0]].__file__ or "")
    if path.name != "__init__.py":
        return _digest(path.parent, [path])
    files = (file for file in path.parent.rglob("*") if file.is_file())
    return _digest(path.parent, [file for file in files if "__pycache__" not in file.parts])


def _digest(folder: Path, files: Sequence[Path]) -> str:
    total = hashlib.sha256()
    for file in sorted(files):
        content = hashlib.sha256(file.read_bytes()).hexdigest()
        total.update(f"{file.relative_to(folder).as_posix()} {content}\n".encode())
    return total.hexdigest()
