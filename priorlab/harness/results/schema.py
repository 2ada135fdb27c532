"""The schema of a row: each column of the results, its type and what it means, in one place.

The store (SQLite), the table of a run (DataFrame), its `images.csv` and the meanings in its
`run.json` all follow from the columns below. To add one, add a field to `Outcome`: stores and
runs of earlier versions then have no value in it. To rename one, say what it was called before.
"""

from __future__ import annotations

import dataclasses
import json
import typing
from collections.abc import Iterable, Mapping
from types import NoneType, UnionType
from typing import Any

import numpy as np
import pandas as pd

from priorlab.errors import UsageError
from priorlab.metrics import BUILTIN_METRICS

FINAL = ("ok", "unsupported")
"""Statuses that are final; cells with any other are computed again by the next run."""

METRICS = tuple(metric.name for metric in BUILTIN_METRICS)
"""Metrics that every run has; those of plugins come after them. The first orders the tables."""


@dataclasses.dataclass(frozen=True)
class Column:
    """A column of the results.

    Attributes
    ----------
    name : str
        As in the store, in a DataFrame and in the first line of `images.csv`.
    kind : {str, int, float, bool}
        A missing text is empty; whatever else is missing is None in the store, NA in a DataFrame.
    meaning : str
        One sentence.
    formerly : str
        What earlier versions called it.
    needed : bool
        Whether rows without it cannot be those of a run.
    internal : bool
        Whether it is known to the store alone.
    """

    name: str
    kind: type
    meaning: str
    formerly: str = ""
    needed: bool = False
    internal: bool = False

    @property
    def sql(self) -> str:
        """The column in SQLite's words."""
        return f"{self.name} {_SQL[self.kind]}"

    def from_sql(self, value: Any) -> Any:
        """Return a value of the store as Python knows it: SQLite has no bool."""
        return bool(value) if self.kind is bool and value is not None else value

    def cast(self, values: pd.Series[Any]) -> pd.Series[Any]:
        """Return values, as they are or as texts from a CSV file, in this column's type."""
        return cast(self.kind, values)


_SQL = {str: "text", int: "integer", float: "real", bool: "integer"}


def _column(meaning: str, default: Any = dataclasses.MISSING, **facts: Any) -> Any:
    """Return a field of a dataclass that is a column."""
    return dataclasses.field(default=default, metadata={"meaning": meaning, **facts})


