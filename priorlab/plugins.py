"""How plugins are found and loaded, and what is wrong with those that do not load.

Each is loaded by itself: one that fails is reported, and stops nothing but what asked for it.
One that is not known to be harmless is tried in a process of its own first (`priorlab.trials`).
What a plugin may offer is in `priorlab.hookspecs`.
"""

from __future__ import annotations

import dataclasses
import functools
import inspect
import os
import re
from collections.abc import Collection, Iterator, Sequence
from pathlib import Path
from types import ModuleType
from typing import Any

import pluggy

from priorlab import candidates, remembered, tuned_parameters
from priorlab.candidates import Candidate
from priorlab.components import Component
from priorlab.engines import BUILTIN_ENGINES, Engine
from priorlab.errors import UsageError, kind, printable, said, trace_of, unknown
from priorlab.forward import degradation
from priorlab.ground import garbage
from priorlab.hookspecs import GROUP, KINDS, Hooks
from priorlab.metrics import BUILTIN_METRICS, Metric
from priorlab.optional_metrics import OptionalMetric
from priorlab.pictures.datasets import BUILTIN_DATASETS, DatasetSource
from priorlab.priors import Prior
from priorlab.registry import Plugin, Registry, check_places
from priorlab.tasks.base import Task
from priorlab.tasks.builtin import BUILTIN_TASKS
from priorlab.training import Trainer
from priorlab.trials import child, known, surroundings, trial
from priorlab.trials.core_code import CoreCode


