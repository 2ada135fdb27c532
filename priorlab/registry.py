"""What is known by name: the core's own tasks, datasets and metrics, and what plugins provide."""

from __future__ import annotations

import dataclasses
from collections.abc import Collection, Iterable, Mapping, MutableMapping, Sequence
from pathlib import Path
from typing import TYPE_CHECKING, Any, cast

from priorlab import specs
from priorlab.errors import UsageError, unknown
from priorlab.ground.files import exists, is_folder, other_than_file

if TYPE_CHECKING:
    from priorlab.engines import Engine
    from priorlab.metrics import Metric
    from priorlab.optional_metrics import OptionalMetric
    from priorlab.pictures.datasets import DatasetSource
    from priorlab.priors import Prior
    from priorlab.tasks.base import Task
    from priorlab.training import Trainer


@dataclasses.dataclass
class Plugin:
    """One plugin, loaded or broken.

    Attributes
    ----------
    name : str
        Entry-point name or file name.
    source : str
        The distribution and its version, or the path of the file.
    module : str
        The name under which it is imported; empty if that failed.
    provides : dict of str to list of str
        For each kind the names that the plugin offers.
    problem : str
        Empty, or in one line why (part of) the plugin cannot be used.
    details : str
        The traceback that belongs to the problem, if any.
    """

    name: str
    source: str
    module: str = ""
    provides: dict[str, list[str]] = dataclasses.field(default_factory=dict)
    problem: str = ""
    details: str = ""

    @property
    def label(self) -> str:
        """What stands before the names of what it provides: "handcrafted" in "handcrafted/tv"."""
        return self.name.removesuffix(".py")


