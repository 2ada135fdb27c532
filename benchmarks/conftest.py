"""What all benchmarks share: the threads, and how long torch's stay awake."""

from collections.abc import Iterator
from typing import Any

import pytest

import priorlab  # noqa: F401  # before torch, whose idle threads it sets


@pytest.fixture(params=[1, 2])
def threads(request: pytest.FixtureRequest, benchmark: Any) -> Iterator[int]:
    """Run with one thread, and with two; `speed_tables.py` is told which."""
    import torch

    before = torch.get_num_threads()
    torch.set_num_threads(request.param)
    benchmark.extra_info["threads"] = request.param
    yield request.param
    torch.set_num_threads(before)
