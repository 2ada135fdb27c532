"""The notes below a table: what was measured, on what, how, and what its marks mean."""

from __future__ import annotations

from collections.abc import Collection, Iterable, Iterator, Sequence

import pandas as pd

from priorlab import tuned_parameters
from priorlab.errors import counted
from priorlab.forward.degradation import serving
from priorlab.harness.report import inference, statistics
from priorlab.harness.report.line import MAIN, Line
from priorlab.harness.report.remarks import label
from priorlab.harness.results.header import Header

FEW = 10
"""Below so many images a table warns of how little they can tell."""

INPUT = "degraded"
"""The name of the prior that returns its input, interpolated where pixels are missing.

A row knows a prior by its name alone, and tables are made of the rows of old runs, too: there is
no property to ask for, and where nothing is called so the note is left out.
"""

PUBLISHED = (
    "(published): copied from the paper, not measured here: another implementation, and other draws"
    " of what is random; neither ranked nor compared."
)


def below(
    task: str,
    lines: Sequence[Line],
    rows: pd.DataFrame,
    header: Header,
    reference: str,
    *,
    full: bool,
    shown: Collection[str],
) -> list[str]:
    """Return the notes below a table: what was measured, on what, and what the marks mean.

    Of the columns, by the names of table.csv, only those are told of that are `shown`.
    """
    images = rows["image"].nunique()
    of_psnr = told_of([MAIN], shown)
    notes = []
    if header.protocols.get(task):
        notes.append(f"Protocol: metrics {header.protocols[task]}.")
    notes.append(f"Data: {data(rows, header.dataset)}.")
    notes += _tuned(rows, header)
    if full or _mixed(rows):
        notes.append(evidence(rows))
    if any(name in shown for line in lines for name in line.metrics):
        notes.append(meaning_of_bold(lines, images))
    if of_psnr and (worse := below_input(rows)):
        notes.append(f"Below {INPUT}, the input itself: {', '.join(worse)}.")
    if full and images > 1:
        notes += _intervals(lines, images, shown)
    if full and reference and "psnr_wins" in shown:
        notes.append(
            f"wins: share of the images on which the prior is better than {reference}; a tie counts"
            " half."
        )
    notes += timing(rows, shown)
    capped = (rows[MAIN] > statistics.PSNR_CAP) & (rows["status"] == "ok")
    if of_psnr and capped.any():
        count = int(capped.sum())
        those = counted(count, "restored image is", "restored images are")
        notes.append(
            f"{those} identical to the clean one or nearly so:"
            f" {'its' if count == 1 else 'their'} PSNR counts as {statistics.PSNR_CAP:.0f} dB."
        )
    if any(line.kind == "published" for line in lines):
        notes.append(PUBLISHED)
    return notes


def told_of(metrics: Iterable[str], shown: Collection[str]) -> list[str]:
    """Return the metrics of which a column is shown: their means, or what follows from them.

    Examples
    --------
    >>> told_of(["psnr", "ssim"], ["prior", "psnr_wins"])
    ['psnr']
    """
    return [
        name for name in metrics if any(f"{column}_".startswith(f"{name}_") for column in shown)
    ]


def _intervals(lines: Sequence[Line], images: int, shown: Collection[str]) -> list[str]:
    """Return what the intervals of the columns are; that of SSIM has none."""
    parts = []
    if any(name in shown for line in lines for name in line.metrics if name != "ssim"):
        kind = (
            "Student's 95 % intervals of the mean over images"
            if images > inference.MANY
            else "95 % intervals of the mean over images, at each end the wider of the bootstrap's,"
            " stretched for few images, and Student's"
        )
        parts.append(kind)
    if "psnr_difference" in shown:
        parts.append(
            "those of differences are paired by image and adjusted for the number of priors (Holm)"
        )
    return [f"Intervals: {'; '.join(parts)}."] if parts else []


def _tuned(rows: pd.DataFrame, header: Header) -> list[str]:
    """Return which priors have tuned parameters in place of their defaults."""
    found: dict[str, dict[str, str]] = {}
    for prior, kind, given in tuned(rows, header):
        found.setdefault(kind, {})[prior] = given
    return [
        f"Tuned for {kind}: {', '.join(f'{prior} with {priors[prior]}' for prior in priors)}."
        for kind, priors in sorted(found.items())
    ]


def tuned(rows: pd.DataFrame, header: Header) -> Iterator[tuple[str, str, str]]:
    """Yield each prior that ran with tuned parameters, for which data, and the parameters."""
    measured = rows[["prior", "degradation", "channels"]].dropna().drop_duplicates()
    for prior, kind, channels in measured.itertuples(index=False):
        values = {key: (key, given) for key, given in header.tuned.get(prior, {}).items()}
        if found := tuned_parameters.fitting(values, serving(kind), channels):
            yield prior, *found


def below_input(rows: pd.DataFrame) -> list[str]:
    """Return the priors whose mean PSNR is below that of the input: they do harm.

    Each is compared with the input on the images that it restored.

    Examples
    --------
    >>> rows = pd.DataFrame({"prior": ["degraded", "degraded", "tv", "odd", "hard"]})
    >>> rows = rows.assign(image=list("abaab"), seed=0, psnr=[20, 10, 30, 19, 11], status="ok")
    >>> below_input(rows)
    ['odd']
    """
    table = statistics.scores(rows, MAIN)
    if INPUT not in table:
        return []
    differences = statistics.differences(table, INPUT)
    priors = dict.fromkeys(map(str, rows["prior"]))
    return [prior for prior in priors if prior in differences and differences[prior].mean() < 0]


