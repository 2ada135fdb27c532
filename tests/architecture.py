"""Reads the code of a package and says where it breaks a rule: the file, the line and the rule."""

from __future__ import annotations

import ast
import dataclasses
import fnmatch
from collections.abc import Iterator, Mapping, Sequence
from pathlib import Path


@dataclasses.dataclass(frozen=True)
class Module:
    name: str
    file: str
    tree: ast.Module
    package: bool


@dataclasses.dataclass(frozen=True)
class Import:
    """`source` imports `target` in this line; `deferred` if only when a function runs."""

    source: str
    target: str
    file: str
    line: int
    deferred: bool


@dataclasses.dataclass(frozen=True)
class Breach:
    """What breaks a rule, and a short name for it that does not change with every line."""

    file: str
    line: int
    what: str
    rule: str

    def __str__(self) -> str:
        return f"{self.file}:{self.line}: {self.what}: {self.rule}"


def read(folder: Path) -> dict[str, Module]:
    """Return the modules of a package by their full names."""
    modules = {}
    for path in sorted(folder.rglob("*.py")):
        place = path.relative_to(folder.parent)
        package = path.name == "__init__.py"
        name = ".".join(place.parent.parts if package else place.with_suffix("").parts)
        modules[name] = Module(name, place.as_posix(), ast.parse(path.read_text()), package)
    return modules


def imports(modules: Mapping[str, Module]) -> list[Import]:
    """Return all imports, of other packages too."""
    return [
        Import(module.name, target, module.file, node.lineno, deferred)
        for module in modules.values()
        for node, deferred in _import_nodes(module.tree, False)
        for target in _targets(node, module, modules)
    ]


def _import_nodes(node: ast.AST, deferred: bool) -> Iterator[tuple[ast.AST, bool]]:
    for child in ast.iter_child_nodes(node):
        if isinstance(child, ast.Import | ast.ImportFrom):
            yield child, deferred
        function = isinstance(child, ast.FunctionDef | ast.AsyncFunctionDef | ast.Lambda)
        yield from _import_nodes(child, deferred or function)


def _targets(node: ast.AST, module: Module, modules: Mapping[str, Module]) -> list[str]:
    if isinstance(node, ast.Import):
        return [alias.name for alias in node.names]
    assert isinstance(node, ast.ImportFrom)
    parts = module.name.split(".")
    above = parts[: len(parts) - node.level + module.package] if node.level else []
    base = ".".join([*above, *([node.module] if node.module else [])])
    names = [f"{base}.{alias.name}" for alias in node.names]
    top = module.name.partition(".")[0]
    return [name if name in modules or base == top else base for name in names]


def upward(
    found: Sequence[Import], layers: Sequence[Sequence[str]], constants: set[str]
) -> Iterator[Breach]:
    """Yield the imports of modules in a higher layer; the lowest layer is the first.

    `constants` are names of the package itself that any module may import.
    """
    for item in found:
        package = item.source.partition(".")[0]
        target = item.target.partition(".")
        if item.source == package or target[0] != package or target[2] in constants:
            continue
        if layer(item.source, layers) < layer(item.target, layers):
            what = f"{item.source} imports {item.target}"
            yield Breach(item.file, item.line, what, "no import of a higher layer (see LAYERS)")


def layer(module: str, layers: Sequence[Sequence[str]]) -> int:
    """Return the number of a module's layer, above all others if it is in none.

    A layer may name a folder within a folder: "harness.results".
    """
    inner = module.partition(".")[2]
    for number, patterns in enumerate(layers):
        if any(fnmatch.fnmatch(f"{inner}.", f"{pattern}.*") for pattern in patterns):
            return number
    return len(layers)


def homeless(modules: Mapping[str, Module], layers: Sequence[Sequence[str]]) -> Iterator[Breach]:
    """Yield the modules that are in no layer."""
    for module in modules.values():
        if "." in module.name and layer(module.name, layers) == len(layers):
            yield Breach(module.file, 1, module.name, "every module is in a layer (see LAYERS)")


def hidden(found: Sequence[Import], exempt: Sequence[str]) -> Iterator[Breach]:
    """Yield the imports of modules of the same package that stand in functions."""
    for item in found:
        package = item.source.partition(".")[0]
        exempted = any(fnmatch.fnmatch(item.source, pattern) for pattern in exempt)
        if item.deferred and item.target.partition(".")[0] == package and not exempted:
            what = f"{item.source} imports {item.target} in a function"
            yield Breach(item.file, item.line, what, "no import in a function hides a circle")


def circles(found: Sequence[Import], package: str) -> Iterator[Breach]:
    """Yield the imports of modules that import, in the end, the module that imports them."""
    graph: dict[str, set[str]] = {}
    for item in found:
        if item.source != package:
            graph.setdefault(item.source, set()).add(item.target)
    for item in found:
        if item.source != package and item.source in _reached(item.target, graph):
            what = f"{item.source} imports {item.target}, which imports it"
            yield Breach(item.file, item.line, what, "no circle of imports")


def _reached(start: str, graph: Mapping[str, set[str]]) -> set[str]:
    """Return the modules that `start` imports, directly or not, and itself."""
    reached, todo = set(), [start]
    while todo:
        name = todo.pop()
        if name not in reached:
            reached.add(name)
            todo += graph.get(name, ())
    return reached


def foreign(found: Sequence[Import], packages: set[str]) -> Iterator[Breach]:
    """Yield the imports of certain other packages."""
    for item in found:
        if item.target.partition(".")[0] in packages:
            what = f"{item.source} imports {item.target}"
            yield Breach(item.file, item.line, what, "the core imports no plugin")


def concrete(
    modules: Mapping[str, Module], bases: set[str], others: Sequence[Module] = ()
) -> dict[str, str]:
    """Return the classes that derive from abstract `bases`, with the module of each."""
    classes = {
        node.name: (module.name, {_last_name(base) for base in node.bases})
        for module in (*modules.values(), *others)
        for node in ast.walk(module.tree)
        if isinstance(node, ast.ClassDef)
    }
    derived = set(bases)
    while more := {name for name, (_, above) in classes.items() if above & derived} - derived:
        derived |= more
    return {name: classes[name][0] for name in derived - bases}


def recognised(modules: Mapping[str, Module], classes: Mapping[str, str]) -> Iterator[Breach]:
    """Yield the places that ask whether something is one of certain classes, outside of its own
    module.
    """
    for module in modules.values():
        for node in ast.walk(module.tree):
            for name in _asked_for(node):
                if name in classes and classes[name] != module.name:
                    what = f"{module.name} asks for {name}"
                    rule = "what a class can do is asked of it (noise.is_gaussian), not which it is"
                    yield Breach(module.file, getattr(node, "lineno", 0), what, rule)


def _asked_for(node: ast.AST) -> list[str]:
    """Return the classes that `isinstance`, `issubclass`, `type(x) is` or `case` asks for."""
    if isinstance(node, ast.MatchClass):
        return [_last_name(node.cls)]
    if isinstance(node, ast.Call) and _last_name(node.func) in ("isinstance", "issubclass"):
        asked = node.args[1:]
    elif isinstance(node, ast.Compare) and _last_name(getattr(node.left, "func", node)) == "type":
        asked = node.comparators
    else:
        return []
    return [_last_name(part) for item in asked for part in ast.walk(item)]


def _last_name(node: ast.AST) -> str:
    return node.id if isinstance(node, ast.Name) else str(getattr(node, "attr", ""))
