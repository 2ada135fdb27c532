"""Compare two runs: what changed, by how much, and whether that is more than noise."""

from __future__ import annotations

import dataclasses
from collections.abc import Mapping
from pathlib import Path
from typing import TYPE_CHECKING, Any

from priorlab.errors import UsageError, counted
from priorlab.harness.report import formats, pairing_sheets, terminal_tables
from priorlab.harness.report.formats import Frame
from priorlab.harness.report.pairing import Compared, Pairing, pair
from priorlab.harness.results import runs
from priorlab.harness.results.runs import Run
from priorlab.harness.results.schema import METRICS
from priorlab.harness.run import credentials
from priorlab.harness.run.settings import RunSettings

if TYPE_CHECKING:
    from rich.console import RenderableType


@dataclasses.dataclass(frozen=True)
class Changes:
    """What changed from one run to another.

    Attributes
    ----------
    first, second : Run
    circumstances : tuple of str
        What is another in the second run besides its figures: code, libraries, machine.
    unrecorded : tuple of tuple of str
        Of each run, what it has not recorded and the other has: an older one knew less of itself.
    pairing : Pairing
        What both have, in figures.
    """

    first: Run
    second: Run
    circumstances: tuple[str, ...]
    unrecorded: tuple[tuple[str, ...], tuple[str, ...]]
    pairing: Pairing

    def markdown(self) -> str:
        """Return it as Markdown."""
        sheets = pairing_sheets.sheets(self.pairing.compared, full=True)
        frame = Frame(title=self._title(), above=self._above(), closing=self._closing)
        return formats.markdown(sheets, frame)

    def _repr_markdown_(self) -> str:
        return self.markdown()  # in a notebook

    def terminal(self, width: int) -> RenderableType:
        """Return it for `rich` to print in a terminal of `width` columns."""
        sheets = [
            dataclasses.replace(sheet, notes=[*sheet.notes, *self._closing])
            for sheet in pairing_sheets.sheets(self.pairing.compared, full=False)
        ]
        frame = Frame(title=self._title(), above=self._above())
        return terminal_tables.terminal(sheets, width, frame, "with --format md")

    def _title(self) -> str:
        return f"{self.second.folder.name} compared with {self.first.folder.name}"

    def _above(self) -> list[str]:
        changed = "; ".join(self.circumstances) or "nothing that is known of"
        return [
            *(f"{letter}: {_described(run)}" for letter, run in zip("AB", self._runs, strict=True)),
            f"Changed from A to B: {changed}.",
            *(
                f"Not recorded in {letter}: {', '.join(names)}."
                for letter, names in zip("AB", self.unrecorded, strict=True)
                if names
            ),
            *(
                f"Only in {letter}: {'; '.join(found)}."
                for letter, found in zip("AB", self._alone, strict=True)
                if found
            ),
        ]

    @property
    def _closing(self) -> list[str]:
        remark = self.pairing.remark
        return [*pairing_sheets.NOTES, *([remark] if remark else [])]

    @property
    def _runs(self) -> tuple[Run, Run]:
        return self.first, self.second

    @property
    def _alone(self) -> tuple[Any, Any]:
        return self.pairing.only_first, self.pairing.only_second


def compare(
    first: str | Path | Run, second: str | Path | Run, out: str | Path = RunSettings.out
) -> Changes:
    """Compare two runs, cell by cell.

    Parameters
    ----------
    first, second : str, path or Run
        Folders of runs, or their names in the results folder.
    out : path
        The results folder.

    Raises
    ------
    UsageError
        If there is no such run, one was cut short, or they have nothing in common.

    Examples
    --------
    >>> from priorlab import bench
    >>> for name in ("before", "after"):
    ...     rows = bench("degraded", "denoise:sigma=25", ".", slots=1, name=name)
    >>> found = compare("before", "after")
    >>> [str(one.changes["psnr"].verdict) for one in found.pairing.compared]
    ['same']
    """
    one, other = (runs.load(run, Path(out)) for run in (first, second))
    shared = [
        name
        for name in dict.fromkeys([*METRICS, *one.info["metrics"]])
        if name in one.rows and name in other.rows
    ]
    falling = {name for run in (one, other) for name in run.info.get("lower_is_better", ())}
    pairing = pair(one.rows, other.rows, shared, sorted(falling))
    if not pairing.compared:
        raise UsageError(
            f"{one.folder} and {other.folder} have no cell (prior, task, image, seed) in common"
        )
    compared = [_with_causes(found, one.info, other.info) for found in pairing.compared]
    pairing = dataclasses.replace(pairing, compared=compared)
    circumstances = tuple(_circumstances(one.info, other.info))
    unrecorded = _unrecorded(one.info, other.info), _unrecorded(other.info, one.info)
    return Changes(one, other, circumstances, unrecorded, pairing)


