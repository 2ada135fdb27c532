"""Whether a prior keeps more memory with each picture, as whoever restores a folder notices."""

from __future__ import annotations

import dataclasses
import gc
import os
import tracemalloc

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

ARRAYS = np.lib.tracemalloc_domain
"""Under this number numpy tells `tracemalloc` of the memory of arrays."""


def memory(prior: Prior) -> None:
    """It does not keep more memory with each picture that it restores."""
    measurement, settled = measured(prior), quick(prior)
    calls = iter(range(1, WARM_UP + 2 * CALLS + 1))

    def after(count: int) -> tuple[float, float]:
        for _ in range(count):
            other = dataclasses.replace(measurement, y=measurement.y * (1 - 1e-3 * next(calls)))
            restoration.run(settled, other)
        gc.collect()
        return _held(), process_tree.own_mb(os.getpid()) if process_tree.KNOWN else 0.0

    gc.freeze()
    tracemalloc.start()
    try:
        rounds = [after(WARM_UP), after(CALLS), after(CALLS)]
    finally:
        tracemalloc.stop()
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
    """Return the bytes that tensors and arrays hold which were made since the check began."""
    tensors = (one for one in gc.get_objects() if issubclass(type(one), Tensor))
    stored = (one for one in tensors if one.layout == strided and one.device.type != "meta")
    storages = {one.untyped_storage().data_ptr(): one.untyped_storage() for one in stored}
    # The collector does not know arrays.
    traces = tracemalloc.take_snapshot().filter_traces([tracemalloc.DomainFilter(True, ARRAYS)])
    arrays = sum(trace.size for trace in traces.traces)
    return float(sum(storage.nbytes() for storage in storages.values()) + arrays)
