"""The child process: runs cells, one after the other, for the driver at its other end.

Started as ``python -m priorlab.harness.run.worker``. Both directions are JSON lines: first the
driver's `Setup`, answered by ``{"event": "ready"}``; then jobs, each answered by any number of
``"step"`` and ``"note"`` events and one ``"result"``. The process stays warm between jobs and ends
with the driver, however that ends.
"""

from __future__ import annotations

import contextlib
import gc
import json
import logging
import os
import queue
import signal
import sys
import threading
from pathlib import Path
from typing import Any, TextIO, cast

import torch
from typing_extensions import override

from priorlab import components, plugins
from priorlab.harness.run import cell
from priorlab.harness.run.timing import ClockedTrace
from priorlab.pictures.image_files import ImageFile
from priorlab.priors import Prior
from priorlab.registry import Registry
from priorlab.tasks.base import Task

STOP = "stop"
"""In place of a cell's status: nothing can be stored any more, so the run is to end."""


def main() -> None:
    """Serve the driver until it hangs up."""
    inbox, outbox = _keep_pipes()
    setup = json.loads(inbox.readline())
    _end_with(setup["driver"])
    jobs: queue.SimpleQueue[dict[str, Any]] = queue.SimpleQueue()
    threading.Thread(target=_listen, args=(inbox, jobs), daemon=True).start()

    logging.getLogger("priorlab").addHandler(_Notes(outbox))
    registry = plugins.load(setup["plugin_files"], setup["plugin_folders"])
    device = torch.device(setup["device"])
    _settle(setup["threads"])
    _warm_up(device)
    gc.collect()
    gc.freeze()  # what is loaded now stays: later collections need not look at it
    _send(outbox, event="ready")
    while True:
        job = jobs.get()
        _settle(setup["threads"])
        _send(outbox, event="result", **_run(job, registry, device, setup, outbox))
        gc.collect()


def _run(
    job: dict[str, Any],
    registry: Registry,
    device: torch.device,
    setup: dict[str, Any],
    outbox: TextIO,
) -> dict[str, Any]:
    """Build what a job names and run it."""
    image = ImageFile(**job["image"] | {"path": Path(job["image"]["path"])})
    pictures = Path(setup["pictures"])
    try:
        task = cast("Task", components.from_description(job["task"], "tasks", registry.find))
        if job["stored"]:
            return cell.rescore(
                task,
                image,
                job["stored"],
                job["metrics"],
                registry=registry,
                device=device,
                folder=pictures,
            )
        prior = cast("Prior", components.from_description(job["prior"], "priors", registry.find))
    except Exception as error:
        return cell.failure(error)
    trace = ClockedTrace(
        lambda iteration, total: _send(outbox, event="step", iteration=iteration, total=total)
    )
    try:
        return cell.compute(
            prior,
            task,
            image,
            job["seed"],
            registry=registry,
            device=device,
            folder=pictures,
            trace=trace,
        )
    except cell.StoreUnusable as error:
        return {"status": STOP, "message": str(error)}


def _keep_pipes() -> tuple[TextIO, TextIO]:
    """Take the pipes to the driver away from descriptors 0 and 1.

    What plugins print, in Python or in C, then goes to standard error, and cannot garble the
    answers; what they read is empty.
    """
    inbox, outbox = os.fdopen(os.dup(0)), os.fdopen(os.dup(1), "w")
    nothing = os.open(os.devnull, os.O_RDONLY)
    os.dup2(nothing, 0)
    os.dup2(2, 1)
    os.close(nothing)
    return inbox, outbox


class _Notes(logging.Handler):
    """Sends the driver what a user should know, such as that loops are being compiled."""

    def __init__(self, outbox: TextIO) -> None:
        super().__init__(logging.WARNING)
        self._outbox = outbox

    @override
    def emit(self, record: logging.LogRecord) -> None:
        _send(self._outbox, event="note", text=record.getMessage())


def _send(outbox: TextIO, **message: Any) -> None:
    outbox.write(json.dumps(message) + "\n")
    outbox.flush()


def _listen(inbox: TextIO, jobs: queue.SimpleQueue[dict[str, Any]]) -> None:
    """Queue the jobs; at the end of the driver end this process and those it started."""
    for line in inbox:
        jobs.put(json.loads(line))
    with contextlib.suppress(ProcessLookupError):
        os.killpg(os.getpid(), signal.SIGKILL)  # the driver made this process lead its group
    os._exit(1)


def _end_with(driver: int) -> None:
    """Have the kernel end this process with the driver, also while a prior never yields."""
    if sys.platform == "linux":
        import ctypes

        pr_set_pdeathsig = 1
        ctypes.CDLL(None).prctl(pr_set_pdeathsig, signal.SIGKILL)
        with contextlib.suppress(OSError):
            # When memory runs out, this process is to go, not the driver.
            Path("/proc/self/oom_score_adj").write_text("500")
    if os.getppid() != driver:
        os._exit(1)


def _settle(threads: int) -> None:
    """Set what decides speed and results of torch; a prior may have changed it."""
    torch.set_num_threads(threads)
    torch.set_default_dtype(torch.float32)
    torch.set_grad_enabled(True)
    torch.set_deterministic_debug_mode("warn")
    # On by default with the above, which costs time and guards nothing here.
    torch.utils.deterministic.fill_uninitialized_memory = False  # type: ignore[attr-defined]


def _warm_up(device: torch.device) -> None:
    """Have torch load its libraries now, so that the first cell does not pay for it."""
    image = torch.rand(1, 1, 64, 64, device=device, requires_grad=True)
    kernel = torch.rand(8, 1, 3, 3, device=device, requires_grad=True)
    response = torch.nn.functional.conv2d(image, kernel, padding=1)
    torch.fft.irfft2(torch.fft.rfft2(response)).square().mean().backward()


if __name__ == "__main__":
    main()
