"""What can be typed: the engine and its parameters. It loads no dask before it runs."""

from __future__ import annotations

import dataclasses
import importlib.util
import os
from typing import ClassVar

from priorlab import parameter
from priorlab.engines import Engine, Results, Work
from priorlab.errors import UsageError

ADDRESS = "DASK_SCHEDULER_ADDRESS"
"""The environment variable that names dask's scheduler."""


@dataclasses.dataclass(frozen=True, kw_only=True)
class Dask(Engine):
    """The workers of a dask cluster: one that runs already, or one that is started for the run.

    Each thread of a worker computes one cell at a time, or as many threads as the cells have; with
    ``--device cuda`` each unit of the worker's resource GPU does. Workers need the same priorlab,
    plugins and libraries as the machine that the run is started on, and no shared disk.
    """

    name: ClassVar[str] = "dask"

    scheduler: str = parameter(
        "", f"address of a scheduler that runs, such as tcp://host:8786 (else: ${ADDRESS})"
    )
    cluster: str = parameter(
        "",
        "cluster to start: a class, such as dask_jobqueue.SLURMCluster, that is set up in dask's "
        "own configuration, or a YAML file like that one with 'cluster: CLASS' in it",
    )
    workers: int = parameter(0, "workers to ask that cluster for; 0 leaves it to the class", low=0)

    def check(self) -> None:
        """Raise a `UsageError` if distributed or the place of the cluster is missing."""
        if importlib.util.find_spec("distributed") is None:
            raise UsageError(
                "the engine dask needs the library distributed: pip install 'priorlab[dask]'"
            )
        if self.scheduler and self.cluster:
            raise UsageError("dask: scheduler and cluster are both given; one is to be used")
        if not (self.scheduler or self.cluster or os.environ.get(ADDRESS)):
            raise UsageError(
                "dask: where is the cluster? Add --scheduler tcp://HOST:8786 for one that runs, "
                "or dask:cluster=dask_jobqueue.SLURMCluster,workers=8 to start one"
            )
        if self.workers and not self.cluster:
            raise UsageError("dask: workers= is for a cluster that is started by cluster=")

    def run(self, work: Work) -> Results:
        """Compute all jobs on the cluster."""
        from priorlab_dask.connection import Connection
        from priorlab_dask.driving import Drive

        place = self.scheduler or ("" if self.cluster else os.environ[ADDRESS])
        connection = Connection(place, self.cluster, self.workers, work.stop, work.on_note)
        return Drive(work, connection).results()
