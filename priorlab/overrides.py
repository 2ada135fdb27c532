"""What a plugin's class writes anew of the core's: whether the core can use it as its own."""

from __future__ import annotations

import inspect
from types import FunctionType
from typing import Any


def check(cls: type, own: Any, name: str, anew: Any) -> None:
    """Raise a `TypeError` where what a class has instead of the core's cannot take its place.

    Parameters
    ----------
    cls : type
        The class, for the error.
    own : object
        What the core's class has under the name; only methods and properties are looked at.
    name : str
        The name of both.
    anew : object
        What `cls` has, as it stands in the class: a static method is none yet.

    Examples
    --------
    >>> class Core:
    ...     def denoise(self, v, sigma): ...
    >>> def denoise(self, v): ...
    >>> check(Core, Core.denoise, "denoise", denoise)
    Traceback (most recent call last):
    ...
    TypeError: Core.denoise is called with (v, sigma): write def denoise(self, v, sigma)
    """
    what = f"{cls.__name__}.{name}"
    if isinstance(own, property):
        if isinstance(anew, FunctionType):
            raise TypeError(f"{what} is read, not called: write @property in the line above it")
    elif isinstance(own, FunctionType):
        if isinstance(anew, property) or not (callable(anew) or hasattr(anew, "__get__")):
            kind = "property" if isinstance(anew, property) else repr(anew)
            raise TypeError(f"{what} is called, so it is a method, not {kind}: {_wanted(own)}")
        if not _takes_its_place(cls, own, name, anew):
            given = ", ".join(list(inspect.signature(own).parameters)[1:])
            raise TypeError(f"{what} is called with ({given}): {_wanted(own)}")


def _takes_its_place(cls: type, own: FunctionType, name: str, anew: Any) -> bool:
    """Return whether a method takes the arguments that the core's own takes."""
    given = own.__code__.co_argcount
    if isinstance(anew, FunctionType):
        code = anew.__code__
        least = code.co_argcount - len(anew.__defaults__ or ())
        if least <= given <= code.co_argcount and not code.co_kwonlyargcount:
            return True
    elif isinstance(anew, staticmethod | classmethod):
        given -= 1
        anew = getattr(cls, name)
    else:  # such as what `functools.cache` returns: only a call would tell
        return True
    try:
        inspect.signature(anew).bind(*range(given))
    except TypeError:
        return False
    return True


def _wanted(own: FunctionType) -> str:
    return f"write def {own.__name__}({', '.join(inspect.signature(own).parameters)})"
