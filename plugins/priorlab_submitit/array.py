"""The driver's side: an array job for all cells, and another for those that it did not finish."""

from __future__ import annotations

import contextlib
import dataclasses
import pickle
import secrets
import shutil
import time
from collections.abc import Iterator
from pathlib import Path
from typing import Any

import submitit

from priorlab.engines import Results, Work
from priorlab.errors import UsageError, counted
from priorlab.ground.files import said_if_not_written
from priorlab.harness.run import introduction
from priorlab.harness.run.placing import request
from priorlab_submitit.share import REFUSED, Share, result_file, serve

TICK = 0.5
"""Seconds between two looks at what is finished."""

LATE = 10.0
"""Seconds that a file may need to be seen on another machine."""

RETRIES = 3
"""So many more times a cell is tried during which a job ended."""


@dataclasses.dataclass
class _Task:
    """One cell, with the jobs that ended while they were at it."""

    job: Any
    lost: int = 0


def compute(work: Work, jobs: int, cluster: str | None, options: dict[str, Any]) -> Results:
    """Compute all jobs of a schedule; see `priorlab.engines.Engine.run`."""
    here = introduction.ask(work.setup, introduction.described(work.components), work.modules)
    if "problem" in here:
        raise UsageError(here["problem"])
    folder = (work.logs / f"array-{secrets.token_hex(4)}").resolve()
    waiting: list[_Task] = []
    while not work.stop():
        waiting += _taken(work)
        if not waiting:
            if not len(work.schedule):
                break
            time.sleep(TICK)  # what is left is not to be done right now
            continue
        array = _Array(work, waiting, jobs, cluster, options, here, folder)
        waiting = []
        try:
            array.submit()
            yield from array.results()
        finally:
            array.cancel()
        for task in array.unfinished():
            if task.lost > RETRIES:
                message = f"lost {task.lost} jobs, each of which ended while it computed this cell"
                yield task.job, {"status": "crashed", "message": message}, 0.0
            else:
                waiting.append(task)
    shutil.rmtree(folder, ignore_errors=True)


def _taken(work: Work) -> Iterator[_Task]:
    while (job := work.schedule.take()) is not None:
        yield _Task(job)


class _Array:
    """One array job."""

    def __init__(
        self,
        work: Work,
        tasks: list[_Task],
        jobs: int,
        cluster: str | None,
        options: dict[str, Any],
        here: dict[str, Any],
        folder: Path,
    ) -> None:
        self._work = work
        self._cluster = cluster
        self._options = options
        self._here = here
        self._folder = folder / secrets.token_hex(4)
        # The schedule hands out long cells first: dealt out in turn, all shares take equally long.
        self._shares = [dict(list(enumerate(tasks))[start::jobs]) for start in range(jobs)]
        self._shares = [share for share in self._shares if share]
        self._running: list[Any] = []

    def submit(self) -> None:
        """Send the array job."""
        work = self._work
        with said_if_not_written(self._folder):
            self._folder.mkdir(parents=True, exist_ok=True)
        parts = introduction.described(work.components)
        shares = [
            Share(
                self._folder,
                work.setup,
                self._here,
                parts,
                work.modules,
                {number: request(task.job) for number, task in share.items()},
            )
            for share in self._shares
        ]
        try:
            executor = submitit.AutoExecutor(folder=self._folder / "jobs", cluster=self._cluster)
            given = {"name": "priorlab", "cpus_per_task": work.setup.threads} | self._options
            if self._cluster == "local" or executor.cluster == "local":
                given.setdefault("timeout_min", 7 * 24 * 60)
            executor.update_parameters(**given)
            self._running = executor.map_array(serve, shares)
        except Exception as error:  # of SLURM, or of an option that there is not
            raise UsageError(f"submitit: the array job was not sent: {error}") from error
        work.on_note(f"sent an array of {counted(len(shares), 'job')}: {self._running[0].job_id}")

    def results(self) -> Results:
        """Yield each result when it is there, until all jobs have ended or the user stops it."""
        ended = 0.0
        while any(self._shares) and not self._work.stop():
            found = [*self._found()]
            yield from found
            if (self._folder / REFUSED).exists():
                problem = (self._folder / REFUSED).read_text()
                raise UsageError(f"a machine of the array cannot be used: {problem}")
            if found or not all(job.done() for job in self._running):
                ended = 0.0
            elif not ended:
                ended = time.monotonic()
            elif time.monotonic() - ended > LATE:
                return
            if not found:
                time.sleep(TICK)

    def unfinished(self) -> Iterator[_Task]:
        """Yield what has no result; the first of each share is what its job was at."""
        for share in self._shares:
            for place, task in enumerate(share.values()):
                task.lost += place == 0
                yield task

    def cancel(self) -> None:
        """End the jobs that have not ended."""
        for job in self._running:
            with contextlib.suppress(Exception):
                if not job.done():
                    job.cancel(check=False)

    def _found(self) -> Results:
        for share in self._shares:
            for number in [*share]:
                file = result_file(self._folder, number)
                if not file.exists():
                    break
                message, wall, notes = pickle.loads(file.read_bytes())
                file.unlink()
                for note in notes:
                    self._work.on_note(note)
                yield share.pop(number).job, message, wall
