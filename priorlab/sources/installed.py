"""What is installed: which folders hold libraries, and to which distribution a module belongs."""

from __future__ import annotations

import functools
import re
import sysconfig
from importlib import metadata
from pathlib import Path

from priorlab.sources.imports import CORE

_CODE_FILE = re.compile(r'^"?([^/,"]+)(?:/[^,]*)?\.py"?,', re.MULTILINE)
"""A line of RECORD about a file of code; its top-level module."""


@functools.cache
def is_library(folder: Path) -> bool:
    """Return whether the modules in a folder have nothing in common but being installed."""
    paths = sysconfig.get_paths()
    libraries = {Path(paths[key]) for key in ("stdlib", "platstdlib", "purelib", "platlib")}
    return folder in libraries or folder.name in ("site-packages", "dist-packages", "lib-dynload")


@functools.cache
def distributions(top: str) -> frozenset[str]:
    """Return the names of the distributions that install a top-level module or package."""
    return frozenset(_installed().get(top, ()))


@functools.cache
def with_plugins() -> frozenset[str]:
    """Return the names of the distributions that offer plugins of priorlab."""
    found = metadata.entry_points(group=CORE)  # the group is named after the package
    return frozenset(entry.dist.name for entry in found if entry.dist)


@functools.cache
def versions(top: str) -> tuple[str, ...]:
    """Return name and `release` of the distributions that install a module.

    Examples
    --------
    >>> versions("numpy")
    ('numpy ...',)
    """
    found = sorted(distributions(top))
    return tuple(f"{name} {release(metadata.version(name))}" for name in found)


def release(version: str) -> str:
    """Return the part of a version that can change results: major and minor number.

    Libraries that compute keep to it that a release which raises only the third number mends
    faults. Such releases come every few weeks: with them in the keys, results would be forgotten
    for an update that changed none of them.

    Examples
    --------
    >>> release("2.13.1+cpu")
    '2.13'
    """
    return ".".join(version.split(".")[:2])


@functools.cache
def _installed() -> dict[str, list[str]]:
    found: dict[str, list[str]] = {}
    for distribution in metadata.distributions():
        for top in _modules(distribution):
            found.setdefault(top, []).append(distribution.name)
    return found


def _modules(distribution: metadata.Distribution) -> set[str]:
    """Return the top-level modules that a distribution says it installs, or those of its files.

    So does `metadata.packages_distributions`, in half a second: it makes a path of every file.
    """
    if declared := distribution.read_text("top_level.txt"):
        return set(declared.split())
    return set(_CODE_FILE.findall(distribution.read_text("RECORD") or ""))
