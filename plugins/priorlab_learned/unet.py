"""The ``unet`` prior: a trained convolutional denoiser that takes the noise level as an input."""

from __future__ import annotations

import dataclasses
from functools import lru_cache
from pathlib import Path
from typing import ClassVar

import torch
from torch import Tensor
from typing_extensions import override

from priorlab.components import parameter
from priorlab.errors import Unsupported
from priorlab.forward.measurement import Measurement
from priorlab.priors import Denoiser
from priorlab.solvers.tiles import Locality
from priorlab.weights_file import WeightsError, read_weights
from priorlab_learned.networks.mirroring import continued
from priorlab_learned.networks.unet_network import MULTIPLE, UNetNetwork

SHIPPED = {
    1: Path(__file__).parent / "weights" / "unet_gray.safetensors",
    3: Path(__file__).parent / "weights" / "unet_color.safetensors",
}
LOCALITY = Locality(reach=90, grid=MULTIPLE, side=1536)
"""The receptive field: 16 convolutions at three resolutions, and the grids of the coarser two."""

FADE = {1: 2 / 255, 3: 3 / 255}
"""Noise level at which half of the predicted change is made, for gray and for colour.

What varies by less in a photograph is detail as likely as noise; and what these networks saw of
colour was stored at half resolution, so that sharp colour is noise to them. With these levels no
picture that their training holds out, whole or halved, becomes worse by more than 0.05 dB; see
benchmarks/tune_unet.py.
"""

AT_ONCE = 2**16
"""Pixels of the images that go through the network together. One thread of a CPU restores images of
32, 64 and 128 pixels 2.3, 1.5 and 1.2 times as fast so; larger ones it does not."""


@dataclasses.dataclass(frozen=True, kw_only=True)
class UNet(Denoiser):
    """A U-Net denoiser trained on photographs, with the noise level as an input.

    About 1.6 million weights, one network for gray and one for RGB; see `UNetNetwork` for the
    architecture and ``weights/README.md`` for how they were trained. Trained for Gaussian noise
    of standard deviation 0 to 55 on the 0-255 scale. A higher level is not refused: without
    biases the network is homogeneous, ``f(a v, a sigma) = a f(v, sigma)``, and so treats the
    image as one of less contrast at level 55.

    Of the change that the network predicts, the share ``sigma^2 / (sigma^2 + s^2)`` is made, with s
    2 for gray and 3 for colour images (0-255): weak noise cannot be told from detail.

    ``precision=bfloat16`` is much faster on CPUs that have AMX, and slow on those without. The
    default is float32, so that every machine reports the same figures.

    Examples
    --------
    >>> noise = torch.randn(1, 1, 32, 32, generator=torch.Generator().manual_seed(0))
    >>> restored = UNet().denoise(0.5 + 0.1 * noise, sigma=0.1)
    >>> float(restored.std()) < 0.03
    True
    """

    name: ClassVar[str] = "unet"
    batched: ClassVar[bool] = True

    weights: str = parameter(
        "", "safetensors file that `priorlab train unet` wrote; empty: the shipped ones", file=True
    )
    precision: str = parameter(
        "float32", "number format of the convolutions", choices=("float32", "bfloat16")
    )

    def prepare(self, device: torch.device, channels: int) -> None:
        """Read and verify the weights and move them to the device.

        Raises
        ------
        WeightsError
            If the weights are missing or damaged.
        Unsupported
            If they are for another number of channels.
        """
        self._network(device, channels)

    @override
    def unsupported(self, measurement: Measurement) -> str | None:
        return _foreign(measurement.shape[1]) or super().unsupported(measurement)

    @override
    def locality(self, channels: int, sigma: float) -> Locality:
        return LOCALITY

    @torch.no_grad()
    def denoise(self, v: Tensor, sigma: float) -> Tensor:
        """Remove Gaussian noise.

        Parameters
        ----------
        v : Tensor
            Noisy images (B, C, H, W) in about [0, 1], C 1 or 3, any size from 1x1.
        sigma : float
            Standard deviation of the noise on the [0, 1] scale.

        Returns
        -------
        Tensor
            The denoised images, same shape and type, not clipped.
        """
        network = self._network(v.device, v.shape[1])
        level = torch.tensor([sigma], dtype=torch.float32, device=v.device)
        half = self.precision == "bfloat16"
        with torch.autocast(v.device.type, torch.bfloat16, enabled=half):
            parts = torch.split(v.float(), max(1, AT_ONCE // v[0, 0].numel()))
            images = [_any_size(network, part, level.expand(len(part))) for part in parts]
        restored = torch.cat(images) if len(images) > 1 else images[0]
        return torch.lerp(v.float(), restored, share_of_change(sigma, v.shape[1])).to(v.dtype)

    def _network(self, device: torch.device, channels: int) -> UNetNetwork:
        if reason := _foreign(channels):
            raise Unsupported(f"{self.name}: {reason}")
        path = Path(self.weights) if self.weights else SHIPPED[channels]
        network = _load(path, path.stat().st_mtime_ns if path.exists() else 0, device)
        if network.channels != channels:
            kinds = {1: "gray", 3: "colour"}
            raise Unsupported(
                f"{path} is a network for {kinds[network.channels]} images,"
                f" this one is {kinds[channels]}"
            )
        return network


def share_of_change(sigma: float, channels: int) -> float:
    """Return how much of the predicted change is made at a noise level.

    Examples
    --------
    >>> [round(share_of_change(level / 255, 3), 2) for level in (0, 0.3, 1, 3, 15)]
    [0.0, 0.01, 0.1, 0.5, 0.96]
    """
    return sigma**2 / (sigma**2 + FADE[channels] ** 2)


def _foreign(channels: int) -> str | None:
    """Return that there is no network for so many channels, if so."""
    if channels in SHIPPED:
        return None
    return f"it only treats images with 1 or 3 channels, not {channels}"


@lru_cache(maxsize=8)
def _load(path: Path, modified: int, device: torch.device) -> UNetNetwork:
    """Read a network once per file, time of change and device."""
    state, _ = read_weights(path)
    try:
        network = UNetNetwork.from_state({name: value.float() for name, value in state.items()})
    except (KeyError, RuntimeError) as error:
        raise WeightsError(f"{path} does not hold a network of the unet prior: {error}") from None
    network.requires_grad_(False).eval()
    return network.to(device=device, memory_format=torch.channels_last)  # type: ignore[call-overload,no-any-return]


def _any_size(network: UNetNetwork, image: Tensor, sigma: Tensor) -> Tensor:
    """Denoise images (B, C, H, W) of any size: mirrored to what the network accepts."""
    height, width = image.shape[-2:]
    grown = continued(image, *(-(-size // MULTIPLE) * MULTIPLE for size in (height, width)))
    result: Tensor = network(grown, sigma)
    return result[:, :, :height, :width]
