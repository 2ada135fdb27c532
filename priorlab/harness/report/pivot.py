"""One table of all tasks, as papers have it: a line for each prior, columns for each task."""

from __future__ import annotations

from collections.abc import Collection, Iterator, Mapping, Sequence
from dataclasses import dataclass

import pandas as pd

from priorlab.harness.report import figures, notes
from priorlab.harness.report.formats import Sheet, TextCell, TextColumn
from priorlab.harness.report.line import MAIN, Line
from priorlab.harness.results import schema
from priorlab.harness.results.header import Header

FACTS = (*figures.COSTS, "throughput")
"""What it can show beside metrics."""

PARTLY, NOT_FOR_IT = "†", "–"


@dataclass(frozen=True)
class Pivot:
    """Priors and published methods in order, each with its line of every task that it has.

    Attributes
    ----------
    tasks : tuple of str
        Their specs.
    chosen : tuple of str
        What is shown of each task: metrics, or some of `FACTS`.
    measured, published : tuple of dict
        By task.
    idle : tuple of str
        Priors that are for none of the tasks, which have no line.
    """

    tasks: tuple[str, ...]
    chosen: tuple[str, ...]
    measured: tuple[Mapping[str, Line], ...]
    published: tuple[Mapping[str, Line], ...]
    idle: tuple[str, ...] = ()

    @classmethod
    def of(
        cls,
        lines: Sequence[Line],
        rows: pd.DataFrame,
        chosen: Sequence[str] = (MAIN,),
        lower_is_better: Collection[str] = (),
    ) -> Pivot:
        """Arrange lines: the best first, by its mean over the tasks in what is chosen first.

        Priors that lack tasks come after those that have all, since their means do not compare.

        Parameters
        ----------
        lines : sequence of Line
            Those of all tasks.
        rows : DataFrame
            A row per prior, task, image and seed.
        chosen : sequence of str
            See `Pivot.chosen`.
        lower_is_better : collection of str
            The metrics of which it holds.

        Examples
        --------
        >>> from priorlab.harness.report.line import MetricFigures
        >>> lines = [
        ...     Line(task="denoise", prior=prior, metrics={"psnr": figures}, images=1)
        ...     for prior, figures in {
        ...         "tv": MetricFigures(mean=28.0, rank=2),
        ...         "unet": MetricFigures(mean=30.0, rank=1),
        ...     }.items()
        ... ]
        >>> rows = pd.DataFrame({"prior": ["tv", "unet"], "status": "ok"})
        >>> [[*found.values()][0].prior for found in Pivot.of(lines, rows).measured]
        ['unet', 'tv']
        """
        tasks = tuple(dict.fromkeys(line.task for line in lines))
        ascending = chosen[0] in {*figures.COSTS, *lower_is_better}

        def order(found: Mapping[str, Line]) -> tuple[int, float]:
            known = [value(line, chosen[0]) for line in found.values() if not partly(line, MAIN)]
            numbers = [number for number in known if number is not None]
            mean = sum(numbers) / len(numbers) if numbers else 0.0
            return len(tasks) - len(numbers), mean if ascending else -mean

        kinds: dict[str, dict[str, dict[str, Line]]] = {"measured": {}, "published": {}}
        for line in lines:
            kinds[line.kind].setdefault(line.prior, {})[line.task] = line
        statuses = rows.groupby("prior")["status"].agg(set)
        idle = tuple(prior for prior in kinds["measured"] if statuses[prior] == {"unsupported"})
        measured = [by_task for prior, by_task in kinds["measured"].items() if prior not in idle]
        return cls(
            tasks,
            tuple(chosen),
            tuple(sorted(measured, key=order)),
            tuple(sorted(kinds["published"].values(), key=order)),
            idle,
        )

    def frame(self) -> pd.DataFrame:
        """Return the numbers in full precision: a column for each task, and each that is chosen.

        The last column has the remarks on each task: a number alone does not tell that it is of
        some images only, nor its lack why.
        """
        entries = [*self.measured, *self.published]
        firsts = [next(iter(by_task.values())) for by_task in entries]
        table = {
            "prior": pd.Series([line.prior for line in firsts], dtype=str),
            "kind": pd.Series([line.kind for line in firsts], dtype=str),
        }
        for task in self.tasks:
            for name in self.chosen:
                numbers = [value(by_task.get(task), name) for by_task in entries]
                column = task if self.chosen == (MAIN,) else f"{task} {name}"
                table[column] = schema.cast(float, pd.Series(numbers, dtype=object))
        table["remarks"] = pd.Series([_remarks(by_task) for by_task in entries], dtype=str)
        return pd.DataFrame(table)

    def sheet(self, rows: pd.DataFrame, header: Header, remark: str = "") -> Sheet:
        """Return the table with its notes, each of which is said once."""
        statuses: dict[tuple[str, str], set[str]] = {}
        for cell in rows[["prior", "task", "status"]].drop_duplicates().itertuples(index=False):
            statuses.setdefault((str(cell.prior), str(cell.task)), set()).add(str(cell.status))
        titles = [figures.heading(name) for name in self.chosen]
        what = " and ".join(filter(None, [", ".join(titles[:-1]), titles[-1]]))
        return Sheet(
            title=what + (f" on {header.dataset}" if header.dataset else ""),
            columns=[TextColumn("prior", numeric=False), *self._columns(header)],
            lines=[self._line(by_task, statuses) for by_task in (*self.measured, *self.published)],
            notes=[*self._notes(rows, header, statuses), *([remark] if remark else [])],
            apart=len(self.published),
        )

    def _columns(self, header: Header) -> Iterator[TextColumn]:
        """Yield the columns of the tasks under what they share: the kind of task, or the task."""
        for task in self.tasks:
            title = header.titles.get(task, task)
            if len(self.chosen) > 1:
                for name in self.chosen:
                    yield TextColumn(figures.heading(name).removesuffix(" (dB)"), group=title)
            else:
                kind, _, parameters = title.partition(", ")
                yield TextColumn(parameters or kind, group=kind if parameters else "")

    def _line(
        self, by_task: Mapping[str, Line], statuses: Mapping[tuple[str, str], set[str]]
    ) -> list[TextCell]:
        first = next(iter(by_task.values()))
        cells = [TextCell(first.prior, " (published)" * (first.kind == "published"))]
        for task in self.tasks:
            line = by_task.get(task)
            status = statuses.get((first.prior, task), set()) if first.kind == "measured" else set()
            cells += [_cell(line, name) for name in self.chosen]
            if line and line.psnr.mean is None:
                cells[-len(self.chosen)] = TextCell(_why(status))
        return cells

    def _notes(
        self,
        rows: pd.DataFrame,
        header: Header,
        statuses: Mapping[tuple[str, str], set[str]],
    ) -> Iterator[str]:
        groups = {task: rows[rows["task"] == task] for task in self.tasks}
        lines = [line for by_task in self.measured for line in by_task.values()]
        names = {task: header.titles.get(task, task) for task in self.tasks}
        for texts in self._of_tasks(groups, lines, header):
            yield from _once(texts, names)
        if any(partly(line, name) for line in lines for name in self.chosen):
            yield f"{PARTLY}: mean over some of the images only; neither ranked nor compared."
        if any(kinds == {"unsupported"} for kinds in statuses.values()):
            yield f"{NOT_FOR_IT}: the prior is not for this task."
        for by_task in self.measured:
            yield from _once(_failures(by_task, statuses), names)
        if self.idle:
            yield f"For none of these tasks: {', '.join(self.idle)}."
        tuned = {prior for prior, _, _ in notes.tuned(rows, header)}
        if named := [
            prior for prior in dict.fromkeys(line.prior for line in lines) if prior in tuned
        ]:
            yield f"With tuned parameters, which the table of each task says: {', '.join(named)}."
        if self.published:
            yield notes.PUBLISHED
        sources = [
            f"{line.prior}: {line.remarks}."
            for by_task in self.published
            for line in by_task.values()
        ]
        yield from dict.fromkeys(sources)

    def _of_tasks(
        self, groups: Mapping[str, pd.DataFrame], lines: Sequence[Line], header: Header
    ) -> Iterator[dict[str, str]]:
        """Yield what there is to say of each task, such as its protocol, one sort after the other.

        `groups` are the rows of each task.
        """
        protocols = header.protocols
        yield {
            task: f"Protocol: metrics {protocols[task]}." for task in groups if task in protocols
        }
        yield {task: f"Data: {notes.data(rows, header.dataset)}." for task, rows in groups.items()}
        yield {task: notes.evidence(rows) for task, rows in groups.items()}
        if set(self.chosen) - set(FACTS):
            yield {
                task: notes.meaning_of_bold(
                    [line for line in lines if line.task == task], rows["image"].nunique()
                )
                for task, rows in groups.items()
            }
        timed = {task: notes.timing(rows, self.chosen) for task, rows in groups.items()}
        for texts in zip(*timed.values(), strict=True):
            yield dict(zip(timed, texts, strict=True))


