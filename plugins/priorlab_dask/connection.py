"""The driver's connection to a scheduler, which may be restarted, and the start of a cluster."""

from __future__ import annotations

import contextlib
import importlib
import time
from collections.abc import Callable, Mapping
from pathlib import Path
from typing import Any

import dask.config
import yaml
from distributed import Client

from priorlab.errors import UsageError

PATIENCE = 600.0
"""Seconds for which a scheduler that does not answer is tried again."""

TRY = 5.0
"""Seconds for which it is tried at a time."""


class Connection:
    """A client of the scheduler, made again after the scheduler was restarted.

    Attributes
    ----------
    client : distributed.Client
        The current one.
    name : str
        What the cluster is called in a sentence.
    """

    def __init__(
        self,
        scheduler: str,
        cluster: str,
        workers: int,
        stop: Callable[[], bool],
        on_note: Callable[[str], None],
    ) -> None:
        """Note where the scheduler is, or what to start; nothing happens yet."""
        self.client: Client = None
        self.name = scheduler or cluster
        self._address = scheduler
        self._to_start = (cluster, workers)
        self._cluster: Any = None
        self._scheduler = ""
        self._stop = stop
        self._on_note = on_note

    def open(self) -> bool:
        """Connect, or connect again; False if the user stopped it.

        Raises
        ------
        UsageError
            If the cluster cannot be started, or the scheduler does not answer for a long time.
        """
        lost = self.client is not None
        self._close_client()
        self._scheduler = ""
        if self._cluster is None and not self._address:
            self._cluster = _started(*self._to_start)
        deadline = time.monotonic() + (PATIENCE if lost else 2 * TRY)
        if lost:
            self._on_note(
                f"lost the scheduler {self.name}; what is finished is kept, and it is tried again "
                f"for {PATIENCE / 60:.0f} minutes"
            )
        while not self._stop():
            try:
                self.client = Client(
                    self._cluster or self._address,
                    timeout=TRY,
                    set_as_default=False,
                    name="priorlab",
                )
                return True
            except (OSError, TimeoutError, ValueError) as error:
                problem = str(error).partition("\n")[0] or type(error).__name__
            if time.monotonic() > deadline:
                kept = "; the same command goes on from here" if lost else ""
                raise UsageError(f"no scheduler answers at {self.name}: {problem}{kept}")
        return False

    def workers(self) -> Mapping[str, Mapping[str, Any]] | None:
        """Return what is known of each worker, by address.

        None if the scheduler is lost, or is another one since the last time: it knows nothing.
        """
        if self.client.status != "running":
            return None
        try:
            facts = self.client.scheduler_info(n_workers=-1)
        except (OSError, TimeoutError, RuntimeError):
            return None
        known, self._scheduler = self._scheduler, facts["id"]
        return facts["workers"] if known in ("", facts["id"]) else None

    def close(self) -> None:
        """Let go of the scheduler, and end the cluster if it was started here."""
        self._close_client()
        if self._cluster is not None:
            self._cluster.close()

    def _close_client(self) -> None:
        if self.client is not None:
            with contextlib.suppress(OSError, TimeoutError, RuntimeError):
                self.client.close(timeout=2)


def _started(cluster: str, workers: int) -> Any:
    """Start a cluster: a class by its name, or what a file says."""
    said: dict[str, Any] = {"cluster": cluster}
    if cluster.endswith((".yaml", ".yml")):
        said = _read(Path(cluster))
        ours = ("cluster", "arguments")
        dask.config.update(
            dask.config.config, {key: value for key, value in said.items() if key not in ours}
        )
    module, _, name = str(said["cluster"]).rpartition(".")
    try:
        start = getattr(importlib.import_module(module), name)
    except (ImportError, AttributeError, ValueError) as error:
        raise UsageError(f"dask: cluster={said['cluster']} is no class here: {error}") from None
    try:
        running = start(**said.get("arguments", {}))
        if workers:
            running.scale(workers)
    except Exception as error:  # the class is anyone's
        raise UsageError(f"dask: {said['cluster']} did not start: {error}") from error
    return running


def _read(file: Path) -> dict[str, Any]:
    """Read the file of a cluster."""
    try:
        said = yaml.safe_load(file.read_text(encoding="utf-8"))
    except (OSError, ValueError, yaml.YAMLError) as error:
        problem = str(error).partition("\n")[0]
        raise UsageError(f"dask: cannot read cluster={file}: {problem}") from None
    if not (isinstance(said, dict) and isinstance(said.get("cluster"), str)):
        raise UsageError(
            f"dask: {file} does not say which class of cluster to start: it needs a line such as "
            "'cluster: dask_jobqueue.SLURMCluster'"
        )
    if not isinstance(said.get("arguments", {}), dict):
        raise UsageError(f"dask: 'arguments' in {file} is not a mapping of names to values")
    return said
