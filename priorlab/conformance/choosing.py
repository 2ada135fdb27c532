"""What ``priorlab plugins test`` is asked to check: a plugin, a file, a folder, or one name."""

from __future__ import annotations

from collections.abc import Sequence
from pathlib import Path

from priorlab import candidates, plugins
from priorlab.conformance.running import Subject
from priorlab.errors import UsageError
from priorlab.hookspecs import KINDS
from priorlab.registry import Plugin, Registry


def subjects(
    text: str, files: Sequence[str | Path] = (), folders: Sequence[str | Path] = ()
) -> tuple[list[Subject], Registry]:
    """Return what a text names, and the registry in which it was found.

    Parameters
    ----------
    text : str
        The name of a plugin, such as "handcrafted", of which all is meant; the path of a plugin's
        file, of a package, or of a folder of plugins; or the name of a prior, task, ..., with its
        plugin ("handcrafted/tv") or without. Of an installed plugin the name comes first: write
        "./my-prior" for a folder that has the same.
    files, folders : sequence of path
        Plugins to load beside those that are installed.

    Raises
    ------
    UsageError
        For a name that stands for nothing, and for a plugin that cannot be loaded, with the
        reason.

    Examples
    --------
    >>> [(one.kind, one.name) for one in subjects("handcrafted/tv")[0]]
    [('priors', 'tv')]
    """
    places = set()
    if text not in {entry.name for entry, _ in candidates.installed()}:
        path = Path(text).expanduser().absolute()
        package = path / "__init__.py"
        if path.is_file() or package.is_file():
            files = [*files, package if package.is_file() else path]
        elif path.is_dir():
            folders = [*folders, path]
        places = {str(path)}
    registry = plugins.load(files, folders, again=True)
    owners = [
        plugin
        for plugin in registry.plugins
        if text in (plugin.name, plugin.label) or places & {plugin.source, *_above(plugin.source)}
    ]
    broken = [plugin for plugin in owners if plugin.problem and not plugin.module]
    for plugin in broken:
        error = UsageError(f"the plugin {plugin.name} cannot be loaded: {plugin.problem}")
        error.details = plugin.details
        raise error
    found = [subject for plugin in owners for subject in _all_of(plugin)] or _named(text, registry)
    if owners and not found:
        why = owners[0].problem or "its hooks return empty lists; return classes, as in [MyPrior]"
        raise UsageError(f"the plugin {owners[0].name} provides nothing: {why}")
    if not found:
        known = {plugin.label for plugin in registry.plugins} | {
            name for kind in KINDS for name in getattr(registry, kind)
        }
        raise registry.unknown("plugin or name", text, known)
    return found, registry


def _above(source: str) -> list[str]:
    return [str(folder) for folder in Path(source).parents] if source.startswith("/") else []


def _all_of(plugin: Plugin) -> list[Subject]:
    return [
        Subject(kind, name, plugin) for kind, names in plugin.provides.items() for name in names
    ]


def _named(text: str, registry: Registry) -> list[Subject]:
    """Return what has a name, with its plugin's before it or not, of whatever kind."""
    label, _, name = text.rpartition("/")
    return [
        subject
        for plugin in registry.plugins
        for subject in _all_of(plugin)
        if subject.name == name and label in ("", plugin.label, plugin.name)
    ]
