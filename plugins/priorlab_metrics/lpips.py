"""LPIPS: distance of images in the features of a network, weighted as people judge."""

from __future__ import annotations

import dataclasses

import numpy as np
import torch
from numpy.typing import NDArray

from priorlab.components import file_digest, parameter
from priorlab.metrics import Function, Metric
from priorlab.optional_metrics import OptionalMetric
from priorlab_metrics import backbone
from priorlab_metrics.libraries import as_rgb, check

_NETS = {backbone.ALEXNET: "alex", backbone.VGG16: "vgg"}
"""The networks as torchmetrics calls them."""

LEAST = {backbone.ALEXNET: 31, backbone.VGG16: 16}
"""Rows and columns that an image must have, so that something is left after the last pooling."""


@dataclasses.dataclass(frozen=True, kw_only=True)
class LPIPS(OptionalMetric):
    """Perceptual distance in the features of AlexNet or VGG16, by the library torchmetrics.

    R. Zhang, P. Isola, A. A. Efros, E. Shechtman, O. Wang: The unreasonable effectiveness of deep
    features as a perceptual metric, CVPR 2018. The file says which network it is; the weights of
    its features come with torchmetrics.

    Examples
    --------
    >>> LPIPS(backbone="vgg16.pth").spec()
    'lpips:backbone=vgg16.pth'
    """

    name = "lpips"
    backbone: str = parameter("", "ImageNet weights of torchvision's AlexNet or VGG16", file=True)

    def metric(self) -> Metric:
        """Return the metric."""
        library = check("torchmetrics", self.name)
        network, _ = self._weights()
        return Metric(
            name=self.name,
            doc=self.summary(),
            spec=f"LPIPS 0.1 (Zhang 2018) by {library} with {network} (weights of "
            f"SHA-256 {file_digest(type(self), 'backbone', self.backbone)[:12]}), of images with "
            f"at least {LEAST[network]} rows and columns; gray as three equal channels",
            prepare=self.prepare,
            higher_is_better=False,
        )

    def prepare(self, device: torch.device) -> Function:
        """Return the function, with the network on a device."""
        from torchmetrics.functional.image.lpips import _LPIPS

        network, weights = self._weights()
        # The library's public class downloads the network; this one also makes it without.
        model = _LPIPS(pretrained=True, net=_NETS[network], pnet_rand=True)
        backbone.fill(model.net, weights)
        model = model.to(device).eval()

        @torch.no_grad()
        def distance(restored: NDArray[np.float32], clean: NDArray[np.float32]) -> float:
            if len(clean) not in (1, 3) or min(clean.shape[1:]) < LEAST[network]:
                return float("nan")
            return float(model(as_rgb(restored, device), as_rgb(clean, device), normalize=True))

        return distance

    def _weights(self) -> tuple[str, dict[str, torch.Tensor]]:
        return backbone.read(self.name, self.backbone, tuple(_NETS))
