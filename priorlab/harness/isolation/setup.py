"""What all cells of a run have in common."""

from __future__ import annotations

import dataclasses
import os
import sys
from collections.abc import Collection, Iterator
from pathlib import Path
from typing import Any

CORE = "priorlab"
"""Stands for the core among the modules of plugins."""

FORKING = sys.platform == "linux" and hasattr(os, "pidfd_open")
"""Whether forking is safe here: the libraries of macOS are not made for it."""


@dataclasses.dataclass(frozen=True)
class Setup:
    """What all cells of a run have in common.

    Attributes
    ----------
    threads : int
        Threads of each cell.
    device : str
        Torch device.
    plugin_files, plugin_folders : tuple of str
        Plugins to load in addition to the installed ones.
    providers : dict of str to list of str
        For each component in use, by its name, the modules of the plugins that provide it.
    private : tuple of str
        Files and folders that no prior is to read or change: the clean images, and the results.
    code : dict of str to str
        For each module of a plugin its file or, of a package, its folder; for "priorlab" that of
        the core. No prior is to change what others are made of.
    temporary : str
        The folder for temporary files, if it is not the usual one.
    task_modules : tuple of str
        The modules of the plugins that provide the tasks.
    metrics : dict of str to dict
        The metrics of plugins: for each the "module" of its plugin, and its "parameters" as
        `priorlab.components.description` has them, or None.
    timeout_s : float
        Seconds after which a cell is given up; a metric of a plugin, too.
    memory_mb : float or None
        MB (10^6 bytes) that the processes of a cell may take together.
    batch : int
        How many copies of a measurement a prior that gains from it restores at once, after the
        one whose image counts; 1 for none.
    """

    threads: int = 1
    device: str = "cpu"
    plugin_files: tuple[str, ...] = ()
    plugin_folders: tuple[str, ...] = ()
    providers: dict[str, list[str]] = dataclasses.field(default_factory=dict)
    private: tuple[str, ...] = ()
    code: dict[str, str] = dataclasses.field(default_factory=dict)
    temporary: str = ""
    task_modules: tuple[str, ...] = ()
    metrics: dict[str, dict[str, Any]] = dataclasses.field(default_factory=dict)
    timeout_s: float = 1800.0
    memory_mb: float | None = None
    batch: int = 1

    @property
    def modules(self) -> list[str] | None:
        """The modules of all plugins in use; None, for all there are, if no component is named."""
        found = {module for modules in self.providers.values() for module in modules}
        return sorted(found.union(self.task_modules)) if self.providers else None

    def modules_of(self, prior: dict[str, Any]) -> list[str] | None:
        """Return the modules of the plugins that a prior needs; None stands for all there are.

        Parameters
        ----------
        prior : dict
            Its description; see `priorlab.components.description`.

        Examples
        --------
        >>> setup = Setup(providers={"dip": ["a"], "bm3d": ["b"], "tv": ["b"]})
        >>> setup.modules_of({"name": "dip", "parameters": {"red": {"name": "bm3d"}}})
        ['a', 'b']
        """
        if not self.providers:
            return None
        found = {module for name in _names(prior) for module in self.providers.get(name, ())}
        return sorted(found.union(self.task_modules))

    def code_of_others(self, modules: Collection[str] | None) -> list[str]:
        """Return the code that a process with the plugins of some modules leaves alone.

        What lies in the folder of one of these plugins is theirs. The compiled loops of lone files
        are beside them; those of files in one folder are together.

        Examples
        --------
        >>> setup = Setup(code={"priorlab": "/core", "a": "/x/a", "b.plugin": "/x/b"})
        >>> setup.code_of_others(["b.plugin"]), setup.code_of_others(None)
        (['/core', '/x/a'], ['/core'])
        >>> Setup(code={"a": "/x/a.py", "b": "/x/b.py", "c": "/c"}).code_of_others(["a"])
        ['/c', '/x/b.py']
        >>> Setup(code={"a": "/x/a.py", "c": "/c"}).code_of_others(["c"])
        ['/x/__pycache__', '/x/a.py']
        """
        own = set(self.code) - {CORE} if modules is None else set(modules)
        kept = {self.code[module] for module in own if module in self.code}
        others = {*self.code.values()} - kept
        return sorted(others | (_loops(others) - _loops(kept)))

    @property
    def forks(self) -> bool:
        """Whether a cell's process may be forked: not once an accelerator is in use."""
        return self.device == "cpu" and FORKING


def _loops(code: Collection[str]) -> set[str]:
    """Return the folders of the compiled loops of those that are lone files."""
    return {str(Path(path).with_name("__pycache__")) for path in code if path.endswith(".py")}


def _names(value: Any) -> Iterator[str]:
    """Yield the names of a described component and of those within it."""
    if isinstance(value, dict):
        if isinstance(value.get("name"), str):
            yield value["name"]
        for part in value.values():
            yield from _names(part)
