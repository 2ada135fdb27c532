"""The deep image prior: every network and code, any size, every kind of measurement."""

import numpy as np
import pytest
import torch
from skimage import data
from torch import Tensor
from torch.nn import functional

from priorlab.convolution import Convolution, Downsampling
from priorlab.errors import UsageError
from priorlab.measurement import Measurement
from priorlab.noise import Gaussian, Noise, NoNoise, Poisson, SaltAndPepper
from priorlab.operators import Identity, LinearOperator, Mask
from priorlab_dip import DeepImagePrior
from priorlab_dip.blocks import UpConvolution

TINY = {"channels": 8, "inputs": 8, "depth": 2}


def picture(size: int = 48) -> Tensor:
    """Return a crop of a photograph in colour."""
    crop = data.astronaut()[40 : 40 + size, 200 : 200 + size] / 255
    return torch.from_numpy(crop.transpose(2, 0, 1).copy()).float()[None]


def measure(clean: Tensor, operator: LinearOperator, noise: Noise) -> Measurement:
    u = operator.forward(clean)
    y = noise.sample(u[0].double().numpy(), np.random.default_rng(0))
    return Measurement(torch.from_numpy(y).float()[None], operator, noise, tuple(clean.shape))


def error(image: Tensor, clean: Tensor) -> float:
    return float((image - clean).square().mean())


@pytest.mark.parametrize("network", ["skip", "unet", "resnet"])
@pytest.mark.parametrize("code", ["noise", "meshgrid"])
def test_every_network_runs_with_every_code(network, code) -> None:
    measurement = measure(picture(16), Identity(), Gaussian(0.1))
    kept = measurement.y.clone()
    prior = DeepImagePrior(network=network, code=code, iterations=3, **TINY)
    image = prior.restore(measurement)
    assert image.shape == measurement.shape and image.dtype == measurement.y.dtype
    assert image.min() >= 0 and image.max() <= 1
    assert torch.equal(measurement.y, kept)
    assert torch.equal(prior.restore(measurement), image)


@pytest.mark.parametrize("network", ["skip", "unet", "resnet"])
@pytest.mark.parametrize("size", [(16, 16), (17, 131), (50, 33), (1, 1), (3, 40)])
@pytest.mark.parametrize("channels", [1, 3])
def test_any_size_gray_or_colour(network, size, channels) -> None:
    shape = (1, channels, *size)
    measurement = Measurement(torch.rand(shape), Identity(), Gaussian(0.1), shape)
    prior = DeepImagePrior(network=network, channels=4, inputs=4, iterations=2)
    image = prior.restore(measurement)
    assert image.shape == shape and image.isfinite().all()


KERNEL = torch.outer(*[torch.tensor([1.0, 2.0, 1.0]) / 4] * 2)


@pytest.mark.parametrize(
    ("operator", "noise", "most"),
    [
        (
            Mask((torch.rand(1, 1, 32, 32, generator=torch.manual_seed(1)) > 0.5).float()),
            NoNoise(),
            4.0,
        ),
        (Downsampling(torch.full((2, 2), 0.25), 2), NoNoise(), 2.0),
        (Convolution(KERNEL), Gaussian(0.05), 2.0),
        (Identity(), Poisson(20.0), 1.0),
        (Identity(), SaltAndPepper(0.4), 0.5),
    ],
    ids=["inpaint", "superres", "deblur", "poisson", "impulse"],
)
def test_every_kind_of_measurement_is_fitted(operator, noise, most) -> None:
    clean = picture(32)
    measurement = measure(clean, operator, noise)
    prior = DeepImagePrior(iterations=80, channels=16, inputs=8, depth=3)
    restored = prior.restore(measurement)
    assert error(restored, clean) < error(measurement.initial(), clean) * most


def test_better_than_the_noisy_photograph() -> None:
    clean = picture(64)
    measurement = measure(clean, Identity(), Gaussian(50 / 255))
    restored = DeepImagePrior(iterations=150, channels=16, inputs=16).restore(measurement)
    assert error(restored, clean) < error(measurement.y.clamp(0, 1), clean) / 3


def test_up_convolution_is_repeat_then_join_then_convolve() -> None:
    torch.manual_seed(0)
    layer = UpConvolution(5, 2, 7).double()
    x, link = torch.randn(1, 5, 6, 4).double(), torch.randn(1, 2, 12, 8).double()
    joined = torch.cat([functional.interpolate(x, scale_factor=2, mode="nearest"), link], 1)
    expected = layer.layer(joined)
    torch.testing.assert_close(layer(x, link), expected, rtol=1e-12, atol=1e-12)


def test_the_code_is_drawn_from_the_seeded_generator() -> None:
    shape = (1, 3, 40, 70)
    prior = DeepImagePrior(inputs=8)
    torch.manual_seed(1)
    first = prior.make_code(shape)
    torch.manual_seed(1)
    assert torch.equal(prior.make_code(shape), first)
    assert first.shape[0:2] == (1, 8) and first.min() >= 0 and first.max() <= 0.1
    grid = DeepImagePrior(code="meshgrid").make_code(shape)
    assert grid[0, :, 0, 0].tolist() == [0, 0] and grid[0, :, -1, -1].tolist() == [1, 1]


def test_unknown_network_is_refused() -> None:
    with pytest.raises(UsageError, match="network=hourglass is not one of skip, unet, resnet"):
        DeepImagePrior(network="hourglass")
