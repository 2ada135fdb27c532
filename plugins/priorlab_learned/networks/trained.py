"""Trained networks: read once from their file, and applied to images of any size."""

from __future__ import annotations

from collections.abc import Callable
from functools import lru_cache
from pathlib import Path
from typing import Any, TypeVar

import torch
from torch import Tensor

from priorlab.ground import torch_settings
from priorlab.ground.weights_file import WeightsError, read_weights
from priorlab.solvers.tiles import Locality
from priorlab_learned.networks.mirroring import continued
from priorlab_learned.networks.unet_network import MULTIPLE, UNetLayers

Network = TypeVar("Network", bound=UNetLayers)

KINDS = {1: "gray", 3: "colour"}
"""The images that there are networks for, by their number of channels."""

LOCALITY = Locality(reach=90, grid=MULTIPLE, side=1536)
"""The receptive field: 16 convolutions at three resolutions, and the grids of the coarser two."""


def channels_problem(channels: int) -> str | None:
    """Return that there is no network for so many channels, if so.

    Examples
    --------
    >>> channels_problem(2)
    'it only treats images with 1 or 3 channels, not 2'
    """
    if channels in KINDS:
        return None
    return f"it only treats images with 1 or 3 channels, not {channels}"


def load(kind: type[Network], prior: str, path: str | Path, device: torch.device) -> Network:
    """Return the network of a weights file, read once per file, time of change and device.

    Raises
    ------
    WeightsError
        If the file is missing, damaged, or holds something else.
    """
    path = Path(path)
    modified = path.stat().st_mtime_ns if path.exists() else 0
    any_kind: Any = kind  # the cache asks for what can be hashed
    # What is kept serves whoever comes next, and weights are drawn before they are read.
    with torch_settings.usual(device), torch.random.fork_rng([]):
        network = _load(any_kind, prior, path, modified, device)
    assert isinstance(network, kind)
    return network


@lru_cache(maxsize=8)
def _load(
    kind: type[UNetLayers], prior: str, path: Path, modified: int, device: torch.device
) -> UNetLayers:
    state, facts = read_weights(path)
    if facts.get("trainer", prior) != prior:
        raise WeightsError(f"{path} holds a network of {facts['trainer']}, not of {prior}")
    try:
        network = kind.from_state({name: value.float() for name, value in state.items()})
    except (KeyError, RuntimeError) as error:
        raise WeightsError(
            f"{path} does not hold a network of the {prior} prior: {error}"
        ) from None
    network.requires_grad_(False).eval()
    return network.to(device=device, memory_format=torch.channels_last)  # type: ignore[call-overload,no-any-return]


def of_any_size(work: Callable[..., Tensor], *images: Tensor) -> Tensor:
    """Return what `work` makes of images (B, C, H, W), mirrored to a size that it accepts."""
    height, width = images[0].shape[-2:]
    return work(*(grown(image) for image in images))[:, :, :height, :width]


def grown(image: Tensor) -> Tensor:
    """Return images (B, C, H, W), mirrored at the end to the next size that a network accepts."""
    rows, columns = (-(-size // MULTIPLE) * MULTIPLE for size in image.shape[-2:])
    return continued(image, rows, columns)


def as_colour(image: Tensor) -> Tensor:
    """Return images (B, 1 or 3, H, W) with three channels: a gray one has no colour."""
    return image.expand(-1, 3, -1, -1)


def with_channels(image: Tensor, channels: int) -> Tensor:
    """Do the opposite of `as_colour`."""
    return image if channels == 3 else image.mean(1, keepdim=True)
