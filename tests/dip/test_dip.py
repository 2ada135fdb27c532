"""The deep image prior: every kind of measurement."""

import pytest
import torch
from mostly_slow import slow_where
from photograph import error, measure, picture

from priorlab.forward.convolution import Convolution, Downsampling
from priorlab.forward.noise import Gaussian, NoNoise, Poisson, SaltAndPepper
from priorlab.forward.operators import Identity, Mask
from priorlab_dip.dip import DeepImagePrior

KERNEL = torch.outer(*[torch.tensor([1.0, 2.0, 1.0]) / 4] * 2)


@pytest.mark.parametrize(
    ("operator", "noise", "most"),
    slow_where(
        lambda operator, noise, most: (
            isinstance(operator, (Convolution, Downsampling)) or most < 0.1
        ),
        [
            (
                Mask((torch.rand(1, 1, 32, 32, generator=torch.manual_seed(1)) > 0.5).float()),
                NoNoise(),
                1.4,
            ),
            (Downsampling(torch.full((2, 2), 0.25), 2), NoNoise(), 1.4),
            (Convolution(KERNEL), Gaussian(0.05), 0.8),
            (Identity(), Poisson(20.0), 0.35),
            (Identity(), SaltAndPepper(0.4), 0.02),
        ],
    ),
    ids=["inpaint", "superres", "deblur", "poisson", "impulse"],
)
def test_every_kind_of_measurement_is_fitted(operator, noise, most) -> None:
    """Exact data is met, and the first guess is hard to beat where so few pixels are there."""
    clean = picture(32)
    measurement = measure(clean, operator, noise)
    prior = DeepImagePrior(iterations=60, channels=12, inputs=8, depth=3)
    restored = prior.restore(measurement)
    assert error(restored, clean) < error(measurement.initial_guess(), clean) * most
    if isinstance(noise, NoNoise):
        assert error(operator.forward(restored), measurement.y) < error(restored, clean) / 10


@pytest.mark.slow
def test_better_than_the_noisy_photograph() -> None:
    clean = picture(64)
    measurement = measure(clean, Identity(), Gaussian(50 / 255))
    restored = DeepImagePrior(iterations=100, channels=12, inputs=16).restore(measurement)
    assert error(restored, clean) < error(measurement.y.clamp(0, 1), clean) / 3
