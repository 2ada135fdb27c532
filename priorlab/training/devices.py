"""Where a training computes: on one device, or on several through Lightning Fabric."""

from __future__ import annotations

from contextlib import AbstractContextManager
from typing import Any, Protocol

import torch
from torch import Tensor, nn

from priorlab.ground.devices import find
from priorlab.ground.extras import check_installed
from priorlab.ground.precision import bf16_is_fast


class Devices(Protocol):
    """What a training loop asks of Lightning's ``Fabric``, by its names."""

    @property
    def device(self) -> torch.device:
        """The device of this process."""

    @property
    def global_rank(self) -> int:
        """The number of this process; process 0 writes files and reports."""

    @property
    def world_size(self) -> int:
        """The number of processes: each computes the gradient of a batch of its own."""

    def setup(self, module: nn.Module, *optimizers: torch.optim.Optimizer) -> Any:
        """Return network and optimiser, moved to the device and wrapped as need be."""

    def backward(self, tensor: Tensor) -> None:
        """Add the gradients of a loss, averaged over the processes."""

    def autocast(self) -> AbstractContextManager[Any]:
        """Compute convolutions in the number format of the training."""


class OneDevice:
    """One device and no other process; it needs no further package."""

    global_rank = 0
    world_size = 1

    def __init__(self, device: torch.device, precision: str) -> None:
        self.device = device
        self._half = precision == "bfloat16"

    def setup(self, module: nn.Module, *optimizers: torch.optim.Optimizer) -> Any:
        """Move the network to the device."""
        return (module.to(self.device), *optimizers)

    def backward(self, tensor: Tensor) -> None:
        """Add the gradients of a loss."""
        tensor.backward()  # type: ignore[no-untyped-call]

    def autocast(self) -> AbstractContextManager[Any]:
        """Compute convolutions in bfloat16, if that is the number format."""
        return torch.autocast(self.device.type, torch.bfloat16, enabled=self._half)


def on(device: str, count: int) -> tuple[Devices, str]:
    """Return what a training computes on, and the number format that is fast there.

    Parameters
    ----------
    device : str
        A torch device, or "auto": a GPU if there is one, else the CPU.
    count : int
        How many of them. More than one start as many processes, each of which runs the command
        that was typed.

    Raises
    ------
    UsageError
        For a device that is not there, or more than one without Lightning Fabric.

    Examples
    --------
    >>> devices, precision = on("cpu", 1)
    >>> devices.device, devices.world_size
    (device(type='cpu'), 1)
    """
    automatic = "cuda" if torch.cuda.is_available() else "cpu"
    where = find(automatic if device == "auto" else device)
    precision = "bfloat16" if bf16_is_fast(where) else "float32"
    if count == 1:
        return OneDevice(where, precision), precision
    check_installed("lightning_fabric", "fabric", f"devices={count}")
    from lightning_fabric import Fabric
    from lightning_fabric.strategies.ddp import DDPStrategy

    fabric = Fabric(
        accelerator=where.type,
        devices=count,
        # A network for several kinds of images uses only some of its layers for each.
        strategy=DDPStrategy(find_unused_parameters=True),
        precision="bf16-mixed" if precision == "bfloat16" else "32-true",
    )
    fabric.launch()
    return fabric, precision
