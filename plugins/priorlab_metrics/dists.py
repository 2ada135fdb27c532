"""DISTS: similarity of structure and texture in the features of VGG16."""

from __future__ import annotations

import dataclasses
from unittest import mock

import numpy as np
import torch
from numpy.typing import NDArray

from priorlab.components import file_digest, parameter
from priorlab.metrics import Function, Metric
from priorlab.optional_metrics import OptionalMetric
from priorlab_metrics import backbone
from priorlab_metrics.libraries import as_rgb, check


@dataclasses.dataclass(frozen=True, kw_only=True)
class DISTS(OptionalMetric):
    """Perceptual distance that forgives texture another grain, by the library torchmetrics.

    K. Ding, K. Ma, S. Wang, E. P. Simoncelli: Image quality assessment: unifying structure and
    texture similarity, IEEE TPAMI 44(5), 2022. The weights of the features come with torchmetrics.

    Examples
    --------
    >>> DISTS(backbone="vgg16.pth").spec()
    'dists:backbone=vgg16.pth'
    """

    name = "dists"
    backbone: str = parameter("", "ImageNet weights of torchvision's VGG16", file=True)

    def metric(self) -> Metric:
        """Return the metric."""
        library = check("torchmetrics", self.name)
        self._weights()
        return Metric(
            name=self.name,
            doc=self.summary(),
            spec=f"DISTS (Ding 2022) by {library} with VGG16 (weights of SHA-256 "
            f"{file_digest(type(self), 'backbone', self.backbone)[:12]}), at full size; gray as "
            "three equal channels",
            prepare=self.prepare,
            higher_is_better=False,
        )

    def prepare(self, device: torch.device) -> Function:
        """Return the function, with the network on a device."""
        from torchmetrics.functional.image import dists
        from torchvision.models import vgg16

        # The library has no way to make its network but by a download of VGG16: while it is
        # made, it is given one without weights instead.
        with mock.patch.object(dists, "vgg16", lambda weights: vgg16()):
            model = dists.DISTSNetwork()
        backbone.fill(model, self._weights())
        model = model.to(device).eval()

        @torch.no_grad()
        def distance(restored: NDArray[np.float32], clean: NDArray[np.float32]) -> float:
            if len(clean) not in (1, 3):
                return float("nan")
            return float(model(as_rgb(restored, device), as_rgb(clean, device)))

        return distance

    def _weights(self) -> dict[str, torch.Tensor]:
        return backbone.read(self.name, self.backbone, (backbone.VGG16,))[1]
