"""The ``unet-inpaint`` prior: a network trained end to end to fill in pixels, and no more."""

from __future__ import annotations

import dataclasses
from typing import ClassVar

import torch
from torch import Tensor
from typing_extensions import override

from priorlab.forward.measurement import Measurement
from priorlab.solvers.tiles import in_tiles
from priorlab.trace import SILENT, Trace
from priorlab_learned.networks.inpaint_network import InpaintNetwork, filled_in
from priorlab_learned.networks.trained import (
    LOCALITY,
    as_colour,
    channels_problem,
    of_any_size,
    with_channels,
)
from priorlab_learned.one_task import OneTask


@dataclasses.dataclass(frozen=True, kw_only=True)
class UNetInpaint(OneTask):
    """A U-Net trained to predict missing pixels of photographs from the known ones.

    The layers of ``unet``, trained on pairs, as most learned restoration is: for missing pixels
    beside exact ones, and of use for nothing else. Compare with ``unet``, which learned no more
    than photographs without noise and treats every task.

    Random pixels, text and boxes of up to a fifth of the picture; see ``weights/README.md``.

    Examples
    --------
    >>> from priorlab.tasks.builtin import Inpaint
    >>> clean = torch.linspace(0, 1, 32).expand(1, 1, 32, 32)
    >>> measurement = Inpaint(missing=0.5).measure(clean, seed=0)
    >>> float((UNetInpaint().restore(measurement) - clean).abs().max()) < 0.05
    True
    """

    name: ClassVar[str] = "unet-inpaint"
    knows_exposure: ClassVar[bool] = True

    network: ClassVar[type[InpaintNetwork]] = InpaintNetwork
    shipped: ClassVar[str] = "unet_inpaint.safetensors"

    @override
    def unsupported(self, measurement: Measurement) -> str | None:
        known = measurement.operator.known_pixels
        if known is not None and known.shape[1] > 1:
            return "it needs one mask for all channels"
        if known is None or not measurement.noise.is_exact:
            return (
                "it was trained to fill in missing pixels beside exact ones, and for no other task"
            )
        return channels_problem(measurement.shape[1])

    @torch.no_grad()
    def restore(self, measurement: Measurement, trace: Trace = SILENT, seed: int = 0) -> Tensor:
        """Return the restored image (B, C, H, W), not clipped."""
        self.require(measurement)
        mask = measurement.operator.known_pixels
        assert mask is not None
        y, known = measurement.y.float(), mask.float().to(measurement.y.device)
        network = self._load(y.device)

        def work(part: Tensor) -> Tensor:
            image = of_any_size(network, part[:, :-1], part[:, -1:])
            return torch.cat((image, part[:, -1:]), dim=1)  # tiles keep the number of channels

        def restored(image: Tensor) -> Tensor:
            filled = torch.cat((as_colour(filled_in(image, known)), known), dim=1)
            return in_tiles(work, filled, LOCALITY)[:, :-1]

        result = torch.cat([restored(image) for image in torch.split(y, 1)])
        return measurement.with_known_pixels(with_channels(result, y.shape[1]))
