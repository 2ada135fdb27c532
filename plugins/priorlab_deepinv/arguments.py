"""The arguments of a class of deepinv, as they are typed: ``key=value;key=value``."""

from __future__ import annotations

import ast
from typing import Any

from priorlab.errors import UsageError


def parse(text: str) -> dict[str, Any]:
    """Return the arguments that a text names: numbers, lists, true or false, and texts.

    Examples
    --------
    >>> parse("n_it_max=200; depths=(2, 2); wv=db4; color=True")
    {'n_it_max': 200, 'depths': (2, 2), 'wv': 'db4', 'color': True}
    >>> parse("n_it_max")
    Traceback (most recent call last):
    ...
    priorlab.errors.UsageError: deepinv: 'n_it_max' is no argument; expected key=value;key=value
    """
    found: dict[str, Any] = {}
    for part in filter(None, (part.strip() for part in text.split(";"))):
        key, equals, value = (side.strip() for side in part.partition("="))
        if not equals or not key.isidentifier():
            raise UsageError(f"deepinv: {part!r} is no argument; expected key=value;key=value")
        try:
            found[key] = ast.literal_eval(value)
        except (ValueError, SyntaxError):
            found[key] = value
    return found
