"""The process of a slot: it holds the truth, and measures, scores and judges; priors run elsewhere.

It begins as `priorlab.harness.run.slot`. What goes to and fro is in the form of
`priorlab.harness.run.wire`: first the driver's `Setup`, answered by ``{"event": "ready"}``; then
jobs, each with an "id", answered by any number of "step" and "note" events and one "result" with
that id. The process ends with the driver, however that ends.
"""

from __future__ import annotations

import contextlib
import gc
import os
import queue
import signal
import threading
from io import FileIO
from pathlib import Path
from typing import Any, BinaryIO, NoReturn, cast

from priorlab import components, plugins
from priorlab.errors import LONGEST_TRACEBACK, printable
from priorlab.ground import process_tree
from priorlab.harness.isolation import inside
from priorlab.harness.isolation.channel import Channel
from priorlab.harness.isolation.endings import left_running
from priorlab.harness.isolation.metric_process import MetricProcess
from priorlab.harness.isolation.nursery import Barren, Nursery
from priorlab.harness.isolation.output import Output
from priorlab.harness.isolation.setup import Setup
from priorlab.harness.results import outputs
from priorlab.harness.run import cell, machine, wire
from priorlab.harness.run.measured import Measured
from priorlab.harness.run.wire import FILES
from priorlab.pictures.image_files import ImageFile
from priorlab.registry import Registry
from priorlab.restoration import LONGEST_REASON
from priorlab.tasks.base import Task

LOG = 10_000_000
"""Bytes of what the cells of a slot print that are kept in its log."""


def serve(
    setup: Setup,
    pipes: tuple[FileIO, BinaryIO, int],
    printed: Output,
    control: Channel | None,
    zygote: int,
) -> NoReturn:
    """Do the driver's jobs until it hangs up.

    Parameters
    ----------
    setup : Setup
    pipes : tuple
        From the driver, to the driver, and the descriptor of the log.
    printed : Output
        What is printed here and in the processes below.
    control : Channel or None
        To the zygote.
    zygote : int
        Its number.
    """
    inbox, outbox, log = pipes
    jobs: queue.SimpleQueue[dict[str, Any]] = queue.SimpleQueue()
    threading.Thread(target=_listen, args=(inbox, jobs), daemon=True).start()
    server = _Server(setup, control, zygote, outbox, log, printed)
    server.begin()
    while True:
        server.work(jobs.get())


class _Server:
    """What the process does, job by job."""

    def __init__(
        self,
        setup: Setup,
        control: Channel | None,
        zygote_pid: int,
        outbox: BinaryIO,
        log: int,
        printed: Output,
    ) -> None:
        self._setup = setup
        self._control = control
        self._zygote = zygote_pid
        self._outbox = outbox
        self._log = log
        self._left_of_log = LOG
        self._printed = printed
        self._job = ""
        self._metrics = {name: MetricProcess(name, setup) for name in setup.metrics}
        self._registry: Registry | None = None
        self._tools = cell.Tools(
            setup=setup,
            nursery=Nursery(setup, control, self._note),
            metrics=self._metrics,
            views=cell.Views(),
            measured=Measured(),
            step=lambda iteration, total: self._send(
                event="step", iteration=iteration, total=total
            ),
            note=self._note,
        )

    def begin(self) -> None:
        """Say that this process is ready, once its zygote is."""
        inside.settle(self._setup.threads)
        if self._control is not None and self._control.receive() is None:
            self._keep_output(self._printed.take())
            os._exit(1)
        gc.collect()
        gc.freeze()
        self._send(event="ready")

    def work(self, job: dict[str, Any]) -> None:
        """Do a job and answer it."""
        self._job = job["id"]
        try:
            result = self._result(job)
        except Barren as error:
            self._keep_output(self._printed.take())
            self._send(event="barren", text=str(error))
            os._exit(1)
        except Exception as error:
            result = cell.failure(error)
        self._clear_away(result)
        text = self._printed.take()
        if result["status"] == "crashed":
            result["details"] = printable(text.strip()[-LONGEST_TRACEBACK:])
            if said := _telling_line(text):
                result["message"] = printable(f"{result['message']}: {said}")[:LONGEST_REASON]
        self._keep_output(text)
        self._send(event="result", machine=machine.name(self._setup.device), **result)

    def _result(self, job: dict[str, Any]) -> dict[str, Any]:
        image = ImageFile(**job["image"] | {"path": Path(job["image"]["path"])})
        task = cast("Task", components.from_description(job["task"], "tasks", self._find))
        if job["stored"]:
            data = job[FILES].get(job["stored"] + outputs.DATA, b"")
            return cell.rescore(self._tools, task, image, job["stored"], data, job["metrics"])
        return cell.compute(
            self._tools,
            job["prior"],
            task,
            image,
            job["seed"],
            self._job,
            batched=job["batched"],
        )

    def _find(self, kind: str, name: str) -> Any:
        """Return a task, or a component within one, from the plugins of the setup."""
        if self._registry is None:
            setup = self._setup
            self._registry = plugins.load(
                setup.plugin_files, setup.plugin_folders, only=setup.task_modules
            )
        return self._registry.find(kind, name)

    def _clear_away(self, result: dict[str, Any]) -> None:
        """End what a cell left behind, and say so."""
        known = {self._zygote, *(metric.pid for metric in self._metrics.values())}
        known |= set(self._tools.nursery.known())
        left = 0
        while orphans := [pid for pid in process_tree.children(os.getpid()) if pid not in known]:
            left += len(process_tree.running(orphans))
            process_tree.end(orphans)
            for pid in orphans:
                with contextlib.suppress(ChildProcessError):
                    os.waitpid(pid, 0)
        if left and result["status"] == "ok" and not result["message"]:
            result["message"] = left_running(left)

    def _keep_output(self, text: str) -> None:
        data = text.encode(errors="replace")[: self._left_of_log]
        self._left_of_log -= len(data)
        if data:
            with contextlib.suppress(OSError):
                os.write(self._log, data if data.endswith(b"\n") else data + b"\n")

    def _note(self, text: str) -> None:
        self._send(event="note", text=text)

    def _send(self, **message: Any) -> None:
        self._outbox.write(wire.encode({**message, "id": self._job}))
        self._outbox.flush()


def _listen(inbox: FileIO, jobs: queue.SimpleQueue[dict[str, Any]]) -> None:
    """Queue the jobs; at the end of the driver end this process and those it started."""
    decoder = wire.Decoder()
    while chunk := os.read(inbox.fileno(), 1 << 20):
        for message in decoder.feed(chunk):
            jobs.put(message)
    process_tree.end(process_tree.children(os.getpid()))
    with contextlib.suppress(ProcessLookupError):
        os.killpg(os.getpid(), signal.SIGKILL)  # the driver made this process lead its group
    os._exit(1)


def _telling_line(output: str) -> str:
    """Return the line of a process's last output that says most about its end."""
    lines = [line.strip() for line in output.splitlines() if line.strip()]
    fatal = [line for line in lines if line.startswith("Fatal Python error")]
    return (fatal or lines or [""])[-1]
