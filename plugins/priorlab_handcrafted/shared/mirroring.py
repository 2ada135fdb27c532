"""The picture beyond its border: its mirror image."""

import torch
from torch import Tensor
from torch.nn.functional import pad


def mirror(x: Tensor, rows: tuple[int, int], columns: tuple[int, int]) -> Tensor:
    """Return images (B, C, H, W) with this many more rows and columns before and after.

    They are mirrored at the outermost pixels, which are not repeated. Unlike torch's own padding
    this may be wider than the image.
    """
    height, width = x.shape[-2:]
    if max(rows) < height and max(columns) < width:
        return pad(x, (*columns, *rows), mode="reflect")
    for axis, (before, after) in ((-1, columns), (-2, rows)):
        size = x.shape[axis]
        period = max(2 * (size - 1), 1)
        index = torch.arange(-before, size + after, device=x.device) % period
        x = x.index_select(axis, torch.minimum(index, period - index))
    return x
