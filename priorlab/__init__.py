"""priorlab: plug in an idea of what a natural image looks like, compare it with every other.

>>> import priorlab
>>> restored = priorlab.restore("photo.png", task="denoise:sigma=25", prior="tv")
>>> table = priorlab.bench(priors=["tv", "wavelet"], tasks=["denoise"])  # doctest: +SKIP

What a plugin is written with is here too: `Prior` and its three forms, `parameter`, `hookimpl`
and the others in `SURFACE`. What else the command line does is in `priorlab.api`.

Importing this package imports no torch: each name is imported when it is first used.
"""

import importlib
from typing import TYPE_CHECKING, Any

from priorlab.ground import garbage, idle_threads

if TYPE_CHECKING:
    from priorlab.api.batch import restore_files as restore_files
    from priorlab.api.comparing import bench as bench
    from priorlab.api.degrading import degrade as degrade
    from priorlab.api.restoring import restore as restore
    from priorlab.components import parameter as parameter
    from priorlab.forward.measurement import Measurement as Measurement
    from priorlab.forward.noise import Noise as Noise
    from priorlab.forward.operators import LinearOperator as LinearOperator
    from priorlab.hookspecs import hookimpl as hookimpl
    from priorlab.metrics import Metric as Metric
    from priorlab.optional_metrics import OptionalMetric as OptionalMetric
    from priorlab.priors import Denoiser as Denoiser
    from priorlab.priors import Generator as Generator
    from priorlab.priors import Prior as Prior
    from priorlab.priors import Regularizer as Regularizer
    from priorlab.tasks.base import Task as Task

__version__ = "0.1.0"

SURFACE = {
    "bench": "priorlab.api.comparing",
    "degrade": "priorlab.api.degrading",
    "restore": "priorlab.api.restoring",
    "restore_files": "priorlab.api.batch",
    "Denoiser": "priorlab.priors",
    "Generator": "priorlab.priors",
    "LinearOperator": "priorlab.forward.operators",
    "Measurement": "priorlab.forward.measurement",
    "Metric": "priorlab.metrics",
    "Noise": "priorlab.forward.noise",
    "OptionalMetric": "priorlab.optional_metrics",
    "Prior": "priorlab.priors",
    "Regularizer": "priorlab.priors",
    "Task": "priorlab.tasks.base",
    "hookimpl": "priorlab.hookspecs",
    "parameter": "priorlab.components",
}
"""The module that defines each public name."""

__all__ = list(SURFACE)

idle_threads.doze()  # before torch is imported


def __getattr__(name: str) -> Any:
    """Import a public name, or the package of the other functions, on first use."""
    if name == "api":
        return importlib.import_module(f"{__name__}.api")
    if name not in SURFACE:
        raise AttributeError(f"module 'priorlab' has no attribute {name!r}")
    with garbage.awaited():
        value = getattr(importlib.import_module(SURFACE[name]), name)
    globals()[name] = value
    return value


def __dir__() -> list[str]:
    """Return the public names along with those that are loaded."""
    return sorted({*globals(), *SURFACE})
