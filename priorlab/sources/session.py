"""What was defined in a notebook or a script, as the text of a module of its own.

Such code lives in `__main__`, which no other process can import. Of a class, its own source is
taken and, one after the other, what that refers to: functions and classes of the session by their
source, modules and what comes from them by an import, plain values as they are written.
"""

from __future__ import annotations
import __future__

import ast
import builtins
import linecache
import symtable
import sys
from collections.abc import Iterator
from types import CodeType, ModuleType
from typing import Any

from priorlab.errors import UsageError

SESSION = "__main__"

_PLAIN = (bool, int, float, complex, str, bytes, type(None))


def module_of(kind: type) -> str:
    """Return the text of a module that defines a class of the session as it is there.

    Raises
    ------
    UsageError
        If its source is not known, or it refers to something that no text can stand for.
    """
    parts = _Parts(vars(sys.modules[SESSION]))
    parts.add(kind.__name__, kind)
    return parts.text()


class _Parts:
    """The statements of the module, each after those that it refers to."""

    def __init__(self, names: dict[str, Any]) -> None:
        self._names = names
        self._done: set[str] = set()
        self._imports: list[str] = []
        self._statements: list[str] = []
        self._postponed = False
        self._user = ""

    def text(self) -> str:
        future = ["from __future__ import annotations\n"] if self._postponed else []
        imports = sorted(set(self._imports))
        return "\n".join([*future, *imports, "", "", *self._statements]) + "\n"

    def add(self, name: str, value: Any) -> None:
        """Add what a name stands for, and before it what that refers to."""
        if name in self._done:
            return
        self._done.add(name)
        if getattr(value, "__module__", None) == SESSION and (code := _code(value)):
            before, self._user = self._user, name
            self._postponed |= bool(code.co_flags & __future__.annotations.compiler_flag)
            statement = _statement(code, name)
            for other in _globals(statement):
                if other in self._names and not hasattr(builtins, other):
                    self.add(other, self._names[other])
            self._statements.append(f"{statement}\n\n")
            self._user = before
        elif line := _import(name, value):
            self._imports.append(line)
        elif _is_plain(value):
            self._statements.append(f"{name} = {value!r}\n\n")
        elif self._user:
            raise UsageError(
                f"{self._user} uses {name}, a {type(value).__name__} of the session that another"
                f" process cannot make: make it within {self._user}, or read it from a file"
            )
        else:
            raise _unknown(name)


def _unknown(name: str) -> UsageError:
    return UsageError(f"the source of {name} is not known; put it in a file, a plugin's")


def _code(value: Any) -> CodeType | None:
    """Return code that says where a function or class of the session was written."""
    parts = vars(value).values() if isinstance(value, type) else [value]
    functions = (getattr(part, "fget", getattr(part, "__func__", part)) for part in parts)
    found = (getattr(function, "__code__", None) for function in functions)
    return next((code for code in found if code and linecache.getlines(code.co_filename)), None)


def _statement(code: CodeType, name: str) -> str:
    """Return the statement of a cell or script in which some code was written."""
    lines = linecache.getlines(code.co_filename)
    for node in ast.parse("".join(lines)).body:
        decorators = getattr(node, "decorator_list", [])
        first = min([node.lineno, *(decorator.lineno for decorator in decorators)])
        if first <= code.co_firstlineno <= (node.end_lineno or node.lineno):
            return "".join(lines[first - 1 : node.end_lineno]).rstrip()
    raise _unknown(name)


def _globals(statement: str) -> list[str]:
    """Return the names that a statement takes from the module that it is in.

    Examples
    --------
    >>> _globals("def f(x):\\n    y = x + z\\n    return g(y)")
    ['g', 'z']
    """
    top = symtable.symtable(statement, "<session>", "exec")
    own = {symbol.get_name() for symbol in top.get_symbols() if symbol.is_assigned()}
    found = {symbol.get_name() for symbol in top.get_symbols() if symbol.is_referenced()}
    found |= {
        symbol.get_name()
        for table in _below(top)
        for symbol in table.get_symbols()
        if symbol.is_referenced() and symbol.is_global()
    }
    return sorted(found - own)


def _below(table: symtable.SymbolTable) -> Iterator[symtable.SymbolTable]:
    for child in table.get_children():
        yield child
        yield from _below(child)


def _import(name: str, value: Any) -> str:
    """Return the import of a module, or of what comes from one; nothing if it is neither."""
    if isinstance(value, ModuleType):
        return f"import {value.__name__}{_as(value.__name__, name)}"
    module = getattr(value, "__module__", None)
    own = next(
        (
            text
            for attribute in ("__qualname__", "__name__", "_name")
            if isinstance(text := getattr(value, attribute, None), str)
        ),
        "",
    )
    if not isinstance(module, str) or module == SESSION or not own.isidentifier():
        return ""
    if getattr(sys.modules.get(module), own, None) is not value:
        return ""
    return f"from {module} import {own}{_as(own, name)}"


def _as(own: str, name: str) -> str:
    return "" if own == name else f" as {name}"


def _is_plain(value: Any) -> bool:
    if isinstance(value, tuple | list | set | frozenset):
        return type(value) in (tuple, list, set, frozenset) and all(map(_is_plain, value))
    if isinstance(value, dict):
        return type(value) is dict and all(_is_plain(v) for pair in value.items() for v in pair)
    return type(value) in _PLAIN
