"""The format of a suite, the protocol of a published table in a TOML file:

    title = "Deep image prior on Set12"
    source = "Authors: Title, venue, year; the table."
    notes = "What a reader must know."      or a list of texts
    tasks = "denoise:sigma=25"              or a list of texts; in them {dataset} is its folder
    priors = "dip,bm3d"                     or a list of texts; without it, as without --priors
    metrics = "lpips:backbone=vgg16.pth"    or a list of texts; as --metrics
    dataset = "set12"                       as --dataset; without it, the user names it. A public
                                            set that priorlab knows: its images are asked for,
                                            whatever the folder is called
    images = ["01", "02"]                   file names without suffix; without it, all images
    seeds = [0, 1]
    threads = 1
    timeout = 3600                          seconds
    batch = 8                               as --batch

    [[published]]                           any number of methods
    method = "DnCNN-S"
    prior = "checkpoint:file=dncnn_25.pth"  which is to meet the figure; without it, none is
    tolerance = 0.02                        dB; where there is a prior
    task = "denoise:sigma=15|25|50"         as the table names it
    psnr = [31.73, 29.23, 26.23]            dB; a number for one task
    ssim = [0.89, 0.83, 0.72]               the same; may be left out
    source = "Authors, venue, year, table"

    [[files]]                               which specs name, without a folder
    name = "dncnn_25.pth"
    published = "at https://..."
    sha256 = "0451..."                      of its content, where it is known

Every key of the first part may be left out; what a user types takes precedence over what the file
says.
"""

from __future__ import annotations

import dataclasses
import math
import tomllib
from collections.abc import Mapping, Sequence
from pathlib import Path
from typing import Any

from priorlab import specs
from priorlab.errors import UsageError, counted, unknown
from priorlab.ground.files import check_regular, exists
from priorlab.suites.published import Published, PublishedFile


@dataclasses.dataclass(frozen=True, kw_only=True)
class Suite:
    """What a file says; what it does not say is empty or None.

    Attributes
    ----------
    name : str
        Of the file, without its suffix.
    title, source, notes
        What tables say above.
    tasks, priors, metrics : tuple of str
        Specs.
    dataset : str
    images : tuple of str
    seeds : tuple of int
    threads, batch : int or None
    timeout : float or None
        Seconds.
    published : tuple of Published
    files : tuple of PublishedFile
    """

    name: str
    title: str = ""
    source: str = ""
    notes: tuple[str, ...] = ()
    tasks: tuple[str, ...] = ()
    priors: tuple[str, ...] = ()
    metrics: tuple[str, ...] = ()
    dataset: str = ""
    images: tuple[str, ...] = ()
    seeds: tuple[int, ...] = ()
    threads: int | None = None
    timeout: float | None = None
    batch: int | None = None
    published: tuple[Published, ...] = ()
    files: tuple[PublishedFile, ...] = ()

    def settings(self) -> dict[str, Any]:
        """Return what it says as the fields of `priorlab.harness.run.settings.RunSettings`."""
        said = {field.name: getattr(self, field.name) for field in dataclasses.fields(self)}
        said["timeout_s"] = said.pop("timeout")
        del said["name"]
        return {name: value for name, value in said.items() if value not in ("", (), None)}


