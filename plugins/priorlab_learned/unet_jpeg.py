"""The ``unet-jpeg`` prior: a network trained end to end to undo JPEG compression, and no more."""

from __future__ import annotations

import dataclasses
from typing import ClassVar

import torch
from torch import Tensor
from typing_extensions import override

from priorlab.forward import jpeg
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

QUALITIES = (5, 95)
"""The least and the greatest that it is trained with, on IJG's scale."""

POWER = 2.0
"""Of the error to expect: as this the correction shrinks for greater qualities. So says Tweedie's
formula of small errors, and the sweep in ``weights/README.md``."""


@dataclasses.dataclass(frozen=True, kw_only=True)
class UNetJpeg(OneTask):
    """A U-Net trained to restore JPEG pictures from the compressed ones themselves.

    The network of ``unet``, which sees instead of a noise level the error to expect from the
    quantisation tables. It was trained on pairs, as most learned restoration is [1]_: it knows
    what JPEG does to photographs, and is of use for nothing else. Compare with ``unet``, which
    learned no more than photographs without noise and treats every task.

    It is trained with qualities of 5 to 95 and all usual subsamplings; see ``weights/README.md``.
    A better file is corrected as one of quality 95, times the share that its error has of that
    one's, squared: the mean correction of a small error is in proportion to its variance [2]_.

    References
    ----------
    .. [1] Dong, Deng, Loy, Tang, "Compression Artifacts Reduction by a Deep Convolutional
       Network", ICCV 2015.
    .. [2] Efron, "Tweedie's Formula and Selection Bias", JASA 2011.

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
            measurement.operator.is_identity
            and isinstance(measurement.noise, jpeg.JpegQuantisation)
        ):
            return "it was trained to undo JPEG compression, and for no other task"
        return channels_problem(measurement.shape[1])

    @torch.no_grad()
    def restore(self, measurement: Measurement, trace: Trace = SILENT, seed: int = 0) -> Tensor:
        """Return the restored image (B, C, H, W), not clipped."""
        self.require(measurement)
        y, noise = measurement.y, measurement.noise
        assert isinstance(noise, jpeg.JpegQuantisation)
        network = self._load(y.device)
        least = jpeg.standard(QUALITIES[1])
        known = max(noise.level, least.level)
        level = torch.tensor([known], dtype=torch.float32, device=y.device)

        def work(part: Tensor) -> Tensor:
            return of_any_size(lambda image: network(image, level), part)

        # As the picture lies in the file: the network knows where the blocks are.
        stored = as_colour(noise.whole_at_first(noise.stored(y.float())))
        restored = torch.cat([in_tiles(work, image, LOCALITY) for image in torch.split(stored, 1)])
        if noise.level < least.level:
            restored = stored + _less(restored - stored, noise, least, y.shape[1] == 3)
        return noise.upright(noise.without_first(with_channels(restored, y.shape[1])))


def _less(
    change: Tensor, noise: jpeg.JpegQuantisation, least: jpeg.JpegQuantisation, coloured: bool
) -> Tensor:
    """Return the part of a correction (B, 3, H, W) that is due for less error than that of `least`.

    What pixels differ by that share a chroma value is lost at any quality. A gray
    image, seen as one without colour, has no chroma.
    """
    luma = (noise.level / least.level) ** POWER
    lost = noise.lost_in_chroma**2
    rounded = least.chroma_level**2
    chroma = (luma * rounded + lost) / (rounded + lost)
    planes = torch.from_numpy(jpeg.TO_YCBCR).to(change)
    parts = planes.new_tensor([luma, chroma, chroma] if coloured else [luma] * 3)
    mix = torch.linalg.inv(planes) @ (parts[:, None] * planes)
    return torch.einsum("pc,bchw->bphw", mix, change)
