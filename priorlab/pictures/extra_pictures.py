"""Extra pictures of a prior, such as a map of its uncertainty: shown with the restored image."""

from __future__ import annotations

import re
import sys
from dataclasses import dataclass
from typing import Any

import numpy as np
from numpy.typing import NDArray
from torch import Tensor
from typing_extensions import override

from priorlab.errors import kind, said
from priorlab.pictures import arrays
from priorlab.trace import Trace

NAME = r"(?=.{1,40}$)[a-z0-9]+(-[a-z0-9]+)*"
"""What the name of an extra picture looks like."""


@dataclass(frozen=True)
class ExtraPicture:
    """A picture to be shown with a restored image.

    Attributes
    ----------
    name : str
        Such as "uncertainty".
    image : array of shape (C, H, W)
        In [0, 1], C >= 1.
    white : float
        The value that white stands for: unscaled, a map of small values would look black.
    """

    name: str
    image: NDArray[np.float32]
    white: float


def legend(name: str, white: float) -> str:
    """Return how to read an extra picture.

    Examples
    --------
    >>> legend("uncertainty", 0.125)
    'uncertainty, black is 0 and white is 0.125'
    """
    return f"{name}, black is 0 and white is {white:.3g}"


class PictureCollector(Trace):
    """A trace that keeps the extra pictures of a prior, and nothing else.

    Examples
    --------
    >>> import torch
    >>> collector = PictureCollector()
    >>> collector.picture("uncertainty", torch.full((1, 1, 16, 16), 0.125))
    >>> [(found.name, found.white) for found in collector.pictures()]
    [('uncertainty', 0.125)]
    """

    def __init__(self) -> None:
        self._pictures: dict[str, Any] = {}

    @override
    def picture(self, name: str, image: Tensor) -> None:
        try:
            self._pictures[str(name)] = image.detach().clone()
        except Exception as error:  # a plugin may pass anything; that must not cost its result
            print(f"a picture is left out: {kind(error)}: {said(error)}", file=sys.stderr)

    def pictures(self) -> list[ExtraPicture]:
        """Return the pictures, scaled so that their maximum is white.

        Whatever cannot be shown is left out, and the reason printed.
        """
        found = []
        for name, image in self._pictures.items():
            if problem := _problem(name, image):
                print(f"picture {name!r} is left out: {problem}", file=sys.stderr)
                continue
            values = arrays.from_tensor(image).clip(min=0)
            white = float(values.max()) or 1.0
            scaled: NDArray[np.float32] = (values / white).astype(np.float32)
            found.append(ExtraPicture(name, scaled, white))
        return found


def _problem(name: str, image: Tensor) -> str:
    """Return why a picture cannot be written, or nothing."""
    if not re.fullmatch(NAME, name):
        return "its name is not made of lower-case words joined by hyphens"
    if image.ndim != 4 or image.shape[0] != 1 or not image.numel():
        return f"its shape is {tuple(image.shape)}, not (1, C, H, W)"
    if image.is_complex():
        return "its values are complex"
    return "" if bool(image.isfinite().all()) else "it has values that are not finite"
