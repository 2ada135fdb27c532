"""What a run knows so far: kept in memory, in the store, and for show in the run's folder."""

from __future__ import annotations

import dataclasses
from collections import defaultdict
from collections.abc import Callable, Mapping

from priorlab.errors import UsageError
from priorlab.harness.results.folder import RunFolder
from priorlab.harness.results.names import cell_text
from priorlab.harness.results.outputs import DATA
from priorlab.harness.results.runs import Result
from priorlab.harness.results.schema import Outcome
from priorlab.harness.results.shown import Fetch, Shown
from priorlab.harness.results.store import Store
from priorlab.harness.run import scores
from priorlab.harness.run.grid import Cell
from priorlab.harness.run.keeping import Keeper
from priorlab.harness.run.plan import Plan
from priorlab.harness.run.schedule import Job
from priorlab.harness.run.wire import Message

MOST_NOTES = 3
"""After so many pictures that cannot be shown, the others are only counted."""


class Collected:
    """The results of a run.

    Attributes
    ----------
    results : dict
        By key.
    cells : dict
        The cells of each key: more than one where two files hold the same picture.
    keeper : Keeper
        Stores them.
    """

    def __init__(
        self,
        planned: Plan,
        store: Store,
        folder: RunFolder,
        note: Callable[[str], None],
    ) -> None:
        """Begin without results; `note` is called with what the user should know."""
        self.results: dict[str, Result] = {}
        self.cells: dict[str, list[Cell]] = defaultdict(list)
        for cell in planned.cells:
            self.cells[cell.key].append(cell)
        self.keeper = Keeper(note)
        self._planned = planned
        chosen = planned.selection
        self._digests = {task: scores.digests(task, chosen.metrics) for task in chosen.tasks}
        self._store = store
        self._shown = Shown(folder.pictures)
        self._not_shown = 0
        self._note = note
        # What is stored of cells that are only to be scored.
        self._unscored: dict[str, Result] = {}

    @property
    def complete(self) -> bool:
        """Whether nothing is missing."""
        return len(self.results) == len(self.cells)

    def recall(self) -> list[Job]:
        """Take over what the plan knows, and return what of it is still to be scored."""
        planned = self._planned
        for key, outcome in planned.cached.items():
            result = Result(outcome, planned.scores[key], cached=True)
            known = self._unscored if key in planned.unscored else self.results
            known[key] = result
        for cell in planned.cells:
            self._show(cell, planned.cached.get(cell.key), self._store.picture)
        return [self._to_score(key, names) for key, names in planned.unscored.items()]

    def keep(
        self, cell: Cell, outcome: Outcome, message: Message, pictures: Mapping[str, bytes]
    ) -> None:
        """Keep what came of restoring a cell."""
        values, failed = message.get("scores", {}), message.get("failed_metrics", {})
        self.results[cell.key] = Result(outcome, values, cached=False, failed_metrics=failed)
        self._show_all(cell.key, outcome, _first(pictures, self._store.picture))
        facts = cell.key, cell.labels, outcome, self._digests[cell.task], values, pictures
        self.keeper.keep(lambda: self._store.put(*facts), sum(map(len, pictures.values())))

    def keep_scores(self, job: Job, message: Message) -> None:
        """Keep what came of scoring a cell that was restored by an earlier run.

        Metrics that failed, or ended their process, are not remembered: the next run tries again.
        """
        key, known = job.cell.key, self._unscored[job.cell.key]
        if message["status"] != "ok":
            reasons = dict.fromkeys(job.metrics, str(message["message"]))
            self.results[key] = dataclasses.replace(known, failed_metrics=reasons)
            return
        found, digests = message["scores"], self._digests[job.cell.task]
        self.results[key] = dataclasses.replace(
            known, scores={**known.scores, **found}, failed_metrics=message["failed_metrics"]
        )
        self.keeper.keep(lambda: self._store.put_scores(key, digests, found), 0)

    def take_over(self, cell: Cell) -> Job | None:
        """Take over what another run has stored of a cell; return what is to be scored of it."""
        key, digests = cell.key, self._digests[cell.task]
        outcome = self._store.outcomes([key])[key]
        result = Result(outcome, self._store.scores([key], digests)[key], cached=True)
        lacking = tuple(name for name in digests if name not in result.scores)
        if outcome.output and lacking:
            self._unscored[key] = result
            return self._to_score(key, lacking)
        self.results[key] = result
        self._show_all(key, outcome, self._store.picture)
        return None

    def close(self) -> None:
        """Tidy the pictures in the run's folder, and say how many could not be shown."""
        self._shown.finish()
        if self._not_shown > MOST_NOTES:
            self._note(f"not shown: {self._not_shown - MOST_NOTES} more")

    def _to_score(self, key: str, names: tuple[str, ...]) -> Job:
        stored = self._unscored[key].outcome.output
        return Job(self.cells[key][0], stored, names, lambda: self._file(stored + DATA))

    def _file(self, name: str) -> dict[str, bytes]:
        """Return a stored picture by its name, if there is one."""
        content = self._store.picture(name)
        return {} if content is None else {name: content}

    def _show_all(self, key: str, outcome: Outcome, fetch: Fetch) -> None:
        for equal in self.cells[key]:
            self._show(equal, outcome, fetch)

    def _show(self, cell: Cell, outcome: Outcome | None, fetch: Fetch) -> None:
        """Put a cell's pictures into the run's folder; the store has them in any case."""
        try:
            self._shown.show(cell.labels, outcome, fetch)
        except UsageError as error:
            self._not_shown += 1
            if self._not_shown <= MOST_NOTES:
                self._note(f"not shown: {cell_name(cell)}: {error}")


def _first(pictures: Mapping[str, bytes], otherwise: Fetch) -> Fetch:
    """Return a `Fetch` that looks among some pictures first."""
    return lambda name: pictures[name] if name in pictures else otherwise(name)


def cell_name(cell: Cell) -> str:
    """Return what a cell is called in the lines of progress."""
    return cell_text(cell.labels).removesuffix(" · seed 0")
