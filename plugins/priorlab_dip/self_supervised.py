"""The common base of the priors that train a small network on the noisy picture alone."""

from __future__ import annotations

import dataclasses
import math
from abc import abstractmethod
from typing import ClassVar

import torch
from torch import Tensor, nn
from typing_extensions import override

from priorlab.forward.measurement import Measurement
from priorlab.ground import torch_settings
from priorlab.ground.precision import bf16_is_fast, training_layout
from priorlab.priors import Prior
from priorlab.randomness import seeded
from priorlab.recipes import WithRecipe
from priorlab.solvers.parameter_space.muon import Muon
from priorlab.solvers.stabilised import with_counted_light
from priorlab.trace import SILENT, Trace, TraceOfOne

WARM_UP = 0.1
"""Share of all steps of `Annealed` in which they grow."""

REPORTS = 20
"""So many times, at most, a fit is reported to the trace."""


@dataclasses.dataclass(frozen=True, kw_only=True)
class SelfSupervised(WithRecipe, Prior):
    """Base of the priors that learn to denoise from a single noisy picture.

    They need no noise level and no other picture. The noise must have zero mean and must be
    independent from pixel to pixel: then a pixel's noise cannot be predicted from other pixels,
    and what a network predicts of a pixel is the picture.
    """

    optimises: ClassVar[bool] = True
    fills_in: ClassVar[bool] = False
    """Whether missing pixels are filled in as well."""

    @property
    @override
    def kept_within_noise(self) -> bool:
        return not self.as_in_paper

    @abstractmethod
    def fit(self, measurement: Measurement, trace: Trace) -> Tensor:
        """Return the restored image (1, C, H, W) of a measurement of one image.

        All randomness is drawn from torch's global generator, which is seeded before.
        """

    def unsupported(self, measurement: Measurement) -> str | None:
        """Return that the noise can be predicted, or that operators are not undone."""
        noise, operator = measurement.noise, measurement.operator
        if not noise.is_zero_mean:
            return "it needs noise of zero mean, which impulses are not"
        if not noise.is_independent:
            return "it needs noise independent from pixel to pixel, unlike JPEG's or a camera's"
        if operator.is_identity or (self.fills_in and operator.known_pixels is not None):
            return None
        return "it only removes noise" + " and fills in missing pixels" * self.fills_in

    def restore(self, measurement: Measurement, trace: Trace = SILENT, seed: int = 0) -> Tensor:
        """Return the restored image, clipped to [0, 1]. Each image gets a network of its own.

        Convolutions run in bfloat16 where the hardware multiplies it, so results depend on
        the machine; on one machine they depend on the seed only.
        """
        self.require(measurement)
        device = measurement.y.device
        result = measurement.initial_guess().float()
        for index in range(measurement.shape[0]):
            one = measurement.image(index)
            one = dataclasses.replace(one, y=one.y.detach().float())
            within = TraceOfOne(trace, result, index) if len(result) > 1 else trace
            with seeded(seed, device), torch_settings.usual(device):
                fitted = self.fit(one, within)
            fitted = with_counted_light(fitted.detach(), one)
            result[index] = fitted[0].clamp(0, 1)
        return result.to(measurement.y.dtype)


def placed(network: nn.Module, device: torch.device) -> nn.Module:
    """Return the network on `device`, in the layout in which convolutions are fast."""
    return network.to(device, memory_format=training_layout(device)).train()


def descend(loss: Tensor, optimiser: torch.optim.Optimizer) -> None:
    """Take a step down the gradient of the loss."""
    optimiser.zero_grad()
    torch.autograd.backward(loss)
    optimiser.step()


class Annealed:
    """Steps that grow at first, then shrink: of Muon for convolutions, of Adam for the rest.

    Muon changes all directions of a layer equally, and so learns in a fifth of the steps that Adam
    needs; as the steps shrink to nothing the network does not go on to learn the noise.

    Parameters
    ----------
    network : torch.nn.Module
        Convolutions of one picture each have a step of Muon; what else it has, biases and 1 x 1
        convolutions, steps of Adam.
    steps : int
        How many there will be.
    learning_rate : float
        Largest step size of Adam.
    share : float
        Largest share of a step of `Muon`; with 0 all are steps of Adam.
    """

    def __init__(self, network: nn.Module, steps: int, learning_rate: float, share: float) -> None:
        large = [p for p in network.parameters() if p.ndim == 4 and min(p.shape[2:]) > 1]
        kernels = large if share else []
        chosen = {id(kernel) for kernel in kernels}
        others = [p for p in network.parameters() if id(p) not in chosen]
        self.network, self.steps, self.taken = network, steps, 0
        self.muon, self.share = Muon(kernels), share
        self.adam = torch.optim.Adam(others, lr=learning_rate, fused=True)
        self.learning_rate = learning_rate

    def descend(self, loss: Tensor) -> None:
        """Take a step down the gradient of the loss."""
        self.network.zero_grad()
        torch.autograd.backward(loss)
        size = _size(self.taken, self.steps)
        self.taken += 1
        self.muon.step(self.share * size)
        self.adam.param_groups[0]["lr"] = self.learning_rate * size
        self.adam.step()


def _size(step: int, steps: int) -> float:
    """Return the size of a step, counted from 0, relative to the largest.

    Examples
    --------
    >>> [round(_size(step, 20), 2) for step in (0, 1, 10, 19)]
    [0.5, 1.0, 0.54, 0.01]
    """
    rising = max(1.0, WARM_UP * steps)
    if step + 1 < rising:
        return (step + 1) / rising
    return 0.5 * (1 + math.cos(math.pi * (step + 1 - rising) / (steps + 1 - rising)))


def applied(network: nn.Module, *images: Tensor) -> Tensor:
    """Return the output, in float32; convolutions run in bfloat16, where that is fast."""
    device = images[0].device
    layout = training_layout(device)
    with torch.autocast(device.type, torch.bfloat16, enabled=bf16_is_fast(device)):
        output: Tensor = network(*(image.contiguous(memory_format=layout) for image in images))
    return output.float()


def random_crop(image: Tensor, size: int) -> Tensor:
    """Return a random window (B, C, h, w) whose sides are even and at most `size`."""
    corner, sides = [], []
    for side in image.shape[2:]:
        sides.append(min(size, side) // 2 * 2)
        corner.append(int(torch.randint(0, side - sides[-1] + 1, ())))
    return image[..., corner[0] :, corner[1] :][..., : sides[0], : sides[1]]


def due(step: int, total: int) -> bool:
    """Return whether this step is one to report to the trace."""
    return step == total or step % max(1, -(-total // REPORTS)) == 0