def load(path: Path) -> Suite:
    """Read a suite.

    Raises
    ------
    UsageError
        If the file cannot be read, is not TOML, or holds an unknown key or a value of a wrong
        type.

    Examples
    --------
    >>> _ = Path("suite.toml").write_text('tasks = "denoise:sigma=25"\\ntimeout = 60')
    >>> load(Path("suite.toml")).settings()
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
    values = _read(f"{path}", given, _READERS | {"published": _TABLES, "files": _TABLES})
    published = values.pop("published", ())
    files = values.pop("files", ())
    return Suite(
        name=path.stem,
        published=tuple(found for facts in published for found in _published(path, facts)),
        files=tuple(_file(path, facts) for facts in files),
        **values,
    )


def _read(where: str, given: Mapping[str, Any], readers: Mapping[str, _Reader]) -> dict[str, Any]:
    """Read the values of a table."""
    values: dict[str, Any] = {}
    for key, value in given.items():
        if key not in readers:
            raise UsageError(f"{where}: {unknown('key', key, readers)}")
        read, expected = readers[key]
        try:
            values[key] = read(value)
        except ValueError:
            raise UsageError(f"{where}: {key} is not {expected}: {value!r}") from None
    return values


def _published(path: Path, given: Mapping[str, Any]) -> list[Published]:
    """Read the figures of a method: one for each task that a sweep stands for."""
    where = f"{path}: published"
    facts = _read(where, given, _PUBLISHED)
    _check_complete(where, facts, ("method", "task", "psnr", "source"))
    if ("prior" in facts) != ("tolerance" in facts):
        raise UsageError(f"{where}: prior and tolerance go together: {facts['method']}")
    tasks = _tasks(facts.pop("task"))
    columns = {key: facts.pop(key) for key in ("psnr", "ssim") if key in facts}
    for key, values in columns.items():
        if len(values) != len(tasks):
            raise UsageError(
                f"{where}: {counted(len(tasks), 'task')}, but"
                f" {counted(len(values), 'number')} of {key}"
            )
    return [
        Published(task=task, **facts, **{key: values[i] for key, values in columns.items()})
        for i, task in enumerate(tasks)
    ]


def _file(path: Path, given: Mapping[str, Any]) -> PublishedFile:
    """Read what is known of a file that specs name."""
    where = f"{path}: files"
    facts = _read(where, given, _FILE)
    _check_complete(where, facts, ("name", "published"))
    return PublishedFile(**facts)


def _check_complete(where: str, facts: Mapping[str, Any], keys: Sequence[str]) -> None:
    """Raise a `UsageError` for a key that a table lacks."""
    for key in keys:
        if key not in facts:
            raise UsageError(f"{where}: {key} is missing")


def _tasks(text: str) -> list[str]:
    """Return the specs of the single tasks that a text stands for.

    Examples
    --------
    >>> _tasks("denoise:sigma=15|25")
    ['denoise:sigma=15', 'denoise:sigma=25']
    """
    return [
        spec.name + ":" * bool(given) + ",".join(f"{key}={value}" for key, value in given.items())
        for spec in specs.split(text)
        for given in spec.expand()
    ]


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


def _number(value: Any) -> float:
    if isinstance(value, bool) or not isinstance(value, int | float):
        raise ValueError
    if not 0 < value < math.inf:
        raise ValueError
    return float(value)


def _numbers(value: Any) -> tuple[float, ...]:
    return tuple(map(_number, value if isinstance(value, list) else [value]))


def _tables(value: Any) -> list[Mapping[str, Any]]:
    if not isinstance(value, list) or not all(isinstance(item, dict) for item in value):
        raise ValueError
    return value


_Reader = tuple[Any, str]
"""What reads a value, and what it expects, for the error."""
_TEXT: _Reader = (_text, "a text")
_LIST: _Reader = (_texts, "a text or a list of texts")
_TABLES: _Reader = (_tables, "a list of tables")
_NUMBERS: _Reader = (_numbers, "a number above 0 or a list of such numbers")
_READERS: dict[str, _Reader] = {
    "title": _TEXT,
    "source": _TEXT,
    "notes": _LIST,
    "tasks": _LIST,
    "priors": _LIST,
    "metrics": _LIST,
    "dataset": _TEXT,
    "images": (_names, "a list of texts"),
    "seeds": (_seeds, "a list of whole numbers"),
    "threads": (_count, "a whole number above 0"),
    "timeout": (_number, "a number of seconds above 0"),
    "batch": (_count, "a whole number above 0"),
}
_PUBLISHED: dict[str, _Reader] = {
    "method": _TEXT,
    "prior": _TEXT,
    "tolerance": (_number, "a number of dB above 0"),
    "task": _TEXT,
    "psnr": _NUMBERS,
    "ssim": _NUMBERS,
    "source": _TEXT,
}
_FILE: dict[str, _Reader] = {"name": _TEXT, "published": _TEXT, "sha256": _TEXT}