def evidence(rows: pd.DataFrame) -> str:
    """Return whether all priors had the same data, by the digests of what they were given."""
    if _mixed(rows):
        return (
            "Evidence: NOT all priors restored the same data, and what compares them holds for"
            " nothing: results of different versions are mixed here, or the task draws random"
            " numbers that do not follow from the seed. Run again in an empty results folder."
        )
    return "Evidence: every prior restores the identical measurement of an image and seed."


def _mixed(rows: pd.DataFrame) -> bool:
    """Return whether two priors had different data of one image and seed."""
    known = rows[rows["measurement"] != ""]
    return bool((known.groupby(["image", "seed"])["measurement"].nunique() > 1).any())


def meaning_of_bold(lines: Sequence[Line], images: int) -> str:
    """Return the criterion in one sentence, or why nothing is bold."""
    measured = [line for line in lines if line.kind == "measured"]
    if images < statistics.LEAST_IMAGES:
        few = "one image" if images == 1 else f"{images} images"
        return f"Bold: none; {few} cannot tell priors apart, {statistics.LEAST_IMAGES} can."
    if not any(line.psnr.rank is not None for line in measured):
        return "Bold: none; no prior restored every image."
    if len(measured) < 2:
        return "Bold: none; there is a single prior."
    few = ""
    if images < FEW:
        few = f"; with {images} images only large and steady differences can be shown"
    return (
        "Bold: in each metric the best mean and every prior not separable from it: the interval"
        f" of its paired difference to the best contains 0{few}."
    )


def data(rows: pd.DataFrame, dataset: str) -> str:
    """Return which images and seeds were used."""
    count, seeds = rows["image"].nunique(), sorted(set(rows["seed"]))
    texts = [dataset, f"{count} image{'s' * (count > 1)}"]
    kinds = sorted({int(value) for value in rows["channels"].dropna()})
    names = {1: "gray", 3: "colour"}
    texts.append(" and ".join(names.get(kind, f"{kind} channels") for kind in kinds))
    known = rows[["width", "height"]].dropna().drop_duplicates().astype(int)
    sizes = sorted(known.itertuples(index=False, name=None), key=lambda size: size[0] * size[1])
    ends = dict.fromkeys(f"{width}x{height}" for width, height in sizes[:1] + sizes[-1:])
    texts.append(" to ".join(ends))
    word = "seeds" if len(seeds) > 1 else "seed"
    texts.append(f"{word} {', '.join(map(str, seeds))}")
    averaged = "; the seeds of an image are averaged first" * (len(seeds) > 1)
    return ", ".join(filter(None, texts)) + averaged


def timing(rows: pd.DataFrame, shown: Collection[str]) -> list[str]:
    """Return what the times are that are shown, and on what they were taken."""
    sizes = sorted(int(size) for size in rows["batch"].dropna().unique())
    meanings = {
        "seconds": "s/image: median over images of the restoration alone",
        "cpu_seconds": "CPU s: median over images of what all cores together spent on it",
        "peak_mb": "MB: the most, over images, by which the memory of the prior's processes grew",
        "throughput": "images/s: median over images, for"
        f" {' or '.join(map(str, sizes)) or 'several'} copies of an image at once, by priors that"
        " gain from that",
    }
    good = rows[rows["status"] == "ok"]
    texts = []
    for column, (one, many) in _CONDITIONS.items():
        names = [str(value) for value in good[column].dropna().unique()]
        if any(names):
            texts.append((one if names == ["1"] else many).format(" or ".join(names)))
    where = f"; {', '.join(texts)}" if texts else ""
    found = [meaning for name, meaning in meanings.items() if name in shown]
    return [f"{meaning}{'' if number else where}." for number, meaning in enumerate(found)]


_CONDITIONS = {
    "threads": ("1 thread", "{} threads"),
    "slots": ("1 cell at a time", "{} cells at a time"),
    "repeats": ("once", "median of {} repeats"),
    "device": ("{}", "{}"),
    "machine": ("{}", "{}"),
}
"""For columns of the rows, how a note on the time words a value of 1 and any other."""


def closing(header: Header, shown: Collection[str] | None = None) -> list[str]:
    """Return the notes that hold for all tables of a run.

    Parameters
    ----------
    header : Header
    shown : collection of str, optional
        The columns, by the names of table.csv, whose metrics are told of; by default all are.

    Examples
    --------
    >>> header = Header(metrics={"mae": "mean absolute error"}, lower_is_better=["mae"])
    >>> closing(header)
    ['mae: mean absolute error; lower is better']
    """
    notes = [
        f"{label(name)}: {text}" + "; lower is better" * (name in header.lower_is_better)
        for name, text in header.metrics.items()
        if shown is None or told_of([name], shown)
    ]
    notes += header.notes
    if header.versions:
        versions = ", ".join(f"{name} {version}" for name, version in header.versions.items())
        notes.append(f"Versions: {versions}.")
    return notes
