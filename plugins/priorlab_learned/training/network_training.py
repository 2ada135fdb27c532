"""What all trainings of networks share: from a folder of photographs to weights and their card."""

from __future__ import annotations

import dataclasses
import math
from abc import abstractmethod
from collections.abc import Callable, Mapping
from pathlib import Path
from typing import ClassVar

import numpy as np
import torch
from torch import nn
from typing_extensions import override

from priorlab.components import parameter
from priorlab.ground.weights_file import WeightsError, read_weights, write_weights
from priorlab.pictures import datasets
from priorlab.pictures.writing import check_writable
from priorlab.training import Report, Trainer, devices
from priorlab.training.card import write_card
from priorlab.training.checkpoints import Checkpoint
from priorlab.training.photographs import Array, Photographs, gray
from priorlab_learned.networks.unet_network import MULTIPLE
from priorlab_learned.training.loop import Learned, Loss, Schedule, optimise

VALIDATION_IMAGES = 4
"""How many of the held-out images the curve is measured on."""


@dataclasses.dataclass(frozen=True, kw_only=True)
class NetworkTraining(Trainer):
    """A training of a network by gradient descent.

    A subclass says what is learned: the network, the loss of a step, and how good it is.

    Attributes
    ----------
    least_size : int
        The least height and width of a photograph.
    """

    least_size: ClassVar[int]

    device: str = parameter("auto", "a torch device; auto: a GPU, or the CPU if there is none")
    devices: int = parameter(1, "how many of them; several need Lightning Fabric", low=1)

    @property
    def learning_rate(self) -> float:
        """The greatest; see `loop.Schedule`."""
        return 1e-3

    @property
    def first_weights(self) -> Path | None:
        """The file of the weights that it begins with; None if they are drawn."""
        return None

    @abstractmethod
    def make_network(self) -> nn.Module:
        """Return the network with weights from torch's global generator."""

    @abstractmethod
    def make_loss(self, photographs: list[Array]) -> Loss:
        """Return the loss of a step; see `loop.Loss`."""

    @abstractmethod
    def score(self, network: nn.Module, images: list[Array]) -> float:
        """Return the mean PSNR in dB that the curve shows."""

    @abstractmethod
    def figures(self, network: nn.Module, images: list[Array]) -> Mapping[str, float]:
        """Return what the card says of a set of images: PSNR in dB by name."""

    @override
    def train(self, dataset: Path, output: Path, report: Report) -> dict[str, str]:
        """Train the network; see `priorlab.training.Trainer.train`.

        Raises
        ------
        UsageError
            If the folder holds no image or an unusable one, the output cannot be written, the
            device is not there, or the checkpoint belongs to another run.
        """
        check_writable(output, [".safetensors"])
        photographs = Photographs.read(dataset, self.least_size)
        where, precision = devices.on(self.device, self.devices)
        # Of a file, what it says counts, not where it lies.
        settings = {key: str(value) for key, value in self.fingerprint()["parameters"].items()}
        if self.first_weights:
            settings["start"] = "tensors " + read_weights(self.first_weights)[1]["tensors_sha256"]
        settings["device"] = where.device.type
        settings |= photographs.facts | {"precision": precision, "torch": str(torch.__version__)}
        checkpoint = Checkpoint(output, settings)
        torch.manual_seed(self.seed)
        network = self.make_network()
        if self.first_weights:
            _load_first(network, self.first_weights)
        network = network.to(memory_format=torch.channels_last)  # type: ignore[call-overload]
        seen = photographs.held_out[:VALIDATION_IMAGES]
        command = self.command(dataset, output)
        provenance = {"trainer": self.name, "command": command, **settings}
        so_far = output.with_name(f"{output.stem}.so-far{output.suffix}")

        def keep(learned: Learned) -> None:
            facts = provenance | {"steps_done": str(learned.curve[-1][0])}
            write_weights(so_far, _halved(learned.network), facts)
            write_card(so_far, facts, learned.curve)

        learned = optimise(
            network,
            self.make_loss(photographs.shown),
            lambda network: self.score(network, seen),
            Schedule(self.steps, self.seed, self.learning_rate),
            where,
            checkpoint,
            report,
            keep,
        )
        if where.global_rank:
            raise SystemExit(0)  # the first process writes
        state = _halved(learned.network)
        # Measured as shipped: with the weights rounded to half precision.
        learned.network.load_state_dict(state)
        provenance["cpu_minutes"] = f"{learned.cpu_seconds / 60:.1f}"
        for name, images in (("held_out", photographs.held_out), ("photos", _photos())):
            for figure, psnr in self.figures(learned.network, images).items():
                provenance[f"{name}_{figure}"] = f"{psnr:.3f}"
        write_weights(output, state, provenance)
        write_card(output, provenance, learned.curve)
        checkpoint.remove()
        for unfinished in (so_far, so_far.with_suffix(".md")):
            unfinished.unlink(missing_ok=True)
        return provenance


def _load_first(network: nn.Module, weights: Path) -> None:
    """Give the network the weights of a file, or raise a `WeightsError`."""
    state, _ = read_weights(weights)
    try:
        network.load_state_dict(state)
    except RuntimeError:
        raise WeightsError(f"start={weights} holds another network than this training's") from None


def _halved(network: nn.Module) -> dict[str, torch.Tensor]:
    """Return the weights in half precision, as they are written."""
    return {name: tensor.half().cpu() for name, tensor in network.state_dict().items()}


def _photos() -> list[Array]:
    """Return the colour photographs that come with priorlab, which are of another origin."""
    images = [image.read() for image in datasets.load("photos").images]
    return [np.rint(255 * image).astype(np.uint8) for image in images if len(image) == 3]


def as_kind(images: list[Array], channels: int) -> list[Array]:
    """Return colour images as those of 1 or 3 channels."""
    return images if channels == 3 else [gray(image) for image in images]


@torch.no_grad()
def mean_psnr(
    network: nn.Module,
    images: list[Array],
    restored: Callable[[torch.Tensor, int], torch.Tensor],
) -> float:
    """Return the mean PSNR in dB over images, cropped to a size that networks accept.

    `restored` is given a clean image (1, C, H, W) on the network's device, and its number; it
    degrades the image and has the network restore it.
    """
    device, values = next(network.parameters()).device, []
    for index, image in enumerate(images):
        height, width = (size - size % MULTIPLE for size in image.shape[1:])
        clean = torch.from_numpy(image[None, :, :height, :width].astype(np.float32) / 255)
        estimate = restored(clean.to(device), index).cpu().clamp(0, 1)
        error = (estimate - clean).square().mean()
        values.append(-10 * math.log10(float(error)))
    return float(np.mean(values)) if values else math.nan
