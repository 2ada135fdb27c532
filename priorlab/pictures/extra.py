"""Pictures that come with a restored one, such as a map of its uncertainty."""

from __future__ import annotations

import re
import sys
from dataclasses import dataclass
from typing import Any

import numpy as np
from numpy.typing import NDArray
from torch import Tensor

from priorlab.pictures import images
from priorlab.trace import Trace


@dataclass(frozen=True)
class Beside:
    """A picture to be written beside the restored one.

    Attributes
    ----------
    name : str
        Such as "uncertainty".
    image : array of shape (C, H, W)
        In [0, 1].
    white : float
        The value that white stands for: a map of small values would look black.
    """

    name: str
    image: NDArray[np.float32]
    white: float


def legend(name: str, white: float) -> str:
    """Return how a picture beside a restored one is to be read."""
    return f"{name}, black is 0 and white is {white:.3g}"


class Album(Trace):
    """Keeps the pictures that a prior tells of, and nothing else."""

    def __init__(self) -> None:
        self._pictures: dict[str, Any] = {}

    def picture(self, name: str, image: Tensor) -> None:
        """See `Trace.picture`."""
        try:
            self._pictures[str(name)] = image.detach().clone()
        except Exception as error:  # a plugin may tell anything; that must not cost its result
            print(f"picture {name!r} is left out: {error}", file=sys.stderr)

    def pictures(self) -> list[Beside]:
        """Return the pictures, scaled so that their maximum is white; what is none is left out."""
        found = []
        for name, image in self._pictures.items():
            if problem := _problem(name, image):
                print(f"picture {name!r} is left out: {problem}", file=sys.stderr)
                continue
            values = images.from_tensor(image).clip(min=0)
            white = float(values.max()) or 1.0
            scaled: NDArray[np.float32] = (values / white).astype(np.float32)
            found.append(Beside(name, scaled, white))
        return found


def _problem(name: str, image: Tensor) -> str:
    """Return why a picture cannot be written, or nothing."""
    if not re.fullmatch(r"[a-z0-9]+(-[a-z0-9]+)*", name) or len(name) > 40:
        return "its name is not made of lower-case words joined by hyphens"
    if image.ndim != 4 or image.shape[0] != 1 or image.shape[1] not in (1, 3) or not image.numel():
        return f"its shape is {tuple(image.shape)}"
    return "" if bool(image.isfinite().all()) else "it has values that are not finite"