def load(
    files: Sequence[str | Path] = (),
    folders: Sequence[str | Path] = (),
    *,
    only: Collection[str] | None = None,
    again: bool = False,
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
        and none of their names is known. The core is always there. None is tried in a process of
        its own first: whoever knows their modules has loaded them before.
    again : bool
        Whether to try those again that hung when they were last tried.

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
    for sort, items in builtin.items():
        for item in items:
            registry.add(sort, item, core)
    found = list(candidates.find(files, folders))
    if only is None:
        problems = _problems(found, again=again)
    else:
        found = [one for one in found if one.is_among(only)]
        problems = {}
    core_code = CoreCode()
    with garbage.awaited():
        for candidate in found:
            plugin = Plugin(candidate.name, candidate.source)
            registry.plugins.append(plugin)
            if verdict := problems.get(candidate):
                plugin.problem, plugin.details = verdict.problem, verdict.details
                continue
            with surroundings.kept():
                _load_one(registry, plugin, candidate, core_code)
    if only is None:  # else not all names are known
        _note_misspelt(registry)
    return registry


def _note_misspelt(registry: Registry) -> None:
    """Note names of priors that there are not, in the tuned parameters of each plugin."""
    known = {name.rpartition("/")[2] for name in registry.priors}
    for plugin in registry.plugins:
        own = [
            prior
            for name, prior in registry.priors.items()
            if registry.owners["priors", name] is plugin
        ]
        problems = [plugin.problem] if plugin.problem else []
        plugin.problem = "; ".join(problems + tuned_parameters.misspelt(own, known))


def _problems(found: Sequence[Candidate], *, again: bool = False) -> dict[Candidate, trial.Verdict]:
    """Return the plugins that are not to be loaded here, and why: those unknown are tried first."""
    if not hasattr(os, "fork"):  # Windows, whose processes cannot report in this way
        return {}
    noted, stamp = known.recall(), functools.cache(remembered.stamp)
    verdicts = {one: verdict for one in found if (verdict := known.verdict(noted, one, stamp))}
    unknown_ones = [
        one for one in found if one not in verdicts or (again and verdicts[one].problem)
    ]
    if unknown_ones:
        tried = trial.verdicts(unknown_ones, _loaded_alone, _TRIAL)
        news = dict(zip(unknown_ones, tried, strict=True))
        known.note(news)
        verdicts |= news
    return {one: verdict for one, verdict in verdicts.items() if verdict.problem}


_TRIAL = "import sys; from priorlab import plugins; plugins.answer_trial(sys.argv[1])"
"""What a process runs that plugins are tried in."""


def answer_trial(argument: str) -> None:
    """Try plugins in this process, which then ends; see `priorlab.trials.trial`."""
    found, report = trial.parse(argument)
    child.serve(found, _loaded_alone, report, list(remembered.own_files()))


def _loaded_alone(candidate: Candidate) -> Plugin:
    """Load one plugin as if there were no other."""
    plugin = Plugin(candidate.name, candidate.source)
    _load_one(Registry(), plugin, candidate, CoreCode())
    return plugin


def _absolute(paths: Sequence[str | Path]) -> tuple[str, ...]:
    return tuple(str(Path(path).absolute()) for path in paths)


def _load_one(
    registry: Registry, plugin: Plugin, candidate: Candidate, core_code: CoreCode
) -> None:
    """Import one plugin and add what it provides, or note what is wrong with it."""
    try:
        offered = list(_offered(plugin, candidate))
        if replaced := core_code.restored():
            raise TypeError(
                f"its import replaces {replaced}, which all others use: write a class that derives"
                " from one of the core, or a function of your own"
            )
        for sort, item in offered:
            registry.add(sort, item, plugin)
    except KeyboardInterrupt:
        raise
    except BaseException as error:  # a plugin may raise anything, SystemExit included
        core_code.restored()
        first = next(iter(said(error).strip().splitlines()), "")
        plugin.problem = first if issubclass(type(error), UsageError) else f"{kind(error)}: {first}"
        plugin.details = trace_of(error)


def _offered(plugin: Plugin, candidate: Candidate) -> Iterator[tuple[str, Any]]:
    """Import a plugin, and yield what it provides, with the name of its kind."""
    manager = pluggy.PluginManager(GROUP)
    manager.add_hookspecs(Hooks)
    module = candidate.load()
    plugin.module = module.__name__
    _check_hooks(manager, module)
    manager.register(module)
    callers = manager.get_hookcallers(module) or []
    if not callers:
        plugin.problem = _without_hooks(module)
    for caller in callers:
        if not caller.has_spec():
            raise unknown("hook", caller.name, [f"priorlab_{sort}" for sort in KINDS])
    for sort in KINDS:
        for items in getattr(manager.hook, f"priorlab_{sort}")():
            if not isinstance(items, list | tuple):
                raise TypeError(f"priorlab_{sort} must return a list, not {items!r}")
            for item in items:
                _check_item(sort, item)
                yield sort, item


def _check_hooks(manager: pluggy.PluginManager, module: ModuleType) -> None:
    """Raise a `TypeError` for a hook that wants to be given something."""
    for name in vars(module):
        if name.startswith(f"{GROUP}_") and manager.parse_hookimpl_opts(module, name):
            try:
                inspect.signature(getattr(module, name)).bind()
            except TypeError:
                raise TypeError(f"{name} is called with nothing: write def {name}()") from None


def _without_hooks(module: ModuleType) -> str:
    """Return what to write in a module that implements no hook, or why it is another one."""
    if not getattr(module, "__file__", None):
        folder = next(iter(getattr(module, "__path__", ())), "")
        return (
            f"its name stands for the folder {printable(folder)} here, which has no __init__.py:"
            " call priorlab from another folder"
        )
    meant = [name for name in vars(module) if name.startswith(f"{GROUP}_")]
    if meant:
        return f"it implements no hook: write @hookimpl in the line above 'def {meant[0]}'"
    return (
        "it implements no hook: write a function such as 'def priorlab_priors(): return [MyPrior]'"
        " with @hookimpl in the line above it"
    )


_DESCRIPTORS = {"datasets": DatasetSource, "metrics": Metric}
"""What plugins provide as objects, not as classes, and their type."""

_BASES = {
    "priors": Prior,
    "tasks": Task,
    "trainers": Trainer,
    "engines": Engine,
    "metrics": OptionalMetric,
}
"""What plugins provide as classes, and what those derive from."""


def _check_item(sort: str, item: Any) -> None:
    """Raise a `TypeError` that tells a plugin's author what to change."""
    is_object = isinstance(item, Component)
    label = f"{type(item).__name__}()" if is_object else getattr(item, "__name__", repr(item))
    if sort in _DESCRIPTORS and not (sort in _BASES and isinstance(item, type)):
        if not isinstance(item, _DESCRIPTORS[sort]):
            raise TypeError(
                f"{label} must be an object of priorlab's {_DESCRIPTORS[sort].__name__}"
            )
        _check_name(label, item)
        doc = getattr(item, "doc", None)
        if not isinstance(doc, str):
            raise TypeError(f"{label} needs a text as its doc, not {doc!r}")
        return
    base = _BASES[sort]
    if not (isinstance(item, type) and issubclass(item, base)):
        raise TypeError(f"{label} must be a class derived from priorlab's {base.__name__}")
    _check_name(label, item)
    if not isinstance(item.__doc__, str | None):
        raise TypeError(f"{label} needs a text as its docstring, not {item.__doc__!r}")
    if missing := sorted(getattr(item, "__abstractmethods__", ())):
        raise TypeError(f"{label} does not define {', '.join(missing)}")
    _check_parameters(item)
    if sort == "priors":
        tuned_parameters.check(item, degradation.KINDS)


def _check_name(label: str, item: Any) -> None:
    name = getattr(item, "name", None)
    if not isinstance(name, str) or not re.fullmatch(r"[a-z][a-z0-9-]*", name):
        raise TypeError(f"{label} needs a name of small letters, digits and hyphens, not {name!r}")


def _check_parameters(item: type[Component]) -> None:
    """Raise what is wrong with the parameters of a class."""
    label = item.__name__
    if any(isinstance(value, dataclasses.Field) for value in vars(item).values()):
        raise TypeError(f"{label} needs the decorator @dataclass(frozen=True, kw_only=True)")
    if required := [
        field.name for field in dataclasses.fields(item) if field.default is dataclasses.MISSING
    ]:
        raise TypeError(f"{label} needs a default for {', '.join(required)}")
    item.check_declared()
    item().spec()  # what it raises with its defaults, it is to raise now
    if not item.checks_values():
        if "__init__" in vars(item) and "__dataclass_fields__" not in vars(item):
            raise TypeError(f"{label} has an __init__: declare its parameters instead, as fields")
        raise TypeError(
            f"{label}.__post_init__ needs super().__post_init__(): nothing checks its parameters"
        )
