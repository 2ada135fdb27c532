"""What users give for a setting, in several ways, as the one type that it has."""

from __future__ import annotations

import numbers
import operator
from collections.abc import Callable, Iterable
from pathlib import Path
from typing import Any

from priorlab import specs
from priorlab.components import Component
from priorlab.errors import UsageError
from priorlab.ground.files import path_text
from priorlab.harness.run import shards


def plain(name: str, value: Any) -> Any:
    """Return the value of a setting in its one type.

    Raises
    ------
    UsageError
        If it is of another kind.

    Examples
    --------
    >>> plain("seeds", "0,1"), plain("images", "house")
    ((0, 1), ('house',))
    """
    try:
        return _PLAIN[name](value) if name in _PLAIN else value
    except UsageError:
        raise
    except (TypeError, ValueError):
        kinds = {Path: "a path", float: "a number", _text: "a text"}
        what = kinds.get(_PLAIN[name], "a whole number")
        raise UsageError(f"{name}={value!r} is not {what}") from None


def _several(value: Any) -> tuple[Any, ...]:
    """Return one value or several as a tuple."""
    if isinstance(value, str | Path) or not isinstance(value, Iterable):
        return (value,)
    return tuple(value)


def _components(value: Any) -> tuple[str | Component, ...]:
    """Return specs and components, or say that something is neither."""
    for one in (found := _several(value)):
        if not isinstance(one, str | Component):
            raise specs.not_text(one)
    return found


def _texts(value: Any) -> tuple[str, ...]:
    return tuple(map(str, _several(value)))


def _text(value: Any) -> str:
    if not isinstance(value, str):
        raise TypeError
    return value


def _device(value: Any) -> str:
    """Return the name of a device, which may be given as one of torch."""
    if isinstance(value, str):
        return value
    import torch

    if not isinstance(value, torch.device):
        what = type(value).__name__
        raise UsageError(f"a device is a text such as 'cpu' or 'cuda:1', not {what}")
    return str(value)


def _number(value: Any) -> Any:
    """Return an integer of numpy as one of Python, which the store and JSON take."""
    whole = isinstance(value, numbers.Integral) and not isinstance(value, bool)
    return int(value) if whole else value


def _whole(value: Any) -> int:
    if isinstance(value, bool):
        raise TypeError
    return operator.index(value)


def _seeds(value: Any) -> tuple[Any, ...]:
    """Return seeds, also of a text with commas between them."""
    if isinstance(value, str):
        parts = value.split(",")
        if not all(part.strip().isdecimal() for part in parts):
            raise UsageError(f"seeds {value!r} are not whole numbers with commas, such as 0,1,2")
        return tuple(map(int, parts))
    return tuple(map(_number, _several(value)))


def _dataset(value: Any) -> Any:
    if not isinstance(value, str | Path) and not hasattr(value, "images"):
        raise UsageError(f"a dataset is a name or a folder of images, not {type(value).__name__}")
    return path_text(value) if isinstance(value, Path) else value


_PLAIN: dict[str, Callable[[Any], Any]] = {
    "priors": _components,
    "tasks": _components,
    "metrics": _components,
    "dataset": _dataset,
    "images": _texts,
    "seeds": _seeds,
    "out": Path,
    "name": _text,
    "slots": _whole,
    "threads": _whole,
    "timeout_s": float,
    "retry": _whole,
    "shard": shards.read,
    "repeats": _whole,
    "batch": _whole,
    "memory_mb": float,
    "device": _device,
    "plugin_files": _texts,
    "plugin_folders": _texts,
}
"""For each setting that may be given in several ways, how it becomes its one type."""
