"""One seed for everything random in a restoration."""

from __future__ import annotations

import contextlib
import random
from collections.abc import Iterator

import numpy as np
import torch


@contextlib.contextmanager
def seeded(seed: int, device: torch.device) -> Iterator[None]:
    """Seed the global generators of Python, numpy and torch; leave them as they were.

    A prior that draws from them then depends on its seed only, not on what ran before it. Of
    torch's generators, those of the CPU and of `device` are seeded: to touch that of another GPU
    would make torch start it, which takes seconds and some of its memory.

    Parameters
    ----------
    seed : int
        From 0 to 2^63 - 1.
    device : torch.device
        Where the prior works.

    Examples
    --------
    >>> with seeded(1, torch.device("cpu")):
    ...     first = torch.rand(2)
    >>> with seeded(1, torch.device("cpu")):
    ...     torch.equal(torch.rand(2), first)
    True
    """
    python, array = random.getstate(), np.random.get_state()  # noqa: NPY002
    with torch.random.fork_rng([device] if device.type == "cuda" else []):
        random.seed(seed)
        np.random.seed(seed % 2**32)  # noqa: NPY002
        seed_torch(seed, device)
        try:
            yield
        finally:
            random.setstate(python)
            np.random.set_state(array)  # noqa: NPY002


def seed_torch(seed: int, device: torch.device) -> None:
    """Seed torch's generators of the CPU and of `device`; `torch.manual_seed` seeds all GPUs.

    To be called within `seeded` or `torch.random.fork_rng`.

    Examples
    --------
    >>> with torch.random.fork_rng([]):
    ...     seed_torch(1, torch.device("cpu"))
    ...     first = torch.rand(2)
    ...     seed_torch(1, torch.device("cpu"))
    ...     torch.equal(torch.rand(2), first)
    True
    """
    torch.default_generator.manual_seed(seed)
    if device.type == "cuda":
        with torch.cuda.device(device):
            torch.cuda.manual_seed(seed)
    elif device.type != "cpu":
        torch.get_device_module(device).manual_seed(seed)
