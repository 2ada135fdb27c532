"""The driver's end of a slot's process: start it, send it a job, receive its answers, end it."""

from __future__ import annotations

import contextlib
import dataclasses
import os
import signal
import subprocess
import sys
import tempfile
import time
from collections.abc import Iterator, Sequence
from pathlib import Path
from typing import BinaryIO

from priorlab.errors import LONGEST_TRACEBACK, UsageError
from priorlab.ground import pipes, process_tree
from priorlab.ground.files import said_if_not_written
from priorlab.ground.temporary import TemporaryFolder
from priorlab.harness.isolation.endings import exit_code, exit_text
from priorlab.harness.isolation.metric_process import START_TIMEOUT as METRIC_START
from priorlab.harness.isolation.nursery import PREPARE_TIMEOUT
from priorlab.harness.isolation.setup import Setup
from priorlab.harness.run import wire
from priorlab.harness.run.wire import Message
from priorlab.restoration import LONGEST_REASON

START_TIMEOUT = 180.0
"""Seconds within which a process must have loaded torch and the plugins."""

SCORING = 600.0
"""Seconds that measuring, scoring and storing an image may take."""

KEEP_MEMORY = str(2**30)
"""Bytes of freed memory that a process keeps: taking them from the system again, page by page,
slows down a network that is trained."""

SLOT = "priorlab.harness.run.slot"


class Child:
    """One slot's process, started when it gets its first job, and again after it died.

    The limits of a cell are kept by that process; the ones here are wide, for the case that it is
    stuck itself.

    Attributes
    ----------
    busy : bool
        Whether a job was sent and neither answered nor given up.
    """

    def __init__(self, setup: Setup, log: Path) -> None:
        """Note what is needed to start; `log` takes what the processes print."""
        self.busy = False
        self._setup = setup
        self._limit = PREPARE_TIMEOUT + setup.timeout_s + SCORING
        self._limit += setup.timeout_s * (setup.batch > 1)
        self._limit += len(setup.metrics) * (METRIC_START + setup.timeout_s)
        self._log = log
        self._process: subprocess.Popen[bytes] | None = None
        self._ready = False
        self._deadline = 0.0
        self._decoder = wire.Decoder()
        self._jobs = 0
        self._retry: Message | None = None
        self._log_start = 0
        self._temporary: TemporaryFolder | None = None

    def send(self, job: Message) -> None:
        """Hand over a job; a process is started if there is none."""
        self._retry = job
        self._hand_over(job)

    def _hand_over(self, job: Message) -> None:
        if self._process is not None and self._process.poll() is not None:
            self.kill()  # it died between two jobs; this one is not to blame
        if self._process is None:
            self._start()
        self._log_start = 0
        # Without a log the folder of the run was removed; the store says what that means.
        with contextlib.suppress(FileNotFoundError):
            self._log_start = self._log.stat().st_size
        self._deadline = time.monotonic() + (self._limit if self._ready else START_TIMEOUT)
        self.busy = True
        self._jobs += 1
        self._write({**job, "id": self._id})

    def fileno(self) -> int:
        """Return the descriptor to wait on for messages."""
        return _pipes(self._running)[1]

    def seconds_left(self) -> float:
        """Return how long the job, or the start, may still take."""
        return self._deadline - time.monotonic()

    def receive(self) -> Iterator[Message]:
        """Yield the messages that have come; to be called when `fileno` is readable.

        The last is a result of its own, status "crashed", if the process died.
        """
        chunk = os.read(self.fileno(), pipes.BYTES)
        for message in self._decoded(chunk):
            if message.get("event") == "ready":
                self._ready = True
                self._deadline = time.monotonic() + self._limit
            elif message.get("id") != self._id:
                self.kill()
                yield _result("the process answered what nobody asked", self._last_output())
                return
            elif message["event"] == "barren":
                yield from self._start_again(message)
                return
            elif message["event"] == "result":
                self.busy = False
            yield message
        if not chunk and self.busy:
            yield self._crashed()

    def _start_again(self, message: Message) -> Iterator[Message]:
        """Have a new process do the job, once: an earlier cell may have broken this one."""
        self.kill()
        job, self._retry = self._retry, None
        if job is None:
            yield _result(message["text"], self._last_output())
        else:
            self._hand_over(job)

    def give_up(self) -> Message:
        """End the process because its time is over, and return the result of its job."""
        started, details = self._ready, self._last_output()
        self.kill()
        if started:
            return _result(f"no answer after {self._limit:g} s; the process was ended", details)
        message = f"the process did not start within {START_TIMEOUT:g} s"
        return _result(message, details, started=False)

    def kill(self) -> None:
        """End the process, at once, and all that it started."""
        self.busy = False
        if self._process is None:
            return
        process, self._process = self._process, None
        process_tree.end([process.pid])
        # If it had ended by itself, those that priors started are no longer known to be below it.
        process_tree.end(process_tree.of_session(process.pid))
        try:
            os.killpg(process.pid, signal.SIGKILL)
        except (ProcessLookupError, PermissionError):  # gone, or on macOS a zombie
            process.kill()
        process.wait()
        for pipe in (process.stdin, process.stdout):
            if pipe:
                try:
                    pipe.close()
                except BrokenPipeError:
                    continue

    def _decoded(self, chunk: bytes) -> list[Message]:
        try:
            return self._decoder.feed(chunk)
        except ValueError:
            return [{}]

    @property
    def _id(self) -> str:
        return f"job {self._jobs}"

    @property
    def _running(self) -> subprocess.Popen[bytes]:
        if self._process is None:
            raise RuntimeError("the process has not been started")
        return self._process

    def _start(self) -> None:
        self._ready = False
        self._decoder = wire.Decoder()
        with said_if_not_written(self._log):
            log = self._log.open("ab")
        with log:
            try:
                self._process = begin(self._setup.threads, log)
            except OSError as error:  # such as a limit of the system
                reason = error.strerror or error
                raise UsageError(f"no process can be started for the cells: {reason}") from error
        self._write({**dataclasses.asdict(self._setup), "temporary": self._temporary_folder()})

    def _temporary_folder(self) -> str:
        """Return where temporary files go, if they cannot go where they usually do, or "".

        In a folder above the images, the results or code of others nobody below this process can
        make files. The one made here goes with this object, or with the driver.
        """
        if self._temporary is None:
            usual = Path(tempfile.gettempdir()).resolve()
            folders = {
                Path(path).parent for path in (*self._setup.private, *self._setup.code.values())
            }
            if not any(folder.resolve().is_relative_to(usual) for folder in folders):
                return ""
            try:
                self._temporary = TemporaryFolder()
            except OSError:  # the disk is full: cells do without
                return ""
        return self._temporary.name

    def _write(self, message: Message) -> None:
        data = memoryview(wire.encode(message))
        try:
            while data:
                data = data[os.write(_pipes(self._running)[0], data) :]
        except BrokenPipeError:
            return  # it died; receive() will say so

    def _crashed(self) -> Message:
        process, started = self._running, self._ready
        code = exit_code(process)
        self.kill()
        details = self._last_output()
        message = f"the scorer: {exit_text(code)}" + ("" if started else " while it started")
        if lines := [line.strip() for line in details.splitlines() if line.strip()]:
            message += f": {lines[-1]}"
        return _result(message[:LONGEST_REASON], details, started=started)

    def _last_output(self) -> str:
        """Return the end of what the process printed during its job, if the log is still there."""
        with contextlib.suppress(FileNotFoundError), self._log.open("rb") as log:
            size = log.seek(0, os.SEEK_END)
            log.seek(max(self._log_start, size - LONGEST_TRACEBACK))
            return log.read().decode(errors="replace").strip()
        return ""


