"""Python code as one text that stays equal when only comments, docstrings or layout change.

The text is made from the syntax tree. `ast.dump` would not do: what it prints differs between
versions of Python, and a digest of it would forget every stored result with the next one.
"""

from __future__ import annotations

import ast
import copy
from collections.abc import Callable, Iterator, Sequence

MARKER = "hookimpl"
"""A decorator that only marks a function as one that a plugin offers."""

_SILENT = {"ctx", "kind", "type_comment"}
"""Fields of syntax nodes that follow from others or do nothing when the code runs."""


def normal_form(tree: ast.AST) -> str:
    """Return the text of a syntax tree, the same for Python 3.11 and later.

    Left out are positions, fields that are empty (newer versions have more of them), texts that
    stand as statements of their own, the `doc` of a `priorlab.parameter`, and what
    ``if TYPE_CHECKING:`` holds.

    Examples
    --------
    >>> import ast
    >>> terse = ast.parse("def f(x): return x + 1")
    >>> wordy = ast.parse("def f(x):  # one more\\n    'Return the next.'\\n    return (x + 1)")
    >>> normal_form(terse) == normal_form(wordy)
    True
    """
    parts: list[str] = []
    _write(tree, _declaring(tree), parts.append)
    return "".join(parts)


def executed(tree: ast.Module) -> ast.Module:
    """Return the part of a module that importing it executes.

    The bodies of functions are left out, except of those functions and classes that the rest
    refers to, and so is what a package says of itself, such as ``__version__`` and ``__all__``.

    Examples
    --------
    >>> tree = ast.parse("LIMIT = 3\\ndef double(x): return 2 * x")
    >>> ast.unparse(executed(tree))
    'LIMIT = 3'
    """
    used: set[str] = set()
    while True:
        shell = ast.Module(list(_executed(tree.body, used)), [])
        names = {
            node.id
            for node in ast.walk(shell)
            if isinstance(node, ast.Name) and isinstance(node.ctx, ast.Load)
        }
        if names <= used:
            return shell
        used |= names


def is_type_checking(node: ast.AST) -> bool:
    """Return whether a node is an ``if`` whose body only type checkers read.

    Examples
    --------
    >>> tree = ast.parse("if TYPE_CHECKING:\\n    import numpy")
    >>> is_type_checking(tree.body[0])
    True
    """
    if not isinstance(node, ast.If):
        return False
    test = node.test
    name = test.id if isinstance(test, ast.Name) else getattr(test, "attr", "")
    return name == "TYPE_CHECKING"


def _declaring(tree: ast.AST) -> set[str]:
    """Return the names under which a module imports `priorlab.parameter`."""
    return {
        alias.asname or alias.name
        for node in ast.walk(tree)
        if isinstance(node, ast.ImportFrom) and node.module in ("priorlab", "priorlab.components")
        for alias in node.names
        if alias.name == "parameter"
    }


def _write(value: object, declaring: set[str], write: Callable[[str], None]) -> None:
    if isinstance(value, ast.JoinedStr):
        value = ast.JoinedStr(_merged(value.values))
    elif isinstance(value, ast.Call) and getattr(value.func, "id", "") in declaring:
        value = _undocumented(value)
    if isinstance(value, ast.AST):
        write(f"{type(value).__name__}(")
        for name, part in ast.iter_fields(value):
            part = list(_statements(part)) if isinstance(part, list) else part
            if name not in _SILENT and part is not None and part != []:
                write(f"{name}=")
                _write(part, declaring, write)
        write(")")
    elif isinstance(value, list):
        write("[")
        for part in value:
            _write(part, declaring, write)
            write(",")
        write("]")
    else:
        write(f"{type(value).__name__}:{value!r}")


def _undocumented(call: ast.Call) -> ast.Call:
    """Return a call of `priorlab.parameter` without its `doc`."""
    keywords = [keyword for keyword in call.keywords if keyword.arg != "doc"]
    return ast.Call(call.func, [*call.args[:1], *call.args[2:]], keywords)


def _statements(nodes: Sequence[ast.AST]) -> Iterator[ast.AST]:
    """Yield the nodes of a list without the statements that do nothing."""
    for node in nodes:
        if is_type_checking(node):
            assert isinstance(node, ast.If)
            yield from _statements(node.orelse)
        elif not _is_words(node):
            yield node


def _is_words(node: ast.AST) -> bool:
    """Return whether a node is a docstring, or another text that stands by itself."""
    return (
        isinstance(node, ast.Expr)
        and isinstance(node.value, ast.Constant)
        and isinstance(node.value.value, str)
    )


def _merged(parts: Sequence[ast.expr]) -> list[ast.expr]:
    """Join neighbouring texts within an f-string: versions of Python split them differently."""
    merged: list[ast.expr] = []
    for part in parts:
        last = merged[-1] if merged else None
        if isinstance(part, ast.Constant) and isinstance(last, ast.Constant):
            merged[-1] = ast.Constant(str(last.value) + str(part.value))
        elif not isinstance(part, ast.Constant) or part.value:
            merged.append(part)
    return merged


def _executed(body: Sequence[ast.stmt], used: set[str]) -> Iterator[ast.stmt]:
    """Yield the statements that run on import; `used` names functions whose bodies run too."""
    for node in body:
        if isinstance(node, ast.FunctionDef | ast.AsyncFunctionDef):
            decorators = {getattr(item, "id", "") for item in node.decorator_list}
            if node.name in used or decorators - {MARKER}:
                yield node
        elif isinstance(node, ast.ClassDef) and node.name not in used:
            shell = copy.copy(node)
            shell.body = list(_executed(node.body, used))
            yield shell
        elif not _is_about_the_module(node):
            yield node


def _is_about_the_module(node: ast.stmt) -> bool:
    """Return whether a statement only sets names such as ``__version__``."""
    if not isinstance(node, ast.Assign):
        return False
    names = [getattr(target, "id", "") for target in node.targets]
    return all(name.startswith("__") and name.endswith("__") for name in names)
