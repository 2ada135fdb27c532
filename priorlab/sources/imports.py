"""Which modules a module imports, found in its syntax tree, and where their files are.

Nothing is imported to find out. Imports inside functions count, since the functions may run;
what only type checkers read does not. Names that the package `priorlab` exports lazily stand for
the modules that define them.
"""

from __future__ import annotations

import ast
import dataclasses
import importlib.util
import os
from collections.abc import Callable, Iterator, Sequence
from importlib.machinery import SOURCE_SUFFIXES
from pathlib import Path

from priorlab import SURFACE
from priorlab.sources.normal_form import is_type_checking

CORE = "priorlab"
_ONLY_NAMES = frozenset({CORE, f"{CORE}.hookspecs"})
"""Modules that decide no result: the package's surface, and the marks of hooks."""


@dataclasses.dataclass(frozen=True)
class Module:
    """A module that has a file, or a namespace package, which has none.

    Attributes
    ----------
    name : str
        Its full name.
    file : Path or None
        Where it is.
    root : Path
        The folder in which its top-level module or package lies.
    package : bool
        Whether other modules can lie in it.
    """

    name: str
    file: Path | None
    root: Path
    package: bool

    @property
    def lone(self) -> bool:
        """Whether it is a single file outside any package."""
        return not self.package and "." not in self.name


Finder = Callable[[str], Module | None]


def locate(name: str) -> Module | None:
    """Return a module written in Python by its full name, or None if there is none.

    Examples
    --------
    >>> module = locate("priorlab.forward.noise")
    >>> module.file.name, module.package, locate("priorlab.nowhere")
    ('noise.py', False, None)
    """
    top, *rest = name.split(".")
    try:
        spec = importlib.util.find_spec(top)
    except (ImportError, ValueError):  # a module without a specification, such as __main__
        return None
    if spec is None:
        return None
    origin = os.path.abspath(spec.origin) if spec.origin and spec.has_location else None
    if spec.submodule_search_locations is None:
        if rest or origin is None or not origin.endswith(tuple(SOURCE_SUFFIXES)):
            return None
        return Module(name, Path(origin), Path(origin).parent, package=False)
    # Absolute, as a plugin may have been named from the current folder.
    folders = [os.path.abspath(folder) for folder in spec.submodule_search_locations]
    return _within(folders, origin, name, rest)


def _within(
    folders: list[str], origin: str | None, name: str, rest: Sequence[str]
) -> Module | None:
    """Return the module of a full name, `rest` of which is to be found in a package's folders.

    Paths are texts here: thousands are looked for, and to make a `Path` takes longer than to ask.
    """
    found = origin
    for index, part in enumerate(rest):
        for folder in folders:
            below = os.path.join(folder, part)
            package, file = os.path.join(below, "__init__.py"), f"{below}.py"
            if os.path.isfile(package):
                folders, found = [below], package
                break
            if os.path.isfile(file):
                last = index == len(rest) - 1
                return Module(name, Path(file), _root(folder, index), False) if last else None
        else:  # a namespace package, or nothing
            folders = [os.path.join(folder, part) for folder in folders]
            folders, found = [folder for folder in folders if os.path.isdir(folder)], None
            if not folders:
                return None
    return Module(name, Path(found) if found else None, _root(folders[0], len(rest)), package=True)


def _root(folder: str, depth: int) -> Path:
    """Return the folder that holds the top-level package, of which `folder` is `depth` below."""
    return Path(folder).parents[depth]


def references(tree: ast.AST, module: Module) -> frozenset[tuple[str, str]]:
    """Return what the code of `module` imports, as pairs of a module's full name and a name in it.

    The name is empty where the module itself is imported, and may be that of another module.

    Examples
    --------
    >>> tree = ast.parse("import math\\nfrom priorlab import Prior")
    >>> sorted(references(tree, Module("mine", Path("mine.py"), Path("."), package=False)))
    [('math', ''), ('priorlab', 'Prior')]
    """
    found: set[tuple[str, str]] = set()
    bound: set[str] = set()  # names that stand for the core's package
    attributes: set[tuple[str, str]] = set()
    for node in _walk(tree):
        if isinstance(node, ast.Import):
            for alias in node.names:
                found.add((alias.name, ""))
                if alias.name == CORE:
                    bound.add(alias.asname or CORE)
                elif alias.name.startswith(f"{CORE}.") and not alias.asname:
                    bound.add(CORE)
        elif isinstance(node, ast.ImportFrom):
            base = _base(node, module)
            found.update((base, alias.name) for alias in node.names)
        elif isinstance(node, ast.Call) and (name := _imported_by_call(node)):
            found.add((name, ""))
        elif isinstance(node, ast.Attribute) and isinstance(node.value, ast.Name):
            attributes.add((node.value.id, node.attr))
    found.update((CORE, attribute) for name, attribute in attributes if name in bound)
    return frozenset(found)


def providers(base: str, name: str, find: Finder = locate) -> list[str]:
    """Return the modules that a reference stands for, without their parent packages.

    `find` does what `locate` does.

    Examples
    --------
    >>> providers("priorlab", "Denoiser"), providers("priorlab.forward", "noise")
    (['priorlab.priors'], ['priorlab.forward.noise'])
    """
    if base == CORE and name == "*":
        found = list(SURFACE.values())
    elif base == CORE and name in SURFACE:
        found = [SURFACE[name]]
    else:
        module, holder = f"{base}.{name}", find(base)
        below = name not in ("", "*") and (holder is None or holder.package) and find(module)
        found = [module if below else base]
    return [module for module in found if module not in _ONLY_NAMES]


def parents(name: str) -> list[str]:
    """Return the packages that importing a module executes before it.

    Examples
    --------
    >>> parents("priorlab.forward.noise")
    ['priorlab', 'priorlab.forward']
    """
    parts = name.split(".")
    return [".".join(parts[:count]) for count in range(1, len(parts))]


def _imported_by_call(node: ast.Call) -> str:
    """Return the full name that `importlib.import_module` or `__import__` is given, or nothing."""
    called = getattr(node.func, "attr", getattr(node.func, "id", ""))
    if called not in ("import_module", "__import__") or not node.args:
        return ""
    name = getattr(node.args[0], "value", None)
    return name if isinstance(name, str) and not name.startswith(".") else ""


def _base(node: ast.ImportFrom, module: Module) -> str:
    """Return the full name of the module that a ``from ... import`` names."""
    if not node.level:
        return str(node.module)
    parts = module.name.split(".")
    above = node.level - 1 if module.package else node.level
    return ".".join([*parts[: len(parts) - above], *([node.module] if node.module else [])])


def _walk(tree: ast.AST) -> Iterator[ast.AST]:
    """Yield all nodes but those in ``if TYPE_CHECKING:``."""
    todo: list[ast.AST] = [tree]
    while todo:
        node = todo.pop()
        yield node
        if is_type_checking(node):
            assert isinstance(node, ast.If)
            todo.extend(node.orelse)
        else:
            todo.extend(ast.iter_child_nodes(node))
