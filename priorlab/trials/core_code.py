"""Whether the import of a plugin has replaced something of the core, which all others use.

A function that was put in place of one that computes, checks or shows results would do so for every
other prior, too.
"""

from __future__ import annotations

import sys
from types import CodeType, FunctionType
from typing import Any

CORE = "priorlab"

_Found = dict[tuple[str, Any, str], Any]
"""The functions, classes and numbers of the core: how to call each, its owner, its name there."""

_NUMBERS = (bool, int, float, str)


class CoreCode:
    """What the code of the core is when this is made, as far as it is loaded.

    Examples
    --------
    >>> from priorlab import metrics
    >>> before, psnr = CoreCode(), metrics.psnr
    >>> metrics.psnr = lambda restored, clean: 100.0
    >>> before.restored()
    'priorlab.metrics.psnr'
    >>> metrics.psnr is psnr, before.restored()
    (True, '')
    """

    def __init__(self) -> None:
        self._found: _Found = {}
        self._codes: dict[FunctionType, CodeType] = {}
        for name, module in list(sys.modules.items()):
            if name.partition(".")[0] == CORE:
                self._note(name, module)

    def _note(self, name: str, owner: Any) -> None:
        for key, value in list(vars(owner).items()):
            if isinstance(value, FunctionType):
                self._codes[value] = value.__code__
            elif isinstance(value, type):
                if value.__module__ == name and not isinstance(owner, type):
                    self._note(f"{name}.{key}", value)
            elif not isinstance(value, (property, classmethod, staticmethod)) and not (
                isinstance(value, _NUMBERS) and key.isupper()
            ):
                continue
            self._found[name, owner, key] = value

    def restored(self) -> str:
        """Put back what has been replaced since, and return its name, or "".

        Of several, the name is that of the first.
        """
        replaced = ""
        for (name, owner, key), value in self._found.items():
            if vars(owner).get(key) is not value:
                setattr(owner, key, value)
                replaced = replaced or f"{name}.{key}"
        for function, code in self._codes.items():
            if function.__code__ is not code:
                function.__code__ = code
                replaced = replaced or f"{function.__module__}.{function.__qualname__}"
        return replaced
