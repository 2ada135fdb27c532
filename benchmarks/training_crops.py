"""Training pictures for scripts that sweep or measure: the centres of photographs."""

from pathlib import Path

import numpy as np
import torch

from priorlab.pictures import reading


def crops(folder: Path, count: int, side: int, channels: int = 1) -> list[torch.Tensor]:
    """Return centre crops (1, channels, side, side) of images spread evenly over the folder."""
    paths = sorted(path for path in folder.iterdir() if path.suffix in (".jpg", ".png"))
    found = []
    for path in paths[:: max(1, len(paths) // count)][:count]:
        image = reading.read(path)
        image = image if channels == 3 else image.mean(axis=0, keepdims=True)
        top, left = (max(0, length - side) // 2 for length in image.shape[1:])
        inside = image[:, top : top + side, left : left + side]
        found.append(torch.from_numpy(np.ascontiguousarray(inside))[None])
    return found
