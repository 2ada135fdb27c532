"""Richardson-Lucy deconvolution: its updates, its boundary, and when it stops."""

import dataclasses
import itertools

import numpy as np
import pytest
import torch
from mostly_slow import mostly_slow
from sample_pictures import photo_crop, picture

from priorlab import metrics
from priorlab.forward.convolution import Convolution
from priorlab.forward.measurement import Measurement
from priorlab.forward.noise import Gaussian, NoNoise
from priorlab.tasks import kernels
from priorlab.tasks.builtin import Deblur
from priorlab.trace import Trace
from priorlab_handcrafted.richardson_lucy import RichardsonLucy


def measure(clean, **parameters):
    return Deblur(**parameters).measure(torch.from_numpy(clean)[None], seed=0)


class Updates(Trace):
    def __init__(self):
        self.images, self.residuals = [], []

    def report(self, iteration, total, image, **values):
        self.images.append(image)
        self.residuals.append(values["residual"])


@pytest.mark.parametrize("boundary", ["circular", "reflect"])
def test_away_from_the_border_it_is_that_of_scikit_image(boundary):
    from skimage.restoration import richardson_lucy

    kernel = kernels.motion(7, 30)
    y = np.zeros((64, 64))
    y[24:40, 22:44] = 0.2 + 0.6 * picture(16, 22, seed=3)[0]
    y = y + 0.1
    data = torch.from_numpy(y)[None, None]
    measurement = Measurement(
        data, Convolution(torch.from_numpy(kernel), boundary), NoNoise(), (1, 1, 64, 64)
    )
    ours = RichardsonLucy(iterations=4).restore(measurement)[0, 0].numpy()
    theirs = richardson_lucy(np.pad(y, 64, constant_values=0.1), kernel, num_iter=4)
    # It starts from 0.5 and here from the mean: the first update is the same from any constant.
    assert np.abs(ours - theirs[64:-64, 64:-64])[12:-12, 12:-12].max() < 1e-6


def test_the_likelihood_rises_and_the_image_stays_positive():
    measurement = measure(picture(48, 48), sigma=0)
    trace = Updates()
    RichardsonLucy(iterations=20).restore(measurement, trace)
    y, losses = measurement.y.clamp_min(0), []
    for x in trace.images:
        blurred = measurement.operator.forward(x)
        losses.append(float((blurred - y * blurred.log()).sum()))
        assert x.min() >= 0
    assert len(losses) == 20
    assert all(after <= before + 1e-3 for before, after in itertools.pairwise(losses))


def test_strong_noise_stops_it_earlier():
    counts = []
    for sigma in (1, 5, 20):
        trace = Updates()
        RichardsonLucy().restore(measure(picture(96, 96), sigma=sigma / 255), trace)
        counts.append(len(trace.images))
    assert counts[0] > counts[1] > counts[2] >= 1


@pytest.mark.parametrize("sigma", mostly_slow([2, 10, 25], 2, 25))
@pytest.mark.parametrize("blur", [{"width": 0.7}, {"width": 3}, {"kind": "motion"}])
def test_it_stops_near_the_best_update(blur, sigma):
    """At a given share of the noise it went on through all updates: 5 dB worse than the input."""
    clean = photo_crop("camera")
    measurement = Deblur(sigma=sigma / 255, **blur).measure(clean, seed=0)
    exact, trace = dataclasses.replace(measurement, noise=NoNoise()), Updates()
    RichardsonLucy().restore(exact, trace)  # as many updates as there may be
    best = max(metrics.psnr(x[0].clamp(0, 1).numpy(), clean[0].numpy()) for x in trace.images)
    restored = RichardsonLucy().restore(measurement)
    assert metrics.psnr(restored[0].numpy(), clean[0].numpy()) > best - 0.4


def test_a_batch_is_treated_like_its_images():
    operator = Convolution(torch.from_numpy(kernels.gaussian(1.0)).float(), "reflect")
    y = torch.stack([torch.from_numpy(picture(17, 40, 3, seed)) for seed in range(3)])
    y = y + 0.03 * torch.randn(y.shape, generator=torch.Generator().manual_seed(0))

    def restore(y):
        return RichardsonLucy(iterations=15).restore(
            Measurement(y, operator, Gaussian(0.02), tuple(y.shape))
        )

    loop = torch.cat([restore(image[None]) for image in y])
    torch.testing.assert_close(restore(y), loop, atol=1e-5, rtol=0)


def test_black_stays_black_and_nothing_is_divided_by_zero():
    y = torch.zeros(1, 1, 40, 64)
    y[..., 40:] = 0.6 + 0.1 * torch.rand(40, 24, generator=torch.Generator().manual_seed(0))
    operator = Convolution(torch.from_numpy(kernels.gaussian(1.0)).float(), "reflect")
    measurement = Measurement(y, operator, Gaussian(0.001), (1, 1, 40, 64))
    restored = RichardsonLucy(iterations=10).restore(measurement)
    assert restored.isfinite().all()
    assert restored[..., :30].abs().max() < 1e-9 and restored[..., 45:].min() > 0.3


@pytest.mark.parametrize("value", [0.0, 0.4])
def test_a_flat_picture_stays_flat(value):
    restored = RichardsonLucy().restore(measure(np.full((1, 32, 32), value, np.float32), sigma=0))
    assert (restored - value).abs().max() < 1e-4
