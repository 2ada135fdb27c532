"""What it cost priors that stop early not to know the truth: returned against oracle."""

from __future__ import annotations

from collections.abc import Mapping, Sequence
from typing import Any

import pandas as pd

from priorlab.harness.report.formats import Cell, Column, Sheet
from priorlab.harness.report.statistics import PSNR_CAP

COLUMNS = ("stop", "stop_psnr", "peak", "peak_psnr", "cost", "cost_worst")
"""What `figures` returns: mean iteration and PSNR of the returned images and of the best ones
on the way to them, the mean of the differences in dB, and the largest."""

MEANING = (
    "stop: the iteration whose image is returned. oracle: that of the best image on the way, found"
    " by comparing each with the clean one, which no prior can see. cost: what is lost by not"
    " knowing it, on average over images, and at worst. Where iterations are very short only some"
    " images were compared: the oracle is then a lower bound."
)


def figures(rows: pd.DataFrame) -> dict[str, float]:
    """Return the figures of one prior on one task, or nothing if it never chose when to stop.

    Parameters
    ----------
    rows : DataFrame
        A row per image and seed; rows of earlier versions do not have the columns.
    """
    if not {"stop", "peak", "peak_psnr"} <= set(rows.columns):
        return {}
    names = ["stop", "peak", "peak_psnr", "psnr"]
    known = rows.loc[rows["status"] == "ok", ["image", *names]].dropna()
    if known.empty:
        return {}
    known = known.astype(dict.fromkeys(names, float))
    known["stop_psnr"] = known.pop("psnr").clip(upper=PSNR_CAP)
    known["peak_psnr"] = known["peak_psnr"].clip(upper=PSNR_CAP)
    known["cost"] = known["peak_psnr"] - known["stop_psnr"]
    means = known.groupby("image").mean().mean()
    found = {name: float(means[name]) for name in COLUMNS[:-1]}
    return found | {"cost_worst": float(known["cost"].max())}


def sheet(task: str, lines: Sequence[Mapping[str, Any]]) -> Sheet | None:
    """Return the table of the priors that stop, or None if none lost anything by it.

    Parameters
    ----------
    task : str
        Its spec.
    lines : sequence of mapping
        A summary's lines of the task.
    """
    stopping = [line for line in lines if line.get("cost") is not None]
    if not any(line["cost_worst"] > 0 for line in stopping):
        return None
    columns = [
        Column("prior", numeric=False),
        Column("stop"),
        Column("PSNR (dB)"),
        Column("oracle"),
        Column("its PSNR"),
        Column("cost (dB) [worst]"),
    ]
    body = [
        [
            Cell(line["prior"]),
            Cell(f"{line['stop']:.0f}"),
            Cell(f"{line['stop_psnr']:.2f}"),
            Cell(f"{line['peak']:.0f}"),
            Cell(f"{line['peak_psnr']:.2f}"),
            Cell(f"{line['cost']:.2f}", f" [{line['cost_worst']:.2f}]"),
        ]
        for line in stopping
    ]
    return Sheet(f"When to stop: {task}", columns, body, [MEANING])
