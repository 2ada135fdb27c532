"""The path through a generator's parameters: up to the image, down to the noise."""

import dataclasses
from typing import ClassVar

import numpy as np
import pytest
import torch
from skimage import data
from torch import Tensor, nn

from priorlab.measurement import Measurement
from priorlab.noise import Gaussian, NoNoise, Poisson, SaltAndPepper
from priorlab.operators import Identity
from priorlab.priors import Generator, Trace
from priorlab.solvers.held_out import HeldOut
from priorlab.solvers.muon import orthogonal

SIGMA = 50 / 255


@dataclasses.dataclass(frozen=True, kw_only=True)
class Small(Generator):
    """A two-scale generator, just large enough to fit noise."""

    name: ClassVar[str] = "small"

    def make_network(self, shape: tuple[int, int, int, int]) -> nn.Module:
        def block(inputs: int, outputs: int, stride: int = 1) -> list[nn.Module]:
            layer = nn.Conv2d(inputs, outputs, 3, stride, padding=1, bias=False)
            return [layer, nn.BatchNorm2d(outputs), nn.LeakyReLU(0.2)]

        down = [*block(16, 32, 2), *block(32, 32, 2), *block(32, 32)]
        up = [nn.Upsample(scale_factor=2), *block(32, 32), nn.Upsample(scale_factor=2)]
        return nn.Sequential(*down, *up, *block(32, 32), nn.Conv2d(32, shape[1], 1), nn.Sigmoid())

    def make_code(self, shape: tuple[int, int, int, int]) -> Tensor:
        return torch.rand(1, 16, *shape[2:]) / 10


class Path(Trace):
    """Keeps the error of each image to the truth."""

    def __init__(self, clean: Tensor) -> None:
        self.clean = clean
        self.errors: list[float] = []
        self.totals: set[int] = set()

    def report(self, iteration: int, total: int, image: Tensor, **values: float) -> None:
        assert iteration == len(self.errors) + 1
        self.totals.add(total)
        self.errors.append(float((image - self.clean).square().mean()))


def picture(size: int = 48) -> Tensor:
    """Return a crop of a photograph, gray."""
    return torch.from_numpy(data.camera()[60 : 60 + size, 190 : 190 + size] / 255).float()[
        None, None
    ]


def noisy(clean: Tensor, seed: int = 0) -> Measurement:
    rng = np.random.default_rng(seed)
    y = Gaussian(SIGMA).sample(clean.double().numpy(), rng)
    shape = tuple(clean.shape)
    return Measurement(torch.from_numpy(y).float(), Identity(), Gaussian(SIGMA), shape)


def test_the_path_rises_above_the_noise_and_falls_back_to_it() -> None:
    """The image comes first and the noise later; the held-out pixels tell when."""
    clean = picture()
    measurement = noisy(clean)
    last, mean = Path(clean), Path(clean)
    Small(iterations=240, held_out=0, averaging=0).restore(measurement, last)
    Small(iterations=240, held_out=0).restore(measurement, mean)
    stopped = Small(iterations=240).restore(measurement)

    noise = float((measurement.y - clean).square().mean())
    assert min(mean.errors) < noise / 5
    assert mean.errors[-1] > 2 * min(mean.errors)
    assert min(mean.errors) < min(last.errors), "averaging the outputs must help"
    # Stopping by held-out pixels costs less than 1 dB.
    assert float((stopped - clean).square().mean()) < 10**0.1 * min(mean.errors)
    assert mean.totals == {240}


def test_equal_seeds_give_equal_images_and_the_callers_state_stays() -> None:
    measurement = noisy(picture(32))
    prior = Small(iterations=12, perturbation=0.1)
    torch.manual_seed(5)
    before = torch.get_rng_state()
    first = prior.restore(measurement, seed=3)
    assert torch.equal(torch.get_rng_state(), before)
    torch.rand(7)
    assert torch.equal(prior.restore(measurement, seed=3), first)
    assert not torch.equal(prior.restore(measurement, seed=4), first)


def test_each_image_gets_a_network_of_its_own() -> None:
    """Neither an image restored before nor one of the same batch leaves a trace."""
    one, two = picture(32), picture(64)[..., 32:, 32:]
    both = noisy(torch.cat([one, two]))
    single = [
        dataclasses.replace(both, y=both.y[i : i + 1], shape=(1, *both.shape[1:])) for i in (0, 1)
    ]
    prior = Small(iterations=20)
    alone = prior.restore(single[1])
    prior.restore(single[0])
    assert torch.equal(prior.restore(single[1]), alone)
    assert torch.equal(prior.restore(both)[1:], alone)


@pytest.mark.parametrize("noise", [NoNoise(), Poisson(30.0), SaltAndPepper(0.3)])
def test_every_closeness_leads_to_the_image(noise) -> None:
    clean = picture(32)
    y = torch.from_numpy(noise.sample(clean.double().numpy()[0], np.random.default_rng(1))[None])
    measurement = Measurement(y.float(), Identity(), noise, tuple(clean.shape))
    kept = y.clone()
    restored = Small(iterations=80).restore(measurement)
    assert torch.equal(measurement.y, kept.float())
    assert restored.min() >= 0 and restored.max() <= 1
    flat = float((clean - clean.mean()).square().mean())
    assert float((restored - clean).square().mean()) < flat / 3


def test_works_where_gradients_are_off() -> None:
    measurement = noisy(picture(16))
    with torch.no_grad():
        off = Small(iterations=3).restore(measurement)
    assert torch.equal(off, Small(iterations=3).restore(measurement))
    assert not off.requires_grad


def test_held_out_pixels_give_no_gradient() -> None:
    torch.manual_seed(0)
    measurement = noisy(picture(32))
    held_out = HeldOut(measurement, 0.1, torch.zeros(1, 1, 32, 32))
    u = torch.rand(1, 1, 32, 32, requires_grad=True)
    measurement.noise.nll(held_out.hide(u), measurement.y).sum().backward()
    assert u.grad is not None
    hidden = u.grad == 0
    assert 0.05 < hidden.float().mean() < 0.15
    assert torch.equal(hidden, ~held_out.kept)


def test_held_out_pixels_keep_the_image_nearest_to_them() -> None:
    measurement = noisy(picture(32))
    clean, image = picture(32), torch.zeros(1, 1, 32, 32)
    held_out = HeldOut(measurement, 0.1, image)
    ended = 0
    for step in range(1, 400):
        image.copy_(clean + 0.01 * abs(step - 100))
        if held_out.finished(step):
            ended = step
            break
    assert torch.equal(held_out.best, clean)
    assert 200 <= ended < 300


@pytest.mark.parametrize("shape", [(8, 30), (30, 8), (12, 12)])
def test_orthogonal_brings_singular_values_near_one(shape) -> None:
    torch.manual_seed(0)
    values = torch.linalg.svdvals(orthogonal(torch.randn(shape)))
    assert values.min() > 0.3 and values.max() < 1.3
