"""The network that LPIPS and DISTS look through: weights from a file, never from the network."""

from __future__ import annotations

from collections.abc import Mapping
from pathlib import Path

import torch
from safetensors import SafetensorError
from safetensors.torch import load_file
from torch import Tensor, nn

from priorlab.errors import UsageError
from priorlab.ground.files import check_regular

ALEXNET, VGG16 = "AlexNet", "VGG16"

_KERNELS = {
    ALEXNET: {
        0: (64, 3, 11, 11),
        3: (192, 64, 5, 5),
        6: (384, 192, 3, 3),
        8: (256, 384, 3, 3),
        10: (256, 256, 3, 3),
    },
    VGG16: {
        0: (64, 3, 3, 3),
        2: (64, 64, 3, 3),
        5: (128, 64, 3, 3),
        7: (128, 128, 3, 3),
        10: (256, 128, 3, 3),
        12: (256, 256, 3, 3),
        14: (256, 256, 3, 3),
        17: (512, 256, 3, 3),
        19: (512, 512, 3, 3),
        21: (512, 512, 3, 3),
        24: (512, 512, 3, 3),
        26: (512, 512, 3, 3),
        28: (512, 512, 3, 3),
    },
}
"""The shapes of the kernels of torchvision's networks, by their place among the layers."""


def read(name: str, path: str, networks: tuple[str, ...]) -> tuple[str, dict[str, Tensor]]:
    """Read the convolutions of a network that torchvision trained on ImageNet.

    Parameters
    ----------
    name : str
        The metric's, for errors.
    path : str
        A ``.pth`` or ``.safetensors`` file, of the whole network or of its convolutions alone.
    networks : tuple of str
        Those that will do: `ALEXNET`, `VGG16`.

    Returns
    -------
    network : str
        Which of them it is.
    weights : dict of str to Tensor
        By the names ``0.weight``, ``0.bias``, ``2.weight``, ...

    Raises
    ------
    UsageError
        If the file is not named, cannot be read, holds more than tensors, or another network.
    """
    wanted = " or ".join(networks)
    if not path:
        raise UsageError(
            f"{name} needs backbone=FILE, the weights of torchvision's {wanted} for ImageNet, such "
            "as vgg16-397923af.pth; nothing is downloaded"
        )
    found = _tensors(name, Path(path))
    layers = {key.removeprefix("features."): value for key, value in found.items()}
    for network in networks:
        shapes = {f"{place}.weight": shape for place, shape in _KERNELS[network].items()}
        shapes |= {f"{place}.bias": shape[:1] for place, shape in _KERNELS[network].items()}
        if all(key in layers and tuple(layers[key].shape) == s for key, s in shapes.items()):
            weights = {key: layers[key].float() for key in shapes}
            if not all(bool(value.isfinite().all()) for value in weights.values()):
                raise UsageError(f"{name}: backbone={path} holds NaN or infinity")
            return network, weights
    raise UsageError(f"{name}: backbone={path} does not hold the weights of torchvision's {wanted}")


def fill(network: nn.Module, weights: Mapping[str, Tensor]) -> None:
    """Give the weights to a network whose layers are named ``slice1.0``, ``slice1.2``, ...

    Raises
    ------
    RuntimeError
        If it has others: the library changed.
    """
    own = {key: key.partition(".")[2] for key, _ in network.named_parameters()}
    own = {key: inner for key, inner in own.items() if inner}
    if set(own.values()) != set(weights):
        raise RuntimeError("the library's network does not have the layers that are known here")
    network.load_state_dict({key: weights[inner] for key, inner in own.items()}, strict=False)


def _tensors(name: str, path: Path) -> dict[str, Tensor]:
    try:
        check_regular(path)
        if path.suffix == ".safetensors":
            found = load_file(path)
        else:
            found = torch.load(path, map_location="cpu", weights_only=True)
    except OSError as error:
        reason = error.strerror or str(error)
        raise UsageError(f"{name}: cannot read backbone={path}: {reason}") from None
    except SafetensorError:
        raise UsageError(f"{name}: backbone={path} is damaged or no file of weights") from None
    except UsageError as error:
        raise UsageError(f"{name}: backbone: {error}") from None
    except Exception:  # torch raises what it happens upon, and advises to load the file anyhow
        raise UsageError(f"{name}: backbone={path} is damaged or holds more than tensors") from None
    tensors = isinstance(found, Mapping) and all(
        isinstance(key, str) and isinstance(value, Tensor) for key, value in found.items()
    )
    if not tensors:
        raise UsageError(f"{name}: backbone={path} does not hold tensors by name")
    return dict(found)
