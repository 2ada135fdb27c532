"""What can be typed: the engine and its parameters. It loads no submitit before it runs."""

from __future__ import annotations

import dataclasses
import importlib.util
import tomllib
from pathlib import Path
from typing import Any, ClassVar

from priorlab import parameter
from priorlab.engines import Engine, Results, Work
from priorlab.errors import UsageError


@dataclasses.dataclass(frozen=True, kw_only=True)
class Submitit(Engine):
    """An array job of SLURM: each of its jobs computes a share of the cells, one after the other.

    The results folder, the images and the plugins must be on a disk that the machines share, as
    submitit itself demands. The command waits for the jobs: let it run on a login node.
    """

    name: ClassVar[str] = "submitit"

    jobs: int = parameter(8, "into how many jobs the cells are divided", low=1)
    options: str = parameter(
        "", "TOML file with submitit's parameters of a job, such as slurm_partition or timeout_min"
    )
    executor: str = parameter(
        "auto",
        "auto is SLURM where there is one; local starts processes on this machine",
        choices=("auto", "slurm", "local", "debug"),
    )

    def check(self) -> None:
        """Raise a `UsageError` if submitit is missing or the options cannot be read."""
        if importlib.util.find_spec("submitit") is None:
            raise UsageError(
                "the engine submitit needs the library of that name: "
                "pip install 'priorlab[submitit]'"
            )
        self.read_options()

    def read_options(self) -> dict[str, Any]:
        """Return what the file of options says."""
        if not self.options:
            return {}
        try:
            return tomllib.loads(Path(self.options).read_text("utf-8"))
        except (OSError, ValueError) as error:
            raise UsageError(f"submitit: cannot read options={self.options}: {error}") from None

    def run(self, work: Work) -> Results:
        """Compute all jobs in an array job."""
        from priorlab_submitit.array import compute

        cluster = None if self.executor == "auto" else self.executor
        return compute(work, self.jobs, cluster, self.read_options())
