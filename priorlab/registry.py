"""What is known by name: the core's own tasks, datasets and metrics, and what plugins provide."""

from __future__ import annotations

import dataclasses
from collections.abc import Mapping, Sequence
from pathlib import Path
from typing import TYPE_CHECKING, Any, cast

from priorlab import specs
from priorlab.errors import UsageError, unknown
from priorlab.files import exists, is_folder, other_than_file
from priorlab.sources.digest import digest

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
    def digest(self) -> str:
        """The digest of all of the plugin's code."""
        return digest([self.module])


@dataclasses.dataclass
class Registry:
    """Everything that can be named.

    Attributes
    ----------
    files, folders : tuple of str
        The absolute paths of the plugin files and folders that it was loaded from, besides the
        installed plugins.
    priors, tasks, datasets, metrics, trainers, engines : dict
        What there is of each kind, by name.
    plugins : list of Plugin
        All plugins that were found, the broken ones included.
    owners : dict
        The plugin that provides a name, by kind and name.
    conflicts : dict
        The plugins that claim the same name, by kind and name; it then stands for nothing.
    """

    files: tuple[str, ...] = ()
    folders: tuple[str, ...] = ()
    priors: dict[str, type[Prior]] = dataclasses.field(default_factory=dict)
    tasks: dict[str, type[Task]] = dataclasses.field(default_factory=dict)
    datasets: dict[str, DatasetSource] = dataclasses.field(default_factory=dict)
    metrics: dict[str, Metric | type[OptionalMetric]] = dataclasses.field(default_factory=dict)
    trainers: dict[str, type[Trainer]] = dataclasses.field(default_factory=dict)
    engines: dict[str, type[Engine]] = dataclasses.field(default_factory=dict)
    plugins: list[Plugin] = dataclasses.field(default_factory=list)
    owners: dict[tuple[str, str], Plugin] = dataclasses.field(default_factory=dict)
    conflicts: dict[tuple[str, str], list[Plugin]] = dataclasses.field(default_factory=dict)

    def build_priors(self, text: str) -> list[Prior]:
        """Build the priors that a list of specs names; see `priorlab.specs`."""
        return cast("list[Prior]", specs.build(text, "priors", self.find))

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
        if claims := self.conflicts.get((kind, name)):
            raise UsageError(f"{_claimed(kind, name, claims)}; remove or rename one of them")
        if name not in known:
            error = unknown(kind.removesuffix("s"), name, known)
            raise UsageError(f"{error}{self.hint()}")
        return known[name]

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

    def hint(self) -> str:
        """Return what to add to an error on an unknown name: it may be in a broken plugin."""
        broken = ", ".join(plugin.name for plugin in self.problems)
        return f"; plugins with problems: {broken}, see 'priorlab plugins'" if broken else ""

    def add(self, kind: str, item: Any, plugin: Plugin) -> None:
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


def check_places(files: Sequence[str | Path], folders: Sequence[str | Path]) -> None:
    """Raise a `UsageError` for a plugin's file or folder that does not exist."""
    for path in files:
        if not exists(Path(path)):
            raise UsageError(f"--plugin {path}: there is no such file")
        if other := other_than_file(Path(path)):
            raise UsageError(f"--plugin {path}: this is {other}, not a file")
    for folder in folders:
        if not is_folder(Path(folder)):
            raise UsageError(f"--plugin-dir {folder}: there is no such folder")


def _claimed(kind: str, name: str, claims: Sequence[Plugin]) -> str:
    sources = " and ".join(f"{plugin.name} ({plugin.source})" for plugin in claims)
    return f"{kind.removesuffix('s')} {name!r} is provided by both {sources}"
