"""The engine `submitit`: the cells of a comparison as an array job of SLURM."""

from priorlab.hookspecs import hookimpl
from priorlab_submitit.engine import Submitit


@hookimpl
def priorlab_engines() -> list[type[Submitit]]:
    """Return the engine."""
    return [Submitit]
