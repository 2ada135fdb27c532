"""The engine `dask`: the cells of a comparison on the workers of a dask cluster.

The driver's side is `driving`, which decides what is computed where (`crew`) over a `connection`;
the worker's side is `on_worker`. Nothing is read from a disk that both share: files travel as
`luggage`, images by their digest, results as bytes.
"""

from priorlab.hookspecs import hookimpl
from priorlab_dask.engine import Dask


@hookimpl
def priorlab_engines() -> list[type[Dask]]:
    """Return the engine."""
    return [Dask]
