"""What the priors that enlarge small images by a fixed kernel share."""

import dataclasses
from typing import ClassVar

import numpy as np
import torch
from PIL import Image
from torch import Tensor
from typing_extensions import override

from priorlab.forward.measurement import Measurement
from priorlab.priors import Prior
from priorlab.trace import SILENT, Trace


@dataclasses.dataclass(frozen=True, kw_only=True)
class Enlargement(Prior):
    """Base of the priors that resample a small image on the fine grid, as Pillow does.

    Both Pillow and `Downsampling` put a pixel of the small image at the centre of the block of
    pixels that it stands for, so that nothing is displaced. At the border the kernel is cut and
    its weights are scaled to sum to one.
    """

    defers_to_exact_data: ClassVar[bool] = False
    resampling: ClassVar[Image.Resampling]

    @override
    def unsupported(self, measurement: Measurement) -> str | None:
        if measurement.operator.factor == 1:
            return "it only enlarges images (superres)"
        white = self._white(measurement)
        if white.shape[1:] != measurement.y.shape[1:] or white.max() - white.min() > 0.01:
            return "it only enlarges small images, and of a white image these data are none"
        return None

    def restore(self, measurement: Measurement, trace: Trace = SILENT, seed: int = 0) -> Tensor:
        """Return the enlarged image, clipped to [0, 1]."""
        self.require(measurement)
        height, width = measurement.shape[-2:]
        small = measurement.y / self._white(measurement).mean()
        planes = small.detach().cpu().float().flatten(0, 1).numpy()
        enlarged = [
            np.asarray(Image.fromarray(plane).resize((width, height), self.resampling))
            for plane in planes
        ]
        result = torch.from_numpy(np.stack(enlarged)).to(measurement.y)
        return result.reshape(measurement.shape).clamp(0, 1)

    def _white(self, measurement: Measurement) -> Tensor:
        """Return the data of a white image: 1, unless an operator is scaled to another norm."""
        shape = (1, *measurement.shape[1:])
        return measurement.operator.forward(torch.ones(shape, device=measurement.y.device))
