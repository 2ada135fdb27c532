"""Two runs side by side as tables: one for each task, a line for each prior."""

from __future__ import annotations

from collections.abc import Callable, Sequence
from functools import partial

from priorlab.harness.report.equivalence import MARGIN
from priorlab.harness.report.figures import written
from priorlab.harness.report.formats import Sheet, TextCell, TextColumn
from priorlab.harness.report.line import MAIN
from priorlab.harness.report.pairing import Compared
from priorlab.harness.report.remarks import label
from priorlab.harness.report.statistics import LEAST_IMAGES

DECIMALS = {MAIN: ".2f", "ssim": ".4f"}
"""How metrics are written; others with four digits."""

NOTES = (
    "same: to the last digit.",
    f"equal: in practice; by two one-sided tests at 5 % PSNR differs by less than {MARGIN:g} dB.",
    "better, worse: the 95 % interval of the paired difference, adjusted for the number of priors"
    " and tasks (Holm), does not hold 0.",
    "inconclusive: neither is shown, which is no evidence that nothing changed; with fewer than"
    f" {LEAST_IMAGES} images nothing is.",
    "p: two-sided Wilcoxon signed-rank test, adjusted in the same way.",
    "s/image: medians over images; marked with ! where they do not compare.",
)
"""What the words and columns mean."""

Written = tuple[TextColumn, Callable[[Compared], TextCell]]


def sheets(compared: Sequence[Compared], *, full: bool) -> list[Sheet]:
    """Return the table of each task.

    Parameters
    ----------
    compared : sequence of Compared
        In the order of the tables.
    full : bool
        True for a document, False for a terminal, which has room for fewer intervals.

    Examples
    --------
    >>> sheets([Compared("denoise", "tv", "tv")], full=False)[0].title
    'denoise'
    """
    tasks = dict.fromkeys(one.task for one in compared)
    return [_sheet(task, [one for one in compared if one.task == task], full) for task in tasks]


def _sheet(task: str, compared: Sequence[Compared], full: bool) -> Sheet:
    metrics = list(dict.fromkeys(name for one in compared for name in one.changes))
    columns: list[Written] = [(TextColumn("prior", numeric=False), lambda one: TextCell(one.prior))]
    for metric in metrics:
        if metric == MAIN:
            columns += [
                (TextColumn("A (dB)", spare=1), partial(_mean, metric=metric, run="first")),
                (TextColumn("B", spare=1), partial(_mean, metric=metric, run="second")),
            ]
        interval = full or metric == MAIN
        title = f"{label(metric)} B - A" + " [95 % CI]" * interval
        write = partial(_difference, metric=metric, interval=interval)
        spare = 0 if metric == MAIN else 3
        columns.append((TextColumn(title, spare=spare), write))
        title = "verdict" if metric == MAIN else f"{label(metric)} verdict"
        verdict = TextColumn(title, numeric=False, spare=spare)
        columns.append((verdict, partial(_verdict, metric=metric)))
        if metric == MAIN and full:
            columns.append((TextColumn("p"), partial(_p, metric=metric)))
    columns.append((TextColumn("s/image", spare=2), _seconds))
    return Sheet(
        title=task,
        columns=[column for column, _ in columns],
        lines=[[write(one) for _, write in columns] for one in compared],
        notes=_remarks(compared),
    )


def _remarks(compared: Sequence[Compared]) -> list[str]:
    """Return what is compared of a task's priors, and the remarks on them, equal ones together."""
    found: dict[str, list[str]] = {}
    for one in compared:
        apart = f"seconds do not compare: {one.times_differ}" if one.times_differ else ""
        for text in (one.evidence, *one.remarks, apart):
            found.setdefault(text, []).append(one.prior)
    found.pop("", None)
    whole = [one.prior for one in compared]
    return [
        f"{'all' if priors == whole and len(whole) > 1 else ', '.join(priors)}: {text}."
        for text, priors in found.items()
    ]


def _mean(one: Compared, metric: str, run: str) -> TextCell:
    change = one.changes.get(metric)
    pattern = DECIMALS.get(metric, ".4g")
    return TextCell(format(getattr(change, run), pattern) if change else "-")


def _difference(one: Compared, metric: str, interval: bool) -> TextCell:
    change = one.changes.get(metric)
    if change is None:
        return TextCell("-")
    pattern = "+" + DECIMALS.get(metric, ".4g").replace(".2f", ".3f")
    held = change.interval if interval else None
    detail = f" [{held.low:{pattern}}, {held.high:{pattern}}]" if held else ""
    return TextCell(format(change.difference, pattern), detail)


def _verdict(one: Compared, metric: str) -> TextCell:
    change = one.changes.get(metric)
    return TextCell(str(change.verdict) if change else "-")


def _p(one: Compared, metric: str) -> TextCell:
    change = one.changes.get(metric)
    return TextCell(f"{change.p:.2g}" if change and change.interval else "-")


def _seconds(one: Compared) -> TextCell:
    first, second = (written(seconds, "seconds") for seconds in one.seconds)
    return TextCell(f"{first} -> {second}" + " !" * bool(one.times_differ))
