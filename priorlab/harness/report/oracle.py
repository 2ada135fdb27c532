"""What it cost priors that stop early not to know the truth: returned image against oracle."""

from __future__ import annotations

from collections.abc import Sequence
from dataclasses import dataclass

import pandas as pd

from priorlab.harness.report.formats import Sheet, TextCell, TextColumn
from priorlab.harness.report.statistics import PSNR_CAP

MEANING = (
    "stop: the iteration whose image is returned; of several fits, that of the last. oracle: that"
    " of the best image on the way, found by comparing each with the clean one, which no prior can"
    " see. cost: what is lost by not knowing it, on average over images, and at worst. Where"
    " iterations are very short only some images were compared: the oracle is then a lower bound."
)


@dataclass(frozen=True)
class OracleFigures:
    """Means over the images of one task that a prior restored.

    Attributes
    ----------
    stop, stop_psnr : float
        Iteration and PSNR of the returned images.
    oracle_step, oracle_psnr : float
        Those of the best images on the way to them.
    cost, cost_worst : float
        Difference of the PSNRs in dB, and the largest of a single image.
    """

    stop: float
    stop_psnr: float
    oracle_step: float
    oracle_psnr: float
    cost: float
    cost_worst: float


def figures(rows: pd.DataFrame) -> OracleFigures | None:
    """Return the figures of one prior on one task, or None if it never chose when to stop.

    Parameters
    ----------
    rows : DataFrame
        A row per image and seed.

    Examples
    --------
    >>> rows = pd.DataFrame({"image": ["house", "boat"], "status": "ok", "stop": [900, 1100]})
    >>> rows = rows.assign(psnr=[29.5, 28.0], oracle_step=[1000, 1200], oracle_psnr=[30.0, 28.25])
    >>> found = figures(rows)
    >>> found.stop, found.cost, found.cost_worst
    (1000.0, 0.375, 0.5)
    """
    names = ["stop", "oracle_step", "oracle_psnr", "psnr"]
    if rows["stop"].isna().all():
        return None
    known = rows.loc[rows["status"] == "ok", ["image", *names]].dropna()
    if known.empty:
        return None
    known = known.astype(dict.fromkeys(names, float))
    known["stop_psnr"] = known.pop("psnr").clip(upper=PSNR_CAP)
    known["oracle_psnr"] = known["oracle_psnr"].clip(upper=PSNR_CAP)
    known["cost"] = known["oracle_psnr"] - known["stop_psnr"]
    means = known.groupby("image").mean().mean()
    found = {str(name): float(mean) for name, mean in means.items()}
    return OracleFigures(**found, cost_worst=float(known["cost"].max()))


def sheet(task: str, found: Sequence[tuple[str, OracleFigures | None]]) -> Sheet | None:
    """Return the table of the priors that stop early, or None if none lost anything by it.

    Parameters
    ----------
    task : str
        Its spec.
    found : sequence of tuple
        Each prior with its figures.
    """
    known = [(prior, figures) for prior, figures in found if figures is not None]
    if not any(figures.cost_worst > 0 for _, figures in known):
        return None
    columns = [
        TextColumn("prior", numeric=False),
        TextColumn("stop"),
        TextColumn("PSNR (dB)"),
        TextColumn("oracle"),
        TextColumn("its PSNR"),
        TextColumn("cost (dB) [worst]", falling=True),
    ]
    body = [
        [
            TextCell(prior),
            TextCell(f"{figures.stop:.0f}"),
            TextCell(f"{figures.stop_psnr:.2f}"),
            TextCell(f"{figures.oracle_step:.0f}"),
            TextCell(f"{figures.oracle_psnr:.2f}"),
            TextCell(f"{figures.cost:.2f}", f" [{figures.cost_worst:.2f}]"),
        ]
        for prior, figures in known
    ]
    return Sheet(f"When to stop: {task}", columns, body, [MEANING])