def _with_causes(found: Compared, first: Mapping[str, Any], second: Mapping[str, Any]) -> Compared:
    """Add to a prior's remarks what differs of it in the second run."""
    causes = []
    if found.other != found.prior:
        causes.append(f"other parameters: {found.other}")
    before, after = (_code(info) for info in (first, second))
    if before.get(found.prior, "") != after.get(found.other, "") and before and after:
        causes.append("its code changed")
    tuned = (first.get("tuned", {}).get(found.prior), second.get("tuned", {}).get(found.other))
    noted = "tuned" in first and "tuned" in second  # older runs do not say
    if found.other == found.prior and noted and tuned[0] != tuned[1]:
        causes.append("other tuned parameters")
    return dataclasses.replace(found, remarks=[*causes, *found.remarks])


def _code(info: Mapping[str, Any]) -> Mapping[str, Any]:
    code: Mapping[str, Any] = info.get("credentials", {}).get("code", {})
    return code


def _circumstances(first: Mapping[str, Any], second: Mapping[str, Any]) -> list[str]:
    """Return what differs in the second run, as far as both runs recorded it."""
    found = []
    ours, theirs = first.get("credentials", {}), second.get("credentials", {})
    if ours and theirs:
        found = [credentials.difference(_shared(ours, theirs), _shared(theirs, ours))]
    libraries = ours.get("setting", {}).get("libraries", {})
    old, new = first["versions"], second["versions"]
    for name in (name for name in old if name in new):
        if old[name] != new[name] and not (theirs and name in libraries):
            found.append(f"{name} {new[name]} instead of {old[name]}")
    if first["machine"] != second["machine"]:
        found.append(f"machine {second['machine']} instead of {first['machine']}")
    if (
        first.get("content", "") != second.get("content", "")
        or first["dataset"] != second["dataset"]
    ):
        found += _dataset(first, second)
    found += _rules(first, second)
    return [text for text in found if text]


def _shared(one: Mapping[str, Any], other: Mapping[str, Any]) -> dict[str, Any]:
    """Return the facts of one run, nested as they are, that the other has recorded, too."""
    return {
        name: _shared(value, other[name]) if isinstance(value, Mapping) else value
        for name, value in one.items()
        if name in other
    }


def _unrecorded(one: Mapping[str, Any], other: Mapping[str, Any]) -> tuple[str, ...]:
    """Return what one run has not recorded of its versions and code, and another has."""
    ours, theirs = one.get("credentials"), other.get("credentials")
    known, named = dict(one["versions"]), dict(other["versions"])
    if ours and theirs:
        known |= ours["setting"] | ours["setting"]["libraries"]
        named |= theirs["setting"] | theirs["setting"]["libraries"]
    missing = [name for name in named if name not in known]
    return tuple(missing + ["code"] * bool(theirs and not ours))


def _dataset(first: Mapping[str, Any], second: Mapping[str, Any]) -> list[str]:
    if first["dataset"] != second["dataset"]:
        return [f"dataset {second['dataset']} instead of {first['dataset']}"]
    known = first.get("content") and second.get("content")
    return ["other images in the dataset"] if known else []


def _rules(first: Mapping[str, Any], second: Mapping[str, Any]) -> list[str]:
    """Return which protocols of tasks and which metrics that both runs have are not the same."""
    old, new = first["tasks"], second["tasks"]
    found = [
        f"protocol of {task}: metrics {new[task]}; in A: {old[task]}"
        for task in old
        if task in new and _plain(old[task]) != _plain(new[task])
    ]
    specs, others = first["metrics"], second["metrics"]
    changed = [name for name in specs if name in others and specs[name] != others[name]]
    return found + ([f"what {', '.join(changed)} means"] if changed else [])


def _plain(protocol: str) -> str:
    """Return a protocol's text without a word that runs of earlier versions have in it."""
    return protocol.replace(" (RGB)", "")


def _described(run: Run) -> str:
    """Return what a run is in a line."""
    info = run.info
    commit = info["versions"].get("commit", "")
    return ", ".join(
        part
        for part in (
            run.folder.name,
            f"begun {info['started']}",
            f"{len(run.rows)} of {counted(info['total'], 'cell')}",
            f"commit {commit}" if commit else "",
        )
        if part
    )
