"""What the priors that only fill in missing pixels share."""

import dataclasses
from abc import abstractmethod

import numpy as np
import torch
from numpy.typing import NDArray
from torch import Tensor
from typing_extensions import override

from priorlab.forward.measurement import Measurement
from priorlab.priors import Prior
from priorlab.trace import SILENT, Trace

Planes = NDArray[np.float64]
Known = NDArray[np.bool_]


@dataclasses.dataclass(frozen=True, kw_only=True)
class Inpainting(Prior):
    """Base of the priors that interpolate missing pixels from the known ones.

    Known pixels are kept, apart from clipping; any noise in them is interpolated as well.
    """

    def prepare(self, device: torch.device, channels: int) -> None:
        """Fill in a pixel: what libraries import for it takes longer than a small picture."""
        self.fill(np.zeros((1, 3, 3)), np.arange(9).reshape(3, 3) != 4)

    @abstractmethod
    def fill(self, planes: Planes, known: Known) -> Planes:
        """Return `planes` (N, H, W) with the pixels that are not `known` (H, W) filled in.

        Some pixels are known and some are not. `planes` is not modified.
        """

    @override
    def unsupported(self, measurement: Measurement) -> str | None:
        if measurement.operator.known_pixels is not None:
            return None
        return "it only fills in missing pixels (inpaint)"

    def restore(self, measurement: Measurement, trace: Trace = SILENT, seed: int = 0) -> Tensor:
        """Return the picture without gaps, clipped to [0, 1]; mid-gray if nothing is known."""
        self.require(measurement)
        y = measurement.y.detach().cpu().numpy().astype(np.float64)
        known = known_planes(measurement)
        for channels, mask in _groups(known, y.shape[1]):
            if not mask.any():
                y[:, channels] = 0.5
            elif not mask.all():
                group = y[:, channels]
                filled = self.fill(group.reshape(-1, *mask.shape), mask)
                y[:, channels] = filled.reshape(group.shape)
        return torch.from_numpy(y).to(measurement.y).clamp(0, 1)


def known_planes(measurement: Measurement) -> Known:
    """Return where pixels are known, (1 or C, H, W)."""
    known = measurement.operator.known_pixels
    assert known is not None
    return known[0].cpu().numpy() > 0.5


def _groups(known: Known, channels: int) -> list[tuple[slice, Known]]:
    """Pair channels with their mask; channels that share one are filled at once."""
    if len(known) == 1:
        return [(slice(0, channels), known[0])]
    return [(slice(channel, channel + 1), mask) for channel, mask in enumerate(known)]