@dataclasses.dataclass
class Registry:
    """Everything that can be named.

    Attributes
    ----------
    files, folders : tuple of str
        The absolute paths of the plugin files and folders that it was loaded from, besides the
        installed plugins.
    priors, tasks, datasets, metrics, trainers, engines : mapping
        What there is of each kind, by name. Where two plugins provide one name, each is here, and
        calls itself, by its full name, such as "handcrafted/tv".
    plugins : list of Plugin
        All plugins that were found, the broken ones included.
    owners : dict
        The plugin that provides a name, by kind and name.
    conflicts : dict
        By kind and name, the plugins that provide a name that others provide, too: by itself it
        stands for nothing. Where plugins have one label, their full name is here as well.
    """

    files: tuple[str, ...] = ()
    folders: tuple[str, ...] = ()
    priors: MutableMapping[str, type[Prior]] = dataclasses.field(default_factory=dict)
    tasks: MutableMapping[str, type[Task]] = dataclasses.field(default_factory=dict)
    datasets: MutableMapping[str, DatasetSource] = dataclasses.field(default_factory=dict)
    metrics: MutableMapping[str, Metric | type[OptionalMetric]] = dataclasses.field(
        default_factory=dict
    )
    trainers: MutableMapping[str, type[Trainer]] = dataclasses.field(default_factory=dict)
    engines: MutableMapping[str, type[Engine]] = dataclasses.field(default_factory=dict)
    plugins: list[Plugin] = dataclasses.field(default_factory=list)
    owners: dict[tuple[str, str], Plugin] = dataclasses.field(default_factory=dict)
    conflicts: dict[tuple[str, str], list[Plugin]] = dataclasses.field(default_factory=dict)

    def build_priors(self, text: str | Sequence[str]) -> list[Prior]:
        """Build the priors that a list of specs names, or several; see `priorlab.specs`."""
        texts = text if isinstance(text, list | tuple) else (text,)
        built = dict.fromkeys(
            one for each in texts for one in specs.build(each, "priors", self.find)
        )
        return cast("list[Prior]", list(built))

    def default_priors(self) -> list[type[Prior]]:
        """Return the priors that are compared where none is named."""
        return [prior for prior in self.priors.values() if prior.by_default]

    def build_tasks(self, text: str) -> list[Task]:
        """Build the tasks that a list of specs names; see `priorlab.specs`."""
        return cast("list[Task]", specs.build(text, "tasks", self.find))

    def build_metrics(self, text: str) -> list[Metric | OptionalMetric]:
        """Return the metrics that a list of specs names, such as ``"ssim,lpips:backbone=FILE"``."""
        built: dict[Metric | OptionalMetric, None] = {}
        for spec in specs.split(text):
            found = self.find("metrics", spec.name)
            if isinstance(found, type):
                kind = cast("type[OptionalMetric]", found)
                built |= dict.fromkeys(kind.parse(given) for given in spec.expand())
            elif spec.fields:
                raise UsageError(f"{spec.name} has no parameters, such as {min(spec.fields)}")
            else:
                built[found] = None
        return list(built)

    def build_engine(self, text: str) -> Engine:
        """Build the engine that a spec names, such as ``"local"``; see `priorlab.specs`."""
        built = specs.build(text, "engines", self.find)
        if len(built) != 1:
            raise UsageError(f"{text!r} names {len(built)} engines; a run has one")
        return cast("Engine", built[0])

    def build_trainer(self, text: str) -> Trainer:
        """Build the training that a spec names, such as ``"unet:steps=500"``."""
        built = specs.build(text, "trainers", self.find)
        if len(built) != 1:
            raise UsageError(f"{text!r} names {len(built)} trainings; expected one")
        return cast("Trainer", built[0])

    def find(self, kind: str, name: str) -> Any:
        """Return what `name` stands for among the `kind`: "priors", "datasets", ...

        Raises
        ------
        UsageError
            For an unknown name, with a suggestion, or one that two plugins claim.
        """
        known: Mapping[str, Any] = getattr(self, kind)
        key = self.known_as(kind, name)
        if key in known:
            return known[key]
        if (kind, name) in self.conflicts:
            raise UsageError(self.claimed(kind, name))
        raise self.unknown(kind.removesuffix("s"), name, known)

    def known_as(self, kind: str, name: str) -> str:
        """Return the key of what a name stands for: "tv" for "handcrafted/tv", if no other has it.

        A name that stands for nothing is returned as it is.
        """
        known: Mapping[str, Any] = getattr(self, kind)
        label, _, alone = name.rpartition("/")
        owner = self.owners.get((kind, alone))
        if name not in known and owner and label in (owner.label, owner.name):
            return alone
        return name

    def claimed(self, kind: str, name: str) -> str:
        """Say which plugins provide a name of `conflicts`, and what to write or to do instead."""
        claims = self.conflicts[kind, name]
        what, alone = f"{kind.removesuffix('s')} {name!r}", name.rpartition("/")[2]
        full = dict.fromkeys(f"{plugin.label}/{alone}" for plugin in claims)
        ways = " or ".join(one for one in full if one in getattr(self, kind))
        sources = " and ".join(f"{plugin.name} ({plugin.source})" for plugin in claims)
        if ways:
            return f"{what} is provided by both {sources}; write {ways}"
        return f"{what} is provided twice, by {sources}, which nothing tells apart; rename one"

    @property
    def problems(self) -> list[Plugin]:
        """The plugins that could not be loaded, wholly or in part."""
        return [plugin for plugin in self.plugins if plugin.problem]

    @property
    def modules(self) -> list[str]:
        """The modules of the plugins that were loaded.

        With them as `only` of `priorlab.plugins.load` another process loads the same, and tries
        nothing first.
        """
        return [plugin.module for plugin in self.plugins if plugin.module]

    def unknown(self, kind: str, name: str, known: Iterable[str]) -> UsageError:
        """Return the error for an unknown name, which may be in a plugin that did not load."""
        if "/" in name:
            known = self._in_full(name, set(known))
        broken = "; ".join(f"{plugin.name}: {plugin.problem}" for plugin in self.problems)
        hint = f"; plugins with problems, see 'priorlab plugins': {broken}" if broken else ""
        place = "; nor is it a folder or a file" if kind == "dataset" else ""
        error = UsageError(f"{unknown(kind, name, known)}{place}{hint}")
        error.details = "\n".join(plugin.details for plugin in self.problems)
        return error

    def _in_full(self, name: str, known: Collection[str]) -> Collection[str]:
        """Return the full names that may have been meant by one: of its last part, or its plugin.

        Of what is `known` by a short name or a full one.
        """
        full = {
            f"{owner.label}/{one.rpartition('/')[2]}"
            for (_, one), owner in self.owners.items()
            if one in known
        }
        label, _, alone = name.rpartition("/")
        same_name = {one for one in full if one.endswith(f"/{alone}")}
        same_plugin = {one for one in full if one.startswith(f"{label}/")}
        return same_name or same_plugin or full

    def add(self, kind: str, item: Any, plugin: Plugin) -> None:
        """Add what a plugin provides.

        A name that two plugins provide stands for neither: each is then known by its full name.
        """
        name = item.name
        key = (kind, name)
        if name not in plugin.provides.setdefault(kind, []):
            plugin.provides[kind].append(name)
        if key not in self.owners and key not in self.conflicts:
            getattr(self, kind)[name] = item
            self.owners[key] = plugin
            return
        claims = self.conflicts.setdefault(key, [])
        if key in self.owners:
            earlier, owner = getattr(self, kind).pop(name), self.owners.pop(key)
            self._add_in_full(kind, earlier, owner)
            claims.append(owner)
        claims.append(plugin)
        self._add_in_full(kind, item, plugin)

    def _add_in_full(self, kind: str, item: Any, plugin: Plugin) -> None:
        """Add what a plugin provides by its full name, which it also calls itself.

        A full name that two claim stands for neither: nobody could tell which one is meant.
        """
        full = f"{plugin.label}/{item.name}"
        key = (kind, full)
        if key not in self.owners and key not in self.conflicts:
            getattr(self, kind)[full] = _called(item, full)
            self.owners[key] = plugin
            return
        claims = self.conflicts.setdefault(key, [])
        if key in self.owners:
            del getattr(self, kind)[full]
            claims.append(self.owners.pop(key))
        claims.append(plugin)
        for claim in claims:
            claim.problem = self.claimed(kind, full)


def _called(item: Any, name: str) -> Any:
    """Return what a plugin provides under another name."""
    if not isinstance(item, type):
        return dataclasses.replace(item, name=name)
    inside = {"name": name, "__module__": item.__module__, "__doc__": item.__doc__}
    return type(item)(item.__name__, (item,), inside)


def _how_else(place: Path) -> str:
    """Return how a folder is loaded that was named as a file."""
    if exists(package := place / "__init__.py"):
        return f"; --plugin {package} loads this package"
    return f"; --plugin-dir {place} loads what is in it" if is_folder(place) else ""


def check_places(files: Sequence[str | Path], folders: Sequence[str | Path]) -> None:
    """Raise a `UsageError` for a plugin's file or folder that does not exist."""
    for path in files:
        if not exists(Path(path)):
            raise UsageError(f"--plugin {path}: there is no such file")
        if other := other_than_file(Path(path)):
            raise UsageError(f"--plugin {path}: this is {other}, not a file{_how_else(Path(path))}")
    for folder in folders:
        if not is_folder(Path(folder)):
            if exists(Path(folder)):
                raise UsageError(f"--plugin-dir {folder}: this is a file; --plugin loads it")
            raise UsageError(f"--plugin-dir {folder}: there is no such folder")
