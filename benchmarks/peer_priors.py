"""The peers' methods as a plugin, to stand in the same tables, under the same noise.

    priorlab bench --plugin benchmarks/peer_priors.py --priors bm3d,peer-bm3d --tasks denoise

Their parameters: total variation has the weight of priorlab's, being the same model; non-local
means the best of a few on training images (see results/tuning-handcrafted.md); the others are told
the noise level and nothing else.
"""

from dataclasses import dataclass

import numpy as np
import torch
from skimage.restoration import (
    cycle_spin,
    denoise_nl_means,
    denoise_tv_chambolle,
    denoise_wavelet,
)

from priorlab.components import parameter
from priorlab.hookspecs import hookimpl
from priorlab.priors import Denoiser
from priorlab_handcrafted.total_variation import TotalVariation


class Peer(Denoiser):
    """One image (H, W) or (H, W, 3) at a time."""

    def denoise(self, v, sigma):
        results = []
        for image in v.permute(0, 2, 3, 1).numpy():
            restored = self.one(image.squeeze(2) if image.shape[2] == 1 else image, sigma)
            results.append(np.reshape(restored, image.shape))
        return torch.from_numpy(np.stack(results)).permute(0, 3, 1, 2).to(v)


@dataclass(frozen=True, kw_only=True)
class PeerTV(Peer):
    """Total variation of scikit-image."""

    name = "peer-tv"

    def one(self, image, sigma):
        axis = -1 if image.ndim == 3 else None
        weight = TotalVariation().weight * sigma
        return denoise_tv_chambolle(image, weight=weight, channel_axis=axis)


@dataclass(frozen=True, kw_only=True)
class PeerWavelet(Peer):
    """Wavelet shrinkage of scikit-image, averaged over 36 shifts."""

    name = "peer-wavelet"

    def one(self, image, sigma):
        axis = -1 if image.ndim == 3 else None
        settings = {"wavelet": "db2", "sigma": sigma, "method": "BayesShrink", "mode": "soft"}
        settings |= {"channel_axis": axis, "convert2ycbcr": axis is not None}
        return cycle_spin(
            image,
            func=denoise_wavelet,
            max_shifts=5,
            func_kw=settings,
            workers=1,
            channel_axis=axis,
        )


@dataclass(frozen=True, kw_only=True)
class PeerNLM(Peer):
    """Non-local means of scikit-image, fast mode."""

    name = "peer-nlm"
    h: float = parameter(0.6, "range of the weights, relative to the noise", low=0)
    patch: int = parameter(5, "width of a patch", unit="pixels", low=1)
    distance: int = parameter(10, "patches are sought so far", unit="pixels", low=1)

    def one(self, image, sigma):
        return denoise_nl_means(
            image,
            patch_size=self.patch,
            patch_distance=self.distance,
            h=self.h * sigma,
            sigma=sigma,
            fast_mode=True,
            channel_axis=-1 if image.ndim == 3 else None,
        )


@dataclass(frozen=True, kw_only=True)
class PeerBM3D(Peer):
    """BM3D of its authors' package, which may not be used commercially."""

    name = "peer-bm3d"

    def one(self, image, sigma):
        import bm3d

        return (bm3d.bm3d_rgb if image.ndim == 3 else bm3d.bm3d)(image, sigma)


@hookimpl
def priorlab_priors():
    return [PeerTV, PeerWavelet, PeerNLM, PeerBM3D]
