"""Images continued to a size that a network accepts."""

from __future__ import annotations

import torch
from torch import Tensor


def continued(image: Tensor, height: int, width: int) -> Tensor:
    """Return images (B, C, H, W) with more rows and columns at the end, mirrored with the last.

    Examples
    --------
    >>> continued(torch.tensor([[[[1.0, 2.0, 3.0]]]]), 1, 8)
    tensor([[[[1., 2., 3., 3., 2., 1., 1., 2.]]]])
    """
    for axis, needed in ((-2, height), (-1, width)):
        size = image.shape[axis]
        index = torch.arange(needed, device=image.device) % (2 * size)
        image = image.index_select(axis, torch.minimum(index, 2 * size - 1 - index))
    return image
