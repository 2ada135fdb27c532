r"""Tables as CSV: safe to open in a spreadsheet, and read back as they were."""

from __future__ import annotations

from collections.abc import Callable, Iterator
from io import StringIO
from typing import Any

import pandas as pd

from priorlab.ground import escaping

AT_ONCE = 10_000
"""Rows that are made into text at a time: that takes several times the memory of the text."""


def write(table: pd.DataFrame) -> str:
    r"""Return a table as CSV, its texts as `priorlab.ground.escaping.csv` writes them.

    Examples
    --------
    >>> print(write(pd.DataFrame({"image": ["=cmd()", "house"], "psnr": [-1.0, 30.5]})), end="")
    image,psnr
    \u003dcmd(),-1.0
    house,30.5
    """
    return "".join(parts(table))


def parts(table: pd.DataFrame) -> Iterator[str]:
    """Yield what `write` returns, piece by piece."""
    for start in range(0, max(1, len(table)), AT_ONCE):
        part = _with_texts(table.iloc[start : start + AT_ONCE], escaping.csv)
        yield part.to_csv(index=False, header=not start, lineterminator="\n")


def read(text: str) -> pd.DataFrame:
    r"""Return the table that `write` wrote, every value as a text; what is missing is NaN.

    Raises
    ------
    ValueError
        If it is no table.

    Examples
    --------
    >>> read(write(pd.DataFrame({"image": ["=cmd()"]})))["image"].tolist()
    ['=cmd()']
    """
    table = pd.read_csv(StringIO(text), dtype=str, keep_default_na=False, na_values=[""])
    return _with_texts(table, escaping.from_csv)


def _with_texts(table: pd.DataFrame, change: Callable[[str], str]) -> pd.DataFrame:
    """Return a table with its texts, and the names of its columns, changed."""
    changed = {name: _changed(column, change) for name, column in table.items()}
    return pd.DataFrame(changed).rename(columns=lambda name: change(str(name)))


def _changed(column: pd.Series[Any], change: Callable[[str], str]) -> pd.Series[Any]:
    """Return a column with its texts changed: each different one once, for they repeat."""
    if column.dtype.kind not in "OTU":
        return column
    texts = (value for value in column.unique() if isinstance(value, str))
    new = {text: other for text in texts if (other := change(text)) != text}
    return column.map(lambda value: new.get(value, value)) if new else column
