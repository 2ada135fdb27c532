"""Training of the ``wcrr`` and ``crr`` priors: the images that they denoise are to be right.

The image that minimises the energy is differentiated implicitly, as in a deep equilibrium: with
the Hessian H at the minimum, the gradient of a loss by a learned value is that of
``-<w, grad R(x)>`` with ``H w = d loss / dx``, which conjugate gradients solve.
"""

from __future__ import annotations

import dataclasses
import math
from pathlib import Path
from typing import ClassVar

import numpy as np
import torch
from torch import Tensor, nn
from typing_extensions import override

from priorlab.ground.weights_file import write_weights
from priorlab.pictures.writing import check_writable
from priorlab.training import Report, Trainer
from priorlab.training.card import write_card
from priorlab.training.checkpoints import Checkpoint
from priorlab.training.devices import OneDevice
from priorlab.training.photographs import Array, Photographs, crop, gray
from priorlab_learned.ridge.minimisation import minimise, noisy_image
from priorlab_learned.ridge.ridge_energy import RidgeEnergy
from priorlab_learned.ridge.ridge_network import RidgeNetwork
from priorlab_learned.training.loop import Schedule, optimise

CROP = 40
BATCH = 8
LEARNING_RATE = 0.02
AVERAGED = 0.98
LEAST_LEVEL, MOST_LEVEL = 2.0, 60.0
"""Noise levels of the training, on the 0-255 scale: drawn on a logarithmic one."""
GOLDEN = (5**0.5 - 1) / 2
"""Multiples of it, without their integers, cover [0, 1] evenly from the first few on."""
ITERATIONS, CONJUGATE = 20, 5
"""Steps towards the minimum and of its differentiation: more cost more than they teach."""
MEASURED = (5, 15, 25, 50)
"""Noise levels, on the 0-255 scale, at which the held-out images are measured."""
MEASURED_SIDE = 128
"""Of each their middle, of so many pixels in height and width."""
VALIDATION, VALIDATION_IMAGES = 25, 6
TOLERANCE, MOST_ITERATIONS = 1e-3, 300


@dataclasses.dataclass(frozen=True, kw_only=True)
class RidgeTraining(Trainer):
    """Filters and potentials from a folder of photographs, which are used as gray.

    40x40 crops, batch 8, in random orientations; one noise level for each step. The loss is the
    mean absolute error relative to the noise level, rounded off near 0.
    """

    concavity: ClassVar[float]

    @override
    def train(self, dataset: Path, output: Path, report: Report) -> dict[str, str]:
        """Train the regulariser; see `priorlab.training.Trainer.train`.

        Raises
        ------
        UsageError
            If the folder holds no image or an unusable one, the output cannot be written, or the
            checkpoint belongs to another run.
        """
        check_writable(output, [".safetensors"])
        photographs = Photographs.read(dataset, CROP)
        provenance = {
            "command": self.command(dataset, output),
            "prior": self.name,
            "steps": str(self.steps),
            "seed": str(self.seed),
            **photographs.facts,
            "torch": str(torch.__version__),
        }
        settings = {key: value for key, value in provenance.items() if key != "command"}
        checkpoint = Checkpoint(output, settings)
        shown = [gray(image) for image in photographs.shown]
        held_out = [_middle(gray(image)) for image in photographs.held_out]

        def loss(
            network: nn.Module, step: int, rng: np.random.Generator, device: torch.device
        ) -> Tensor:
            clean, noisy, level = noisy_crops(shown, step, rng)
            return loss_of_minimum(_at(network, level), clean, noisy, level)

        def validate(network: nn.Module) -> float:
            return mean_psnr(network, held_out[:VALIDATION_IMAGES], VALIDATION)

        schedule = Schedule(self.steps, self.seed, LEARNING_RATE, averaged=AVERAGED)
        first = RidgeNetwork(self.concavity)
        # What decides is how exact the minima are: float32, on a CPU.
        where = OneDevice(torch.device("cpu"), "float32")
        learned = optimise(first, loss, validate, schedule, where, checkpoint, report)
        provenance["cpu_minutes"] = f"{learned.cpu_seconds / 60:.1f}"
        for level in MEASURED if held_out else ():
            psnr = mean_psnr(learned.network, held_out, level)
            provenance[f"held_out_psnr_sigma{level}"] = f"{psnr:.3f}"
        write_weights(output, learned.network.state_dict(), provenance)
        write_card(output, provenance, learned.curve)
        checkpoint.remove()
        return provenance


