"""Tables as Parquet files."""

from __future__ import annotations

import io

import pandas as pd

from priorlab.errors import UsageError


def write(table: pd.DataFrame) -> bytes:
    """Return a table as the content of a Parquet file.

    Raises
    ------
    UsageError
        If pyarrow is not installed.
    """
    buffer = io.BytesIO()
    try:
        table.to_parquet(buffer, engine="pyarrow", index=False)
    except ImportError:
        raise UsageError(
            "Parquet files need pyarrow: pip install 'priorlab[parquet]', or write a .csv file"
        ) from None
    return buffer.getvalue()
