"""What the priors share that are a network for one task."""

from __future__ import annotations

import dataclasses
from pathlib import Path
from typing import Any, ClassVar

import torch

from priorlab.components import parameter
from priorlab.priors import Prior
from priorlab_learned.networks.trained import load
from priorlab_learned.networks.unet_network import UNetLayers

FOLDER = Path(__file__).parent / "weights"


@dataclasses.dataclass(frozen=True, kw_only=True)
class OneTask(Prior):
    """A network that was trained end to end; it sees a gray image as one without colour.

    Attributes
    ----------
    network : type
        Its class.
    shipped : str
        The name of its file among the shipped weights.
    """

    network: ClassVar[type[UNetLayers]]
    shipped: ClassVar[str]

    weights: str = parameter(
        "",
        "safetensors file that `priorlab train` wrote for this prior; empty: the shipped one",
        file=True,
    )

    def prepare(self, device: torch.device, channels: int) -> None:
        """Read and verify the weights and move them to the device; see `UNet.prepare`."""
        self._load(device)

    def _load(self, device: torch.device) -> Any:
        path = self.weights or FOLDER / self.shipped
        return load(self.network, self.name, path, device)