def _failures(
    by_task: Mapping[str, Line], statuses: Mapping[tuple[str, str], set[str]]
) -> dict[str, str]:
    """Return of each task on which a prior should have a rank and has none, why."""
    return {
        task: f"{line.prior}: {line.remarks}."
        for task, line in by_task.items()
        if line.psnr.rank is None
        and line.remarks
        and statuses.get((line.prior, task)) != {"unsupported"}
    }


def value(line: Line | None, name: str) -> float | None:
    """Return the mean of a line in a metric, or another of its facts."""
    if line is None:
        return None
    if name in FACTS:
        fact: float | None = getattr(line, name)
        return fact
    found = line.metrics.get(name)
    return found.mean if found else None


def partly(line: Line, name: str) -> bool:
    """Return whether a number is of some of the images only."""
    found = line.metrics.get(MAIN if name in FACTS else name)
    some = found is not None and found.mean is not None and found.rank is None
    return line.kind == "measured" and some


def _cell(line: Line | None, name: str) -> TextCell:
    number = value(line, name)
    if line is None or number is None:
        return TextCell()
    leads = name not in FACTS and bool(line.metrics[name].leads)
    mark = PARTLY if partly(line, name) else ""
    return TextCell(figures.written(number, name), mark, bold=leads)


def _remarks(by_task: Mapping[str, Line]) -> str:
    said = [(task, line.remarks) for task, line in by_task.items() if line.remarks]
    return "; ".join(f"{task}: {remarks}" for task, remarks in said)


def _why(status: set[str]) -> str:
    """Return in a word why there is no result."""
    if status == {"unsupported"}:
        return NOT_FOR_IT
    return next(iter(status)) if len(status) == 1 else "no result"


def _once(texts: Mapping[str, str], names: Mapping[str, str]) -> Iterator[str]:
    """Yield what is said of each task: once where it is the same, else with the tasks' names."""
    for text in dict.fromkeys(texts.values()):
        tasks = [names[task] for task, other in texts.items() if other == text]
        kind, _, rest = text.partition(": ")
        yield text if len(tasks) == len(names) else f"{kind} ({'; '.join(tasks)}): {rest}"
