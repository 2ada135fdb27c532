"""Whether a prior keeps more memory with each picture, as whoever restores a folder notices."""

from __future__ import annotations

import dataclasses
import gc
import os
from collections.abc import Iterator

import numpy as np
from torch import Tensor, strided

from priorlab import restoration
from priorlab.conformance.checks import Failed
from priorlab.conformance.scenes import measured, quick
from priorlab.ground import process_tree
from priorlab.priors import Prior

CALLS = 6
"""In each of two rounds, both of which have to show it: a small cache is full by then."""

WARM_UP = 2
"""Calls after which whatever is loaded once has been."""

LEAST_MB = 1.0
"""Growth of the process per call that cannot be chance; that of tensors is known exactly."""


def memory(prior: Prior) -> None:
    """It does not keep more memory with each picture that it restores."""
    measurement, settled = measured(prior), quick(prior)
    calls = iter(range(1, WARM_UP + 2 * CALLS + 1))
    gc.unfreeze()  # what was there after the imports may be what grows

    def after(count: int) -> tuple[float, float]:
        for _ in range(count):
            other = dataclasses.replace(measurement, y=measurement.y * (1 - 1e-3 * next(calls)))
            restoration.run(settled, other)
        gc.collect()
        return _held(), process_tree.own_mb(os.getpid()) if process_tree.KNOWN else 0.0

    rounds = [after(WARM_UP), after(CALLS), after(CALLS)]
    tensors, process = (
        min(two - one, three - two) / CALLS for one, two, three in zip(*rounds, strict=True)
    )
    picture = measurement.y.element_size() * measurement.y.numel()
    if tensors > picture / 2:
        raise Failed(
            f"it keeps {tensors / picture:.2g} times as much as the picture has with each picture"
            " that it restores; keep nothing between calls, or as much as a cache of fixed size"
        )
    if process >= LEAST_MB:
        raise Failed(
            f"the process takes {process:.2g} MB more with each picture that it restores; keep"
            " nothing between calls"
        )


def _held() -> float:
    """Return the bytes that all tensors and arrays hold which are in use."""
    sizes: dict[int, int] = {}
    for found in _tensors_and_arrays():
        if isinstance(found, Tensor):
            if found.layout == strided and found.device.type != "meta":
                storage = found.untyped_storage()
                sizes[storage.data_ptr()] = storage.nbytes()
        elif found.base is None:
            sizes[id(found)] = found.nbytes
    return float(sum(sizes.values()))


def _tensors_and_arrays() -> Iterator[Tensor | np.ndarray]:
    """Yield them; arrays are not known to the collector, but what refers to them is."""
    for one in gc.get_objects():
        if issubclass(type(one), Tensor):
            yield one
        yield from (found for found in gc.get_referents(one) if type(found) is np.ndarray)
