"""The ``unet-jpeg`` prior: a network trained end to end to undo JPEG compression, and no more."""

from __future__ import annotations

import dataclasses
from typing import ClassVar

import torch
from torch import Tensor
from typing_extensions import override

from priorlab.forward.jpeg import JpegQuantisation
from priorlab.forward.measurement import Measurement
from priorlab.solvers.tiles import in_tiles
from priorlab.trace import SILENT, Trace
from priorlab_learned.networks.trained import (
    LOCALITY,
    as_colour,
    channels_problem,
    of_any_size,
    with_channels,
)
from priorlab_learned.networks.unet_network import UNetNetwork
from priorlab_learned.one_task import OneTask


@dataclasses.dataclass(frozen=True, kw_only=True)
class UNetJpeg(OneTask):
    """A U-Net trained to restore JPEG pictures from the compressed ones themselves.

    The network of ``unet``, which sees instead of a noise level the error to expect from the
    quantisation tables. It was trained on pairs, as most learned restoration is [1]_: it knows
    what JPEG does to photographs, and is of use for nothing else. Compare with ``unet``, which
    learned no more than photographs without noise and treats every task.

    Qualities of 5 to 95 and all usual subsamplings; see ``weights/README.md``.

    References
    ----------
    .. [1] Dong, Deng, Loy, Tang, "Compression Artifacts Reduction by a Deep Convolutional
       Network", ICCV 2015.

    Examples
    --------
    >>> from priorlab.tasks.builtin import Dejpeg
    >>> clean = torch.linspace(0, 1, 32).expand(1, 1, 32, 32)
    >>> measurement = Dejpeg(quality=10).measure(clean, seed=0)
    >>> restored = UNetJpeg().restore(measurement)
    >>> bool((restored - clean).norm() < (measurement.y - clean).norm())
    True
    """

    name: ClassVar[str] = "unet-jpeg"

    network: ClassVar[type[UNetNetwork]] = UNetNetwork
    shipped: ClassVar[str] = "unet_jpeg.safetensors"

    @override
    def unsupported(self, measurement: Measurement) -> str | None:
        if not (
            measurement.operator.is_identity and isinstance(measurement.noise, JpegQuantisation)
        ):
            return "it was trained to undo JPEG compression, and for no other task"
        return channels_problem(measurement.shape[1])

    @torch.no_grad()
    def restore(self, measurement: Measurement, trace: Trace = SILENT, seed: int = 0) -> Tensor:
        """Return the restored image (B, C, H, W), not clipped."""
        self.require(measurement)
        y, noise = measurement.y, measurement.noise
        assert isinstance(noise, JpegQuantisation)
        network = self._load(y.device)
        level = torch.tensor([noise.level], dtype=torch.float32, device=y.device)

        def work(part: Tensor) -> Tensor:
            return of_any_size(lambda image: network(image, level), part)

        # As the picture lies in the file: the network knows where the blocks are.
        images = torch.split(as_colour(noise.stored(y.float())), 1)
        restored = torch.cat([in_tiles(work, image, LOCALITY) for image in images])
        return noise.upright(with_channels(restored, y.shape[1]))
