"""priorlab: plug in an idea of what a natural image looks like, compare it with every other.

>>> import priorlab
>>> restored = priorlab.restore("photo.png", task="denoise:sigma=25", prior="tv")
>>> table = priorlab.bench(priors=["tv", "wavelet"], tasks=["denoise"])

Importing this package imports no torch; the functions import what they need when called.
"""

from typing import TYPE_CHECKING, Any

if TYPE_CHECKING:
    from priorlab.api import bench, degrade, restore

__version__ = "0.1.0"
__all__ = ["bench", "degrade", "restore"]


def __getattr__(name: str) -> Any:
    """Import the public functions on first use."""
    if name in __all__:
        from priorlab import api

        return getattr(api, name)
    raise AttributeError(f"module 'priorlab' has no attribute {name!r}")
