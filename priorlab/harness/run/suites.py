"""Suites: the protocol of a published table in a TOML file, run again with one option.

    title = "Deep image prior on Set12"
    source = "Authors: Title, venue, year; the table."
    notes = "What a reader must know."      or a list of texts
    tasks = "denoise:sigma=25"              or a list of texts
    priors = "dip,bm3d"                     or a list of texts; without it, as without --priors
    metrics = "lpips:backbone=vgg16.pth"    or a list of texts; as --metrics
    dataset = "set12"                       as --dataset; without it, the user names it
    images = ["01", "02"]                   file names without suffix; without it, all images
    seeds = [0, 1]
    threads = 1
    timeout = 3600                          seconds
    batch = 8                               as --batch

Every key may be left out; what a user types takes precedence over what the file says.
"""

from __future__ import annotations

import math
import tomllib
from pathlib import Path
from typing import Any

from priorlab.errors import UsageError, unknown
from priorlab.files import check_regular, exists


def load(path: Path) -> dict[str, Any]:
    """Read a suite: the fields of `priorlab.harness.run.settings.RunSettings` that it names.

    Raises
    ------
    UsageError
        If the file cannot be read, is not TOML, or holds an unknown key or a value of a wrong
        type.

    Examples
    --------
    >>> _ = Path("suite.toml").write_text('tasks = "denoise:sigma=25"\\ntimeout = 60')
    >>> load(Path("suite.toml"))
    {'tasks': ('denoise:sigma=25',), 'timeout_s': 60.0}
    """
    if exists(path):
        check_regular(path)
    try:
        given = tomllib.loads(path.read_text("utf-8"))
    except OSError as error:
        raise UsageError(f"cannot read the suite {path}: {error.strerror or error}") from None
    except ValueError as error:  # not TOML, or not UTF-8
        raise UsageError(f"the suite {path} is not TOML: {error}") from None
    values: dict[str, Any] = {}
    for key, value in given.items():
        if key not in _READERS:
            raise UsageError(f"{path}: {unknown('key', key, _READERS)}")
        read, expected = _READERS[key]
        try:
            values[_FIELDS.get(key, key)] = read(value)
        except ValueError:
            raise UsageError(f"{path}: {key} is not {expected}: {value!r}") from None
    return values


def _text(value: Any) -> str:
    if not isinstance(value, str) or not value.strip():
        raise ValueError
    return value


def _texts(value: Any) -> tuple[str, ...]:
    values = tuple(map(_text, value if isinstance(value, list) else [value]))
    if not values:
        raise ValueError
    return values


def _names(value: Any) -> tuple[str, ...]:
    if not isinstance(value, list):
        raise ValueError
    return _texts(value)


def _whole(value: Any, least: int = 0) -> int:
    if isinstance(value, bool) or not isinstance(value, int) or value < least:
        raise ValueError
    return value


def _seeds(value: Any) -> tuple[int, ...]:
    if not isinstance(value, list) or not value:
        raise ValueError
    return tuple(map(_whole, value))


def _count(value: Any) -> int:
    return _whole(value, least=1)


def _seconds(value: Any) -> float:
    if isinstance(value, bool) or not isinstance(value, int | float):
        raise ValueError
    if not 0 < value < math.inf:
        raise ValueError
    return float(value)


_LIST = "a text or a list of texts"
_READERS: dict[str, tuple[Any, str]] = {
    "title": (_text, "a text"),
    "source": (_text, "a text"),
    "notes": (_texts, _LIST),
    "tasks": (_texts, _LIST),
    "priors": (_texts, _LIST),
    "metrics": (_texts, _LIST),
    "dataset": (_text, "a text"),
    "images": (_names, "a list of texts"),
    "seeds": (_seeds, "a list of whole numbers"),
    "threads": (_count, "a whole number above 0"),
    "timeout": (_seconds, "a number of seconds above 0"),
    "batch": (_count, "a whole number above 0"),
}
"""For each key what reads its value, and what it expects, for the error."""
_FIELDS = {"timeout": "timeout_s"}
"""Keys that are not called as the field of `RunSettings` is."""
