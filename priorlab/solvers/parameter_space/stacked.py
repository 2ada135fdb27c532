"""Several networks run as one: on a GPU, one small network leaves most of the hardware idle."""

from __future__ import annotations

from collections.abc import Callable
from typing import Any

import torch
from torch import Tensor, nn
from torch.func import functional_call, stack_module_state, vmap
from torch.overrides import TorchFunctionMode

from priorlab.ground import precision


def stacking_is_fast(device: torch.device) -> bool:
    """Return whether networks run faster as one than one by one: not on a CPU, in any number.

    Examples
    --------
    >>> stacking_is_fast(torch.device("cpu")), stacking_is_fast(torch.device("cuda"))
    (False, True)
    """
    return device.type == "cuda"


class Networks:
    """Networks of one architecture, each with parameters and a code of its own.

    A single network runs as it is. Of several, the parameters that belong together are stacked
    into one tensor whose first dimension counts the networks, and a layer of all networks is
    one call: a convolution is a grouped one. No number passes from one network to another.

    A single network stores its kernels in the layout that is fast. Several don't: with channels
    last, PyTorch 2.13 silently returns wrong gradients (on a CPU, of residual blocks for
    instance).

    Attributes
    ----------
    parameters : list of Tensor
        What an optimiser changes.
    """

    def __init__(self, networks: list[nn.Module]) -> None:
        self.count, self.first = len(networks), networks[0]
        self.parameters: list[Tensor] = list(self.first.parameters())
        self._dimensions = [parameter.ndim for parameter in self.parameters]
        if self.count == 1:
            for kernel in self.kernels:
                layout = precision.training_layout(kernel.device)
                kernel.data = kernel.data.contiguous(memory_format=layout)
            return
        for network in networks:
            _drop_statistics(network)
        self._stacked, self._buffers = stack_module_state(networks)
        self.parameters = list(self._stacked.values())

    @property
    def kernels(self) -> list[Tensor]:
        """Those parameters that are convolution kernels, (..., outputs, inputs, height, width)."""
        pairs = zip(self.parameters, self._dimensions, strict=True)
        return [parameter for parameter, dimensions in pairs if dimensions == 4]

    def of(self, index: int, values: Tensor) -> Tensor:
        """Return the part of `values`, shaped as a parameter, that belongs to one network."""
        return values[index] if self.count > 1 else values

    def images(self, codes: list[Tensor]) -> Tensor:
        """Return the images (N, C, H, W) that the N networks make of their codes (1, ...)."""
        if self.count == 1:
            image: Tensor = self.first(codes[0])
            return image
        # Side by side as channels, which is what a grouped convolution takes.
        code = torch.stack(codes, 1).contiguous()

        def one(parameters: dict[str, Tensor], buffers: dict[str, Tensor], code: Tensor) -> Tensor:
            image: Tensor = functional_call(self.first, (parameters, buffers), (code,))
            return image[0]

        # "different": layers such as dropout draw for each network by itself.
        run = vmap(one, in_dims=(0, 0, 1), randomness="different")
        with _Autocast():
            images: Tensor = run(self._stacked, self._buffers, code)
        return images


class _Autocast(TorchFunctionMode):
    """Applies `torch.autocast` to convolutions: on a CPU it does not see those within `vmap`."""

    def __torch_function__(
        self, func: Callable[..., Any], types: Any, args: Any = (), kwargs: Any = None
    ) -> Any:
        """Call `func`, which any function of PyTorch's can be."""
        kwargs = kwargs or {}
        if func in (torch.conv2d, torch.conv_transpose2d):
            device = args[0].device.type
            if torch.is_autocast_enabled(device):
                dtype = torch.get_autocast_dtype(device)
                args = [value.to(dtype) if isinstance(value, Tensor) else value for value in args]
        return func(*args, **kwargs)


def _drop_statistics(network: nn.Module) -> None:
    """Let batch normalisation keep no running means: a fit never uses them."""
    for layer in network.modules():
        if isinstance(layer, nn.BatchNorm2d):
            layer.track_running_stats = False
            layer.running_mean = layer.running_var = layer.num_batches_tracked = None
