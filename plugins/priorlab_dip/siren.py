"""The prior `siren`: an implicit neural representation, a picture as a function of the place."""

from __future__ import annotations

import dataclasses
import math
from typing import ClassVar

import torch
from torch import Tensor, nn
from torch.nn import functional
from typing_extensions import override

from priorlab.components import parameter, with_default
from priorlab.forward.operators import Shape
from priorlab.priors import Generator
from priorlab.solvers.parameter_space.settings import FitSettings
from priorlab_dip.blocks import Image

WAVES = 128
"""Plane waves, each as sine and cosine, in which the Fourier encoding expresses a place."""

UNIT = 128
"""Pixels from 0 to 1 in the coordinates, whatever the picture's size: grain has the same size in
small and in large pictures. Those of 256 x 256 pixels reach from -1 to 1, as in the paper."""


@dataclasses.dataclass(frozen=True, kw_only=True)
class ImplicitRepresentation(Generator):
    """Implicit neural representation: a small network that maps a place to its colour.

    The same perceptron answers for each pixel, given the coordinates only: it prefers smooth
    pictures, and noise is what it learns last. `encoding=sine` gives it sine activations
    (SIREN); `encoding=fourier` gives it ReLUs and turns the coordinates into random plane
    waves. Its parts have no neighbourhood, so it is a weaker prior than a convolutional
    network, and serves to see how much weaker.

    Source: Sitzmann, Martel, Bergman, Lindell, Wetzstein, "Implicit Neural Representations
    with Periodic Activation Functions", NeurIPS 2020; Tancik, Srinivasan, Mildenhall,
    Fridovich-Keil, Raghavan, Singhal, Ramamoorthi, Barron, Ng, "Fourier features let networks
    learn high frequency functions in low dimensional domains", NeurIPS 2020.

    Differences from the paper
    --------------------------
    - 128 `units` in a layer (papers: 256).
    - Adam takes 200 larger steps, of 0.002 (first paper: of 0.0001), a rule may stop before, and
      the running mean of the outputs is returned (papers: the last output).
    - `omega` is 16 (first paper: 30, to fit a picture that is whole and clean): sines of 30 fill in
      fine detail that noisy, blurred or missing data do not rule out.
    - The output passes a sigmoid (first paper: it is linear).
    - Coordinates are in units of 128 pixels (papers: from -1 to 1, or from 0 to 1, whatever the
      picture's size); at 256 x 256 pixels they reach from -1 to 1 too.
    - What was removed beyond white noise of known strength, or that of photons, is taken back
      (papers: the output as it is).

    There is no ``recipe=paper``: the papers fit pictures, and do not say how to remove noise.

    Examples
    --------
    >>> ImplicitRepresentation().make_code((1, 3, 16, 20)).shape
    torch.Size([1, 4, 16, 20])
    """

    name: ClassVar[str] = "siren"
    by_default: ClassVar[bool] = False

    iterations: int = with_default(FitSettings, "iterations", 200)
    learning_rate: float = with_default(FitSettings, "learning_rate", 0.002)
    warm_up: int = parameter(
        0, "steps in which Muon optimises the kernels, before Adam gradually does", low=0
    )
    perturbation: float = parameter(
        0.0, "noise added to the code in each step, relative to the measurement's level", low=0
    )
    averaging: float = with_default(FitSettings, "averaging", 0.9)
    encoding: str = parameter("sine", "what turns places into detail", choices=("sine", "fourier"))
    units: int = parameter(128, "units of each layer", low=1)
    depth: int = parameter(3, "layers between the first and the last", low=0, high=10)
    omega: float = parameter(16.0, "frequency of the sines at the start", low=0.1)
    bandwidth: float = parameter(
        10.0, "standard deviation of the random waves, in periods per 256 pixels", low=0
    )

    @override
    def make_network(self, shape: Shape) -> nn.Module:
        body: nn.Module
        if self.encoding == "sine":
            body = Siren(shape[1], self.units, self.depth, self.omega)
        else:
            body = _perceptron(shape[1], self.units, self.depth)
        return Image(body, *shape[2:])

    def make_code(self, shape: Shape) -> Tensor:
        """Return coordinates, split for `joined`, or random waves of them."""
        places = coordinates(*shape[2:])
        if self.encoding == "sine":
            return split(places)
        directions = self.bandwidth * torch.randn(WAVES, 2)
        phases = math.pi * torch.einsum("wc,bcij->bwij", directions, places)
        return torch.cat([phases.sin(), phases.cos()], 1)


class Sine(nn.Conv2d):
    """A layer ``sin(omega (W x + b))`` of a perceptron for each pixel.

    The weights are uniform on +-`bound`, by the paper: 1 / inputs in the first layer and
    ``sqrt(6 / inputs) / omega`` in the others.
    """

    def __init__(self, inputs: int, units: int, omega: float, bound: float) -> None:
        super().__init__(inputs, units, 1)
        self.omega = omega
        nn.init.uniform_(self.weight, -bound, bound)

    def forward(self, x: Tensor) -> Tensor:
        """Return the sines; `omega` multiplies the weights, which are fewer than the phases."""
        assert self.bias is not None
        return functional.conv2d(x, self.omega * self.weight, self.omega * self.bias).sin()


class Siren(nn.Module):
    """A perceptron with sine activations for each pixel, given coordinates from `split`."""

    def __init__(self, outputs: int, units: int, depth: int, omega: float) -> None:
        super().__init__()
        bound = math.sqrt(6 / units) / omega
        self.first = Sine(2, units, omega, 1 / 2)
        self.rest = nn.Sequential(*(Sine(units, units, omega, bound) for _ in range(depth)))
        self.last = nn.Conv2d(units, outputs, 1)
        nn.init.uniform_(self.last.weight, -bound, bound)

    @override
    def forward(self, code: Tensor) -> Tensor:
        # The first phases are many periods, so bfloat16 would blur them; later ones are not.
        with torch.autocast(code.device.type, enabled=False):
            x = self.first(joined(code))
        logits: Tensor = self.last(self.rest(x))
        return logits


def coordinates(height: int, width: int) -> Tensor:
    """Return the place of each pixel, (1, 2, height, width): from the centre, in `UNIT` pixels."""
    across = (torch.arange(width) - (width - 1) / 2) / UNIT
    down = (torch.arange(height) - (height - 1) / 2) / UNIT
    return torch.stack([across.expand(height, width), down[:, None].expand(height, width)])[None]


def split(values: Tensor) -> Tensor:
    """Return what bfloat16 keeps of `values` and, as more channels, what it loses.

    The core stores codes in bfloat16 where that is fast, and would move pixels by half their
    distance.
    """
    kept = values.bfloat16().float()
    return torch.cat([kept, values - kept], 1)


def joined(code: Tensor) -> Tensor:
    """Return the values that `split` was given, to 16 bits."""
    kept, lost = code.float().chunk(2, 1)
    return kept + lost


def _perceptron(outputs: int, units: int, depth: int) -> nn.Module:
    layers: list[nn.Module] = []
    for index in range(depth + 1):
        layer = nn.Conv2d(units if index else 2 * WAVES, units, 1)
        nn.init.kaiming_normal_(layer.weight, nonlinearity="relu")
        layers += [layer, nn.ReLU(inplace=True)]
    return nn.Sequential(*layers, nn.Conv2d(units, outputs, 1))
