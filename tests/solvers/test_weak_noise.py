"""Plug-and-play removes no more than the noise that is there, however weak it is."""

import pytest
import torch
from mostly_slow import mostly_slow, slow_where
from sample_pictures import photo_crop

from priorlab import plugins, restoration
from priorlab.forward.measurement import Measurement
from priorlab.forward.noise import Gaussian
from priorlab.forward.operators import Identity
from priorlab.tasks.builtin import Dejpeg

REGISTRY = plugins.load()
LOST = 0.1


def psnr(image: torch.Tensor, clean: torch.Tensor) -> float:
    return float(-10 * (image - clean).square().mean().log10())


@pytest.mark.parametrize(
    ("channels", "quality"),
    slow_where(lambda channels, quality: quality < 98, [(3, 90), (1, 95), (3, 98), (1, 100)]),
)
@pytest.mark.parametrize(
    "name",
    [
        "bilateral",
        "guided",
        "nlm",
        "dct",
        "wavelet",
        "bm3d",
        "epll",
        "unet",
        "tv",
        "tgv",
        "huber-tv",
        "tikhonov",
        "wcrr",
    ],
)
def test_a_good_jpeg_file_is_not_spoilt(name: str, channels: int, quality: int) -> None:
    side = 64 if quality < 98 else 96  # the less is wrong with a file, the more pixels show it
    clean = photo_crop("camera" if channels == 1 else "astronaut", channels, side).clamp(0, 1)
    measurement = Dejpeg(quality=quality).measure(clean, seed=0)
    (prior,) = REGISTRY.build_priors(name)
    restored = restoration.run(prior, measurement)
    assert psnr(restored, clean) > psnr(measurement.y, clean) - LOST


@pytest.mark.parametrize("sigma", mostly_slow([0.3 / 255, 1 / 255], 1 / 255))
def test_samples_of_weak_noise_are_not_smoothed(sigma: float) -> None:
    clean = photo_crop("camera")[..., :48, :48]
    noise = torch.randn(clean.shape, generator=torch.Generator().manual_seed(0))
    measurement = Measurement(clean + sigma * noise, Identity(), Gaussian(sigma), clean.shape)
    (prior,) = REGISTRY.build_priors("unet:solver=ula,steps=100")
    assert psnr(restoration.run(prior, measurement), clean) > psnr(measurement.y, clean) - 0.5


def test_a_level_that_is_asked_for_is_kept() -> None:
    clean = photo_crop("camera")
    measurement = Dejpeg(quality=95).measure(clean, seed=0)
    usual, smooth = (
        restoration.run(REGISTRY.build_priors(spec)[0], measurement)
        for spec in ("dct", "dct:last_level=20")
    )
    assert psnr(smooth, clean) < psnr(usual, clean) - 1
