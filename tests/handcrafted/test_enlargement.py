"""Bicubic and Lanczos enlargement: nothing displaced, super-resolution only."""

import math

import numpy as np
import pytest
import torch
from sample_pictures import picture
from support import HANDCRAFTED

from priorlab import metrics, restoration
from priorlab.forward.convolution import Downsampling
from priorlab.forward.measurement import Measurement
from priorlab.forward.noise import NoNoise
from priorlab.forward.operators import Mask
from priorlab.tasks.builtin import SuperResolution
from priorlab_handcrafted.bicubic import Bicubic
from priorlab_handcrafted.lanczos import Lanczos

PRIORS = [Bicubic, Lanczos]


def enlarge(prior, clean, **parameters):
    clean = torch.from_numpy(clean)[None]
    return prior().restore(SuperResolution(**parameters).measure(clean, seed=0))[0].numpy()


@pytest.mark.parametrize("kernel", ["lanczos", "bicubic", "gaussian"])
@pytest.mark.parametrize("factor", [2, 3, 4, 8])
@pytest.mark.parametrize("prior", PRIORS)
def test_a_wave_keeps_its_phase(prior, factor, kernel):
    period = 48
    rows, columns = np.mgrid[:96, :96] * (2 * math.pi / period)
    wave = (0.5 + 0.2 * np.cos(columns + 0.3) + 0.2 * np.sin(rows + 0.1)).astype(np.float32)
    enlarged = enlarge(prior, wave[None], factor=factor, kernel=kernel)[0]

    def phase(image, axis):
        profile = (image - image.mean()).mean(axis)[period // 2 : -period // 2]
        return np.angle((profile * np.exp(-2j * math.pi * np.arange(period) / period)).sum())

    for axis in (0, 1):
        shift = (phase(enlarged, axis) - phase(wave, axis)) * period / (2 * math.pi)
        assert abs(shift) < 1e-3


@pytest.mark.parametrize("shape", [(1, 16, 16), (3, 17, 200), (1, 41, 18)])
@pytest.mark.parametrize("factor", [2, 3])
def test_bicubic_is_what_every_prior_starts_from(shape, factor):
    clean = torch.from_numpy(picture(*shape[1:], shape[0]))[None]
    measurement = SuperResolution(factor=factor).measure(clean, seed=0)
    before = measurement.y.clone()
    restored = Bicubic().restore(measurement)
    torch.testing.assert_close(restored, measurement.initial_guess(), atol=2e-6, rtol=0)
    assert torch.equal(measurement.y, before)


@pytest.mark.parametrize(
    "name", ["tv", "huber-tv", "tgv", "tikhonov", "nlm", "wavelet", "bilateral"]
)
def test_noise_does_not_stay_in_what_is_enlarged(name):
    """What was tuned on data without noise hardly smooths: it left more noise than bicubic."""
    clean = torch.full((1, 1, 24, 24), 0.6)
    measurement = SuperResolution(factor=2, sigma=30 / 255).measure(clean, seed=0)
    errors = [
        float((restoration.run(prior(), measurement) - clean).std())
        for prior in (HANDCRAFTED[name], Bicubic)
    ]
    assert errors[0] < 0.5 * errors[1]


def test_lanczos_is_sharper_than_bicubic():
    clean = picture(128, 128)
    scores = [metrics.psnr(enlarge(prior, clean, factor=2), clean) for prior in PRIORS]
    assert scores[1] > scores[0] > 28


@pytest.mark.parametrize("prior", PRIORS)
def test_a_batch_is_treated_like_its_images_and_float64_stays(prior):
    y = torch.rand(3, 3, 9, 14, generator=torch.Generator().manual_seed(0), dtype=torch.float64)
    measurement = SuperResolution(factor=2).measure(torch.zeros(1, 3, 18, 28), seed=0)

    def restore(y):
        shape = (len(y), 3, 18, 28)
        return prior().restore(type(measurement)(y, measurement.operator, measurement.noise, shape))

    loop = torch.cat([restore(image[None]) for image in y])
    assert loop.dtype == torch.float64
    assert torch.equal(restore(y), loop)


@pytest.mark.parametrize("prior", [Bicubic(), Lanczos()], ids=lambda prior: prior.name)
def test_data_of_another_scale_are_those_of_the_same_image(prior):
    """A plugin's operator is to have a norm of about one; a mean of four pixels has a half."""
    x = torch.from_numpy(picture(24, 32, 3))[None]
    mean, twice = (Downsampling(torch.full((2, 2), each), factor=2) for each in (0.25, 0.5))
    usual, scaled = (Measurement(a.forward(x), a, NoNoise(), (1, 3, 24, 32)) for a in (mean, twice))
    torch.testing.assert_close(prior.restore(scaled), prior.restore(usual), atol=1e-5, rtol=0)


@pytest.mark.parametrize("prior", [Bicubic(), Lanczos()], ids=lambda prior: prior.name)
def test_data_that_are_no_small_image_are_refused(prior):
    known = torch.ones(1, 1, 12, 16)
    known[..., 3:5, 4:9] = 0
    with_holes = Mask(known) @ Downsampling(torch.full((2, 2), 0.25), factor=2)
    y = with_holes.forward(torch.full((1, 1, 24, 32), 0.5))
    reason = prior.unsupported(Measurement(y, with_holes, NoNoise(), (1, 1, 24, 32)))
    assert reason is not None and "white" in reason
