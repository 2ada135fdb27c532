"""Training of the ``unet-inpaint`` prior: photographs with and without holes."""

from __future__ import annotations

import dataclasses
from collections.abc import Mapping
from typing import ClassVar

import numpy as np
import torch
from torch import Tensor, nn
from typing_extensions import override

from priorlab.tasks import masks
from priorlab.training.photographs import Array, gray
from priorlab_learned.networks.inpaint_network import InpaintNetwork, filled_in
from priorlab_learned.networks.trained import CHANNELS, as_colour, with_channels
from priorlab_learned.networks.unet_network import MULTIPLE
from priorlab_learned.training.loop import Loss
from priorlab_learned.training.network_training import NetworkTraining, psnr
from priorlab_learned.training.pairs import BATCH, CROP, Floats, Pairs
from priorlab_learned.training.unet_training import NAMES, TINY

RANDOM = (0.1, 0.95)
"""The least and the greatest share of single pixels that are missing."""
LARGEST_BOX = 0.2
"""The greatest share that a box covers."""
SHARES = {"random": 0.7, "text": 0.15, "box": 0.15}
"""How many of the crops have holes of each kind."""
MEASURED = (0.5, 0.8)
"""Shares of missing pixels at which a finished network is measured."""
VALIDATION = 0.5


@dataclasses.dataclass(frozen=True, kw_only=True)
class UNetInpaintTraining(NetworkTraining):
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
    least_size: ClassVar[int] = 2 * CROP

    @override
    def make_network(self) -> nn.Module:
        return InpaintNetwork(3)

    @override
    def make_loss(self, photographs: list[Array]) -> Loss:
        pairs = Pairs(photographs)

        def loss(
            network: nn.Module, step: int, rng: np.random.Generator, to: torch.device
        ) -> Tensor:
            clean = pairs.draw_clean(CHANNELS[step % len(CHANNELS)], rng).to(to)
            known = torch.from_numpy(np.stack([draw_mask(rng) for _ in range(BATCH)])).to(to)
            filled = as_colour(filled_in(clean, known))
            error: Tensor = with_channels(network(filled, known), clean.shape[1]) - clean
            return error.square().mean((1, 2, 3)).add(TINY).sqrt().mean()

        return loss

    @override
    def score(self, network: nn.Module, images: list[Array]) -> float:
        return mean_psnr(network, [gray(image) for image in images], VALIDATION)

    @override
    def figures(self, network: nn.Module, images: list[Array]) -> Mapping[str, float]:
        converted = {1: [gray(image) for image in images], 3: images}
        return {
            f"{NAMES[kind]}_psnr_missing{missing}": mean_psnr(network, converted[kind], missing)
            for kind in CHANNELS
            for missing in (MEASURED if images else ())
        }


def draw_mask(rng: np.random.Generator) -> Floats:
    """Draw where a crop is known: float32 (1, CROP, CROP)."""
    kind = str(rng.choice(list(SHARES), p=list(SHARES.values())))
    missing = rng.uniform(*RANDOM) if kind == "random" else rng.uniform(0.02, LARGEST_BOX)
    return masks.draw(kind, (CROP, CROP), missing, rng)[None].astype(np.float32)


@torch.no_grad()
def mean_psnr(network: nn.Module, images: list[Array], missing: float) -> float:
    """Return the mean PSNR in dB over images cropped to a size the network accepts."""
    device = next(network.parameters()).device
    values = []
    for index, image in enumerate(images):
        height, width = (size - size % MULTIPLE for size in image.shape[1:])
        clean = torch.from_numpy(image[None, :, :height, :width].astype(np.float32) / 255)
        rng = np.random.default_rng([0, index])
        mask = masks.draw("random", (height, width), missing, rng)[None, None]
        known = torch.from_numpy(mask.astype(np.float32))
        clean, known = clean.to(device), known.to(device)
        filled = as_colour(filled_in(clean, known))
        estimate = with_channels(network(filled, known), len(image))
        values.append(psnr(estimate, clean))
    return float(np.mean(values)) if values else float("nan")