@dataclasses.dataclass(frozen=True, slots=True)
class Outcome:
    """What is known of a computed cell: the columns of the store, apart from its labels."""

    status: str = _column(
        "ok; failed: the prior raised or returned no valid image; crashed: its process died;"
        " timeout; or unsupported: the prior is not made for such data.",
        needed=True,
    )
    seconds: float | None = _column(
        "Wall seconds from the arrival of the measurement to the return of the image.",
        None,
        needed=True,
    )
    cpu_seconds: float | None = _column(
        "CPU seconds of all threads and processes of the prior in that time.", None
    )
    load: float | None = _column(
        "Load average of the machine that computed it, over the minute before the image's return:"
        " above its number of cores, `seconds` hold waiting for others.",
        None,
    )
    prepare_seconds: float | None = _column(
        "Seconds for loading weights and compiling loops, before the measurement came; 0 where"
        " another cell had the prior prepared.",
        None,
    )
    peak_mb: float | None = _column(
        "By how much the memory of the prior's processes grew at most, in MB; on an accelerator"
        " that keeps count, the most memory of its tensors there.",
        None,
    )
    converged: bool | None = _column(
        "Whether the iteration of an iterative solver reached its tolerance; missing for priors"
        " that do not iterate.",
        None,
    )
    stop: int | None = _column(
        "The iteration whose image was returned, where the prior chose one; of several fits, that"
        " of the last.",
        None,
    )
    oracle_step: int | None = _column(
        "The iteration with the best PSNR among those that an iterative prior reported: what it"
        " could have returned had it known the clean image. It counts as `stop` does, from 0 down"
        " in the fits before.",
        None,
        formerly="peak",
    )
    oracle_psnr: float | None = _column(
        "PSNR of the image at `oracle_step`, in dB.", None, formerly="peak_psnr"
    )
    threads: int = _column("Threads of the process.", 0)
    slots: int = _column("How many processes worked at the same time.", 0)
    repeats: int | None = _column(
        "How often the cell was restored with the machine to itself: `seconds` is the median;"
        " missing where it was restored once, among others.",
        None,
    )
    batch: int | None = _column(
        "How many copies of the measurement were restored at once, after the one whose image"
        " counts; missing where that was not asked for, or the prior gains nothing from it.",
        None,
    )
    throughput: float | None = _column(
        "Images per second of that; missing if it failed, or if an image was not what it is"
        " alone: the message says so.",
        None,
    )
    device: str = _column("Where the prior computed, such as cpu.", "")
    machine: str = _column("Name of the CPU or GPU that did it.", "")
    height: int = _column("Rows of the clean image.", 0)
    width: int = _column("Columns of the clean image.", 0)
    channels: int = _column("Channels of the clean image.", 0)
    measurement: str = _column("Digest of the measured data.", "")
    degradation: str = _column(
        "The kind of degradation that the data show: on it tuned parameters depend.", ""
    )
    output: str = _column("Digest of the restored image, under which it is stored.", "")
    extras: str = _column(
        "Pictures that came with the restored one, such as its uncertainty, and how to read"
        " them; in the store as JSON: for each its digest and the value of white.",
        "",
        formerly="beside",
    )
    message: str = _column(
        "Why the status is not ok, why there is no throughput, or which metric failed; one line.",
        "",
    )
    curve: str = _column(
        "Iteration, seconds and PSNR of images that an iterative prior reported, as JSON.",
        "",
        internal=True,
    )
    details: str = _column(
        "The traceback, or the last output of a crashed process.", "", internal=True
    )
    wall: float = _column(
        "Seconds from handing out the cell to its result; estimates are made from this.",
        0.0,
        internal=True,
    )
    degraded: str = _column(
        "Digest under which a picture of the measured data is stored.", "", internal=True
    )
    clean: str = _column(
        "Digest under which a picture of the clean image is stored.", "", internal=True
    )

    def points(self) -> list[tuple[int, float, float]]:
        """Return iteration, seconds and PSNR of each measured image of an iterative prior."""
        return [tuple(point) for point in json.loads(self.curve or "[]")]

    def pictures(self) -> dict[str, tuple[str, float]]:
        """Return for each extra picture its digest and the value of white."""
        return {name: tuple(facts) for name, facts in json.loads(self.extras or "{}").items()}


def kinds(cls: type) -> dict[str, type]:
    """Return the type of each field of a dataclass; where it may be None, the other type.

    Examples
    --------
    >>> kinds(Outcome)["stop"], kinds(Outcome)["machine"]
    (<class 'int'>, <class 'str'>)
    """
    found = {}
    for name, hint in typing.get_type_hints(cls).items():
        kinds = typing.get_args(hint) if isinstance(hint, UnionType) else (hint,)
        (found[name],) = (kind for kind in kinds if kind is not NoneType)
    return found


_TYPES = {str: "str", float: "float64", int: "Int64", bool: "boolean"}
"""Pandas' names of what `cast` returns."""


def cast(kind: type, values: pd.Series[Any]) -> pd.Series[Any]:
    """Return values, as they are or as texts from a CSV file, in pandas' type for a kind.

    Examples
    --------
    >>> cast(bool, pd.Series(["True", None])).tolist(), cast(str, pd.Series(["cpu", None])).tolist()
    ([True, <NA>], ['cpu', ''])
    """
    if values.dtype == _TYPES[kind] and not (kind is str and values.hasnans):
        return values
    if kind is str:
        return values.astype(object).where(values.notna(), "").astype(str)
    if kind is float:
        return values.astype(float)
    parse = _truth if kind is bool else int
    missing = values.isna().to_numpy(dtype=bool)
    found = np.zeros(len(values), dtype=bool if kind is bool else np.int64)
    found[~missing] = [parse(value) for value in values[~missing]]
    array = pd.arrays.BooleanArray if kind is bool else pd.arrays.IntegerArray
    return pd.Series(array(found, missing), index=values.index)


