"""What the harness sets for its children too, before torch is imported; and the threads."""

import os
from collections.abc import Iterator
from typing import Any

import pytest

# Idle threads of torch are to sleep: spinning, they take the cores from whatever runs next.
os.environ.setdefault("OMP_WAIT_POLICY", "PASSIVE")


@pytest.fixture(params=[1, 2])
def threads(request: pytest.FixtureRequest, benchmark: Any) -> Iterator[int]:
    """Run with one thread, and with two; `speed_tables.py` is told which."""
    import torch

    before = torch.get_num_threads()
    torch.set_num_threads(request.param)
    benchmark.extra_info["threads"] = request.param
    yield request.param
    torch.set_num_threads(before)
