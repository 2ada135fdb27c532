"""Training of the ``unet`` prior on noisy and clean crops made from a folder of photographs."""

from __future__ import annotations

import dataclasses
import math
from pathlib import Path
from typing import ClassVar

import numpy as np
import torch
from torch import Tensor, nn
from typing_extensions import override

from priorlab.pictures import datasets
from priorlab.pictures.writing import check_writable
from priorlab.precision import bf16_is_fast
from priorlab.training import Report, Trainer
from priorlab.training.card import write_card
from priorlab.training.checkpoints import Checkpoint
from priorlab.training.photographs import Array, Photographs, gray
from priorlab.weights_file import write_weights
from priorlab_learned.networks.unet_network import KINDS, MULTIPLE, UNetNetwork
from priorlab_learned.training.loop import Schedule, optimise
from priorlab_learned.training.pairs import CROP, Pairs

LEVELS = (1, 5, 15, 25, 50)
"""Noise levels, on the 0-255 scale, at which the held-out images are measured."""
VALIDATION = 25
"""That of the curve."""
VALIDATION_IMAGES = 4


@dataclasses.dataclass(frozen=True, kw_only=True)
class UNetTraining(Trainer):
    """The network of the ``unet`` prior, from a folder of photographs.

    64x64 crops, batch 16, gray and colour in turn, random flips and quarter turns; noise levels
    of 0 to 55, a quarter of them below 10 on a logarithmic scale; see `pairs` for the colours.
    The loss is the mean absolute error, divided by the root of what is to be expected at the
    noise level. bfloat16 convolutions where the CPU has them.

    Examples
    --------
    >>> UNetTraining(steps=100).command(Path("photos"), Path("net.safetensors"))
    'priorlab train unet --dataset photos --steps 100 --seed 0 -o net.safetensors'
    """

    name: ClassVar[str] = "unet"

    @override
    def train(self, dataset: Path, output: Path, report: Report) -> dict[str, str]:
        """Train the network; see `priorlab.training.Trainer.train`.

        Raises
        ------
        UsageError
            If the folder holds no image or an unusable one, the output cannot be written, or the
            checkpoint belongs to another run.
        """
        check_writable(output, [".safetensors"])
        photographs = Photographs.read(dataset, 2 * CROP)
        device = torch.device("cpu")
        provenance = {
            "command": self.command(dataset, output),
            "steps": str(self.steps),
            "seed": str(self.seed),
            **photographs.facts,
            "precision": "bfloat16" if bf16_is_fast(device) else "float32",
            "torch": str(torch.__version__),
        }
        settings = {key: value for key, value in provenance.items() if key != "command"}
        checkpoint = Checkpoint(output, settings)
        schedule = Schedule(self.steps, self.seed, precision=provenance["precision"])
        torch.manual_seed(self.seed)
        network = UNetNetwork().to(memory_format=torch.channels_last)  # type: ignore[call-overload]
        pairs = Pairs(photographs.shown)

        def loss(network: nn.Module, step: int, rng: np.random.Generator) -> Tensor:
            clean, noise, sigma = pairs.draw(KINDS[step % len(KINDS)], rng)
            return weighted_error(network(clean + noise, sigma), clean, sigma)

        seen = photographs.held_out[:VALIDATION_IMAGES]

        def validate(network: nn.Module) -> float:
            return mean_psnr(network, seen, VALIDATION)

        learned = optimise(network, loss, validate, schedule, checkpoint, report)
        state = {name: tensor.half() for name, tensor in learned.network.state_dict().items()}
        # Measured as shipped: with the weights rounded to half precision.
        learned.network.load_state_dict(state)
        provenance["cpu_minutes"] = f"{learned.cpu_seconds / 60:.1f}"
        provenance |= _measure(learned.network, photographs.held_out)
        write_weights(output, state, provenance)
        write_card(output, provenance, learned.curve)
        checkpoint.remove()
        return provenance


def weighted_error(estimate: Tensor, clean: Tensor, sigma: Tensor) -> Tensor:
    """Return the mean absolute error, in which every noise level (B,) has its say.

    The error to expect at a level s (0-255) is about ``s / (1 + 0.07 s)``. Divided by it, low
    levels would decide everything, as it is they would not count: the root is between.
    """
    level = 255 * sigma
    expected = (level / (1 + 0.07 * level)).clamp(min=0.2) / 9
    return ((estimate - clean).abs().mean((1, 2, 3)) / expected.sqrt()).mean()


def _measure(network: nn.Module, held_out: list[Array]) -> dict[str, str]:
    """Return what the network reaches on images it has not seen, of this origin and another."""
    photos = [
        np.rint(255 * image.read()).astype(np.uint8) for image in datasets.load("photos").images
    ]
    sets = {
        "held_out": held_out,
        "photos": [image for image in photos if len(image) == 3],
    }
    facts = {}
    for name, images in sets.items():
        for kind, converted in (("gray", [gray(image) for image in images]), ("colour", images)):
            for level in LEVELS if images else ():
                psnr = mean_psnr(network, converted, level)
                facts[f"{name}_{kind}_psnr_sigma{level}"] = f"{psnr:.3f}"
    return facts


@torch.no_grad()
def mean_psnr(network: nn.Module, images: list[Array], level: float) -> float:
    """Return the mean PSNR in dB over images cropped to a size the network accepts."""
    device = next(network.parameters()).device
    values = []
    for index, image in enumerate(images):
        height, width = (size - size % MULTIPLE for size in image.shape[1:])
        clean = torch.from_numpy(image[None, :, :height, :width].astype(np.float32) / 255)
        noise = np.random.default_rng([0, index]).standard_normal(clean.shape, np.float32)
        v = clean + torch.from_numpy(noise) * (level / 255)
        estimate = network(v.to(device), torch.tensor([level / 255], device=device))
        error = (estimate.cpu().clamp(0, 1) - clean).square().mean()
        values.append(-10 * math.log10(float(error)))
    return float(np.mean(values)) if values else math.nan
