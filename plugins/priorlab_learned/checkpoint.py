"""The ``checkpoint`` prior: a published network, from its file of weights."""

from __future__ import annotations

import dataclasses
from pathlib import Path
from typing import ClassVar

import torch
from torch import Tensor
from typing_extensions import override

from priorlab.components import parameter
from priorlab.errors import Unsupported, UsageError
from priorlab.forward.convolution import Convolution
from priorlab.forward.jpeg import JpegQuantisation
from priorlab.forward.measurement import Measurement
from priorlab.ground.torch_settings import CPU
from priorlab.priors import Denoiser
from priorlab.solvers.tiles import Locality, tiles
from priorlab.trace import SILENT, Trace
from priorlab_learned.published.network import KINDS, Network, load


@dataclasses.dataclass(frozen=True, kw_only=True)
class Checkpoint(Denoiser):
    """A network that others trained and published, from a file of weights.

    Its architecture is found out from the weights, by the library spandrel (DnCNN, FDnCNN, DRUNet,
    SCUNet, SwinIR, NAFNet, KBNet, Uformer, FBCNN and many that enlarge images; with
    spandrel-extra-arches also Restormer, MPRNet and MIRNet2), and FFDNet. The file holds tensors
    only, by torch or safetensors; one that could run code is refused. Needs spandrel:
    ``pip install 'priorlab[checkpoints]'``.

    **A denoiser** serves every task. FFDNet, DRUNet and FDnCNN are told the noise level; trained
    for are levels of 0 to 75, in DRUNet of 0 to 50. Other networks were trained for one level, or
    for any up to 55 (``sigma=blind``). Of an image with more noise than that they are given one of
    less contrast, around a gray of 0.5 (denoiser scaling: Xu, Liu, Sun, Wohlberg, Kamilov: Boosting
    the performance of plug-and-play priors via denoiser scaling, 2020). Where there is less noise
    than their one level, what they removed is given to them again with more contrast, at most four
    times as much from call to call, and what they leave of that is put back. A gray network treats
    each channel of a colour image by itself; a colour network takes no gray images, for in these
    the noise of the channels is the same.

    **A network for super-resolution, JPEG or blur** does that and nothing else: its result is what
    it makes of the data.

    Large pictures are treated in tiles. For DnCNN, FDnCNN, FFDNet and DRUNet these overlap as far
    as the network looks, and the result is that of the whole picture. Other networks look at all
    of it: above 1024 pixels they see tiles that overlap by 64.

    Examples
    --------
    >>> Checkpoint(file="dncnn_25.pth").spec(), Checkpoint(file="net.pth", sigma="15").spec()
    ('checkpoint:file=dncnn_25.pth', 'checkpoint:file=net.pth,sigma=15')
    >>> Checkpoint(sigma="dark")
    Traceback (most recent call last):
    ...
    priorlab.errors.UsageError: checkpoint: sigma=dark is neither a level from 0.1 to 255, nor...
    """

    name: ClassVar[str] = "checkpoint"
    by_default: ClassVar[bool] = False

    file: str = parameter(
        "", "published state dict (.pth, .pt, .ckpt, .safetensors)", file=True, named=True
    )
    arch: str = parameter("auto", "the network's architecture, such as DnCNN; auto finds it out")
    sigma: str = parameter(
        "auto",
        "noise level (0-255) that it was trained for; blind: any; auto: as the file's name says",
    )
    task: str = parameter(
        "auto",
        "what it was trained for; auto: as its architecture or else the file's name says",
        choices=("auto", "denoise", "superres", "dejpeg", "deblur"),
    )

    def __post_init__(self) -> None:
        super().__post_init__()
        if self.sigma not in ("auto", "blind") and not _is_level(self.sigma):
            raise UsageError(
                f"{self.name}: sigma={self.sigma} is neither a level from 0.1 to 255, nor blind, "
                "nor auto"
            )

    def prepare(self, device: torch.device, channels: int) -> None:
        """Read the file and move the network to the device.

        Raises
        ------
        UsageError
            If spandrel is missing, or the file cannot be used.
        Unsupported
            If the network is for other channels, or no file is named.
        """
        if not self.file:
            raise Unsupported(f"{self.name}: {_NO_FILE}")
        network = self._network(device)
        if reason := _foreign(network, channels):
            raise Unsupported(f"{self.name}: {reason}")

    @override
    def unsupported(self, measurement: Measurement) -> str | None:
        if not self.file:
            return _NO_FILE
        network = self._network(measurement.y.device)
        if reason := _foreign(network, measurement.shape[1]):
            return reason
        if network.task == "denoise":
            return super().unsupported(measurement)
        operator = measurement.operator
        suits = {
            "superres": operator.factor == network.factor,
            "dejpeg": isinstance(measurement.noise, JpegQuantisation),
            "deblur": isinstance(operator, Convolution),
        }[network.task]
        return None if suits else _ONLY[network.task].format(network.factor)

    @override
    def locality(self, channels: int, sigma: float) -> Locality:
        return self._network(CPU).locality_at(sigma)

    def denoise(self, v: Tensor, sigma: float) -> Tensor:
        """Remove Gaussian noise.

        Parameters
        ----------
        v : Tensor
            Noisy images (B, C, H, W) in about [0, 1], any size.
        sigma : float
            Standard deviation of the noise on the [0, 1] scale.

        Returns
        -------
        Tensor
            The denoised images, same shape and type, not clipped.
        """
        network = self._network(v.device)
        if network.task != "denoise":
            raise Unsupported(f"{self.name}: {_ONLY[network.task].format(network.factor)}")
        images = _for_channels(v.float(), network)
        return network.denoise(images, sigma).reshape(v.shape).to(v.dtype)

    @torch.no_grad()
    def restore(self, measurement: Measurement, trace: Trace = SILENT, seed: int = 0) -> Tensor:
        """Plug the network in as a denoiser, or have it do the task that it was trained for."""
        self.require(measurement)
        network = self._network(measurement.y.device)
        trace.note(self._explained(network, measurement.shape[1]))
        if network.task == "denoise":
            return super().restore(measurement, trace, seed)
        # A blurred picture may be a part of the scene that is restored: then it is continued.
        data = measurement.initial_guess() if network.task == "deblur" else measurement.y
        images = _for_channels(measurement.clipped(data.float()), network)
        return torch.cat([_in_tiles(network, one) for one in images.split(1)]).reshape(
            measurement.shape
        )

    def _network(self, device: torch.device) -> Network:
        return load(Path(self.file), self.arch, self.sigma, self.task, device)

    def _explained(self, network: Network, channels: int) -> str:
        text = f"{Path(self.file).name} is {network}"
        if network.guessed:
            text += f" ({network.guessed})"
        if channels != network.channels:
            text += "; each channel is treated by itself"
        return text


