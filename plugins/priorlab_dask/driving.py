"""The driver's side: cells go to workers, a bounded number at a time, and results come back."""

from __future__ import annotations

import contextlib
import itertools
import secrets
import time
from collections import deque
from collections.abc import Iterator, Mapping
from concurrent.futures import CancelledError
from typing import Any

from distributed import Future, KilledWorker

from priorlab.engines import Results, Work
from priorlab.errors import UsageError
from priorlab.harness.run import introduction
from priorlab.harness.run.credentials import difference
from priorlab.harness.run.placing import request
from priorlab_dask import on_worker
from priorlab_dask.cargo import Cargo
from priorlab_dask.connection import Connection
from priorlab_dask.crew import Attempt, Crew, Post
from priorlab_dask.inbox import Inbox
from priorlab_dask.luggage import pack

TICK = 0.2
"""Most seconds between two looks at whether the user wants to stop."""

LOOK = 1.0
"""Seconds between two looks at which workers there are."""


class Drive:
    """Does one work on one cluster."""

    def __init__(self, work: Work, connection: Connection) -> None:
        """Note both; nothing happens yet."""
        self._work = work
        self._connection = connection
        self._run = secrets.token_hex(6)
        self._crew = Crew(work.limit)
        self._again: deque[Attempt] = deque()
        self._sent: dict[int, tuple[Attempt, Future]] = {}
        self._numbers = itertools.count()
        self._refused: dict[str, str] = {}
        self._arriving: dict[str, Future] = {}
        self._looked = 0.0
        self._told_nobody = False
        self._lines: dict[int, int] = {}
        self._inbox = Inbox()

    def results(self) -> Results:
        """Compute all jobs; see `priorlab.engines.Engine.run`."""
        work = self._work
        if not len(work.schedule):
            return
        try:
            self._here = self._inbox.threads.submit(
                introduction.ask,
                work.setup,
                introduction.described(work.components),
                work.modules,
            )
            self._luggage = pack(self._run, work.setup, work.components, work.modules)
            if not self._open():
                return
            while not work.stop():
                self._look()
                self._hand_out()
                yield from self._inbox.empty(TICK)
                if not (self._sent or self._again or len(work.schedule)):
                    return
        finally:
            self._end()

    def _open(self) -> bool:
        """Connect, or connect again after the scheduler was lost."""
        for attempt in self._crew.forget():
            self._again.append(attempt)
        self._sent.clear()
        self._arriving.clear()
        self._lines.clear()
        if not self._connection.open():
            return False
        client = self._connection.client
        self._cargo = Cargo(client)
        client.subscribe_topic(on_worker.topic(self._run), self._on_event)
        return True

    # Workers come and go.

    def _look(self) -> None:
        """Find out which workers there are, every now and then."""
        now = time.monotonic()
        if now - self._looked < LOOK:
            return
        self._looked = now
        workers = self._connection.workers()
        if workers is None:
            if self._open():
                self._look()
            return
        for address in self._crew.posts.keys() - workers.keys():
            self._lose(address)
        for address in self._arriving.keys() - workers.keys():
            self._arriving.pop(address).cancel()
        for address, facts in workers.items():
            if post := self._crew.posts.get(address):
                post.open = facts.get("status", "running") == "running"
            elif address not in self._refused and address not in self._arriving:
                self._greet(address, facts)
        self._judge(workers)

    def _judge(self, workers: Mapping[str, Any]) -> None:
        """End the run if no worker can be used; say so if there is none yet."""
        if self._crew.posts or self._arriving:
            self._told_nobody = False
            return
        reasons = {self._refused[address] for address in workers if address in self._refused}
        if reasons:
            raise UsageError(
                f"no worker of {self._connection.name} can be used: {'; '.join(sorted(reasons))}"
            )
        if not self._told_nobody:
            self._told_nobody = True
            self._work.on_note(f"{self._connection.name} has no worker yet; waiting for one")

    def _greet(self, address: str, facts: Mapping[str, Any]) -> None:
        """Send a new worker what it needs, and ask it what it is."""
        try:
            future = self._connection.client.submit(
                on_worker.arrive,
                self._cargo.future("luggage", lambda: self._luggage),
                key=f"priorlab-arrive-{self._run}-{next(self._numbers)}",
                workers=[address],
                pure=False,
            )
        except Exception:  # of all kinds, where a worker or the scheduler was lost at this moment
            return
        self._arriving[address] = future
        self._inbox.when_done(future, lambda reply: self._on_arrival(address, future, facts, reply))

    def _on_arrival(
        self, address: str, future: Future, facts: Mapping[str, Any], reply: Any
    ) -> None:
        """Take a worker into the crew, or refuse it."""
        if self._arriving.get(address) is not future:
            return
        del self._arriving[address]
        if isinstance(reply, CancelledError | KilledWorker):
            return  # it is greeted again if it is still there
        if isinstance(reply, ModuleNotFoundError):
            reply = {"problem": f"it lacks the module {reply.name}; install priorlab[dask] there"}
        elif isinstance(reply, BaseException):
            reply = {"problem": f"{type(reply).__name__}: {reply}"}
        here = self._here.result()
        if "problem" in here:
            raise UsageError(here["problem"])
        problem = reply.get("problem")
        if not problem and (other := difference(here["credentials"], reply["credentials"])):
            problem = f"it has {other}"
        cells = capacity(facts, self._work.setup)
        if not problem and not cells:
            problem = "it declares no resource GPU: start it as dask worker ... --resources GPU=1"
        if problem:
            self._refuse(address, facts, problem)
            return
        self._crew.posts[address] = Post(address, cells)

    def _refuse(self, address: str, facts: Mapping[str, Any], problem: str) -> None:
        name = facts.get("name") or address
        place = address if str(name) == address else f"{name} ({address})"
        self._refused[address] = f"worker {place} is not used: {problem}"
        self._work.on_note(self._refused[address])

    def _lose(self, address: str) -> None:
        """Have the cells of a worker that is gone computed elsewhere."""
        for attempt in self._crew.lose(address):
            self._elsewhere(attempt)

    # Cells go out.

    def _hand_out(self) -> None:
        """Give every free place a cell."""
        for attempt in [*self._again]:
            if attempt.guilty:
                self._again.remove(attempt)
                self._give_up(attempt, attempt.guilty)
            elif post := self._crew.place(attempt):
                self._again.remove(attempt)
                self._send(attempt, post)
        while self._crew.free and (job := self._work.schedule.take()) is not None:
            attempt = Attempt(job, job.cell.image.digest)
            if post := self._crew.place(attempt):
                self._send(attempt, post)
            else:
                self._again.append(attempt)

    def _send(self, attempt: Attempt, post: Post) -> None:
        number = next(self._numbers)
        image = attempt.job.cell.image
        try:
            pixels = (
                None
                if attempt.image in post.images
                else self._cargo.future(attempt.image, image.read)
            )
            future = self._connection.client.submit(
                on_worker.compute,
                self._run,
                number,
                request(attempt.job),
                pixels,
                key=f"priorlab-{self._run}-{number}",
                workers=[post.address],
                resources={"GPU": 1} if _accelerated(self._work.setup) else None,
                pure=False,
            )
        except UsageError as error:  # the image cannot be read any more
            self._crew.done(attempt)
            self._give_up(attempt, str(error), "failed")
            return
        except Exception:  # of all kinds, where a worker or the scheduler was lost at this moment
            self._crew.done(attempt)
            self._again.append(attempt)
            return
        self._sent[number] = (attempt, future)
        self._begin_line(number, attempt)
        self._inbox.when_done(future, lambda reply: self._on_reply(number, reply))

    # Results come back.

    def _on_reply(self, number: int, reply: Any) -> Iterator[Any]:
        """Deal with what came of an attempt; one that was given up has no number any more."""
        attempt, _ = self._sent.pop(number, (None, None))
        self._lines.pop(number, None)
        if attempt is None:
            return
        post = self._crew.done(attempt)
        assert post is not None
        if isinstance(reply, KilledWorker) or (
            isinstance(reply, dict) and reply.get("absent") == "site"
        ):
            post.running.append(attempt)
            self._lose(post.address)  # another process has its address now; it is greeted again
        elif isinstance(reply, BaseException):
            self._trouble(attempt, post, reply)
        elif "message" not in reply:
            post.images.discard(attempt.image)
            self._again.append(attempt)
        elif not reply["message"].get("started", True):
            self._trouble(attempt, post, RuntimeError(reply["message"]["message"]))
        else:
            post.troubles.clear()
            post.images.add(attempt.image)
            yield attempt.job, reply["message"] | {"slots": post.capacity}, reply["wall"]

    def _trouble(self, attempt: Attempt, post: Post, error: BaseException) -> None:
        """Try a cell elsewhere that a worker could not begin, or whose result did not arrive."""
        self._again.append(attempt)
        post.images.discard(attempt.image)
        if isinstance(error, CancelledError):
            return  # what it needed was in the memory of a worker that is lost
        text = str(error).partition("\n")[0] or type(error).__name__
        if self._crew.trouble(attempt, post, text):
            for running in post.running:
                self._elsewhere(running)
            del self._crew.posts[post.address]
            self._refuse(post.address, {}, text)

    def _elsewhere(self, attempt: Attempt) -> None:
        """Expect no answer to an attempt any more, and try its cell again."""
        self._again.append(attempt)
        for number, (sent, future) in [*self._sent.items()]:
            if sent is attempt:
                del self._sent[number]
                self._lines.pop(number, None)
                future.cancel()

    def _give_up(self, attempt: Attempt, message: str, status: str = "crashed") -> None:
        """Have a row say why a cell has no result."""
        self._inbox.put(lambda: iter([(attempt.job, {"status": status, "message": message}, 0.0)]))

    # What the user sees.

    def _begin_line(self, number: int, attempt: Attempt) -> None:
        """Show the attempt in a line that is free, if there is one."""
        free = set(range(self._work.slots)).difference(self._lines.values())
        if free:
            self._lines[number] = min(free)
            self._work.on_step(self._lines[number], attempt.job, 0, 0)

    def _on_event(self, event: tuple[float, Mapping[str, Any]]) -> None:
        """Take note of what a worker tells; called in a thread of the client."""
        _, said = event
        self._inbox.put(lambda: self._show(said))

    def _show(self, said: Mapping[str, Any]) -> None:
        if said["event"] == "note":
            self._work.on_note(said["text"])
        elif (line := self._lines.get(said["number"])) is not None:
            attempt, _ = self._sent[said["number"]]
            self._work.on_step(line, attempt.job, said["iteration"], said["total"])

    # The end.

    def _end(self) -> None:
        """Have all workers end what belongs to this run."""
        self._inbox.close()
        client = self._connection.client
        if client is not None and client.status == "running":
            with contextlib.suppress(Exception):
                client.cancel([future for _, future in self._sent.values()])
                client.run(on_worker.leave, self._run, on_error="ignore", wait=True)
        self._connection.close()


def _accelerated(setup: Any) -> bool:
    return not str(setup.device).startswith("cpu")


def capacity(facts: Mapping[str, Any], setup: Any) -> int:
    """Return how many cells a worker computes at the same time."""
    if _accelerated(setup):
        return int(facts.get("resources", {}).get("GPU", 0))
    return max(1, int(facts["nthreads"]) // setup.threads)