class WeaklyConvexTraining(RidgeTraining):
    """The filters and potentials of the ``wcrr`` prior, from a folder of photographs.

    Examples
    --------
    >>> WeaklyConvexTraining(steps=100).command(Path("photos"), Path("net.safetensors"))
    'priorlab train wcrr --dataset photos --steps 100 --seed 0 -o net.safetensors'
    """

    name: ClassVar[str] = "wcrr"
    concavity: ClassVar[float] = 0.95


class ConvexTraining(RidgeTraining):
    """The filters and potentials of the ``crr`` prior, from a folder of photographs.

    Examples
    --------
    >>> ConvexTraining(steps=100).command(Path("photos"), Path("net.safetensors"))
    'priorlab train crr --dataset photos --steps 100 --seed 0 -o net.safetensors'
    """

    name: ClassVar[str] = "crr"
    concavity: ClassVar[float] = 0.0


def _at(network: nn.Module, level: float) -> RidgeEnergy:
    energy: RidgeEnergy = network.at(level)  # type: ignore[operator]
    return energy


def noisy_crops(
    images: list[Array], step: int, rng: np.random.Generator
) -> tuple[Tensor, Tensor, float]:
    """Return clean crops (B, 1, 40, 40), the same with noise, and its level, for a step."""
    level = LEAST_LEVEL * (MOST_LEVEL / LEAST_LEVEL) ** (step * GOLDEN % 1) / 255
    crops = [crop(images[index], CROP, rng) for index in rng.integers(len(images), size=BATCH)]
    clean = torch.from_numpy(np.stack(crops))
    return (
        clean,
        clean + level * torch.from_numpy(rng.standard_normal(clean.shape, np.float32)),
        level,
    )


def loss_of_minimum(learning: RidgeEnergy, clean: Tensor, noisy: Tensor, level: float) -> Tensor:
    """Return the error of the images that minimise the energy, differentiable by what it learns."""
    energy = learning.detached()
    x = minimise(energy, noisy_image(noisy), noisy, TOLERANCE, ITERATIONS).x
    error = (x - clean) / level
    size = (error.square() + 0.01).sqrt()
    adjoint = _solve_hessian(energy, x, error / size / (level * error.numel()))
    # Its value is the loss, its gradient that of the implicit derivative.
    slope = learning.directional(x, adjoint)
    return size.mean() - slope + slope.detach()


@torch.no_grad()
def _solve_hessian(energy: RidgeEnergy, x: Tensor, right: Tensor) -> Tensor:
    """Return about ``(1 + Hessian of the energy at x)^-1 right``, image by image."""
    curvature = energy.curvature(x)
    w, residual = torch.zeros_like(right), right
    direction, size = residual, _product(residual, residual)
    for _ in range(CONJUGATE):
        image = direction + energy.along(curvature, direction)
        length = size / _product(direction, image).clamp(min=1e-30)
        w, residual = w + length * direction, residual - length * image
        before, size = size, _product(residual, residual)
        direction = residual + size / before.clamp(min=1e-30) * direction
    return w


def _product(a: Tensor, b: Tensor) -> Tensor:
    return (a * b).sum((1, 2, 3), keepdim=True)


def _middle(image: Array) -> Array:
    top, left = ((size - min(size, MEASURED_SIDE)) // 2 for size in image.shape[1:])
    return image[:, top : top + MEASURED_SIDE, left : left + MEASURED_SIDE]


@torch.no_grad()
def mean_psnr(network: nn.Module, images: list[Array], level: float) -> float:
    """Return the mean PSNR in dB over gray images (1, H, W) with noise of `level` (0-255)."""
    energy = _at(network, level / 255).detached()
    values = []
    for index, image in enumerate(images):
        clean = torch.from_numpy(image[None].astype(np.float32) / 255)
        noise = np.random.default_rng([0, index]).standard_normal(clean.shape, np.float32)
        noisy = clean + torch.from_numpy(noise) * (level / 255)
        x = minimise(energy, noisy_image(noisy), noisy, TOLERANCE, MOST_ITERATIONS).x
        values.append(-10 * math.log10(float((x.clamp(0, 1) - clean).square().mean())))
    return float(np.mean(values)) if values else math.nan
