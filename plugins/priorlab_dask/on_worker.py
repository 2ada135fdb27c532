"""What a worker does: it unpacks what it needs, says what it is, and computes cells.

The cells are computed by child processes of the worker, as everywhere, one for each place, which
stay warm. They end with the worker, with the run, and when nobody asks for them any more.
"""

from __future__ import annotations

import contextlib
import os
import queue
import shutil
import threading
import time
from collections.abc import Mapping
from concurrent.futures import ThreadPoolExecutor
from pathlib import Path
from typing import Any

import numpy as np
from distributed import get_worker

from priorlab.harness.isolation.setup import Setup
from priorlab.harness.run import introduction
from priorlab.harness.run.placing import Place
from priorlab.harness.run.wire import Message
from priorlab_dask.luggage import Luggage, Unpacked

IDLE = 300.0
"""Seconds after which the children of a run that gives no more cells are ended."""

STEP = 1.0
"""Least seconds between two words on how far a cell is."""

_sites: dict[str, _Site] = {}
_lock = threading.Lock()


def arrive(luggage: Luggage) -> dict[str, Any]:
    """Get ready for a run, and return what this machine is; see `introduction.ask`."""
    worker = get_worker()
    with _lock:
        leave(luggage.run)
        site = _Site(luggage, Path(worker.local_directory, f"priorlab-{luggage.run}"))
        _sites[luggage.run] = site
    facts = introduction.ask(_setup(site.setup), site.components, site.modules)
    site.accelerators = facts.get("accelerators", 0)
    return facts


def leave(run: str) -> None:
    """End everything that belongs to a run."""
    if site := _sites.pop(run, None):
        site.close()


def compute(
    run: str, number: int, request: Message, image: np.ndarray[Any, Any] | None
) -> dict[str, Any]:
    """Compute one cell.

    Parameters
    ----------
    run : str
        The run that it belongs to.
    number : int
        What the driver calls it; what it is told on the way has that number.
    request : dict
        What a child is asked; its paths are those of the driver.
    image : array of shape (C, H, W), optional
        The pixels, float32, where this machine does not have them yet.

    Returns
    -------
    dict
        "message" and "wall": the child's result and the seconds that it took. Or "absent":
        "site" if the worker does not know the run, "image" if it does not have the pixels.
    """
    worker = get_worker()
    key = worker.get_current_task()

    def wanted() -> bool:
        task = worker.state.tasks.get(key)
        return run in _sites and task is not None and task.state != "cancelled"

    def on_event(event: Message) -> None:
        worker.log_event(topic(run), event | {"number": number})

    if (site := _sites.get(run)) is None:
        return {"absent": "site"}
    path = site.image(request["image"]["digest"], image)
    if path is None:
        return {"absent": "image"}
    request = site.files.translated(request)
    request["image"] |= {"path": str(path), "white": 0}
    return site.compute(request, on_event, wanted)


def topic(run: str) -> str:
    """Return the topic of the events of a run."""
    return f"priorlab-{run}"


class _Site:
    """What this worker has of a run: files, images, and child processes."""

    def __init__(self, luggage: Luggage, folder: Path) -> None:
        self.accelerators = 0
        self.files = Unpacked(luggage, folder / "files")
        self.setup = self.files.translated(luggage.setup)
        self.components = self.files.translated(luggage.components)
        self.modules = self.files.translated(luggage.modules)
        self._folder = folder
        self._free: queue.LifoQueue[Place] = queue.LifoQueue()
        self._places = 0
        self._starting = threading.Lock()
        # A child ends with the thread that started it, and that of a task may end at any time.
        self._starter = ThreadPoolExecutor(1, "priorlab-starter")
        self._last = time.monotonic()
        self._closed = threading.Event()
        threading.Thread(target=self._end_when_idle, daemon=True).start()

    def image(self, digest: str, pixels: np.ndarray[Any, Any] | None) -> Path | None:
        """Return the file of an image, which is written if it is new; None if it is not there."""
        path = self._folder / "images" / f"{digest}.npy"
        if not path.exists():
            if pixels is None:
                return None
            path.parent.mkdir(parents=True, exist_ok=True)
            new = path.with_suffix(f".{threading.get_ident()}.part")
            with new.open("wb") as file:
                np.save(file, np.moveaxis(pixels, 0, 2))
            os.replace(new, path)
        return path

    def compute(self, request: Message, on_event: Any, wanted: Any) -> dict[str, Any]:
        """Have a child compute a cell."""
        place = self._take()
        told = 0.0

        def tell(event: Message) -> None:
            nonlocal told
            now = time.monotonic()
            step = event.get("event") == "step" and now - told > STEP
            if step or event.get("event") == "note":
                told = now
                on_event(event)

        try:
            done = place.run(request, on_event=tell, wanted=wanted)
        finally:
            self._last = time.monotonic()
            self._free.put(place)
        if done is None:
            return {"absent": "site"}
        message, wall = done
        return {"message": message, "wall": wall}

    def close(self) -> None:
        """End the children and remove the files."""
        self._closed.set()
        self._end_free()  # the others see that nobody wants their result
        self._starter.shutdown(wait=False)
        shutil.rmtree(self._folder, ignore_errors=True)

    def _take(self) -> Place:
        """Return a place that is free, if possible one with a warm child."""
        with self._starting:
            with contextlib.suppress(queue.Empty):
                return self._free.get_nowait()
            number = self._places
            self._places += 1
            setup = {**self.setup, "private": [str(self._folder / "images")]}
            if setup["device"] == "cuda" and self.accelerators > 1:
                setup["device"] = f"cuda:{number % self.accelerators}"
            log = self._folder / "logs" / f"place{number + 1}.log"
            return Place(_setup(setup), log, start=self._start)

    def _start(self, start: Any) -> None:
        self._starter.submit(start).result()

    def _end_when_idle(self) -> None:
        """End the children, which would keep their memory, when the driver has gone silently."""
        while not self._closed.wait(IDLE / 10):
            if time.monotonic() - self._last > IDLE:
                self._end_free()

    def _end_free(self) -> None:
        """End the children that compute nothing."""
        with self._starting:
            for _ in range(self._free.qsize()):
                place = self._free.get_nowait()
                place.close()
                self._free.put(place)


def _setup(fields: Mapping[str, Any]) -> Setup:
    """Return a setup whose lists came over a network."""
    return Setup(
        **{
            name: tuple(value) if isinstance(value, list) else value
            for name, value in fields.items()
        }
    )
