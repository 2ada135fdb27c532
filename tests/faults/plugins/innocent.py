"""Priors that do no harm: whatever their neighbours do, their images are the same."""

import dataclasses

import torch
from torch import nn

from priorlab.components import parameter
from priorlab.hookspecs import hookimpl
from priorlab.priors import Prior
from priorlab.trace import SILENT


@dataclasses.dataclass(frozen=True, kw_only=True)
class Draws(Prior):
    """Adds a little of its own noise."""

    name = "draws"
    copy: int = parameter(0, doc="which copy", low=0)

    def restore(self, measurement, trace=SILENT, seed=0):
        guess = measurement.initial_guess()
        return guess + 0.01 * torch.rand(guess.shape)


@dataclasses.dataclass(frozen=True, kw_only=True)
class Learns(Prior):
    """Trains a small network and reports on it."""

    name = "learns"
    optimises = True
    copy: int = parameter(0, doc="which copy", low=0)

    def restore(self, measurement, trace=SILENT, seed=0):
        y = measurement.initial_guess()
        network = nn.Sequential(nn.Conv2d(y.shape[1], 4, 3, padding=1), nn.ReLU())
        network.append(nn.Conv2d(4, y.shape[1], 3, padding=1))
        optimizer = torch.optim.Adam(network.parameters(), lr=1e-2)
        for step in range(1, 6):
            optimizer.zero_grad()
            output = network(y)
            (output - y).square().mean().backward()
            optimizer.step()
            trace.report(step, 5, output)
        return output.detach()


@hookimpl
def priorlab_priors():
    return [Draws, Learns]
