"""Photons that are counted behind an operator: the light of the picture is kept."""

import numpy as np
import pytest
import torch
from mostly_slow import mostly_slow
from sample_pictures import photo_crop

from priorlab import metrics, plugins, restoration
from priorlab.forward.degradation import BLUR, kind_of
from priorlab.forward.measurement import Measurement
from priorlab.forward.noise import Gaussian, Poisson
from priorlab.forward.operators import Mask
from priorlab.tasks.builtin import Deblur, Inpaint, SuperResolution

REGISTRY = plugins.load()
TASKS = {
    "blur": Deblur(sigma=0),
    "missing": Inpaint(missing=0.5),
    "small": SuperResolution(factor=2),
}


def counted(task, clean, peak):
    """The measurement of an image whose photons were counted behind the operator of a task."""
    exact = TASKS[task].measure(clean, seed=0)
    generator = np.random.default_rng(0)
    y = Poisson(peak).sample(exact.operator.forward(clean).numpy(), generator)
    return Measurement(torch.from_numpy(y).float(), exact.operator, Poisson(peak), exact.shape)


@pytest.mark.parametrize("dark", [1.0, 0.2])
@pytest.mark.parametrize("task", TASKS)
@pytest.mark.parametrize("name", mostly_slow(["tv", "tikhonov", "wavelet", "unet", "wcrr"], "tv"))
def test_few_photons_keep_their_light(name, task, dark):
    """By their likelihood up to half of it is lost, and several decibels (results/tuning.md)."""
    clean = dark * photo_crop("camera", side=64)
    measurement = counted(task, clean, 3.0)
    (prior,) = REGISTRY.build_priors(name)
    restored = restoration.run(prior, measurement)
    light = measurement.operator.forward(restored).mean()
    assert float(light) == pytest.approx(float(measurement.y.mean()), rel=0.03)
    start = metrics.psnr(measurement.initial_guess()[0].numpy(), clean[0].numpy())
    assert metrics.psnr(restored[0].numpy(), clean[0].numpy()) > start + 3


def test_the_noise_that_is_told_is_that_of_the_photons():
    clean = photo_crop("camera", side=64)
    blurred = counted("blur", clean, 30.0)
    white = blurred.with_white_noise().noise
    truth = blurred.operator.forward(clean)
    assert isinstance(white, Gaussian)
    assert white.sigma == pytest.approx(float((blurred.y - truth).square().mean().sqrt()), rel=0.03)
    assert kind_of(blurred) == BLUR


def test_missing_pixels_do_not_count_as_black():
    mask = torch.zeros(1, 1, 20, 20)
    mask[..., ::3] = 1
    measurement = Measurement(0.5 * mask, Mask(mask), Poisson(50.0), (1, 1, 20, 20))
    assert measurement.with_white_noise().noise == Gaussian(pytest.approx(0.1))


def test_where_no_photon_was_counted_the_picture_is_black():
    (prior,) = REGISTRY.build_priors("tv")
    measurement = counted("blur", torch.zeros(1, 1, 32, 32), 3.0)
    assert restoration.run(prior, measurement).abs().max() < 1e-3


def test_each_picture_of_a_batch_has_its_own_noise():
    bright = photo_crop("camera", side=48)
    one, other = counted("blur", bright, 10.0), counted("blur", 0.1 * bright, 10.0)
    batch = Measurement(torch.cat([one.y, other.y]), one.operator, one.noise, (2, *one.shape[1:]))
    (prior,) = REGISTRY.build_priors("tv")
    alone = torch.cat([restoration.run(prior, each) for each in (one, other)])
    torch.testing.assert_close(restoration.run(prior, batch), alone, atol=1e-5, rtol=0)


def test_a_method_that_weighs_photons_itself_is_told_of_photons():
    seen = []

    class Own(type(REGISTRY.build_priors("degraded")[0])):
        name = "own"

        def restore(self, measurement, trace=None, seed=0):
            seen.append(measurement.noise)
            return measurement.initial_guess()

    restoration.run(Own(), counted("blur", photo_crop("camera", side=32), 10.0))
    assert seen == [Poisson(10.0)]
