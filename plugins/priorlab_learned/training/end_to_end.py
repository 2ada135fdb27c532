"""What the trainings for one task share: they see gray and colour in turn, as one network does."""

from __future__ import annotations

import dataclasses
from abc import abstractmethod
from collections.abc import Mapping
from typing import ClassVar

import numpy as np
import torch
from torch import Tensor, nn
from typing_extensions import override

from priorlab.training.photographs import Array
from priorlab_learned.networks.trained import KINDS
from priorlab_learned.training.loop import Loss
from priorlab_learned.training.network_training import NetworkTraining, as_kind, mean_psnr
from priorlab_learned.training.pairs import CROP, Pairs


@dataclasses.dataclass(frozen=True, kw_only=True)
class EndToEndTraining(NetworkTraining):
    """A training from degraded photographs to clean ones.

    Attributes
    ----------
    strength : str
        What the degradation is measured by: ``quality``, ``missing``.
    measured : tuple of float
        At which of these a finished network is measured.
    validation : float
        That of the curve.
    """

    least_size: ClassVar[int] = 2 * CROP
    strength: ClassVar[str]
    measured: ClassVar[tuple[float, ...]]
    validation: ClassVar[float]

    @abstractmethod
    def error(
        self, network: nn.Module, clean: Tensor, rng: np.random.Generator, to: torch.device
    ) -> Tensor:
        """Return the loss on clean crops (B, 1 or 3, H, W), degraded at random."""

    @abstractmethod
    def restored(self, network: nn.Module, clean: Tensor, strength: float, index: int) -> Tensor:
        """Return what the network makes of an image (1, C, H, W), degraded as `index` says."""

    @override
    def make_loss(self, photographs: list[Array]) -> Loss:
        pairs, kinds = Pairs(photographs), list(KINDS)

        def loss(
            network: nn.Module, step: int, rng: np.random.Generator, to: torch.device
        ) -> Tensor:
            clean = pairs.draw_clean(kinds[step % len(kinds)], rng)
            return self.error(network, clean, rng, to)

        return loss

    @override
    def score(self, network: nn.Module, images: list[Array]) -> float:
        return self._psnr(network, as_kind(images, 1), self.validation)

    @override
    def figures(self, network: nn.Module, images: list[Array]) -> Mapping[str, float]:
        return {
            f"{name}_psnr_{self.strength}{strength:g}": self._psnr(
                network, as_kind(images, kind), strength
            )
            for kind, name in KINDS.items()
            for strength in (self.measured if images else ())
        }

    def _psnr(self, network: nn.Module, images: list[Array], strength: float) -> float:
        def restored(clean: Tensor, index: int) -> Tensor:
            return self.restored(network, clean, strength, index)

        return mean_psnr(network, images, restored)
