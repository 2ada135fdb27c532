"""The ``unet`` prior: a trained convolutional denoiser that takes the noise level as an input."""

from __future__ import annotations

import dataclasses
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
from priorlab_learned.networks.trained import KINDS, LOCALITY, channels_problem, load, of_any_size
from priorlab_learned.networks.unet_network import UNetNetwork

SHIPPED = {
    1: Path(__file__).parent / "weights" / "unet_gray.safetensors",
    3: Path(__file__).parent / "weights" / "unet_color.safetensors",
}
FADE = 0.4 / 255
"""Noise level at which half of the predicted change is made.

What varies by less in a photograph is detail as likely as noise. With this level no picture that
the training holds out, whole or halved, becomes worse by more than 0.03 dB; see
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
    of standard deviation 0 to 255 on the 0-255 scale, mostly 0 to 55. A higher level is not
    refused: without biases the network is homogeneous, ``f(a v, a sigma) = a f(v, sigma)``, and so
    treats the image as one of less contrast.

    Of the change that the network predicts, the share ``sigma^4 / (sigma^4 + s^4)`` is made, with s
    0.4 (0-255): so weak a noise cannot be told from detail. Where the change is stronger than the
    noise that was told, less of it is made: what is unlike photographs, such as fine print, the
    network takes for noise. So noise that is stronger than told in part of a picture partly stays.

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
    limited_to_noise: ClassVar[bool] = True
    kind: ClassVar[type[UNetNetwork]] = UNetNetwork
    shipped: ClassVar[dict[int, Path]] = SHIPPED

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
        return channels_problem(measurement.shape[1]) or super().unsupported(measurement)

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
            images = [self._without_noise(network, part, level.expand(len(part))) for part in parts]
        restored = torch.cat(images) if len(images) > 1 else images[0]
        return torch.lerp(v.float(), restored, share_of_change(sigma)).to(v.dtype)

    def _without_noise(self, network: UNetNetwork, v: Tensor, level: Tensor) -> Tensor:
        """Return what the network makes of images of any size."""
        return of_any_size(lambda v: network(v, level), v)

    def _network(self, device: torch.device, channels: int) -> UNetNetwork:
        if reason := channels_problem(channels):
            raise Unsupported(f"{self.name}: {reason}")
        path = Path(self.weights) if self.weights else self.shipped[channels]
        network = load(self.kind, self.name, path, device)
        if network.channels != channels:
            raise Unsupported(
                f"{path} is a network for {KINDS[network.channels]} images,"
                f" this one is {KINDS[channels]}"
            )
        return network


def share_of_change(sigma: float, fade: float = FADE) -> float:
    """Return how much of the predicted change is made at a noise level.

    Examples
    --------
    >>> [round(share_of_change(level / 255), 2) for level in (0, 0.2, 0.4, 1, 3)]
    [0.0, 0.06, 0.5, 0.98, 1.0]
    """
    return sigma**4 / (sigma**4 + fade**4) if sigma else 0.0