def begin(threads: int, log: BinaryIO) -> subprocess.Popen[bytes]:
    """Start the process of a slot, which prints into `log`."""
    process = subprocess.Popen(
        # -P: a torch.py in the user's folder is not to be taken for torch.
        [sys.executable, "-P", "-X", "faulthandler", "-m", SLOT],
        stdin=subprocess.PIPE,
        stdout=subprocess.PIPE,
        stderr=log,
        env=environment(threads),
        start_new_session=True,
    )
    for pipe in _pipes(process):
        pipes.widen(pipe)
    return process


def _pipes(process: subprocess.Popen[bytes]) -> Sequence[int]:
    if process.stdin is None or process.stdout is None:
        raise RuntimeError("the process has no pipes")
    return process.stdin.fileno(), process.stdout.fileno()


def environment(threads: int) -> dict[str, str]:
    """Return the environment of a slot: the driver's modules, and fixed, quiet threads.

    Examples
    --------
    >>> environment(threads=2)["OMP_NUM_THREADS"]
    '2'
    """
    counts = ("OMP_NUM_THREADS", "MKL_NUM_THREADS", "OPENBLAS_NUM_THREADS")
    return (
        dict(os.environ)
        | dict.fromkeys(counts, str(threads))
        | {
            "PYTHONPATH": os.pathsep.join(path or os.getcwd() for path in sys.path),
            "PYTHONUNBUFFERED": "1",
            "MALLOC_TRIM_THRESHOLD_": KEEP_MEMORY,
            "MALLOC_MMAP_THRESHOLD_": KEEP_MEMORY,
            "MALLOC_TOP_PAD_": str(2**26),
            "CUBLAS_WORKSPACE_CONFIG": ":4096:8",  # for deterministic algorithms
        }
    )


def _result(message: str, details: str, started: bool = True) -> Message:
    """Return the result of a job that the process itself could not answer."""
    return {
        "event": "result",
        "status": "crashed",
        "message": message,
        "details": details,
        "started": started,
    }
