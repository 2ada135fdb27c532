"""What PyTorch's optimisers need before the first step."""

from __future__ import annotations

import torch


def load_optimisers() -> None:
    """Import what the first optimiser of a process imports: PyTorch's compiler, for a second.

    `Prior.prepare` is where that belongs: once for all images, and not in the time of the first.

    Examples
    --------
    >>> import sys
    >>> load_optimisers()
    >>> "torch._dynamo" in sys.modules
    True
    """
    torch.optim.SGD([torch.zeros(())])