_NO_FILE = "it needs a network: checkpoint:file=PATH"
_ONLY = {
    "superres": "its network only enlarges images {0} times (superres:factor={0})",
    "dejpeg": "its network only removes artefacts of JPEG (dejpeg)",
    "deblur": "its network only undoes blur (deblur)",
}


def _is_level(text: str) -> bool:
    try:
        return 0.1 <= float(text) <= 255
    except ValueError:
        return False


def _foreign(network: Network, channels: int) -> str | None:
    """Return why a network does not take images with so many channels, if so."""
    if network.channels in (1, channels):
        return None
    kind = KINDS.get(network.channels, f"images of {network.channels} channels")
    return f"its network is for {kind}, not for {KINDS.get(channels, f'{channels} channels')}"


def _for_channels(images: Tensor, network: Network) -> Tensor:
    """Return images as the network takes them: their channels one by one, if it is for gray."""
    return images.reshape(-1, 1, *images.shape[-2:]) if network.channels == 1 else images


def _in_tiles(network: Network, image: Tensor) -> Tensor:
    """Return what the network makes of an image (1, C, H, W), enlarged by its factor."""
    times, (height, width) = network.factor, image.shape[-2:]
    result = image.new_empty(1, image.shape[1], times * height, times * width)
    for tile in tiles(height, width, network.locality):
        part = network.module(image[:, :, *tile.window])
        place, inner = (
            tuple(slice(times * one.start, times * one.stop) for one in window)
            for window in (tile.place, tile.inner)
        )
        result[:, :, *place] = part[:, :, *inner]
    return result
