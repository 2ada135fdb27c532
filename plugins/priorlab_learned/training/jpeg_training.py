"""Training of the ``unet-jpeg`` prior: photographs before and after JPEG compression."""

from __future__ import annotations

import dataclasses
from functools import lru_cache
from pathlib import Path
from typing import ClassVar

import numpy as np
import torch
from torch import Tensor, nn
from typing_extensions import override

from priorlab.components import parameter
from priorlab.forward import jpeg
from priorlab_learned.networks.trained import as_colour, with_channels
from priorlab_learned.networks.unet_network import UNetNetwork
from priorlab_learned.training.end_to_end import EndToEndTraining
from priorlab_learned.training.errors import weighted_error
from priorlab_learned.unet import SHIPPED
from priorlab_learned.unet_jpeg import QUALITIES


@dataclasses.dataclass(frozen=True, kw_only=True)
class UNetJpegTraining(EndToEndTraining):
    """The network of the ``unet-jpeg`` prior, from a folder of photographs.

    The crops of the ``unet`` training, gray and colour in turn, compressed with a quality of 5 to
    95 each and, in colour, any subsampling that Pillow writes. What is a noise level there is here
    the error to expect from the quantisation tables. The blocks of 8x8 pixels lie in a crop as in a
    whole picture, and the network, whose coarsest pixels are 8x8, can know where they are. It
    begins with the colour weights of ``unet``.

    Examples
    --------
    >>> from pathlib import Path
    >>> UNetJpegTraining(steps=100).command(Path("photos"), Path("net.safetensors"))
    'priorlab train unet-jpeg --dataset photos --steps 100 --seed 0 -o net.safetensors'
    """

    name: ClassVar[str] = "unet-jpeg"
    strength: ClassVar[str] = "quality"
    measured: ClassVar[tuple[float, ...]] = (10, 20, 40)
    validation: ClassVar[float] = 10

    start: str = parameter("", "weights of unet to begin with; empty: the shipped ones", file=True)

    @property
    @override
    def learning_rate(self) -> float:
        return 5e-4

    @property
    @override
    def first_weights(self) -> Path:
        return Path(self.start) if self.start else SHIPPED[3]

    @override
    def make_network(self) -> nn.Module:
        return UNetNetwork(3)

    @override
    def error(
        self, network: nn.Module, clean: Tensor, rng: np.random.Generator, to: torch.device
    ) -> Tensor:
        stored, level = (tensor.to(to) for tensor in compressed(clean, rng))
        estimate = with_channels(network(as_colour(stored), level), clean.shape[1])
        return weighted_error(estimate, clean.to(to), level)

    @override
    def restored(self, network: nn.Module, clean: Tensor, strength: float, index: int) -> Tensor:
        noise, rng = _encoder(int(strength), "4:4:4"), np.random.default_rng(index)
        stored = torch.from_numpy(noise.sample(clean.cpu().numpy(), rng)).float().to(clean.device)
        level = torch.tensor([noise.level], device=clean.device)
        return with_channels(network(as_colour(stored), level), clean.shape[1])


def compressed(clean: Tensor, rng: np.random.Generator) -> tuple[Tensor, Tensor]:
    """Return crops (B, C, H, W) as JPEG leaves them, and the errors to expect (B,)."""
    stored, levels = [], []
    for crop in torch.split(clean, 1):
        quality = int(rng.integers(QUALITIES[0], QUALITIES[1] + 1))
        kinds = jpeg.WRITTEN if clean.shape[1] == 3 else jpeg.WRITTEN[:1]
        noise = _encoder(quality, kinds[rng.integers(len(kinds))])
        stored.append(torch.from_numpy(noise.sample(crop.numpy(), rng)).float())
        levels.append(noise.level)
    return torch.cat(stored), torch.tensor(levels)


@lru_cache(maxsize=512)
def _encoder(quality: int, subsampling: str) -> jpeg.JpegQuantisation:
    return jpeg.standard(quality, subsampling)
