"""Training of the ``unet-inpaint`` prior: photographs with and without holes."""

from __future__ import annotations

import dataclasses
from typing import ClassVar

import numpy as np
import torch
from torch import Tensor, nn
from typing_extensions import override

from priorlab.tasks import masks
from priorlab_learned.networks.inpaint_network import InpaintNetwork, filled_in
from priorlab_learned.networks.trained import as_colour, with_channels
from priorlab_learned.training.end_to_end import EndToEndTraining
from priorlab_learned.training.errors import root_error
from priorlab_learned.training.pairs import Floats

RANDOM = (0.1, 0.95)
"""The least and the greatest share of single pixels that are missing."""
LARGEST_BOX = 0.2
"""The greatest share that a box covers."""
SHARES = {"random": 0.7, "text": 0.15, "box": 0.15}
"""How many of the crops have holes of each kind."""


@dataclasses.dataclass(frozen=True, kw_only=True)
class UNetInpaintTraining(EndToEndTraining):
    """The network of the ``unet-inpaint`` prior, from a folder of photographs.

    The crops of the ``unet`` training, gray and colour in turn, with 10 to 95 % of their pixels
    missing, or text or a box. The loss is the root of the mean square error of a crop.

    Examples
    --------
    >>> from pathlib import Path
    >>> UNetInpaintTraining(steps=100).command(Path("photos"), Path("net.safetensors"))
    'priorlab train unet-inpaint --dataset photos --steps 100 --seed 0 -o net.safetensors'
    """

    name: ClassVar[str] = "unet-inpaint"
    strength: ClassVar[str] = "missing"
    measured: ClassVar[tuple[float, ...]] = (0.5, 0.8)
    validation: ClassVar[float] = 0.5

    @override
    def make_network(self) -> nn.Module:
        return InpaintNetwork(3)

    @override
    def error(
        self, network: nn.Module, clean: Tensor, rng: np.random.Generator, to: torch.device
    ) -> Tensor:
        side = clean.shape[-1]
        known = torch.from_numpy(np.stack([draw_mask(side, rng) for _ in clean])).to(to)
        return root_error(_filled(network, clean.to(to), known), clean.to(to)).mean()

    @override
    def restored(self, network: nn.Module, clean: Tensor, strength: float, index: int) -> Tensor:
        height, width = clean.shape[2:]
        mask = masks.draw("random", (height, width), strength, np.random.default_rng([0, index]))
        known = torch.from_numpy(mask.astype(np.float32))[None, None].to(clean.device)
        return _filled(network, clean, known)


def _filled(network: nn.Module, clean: Tensor, known: Tensor) -> Tensor:
    """Return images (B, C, H, W), of which the network saw what is known."""
    filled = as_colour(filled_in(clean, known))
    return with_channels(network(filled, known), clean.shape[1])


def draw_mask(side: int, rng: np.random.Generator) -> Floats:
    """Draw where a crop is known: float32 (1, side, side)."""
    kind = str(rng.choice(list(SHARES), p=list(SHARES.values())))
    missing = rng.uniform(*RANDOM) if kind == "random" else rng.uniform(0.02, LARGEST_BOX)
    return masks.draw(kind, (side, side), missing, rng)[None].astype(np.float32)
