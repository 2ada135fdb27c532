"""An energy may grow with the noise: detail stands out of weak noise."""

import dataclasses

import pytest
import torch
from mostly_slow import mostly_slow
from sample_pictures import photo_crop, psnr

from priorlab import plugins, restoration
from priorlab.forward.measurement import Measurement
from priorlab.forward.noise import Gaussian
from priorlab.forward.operators import Identity
from priorlab.forward.real_noise import RealNoise
from priorlab.tasks.builtin import Deblur, Denoise
from priorlab_handcrafted.tikhonov import Tikhonov
from priorlab_handcrafted.total_variation import TotalVariation

REGISTRY = plugins.load()
GROWING = ("tv", "huber-tv", "tgv", "tikhonov")


@pytest.mark.parametrize("sigma", [1, 2, 5])
@pytest.mark.parametrize("picture", mostly_slow(["camera", "chelsea", "coffee"], "chelsea"))
@pytest.mark.parametrize("name", GROWING)
def test_weak_noise_is_not_made_worse(name, picture, sigma):
    """They took detail with it: 2 to 5 dB were lost."""
    clean = photo_crop(picture, 1 if picture == "camera" else 3)
    measurement = Denoise(sigma=sigma / 255).measure(clean, seed=0)
    (prior,) = REGISTRY.build_priors(name)
    assert psnr(restoration.run(prior, measurement), clean) > psnr(measurement.y, clean) - 0.1


@pytest.mark.parametrize("name", ["tv", "huber-tv", "tgv", "wcrr"])
def test_strong_noise_goes_where_a_picture_is_blurred_too(name):
    """With the weight for weak noise most of it stayed: 3 to 5 dB were lost."""
    clean = photo_crop("camera")
    task = Deblur(width=1.0, sigma=25 / 255)
    measurement = task.measure(clean, seed=0)
    (prior,) = REGISTRY.build_priors(name)
    assert psnr(restoration.run(prior, measurement), clean) > psnr(measurement.y, clean) + 3


def test_the_weight_is_a_power_of_the_level_up_to_the_strong_one():
    y = photo_crop("camera", side=32)

    def restored(prior, sigma):
        return prior.restore(Measurement(y, Identity(), Gaussian(sigma), y.shape))

    growing = Tikhonov(weight=4.0, growth=2.0, strong=0.1)
    for sigma, weight in ((0.05, 1.0), (0.1, 4.0), (0.2, 4.0)):
        torch.testing.assert_close(
            restored(growing, sigma), restored(Tikhonov(weight=weight), sigma)
        )


def test_what_was_typed_has_the_weight_that_was_typed_whatever_the_noise():
    (typed,) = REGISTRY.build_priors("tv:weight=0.662")
    assert typed.growth == 0
    y = photo_crop("camera", side=32)
    weak = Measurement(y, Identity(), Gaussian(1 / 255), y.shape)
    whole = TotalVariation(weight=0.662).prox(y, 1 / 255)
    torch.testing.assert_close(restoration.run(typed, weak), whole, atol=1e-4, rtol=0)


@pytest.mark.parametrize("channels", [1, 3])
def test_of_coarse_noise_a_share_is_removed_or_it_has_the_weight_for_its_level(channels):
    """Of gray pictures, whose grain is fine, the latter."""
    y = photo_crop("chelsea", 3, side=64)[:, :channels]
    coarse = Measurement(y, Identity(), RealNoise((2 / 255,), fine=0.5), y.shape)
    growing = TotalVariation(growth=0.6)
    plain = dataclasses.replace(growing, growth=0.0)
    same = torch.allclose(growing.restore(coarse), plain.restore(coarse))
    assert same == (channels == 3)