def _truth(value: Any) -> bool:
    """Return what a truth value from a CSV file, or one of Python's, says."""
    return value == "True" if isinstance(value, str) else bool(value)


LABELS = (
    Column(
        "prior", str, "The prior, with the parameters that are not at their defaults.", needed=True
    ),
    Column("task", str, "The task, written in the same way.", needed=True),
    Column("image", str, "Name of the image's file, without its suffix.", needed=True),
    Column("seed", int, "Seed of the measurement and of the prior.", needed=True),
)
"""What names a cell."""
OUTCOME = tuple(
    Column(field.name, kinds(Outcome)[field.name], **field.metadata)
    for field in dataclasses.fields(Outcome)
)
"""What is known of a computed cell."""
RUN = (
    Column("cached", bool, "Whether the cell was known before the run."),
    Column("key", str, "Digest of all that the restored image depends on; names it in the store."),
)
"""What only the run knows of a cell."""


def columns(metrics: Iterable[str] = ()) -> list[Column]:
    """Return the columns of a row, in order; `metrics` are those of plugins.

    Examples
    --------
    >>> [column.name for column in columns(["lpips"])][:8]
    ['prior', 'task', 'image', 'seed', 'status', 'psnr', 'ssim', 'lpips']
    """
    status, *others = (column for column in OUTCOME if not column.internal)
    scores = [
        Column(name, float, "A metric.", needed=name in METRICS)
        for name in dict.fromkeys([*METRICS, *metrics])
    ]
    return [*LABELS, status, *scores, *others, *RUN]


def frame(
    rows: pd.DataFrame | Iterable[Mapping[str, Any]], metrics: Iterable[str] | None = None
) -> pd.DataFrame:
    """Return rows with all columns of the schema, in its order and types.

    Parameters
    ----------
    rows : DataFrame or iterable of mapping
        Values as they are, or as texts from a CSV file, also one of an earlier version.
    metrics : iterable of str, optional
        Those of plugins; by default every column that the schema does not name.

    Raises
    ------
    UsageError
        If a column is missing that every run has.

    Examples
    --------
    >>> labels = {"prior": "tv", "task": "denoise", "image": "house", "seed": 0, "status": "ok"}
    >>> rows = frame([labels | {"psnr": 30, "ssim": 0.9, "seconds": 0.5}])
    >>> rows["psnr"].tolist(), rows["converged"].tolist()
    ([30.0], [<NA>])
    """
    table = rows if isinstance(rows, pd.DataFrame) else pd.DataFrame(list(rows))
    known = {column.name: column for column in columns()}
    renamed = {c.formerly: c.name for c in known.values() if c.formerly and c.name not in table}
    table = table.rename(columns=renamed).reset_index(drop=True)
    absent = [name for name, column in known.items() if column.needed and name not in table]
    if absent and len(table.columns):
        raise UsageError(f"the results have no column {', '.join(absent)}; is this a run?")
    if metrics is None:
        metrics = [name for name in table.columns if name not in known]
    chosen = columns(metrics)
    table = table.reindex(columns=[column.name for column in chosen])
    return pd.DataFrame({column.name: column.cast(table[column.name]) for column in chosen})


def meanings() -> dict[str, str]:
    """Return what each column of a row means; metrics have specifications of their own.

    Examples
    --------
    >>> meanings()["seed"]
    'Seed of the measurement and of the prior.'
    """
    return {column.name: column.meaning for column in columns() if column.name not in METRICS}
