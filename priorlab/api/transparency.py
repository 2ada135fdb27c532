"""What restoring does to the clear pixels of a picture."""

from __future__ import annotations

import dataclasses

import numpy as np
import torch
from numpy.typing import NDArray

from priorlab.forward.measurement import Measurement
from priorlab.pictures.picture import Picture


def hidden_again(
    restored: torch.Tensor,
    image: NDArray[np.float32],
    clear: NDArray[np.bool_],
    measurement: Measurement,
) -> torch.Tensor:
    """Return a restored image (1, C, H, W) with the colour that its clear pixels had before.

    Those that were missing are filled, and one of another size stays as it is.

    Examples
    --------
    >>> from priorlab.tasks.builtin import Denoise
    >>> restored, clear = torch.ones(1, 1, 16, 16), np.eye(16, dtype=bool)
    >>> measurement = Denoise().measure(restored, seed=0)
    >>> float(hidden_again(restored, np.zeros((1, 16, 16), np.float32), clear, measurement).mean())
    0.9375
    """
    if restored.shape[1:] != image.shape:
        return restored
    where, known = torch.from_numpy(clear).to(restored.device), measurement.operator.known_pixels
    if known is not None:
        where = where & (known[0].amax(0) > 0.5)
    colours = torch.from_numpy(image)[None].to(restored.device).clamp(0, 1)
    return torch.where(where, colours, restored)


def with_holes_opaque(
    picture: Picture, measurement: Measurement
) -> tuple[Picture, tuple[str, ...]]:
    """Return a picture whose clear pixels are opaque where they were missing: they are filled.

    Returns
    -------
    picture : Picture
    notes : tuple of str
        A line on what became opaque.

    Examples
    --------
    >>> from priorlab.tasks.builtin import Inpaint
    >>> picture = Picture(image=np.zeros((1, 16, 16), np.float32))
    >>> with_holes_opaque(picture, Inpaint().measure(torch.zeros(1, 1, 16, 16), seed=0))[1]
    ()
    """
    known, opacity = measurement.operator.known_pixels, picture.opacity
    if known is None or opacity is None:
        return picture, ()
    filled = (known[0].amax(0).cpu().numpy() < 0.5) & (opacity < 1)
    if filled.shape != opacity.shape or not filled.any():
        return picture, ()
    like = dataclasses.replace(picture, opacity=np.where(filled, np.float32(1), opacity))
    return like, ("what was transparent and is filled is opaque now",)
