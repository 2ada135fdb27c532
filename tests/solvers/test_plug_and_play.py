"""Plug-and-play turns any denoiser into a method for every task."""

import dataclasses
import itertools
from typing import ClassVar

import numpy as np
import pytest
import torch
from scipy import ndimage

from priorlab.errors import UsageError
from priorlab.forward.measurement import Measurement
from priorlab.forward.noise import Gaussian, NoNoise, Poisson, SaltAndPepper
from priorlab.forward.operators import Identity, Mask
from priorlab.priors import Denoiser
from priorlab.solvers.plug_and_play.levels import falling_levels
from priorlab.solvers.tiles import Locality
from priorlab.trace import Trace


@dataclasses.dataclass(frozen=True, kw_only=True)
class Blur(Denoiser):
    """A Gaussian filter as wide as the noise is strong."""

    name: ClassVar[str] = "blur"

    def denoise(self, v, sigma):
        width = 15 * sigma
        return torch.from_numpy(ndimage.gaussian_filter(v.numpy(), (0, 0, width, width)))


@pytest.fixture(scope="module")
def smooth():
    rows, columns = np.mgrid[:48, :40] / 48
    image = 0.5 + 0.3 * np.sin(5 * rows) * np.cos(4 * columns)
    return torch.from_numpy(image.astype(np.float32))[None, None]


def measure(clean, operator, noise, seed=0):
    data = noise.sample(operator.forward(clean).double().numpy(), np.random.default_rng(seed))
    return Measurement(torch.from_numpy(data).float(), operator, noise, tuple(clean.shape))


def error(image, clean):
    return float((image - clean).square().mean().sqrt())


def test_gaussian_denoising_is_the_denoiser_itself(smooth):
    measurement = measure(smooth, Identity(), Gaussian(0.1))
    assert torch.equal(Blur().restore(measurement), Blur().denoise(measurement.y, 0.1))


def test_the_levels_fall_to_that_of_the_least_noisy_pixels():
    levels = falling_levels(Gaussian(0.02), 8, 50 / 255, 1 / 255)
    assert len(levels) == 8
    assert levels[0] == pytest.approx(50 / 255)
    assert levels[-1] == pytest.approx(0.02)
    assert all(a > b for a, b in itertools.pairwise(levels))
    assert falling_levels(Gaussian(0.5), 3, 50 / 255, 1 / 255) == pytest.approx([0.5] * 3)
    assert falling_levels(SaltAndPepper(0.3), 3, 0.1, 1 / 255)[-1] == pytest.approx(1 / 255)
    first, *_, last = falling_levels(NoNoise(), 5, 0.3, 0.01)
    assert (first, last) == pytest.approx((0.3, 0.01))


def last_level(mask, noise, **settings):
    """Return the last level that a denoiser is told, of data of a gray picture."""
    told = []

    class Watched(Blur):
        def denoise(self, v, sigma):
            told.append(sigma)
            return super().denoise(v, sigma)

    clean = torch.full((1, 1, *mask.shape[-2:]), 0.5)
    Watched(steps=3, **settings).restore(measure(clean, Mask(mask), noise))
    return told[-1]


def test_the_fewer_pixels_are_known_the_more_of_their_noise_is_told():
    drawn = torch.rand(1, 1, 64, 64, generator=torch.Generator().manual_seed(0))
    hole = torch.ones(1, 1, 64, 64)
    hole[..., 16:48, 16:48] = 0
    noise = Gaussian(0.1)
    assert last_level((drawn < 0.5).float(), noise) == pytest.approx(0.1 / 0.5**0.5, rel=0.05)
    assert last_level((drawn < 0.2).float(), noise) == pytest.approx(0.1 / 0.2**0.5, rel=0.1)
    assert last_level(hole, noise) == pytest.approx(0.1, rel=0.05)
    for mask in (hole, (drawn < 0.5).float()):
        assert last_level(mask, noise, last_level=2 / 255) == pytest.approx(0.1)
        assert last_level(mask, noise, solver="diffpir") == pytest.approx(0.1)
        assert last_level(mask, NoNoise()) == pytest.approx(2 / 255)


def test_noisy_data_of_no_pixel_at_all_are_restored():
    assert last_level(torch.zeros(1, 1, 16, 16), Gaussian(0.1)) == pytest.approx(0.1)


def test_settings_decide_the_splitting(smooth):
    """As many calls as steps, and a data weight that draws the result to the data."""
    calls = []

    class Counting(Blur):
        def denoise(self, v, sigma):
            calls.append(sigma)
            return super().denoise(v, sigma)

    mask = (torch.arange(48 * 40).view(1, 1, 48, 40) % 3 > 0).float()
    measurement = measure(smooth, Mask(mask), Gaussian(0.1))
    distance = []
    for weight in (0.01, 10.0):
        calls.clear()
        restored = Counting(steps=5, data_weight=weight).restore(measurement)
        assert len(calls) == 5
        distance.append(error(restored * mask, measurement.y))
    assert distance[1] > distance[0], "rho grows with the weight: the denoiser is trusted more"


@dataclasses.dataclass(frozen=True, kw_only=True)
class Stepping(Blur):
    """A filter that is told which step it is in."""

    name: ClassVar[str] = "stepping"
    seen: ClassVar[list[int]] = []

    def denoise_in_step(self, v, sigma, step):
        self.seen.append(step)
        return self.denoise(v, sigma) + 1e-3 * step


def test_steps_are_counted_from_0_in_each_restoration(smooth):
    prior = Stepping(steps=3)
    prior.seen.clear()
    measurement = measure(smooth, Mask((smooth > 0.4).float()), NoNoise())
    first = prior.restore(measurement)
    assert prior.seen == [0, 1, 2]
    assert torch.equal(prior.restore(measurement), first)
    assert not torch.equal(first, Blur(steps=3).restore(measurement))


@pytest.mark.parametrize("form", [Blur, Stepping])
def test_the_method_that_the_prior_has_written_is_named(smooth, form):
    class Halved(form):
        def denoise(self, v, sigma):
            return v[..., 1:]

    written = "denoise" if form is Blur else "denoise_in_step"
    with pytest.raises(UsageError, match=f"{form.name}: {written} returned a tensor of shape"):
        Halved().restore(measure(smooth, Mask((smooth > 0.4).float()), NoNoise()))


def test_noise_alone_and_samplers_take_the_whole_denoiser(smooth):
    prior = Stepping(solver="diffpir", steps=3)
    prior.seen.clear()
    prior.restore(measure(smooth, Mask((smooth > 0.4).float()), NoNoise()))
    Stepping().restore(measure(smooth, Identity(), Gaussian(0.1)))
    Stepping().restore(measure(smooth, Identity(), Poisson(30.0)))
    assert prior.seen == []


def test_each_image_of_a_batch_with_impulses_counts_its_own_steps(smooth):
    measurement = measure(torch.cat([smooth, smooth.flip(-1)]), Identity(), SaltAndPepper(0.3))
    prior = Stepping(steps=4)
    alone = torch.cat([prior.restore(measurement.image(index)) for index in range(2)])
    assert torch.equal(prior.restore(measurement), alone)


def test_the_tiles_of_a_large_image_belong_to_one_step():
    class Tiled(Stepping):
        def locality(self, channels, sigma):
            return Locality(reach=1, side=16)

    image = torch.rand(1, 1, 16, 64, generator=torch.Generator().manual_seed(0))
    mask = (torch.arange(16 * 64).view(1, 1, 16, 64) % 3 > 0).float()
    Tiled.seen.clear()
    Tiled(steps=2).restore(measure(image, Mask(mask), NoNoise()))
    assert set(Tiled.seen) == {0, 1} and len(Tiled.seen) > 2


@pytest.mark.parametrize("noise", [Poisson(2.0), Poisson(30.0), SaltAndPepper(0.3)])
def test_it_removes_noise_that_is_not_gaussian(smooth, noise):
    measurement = measure(smooth, Identity(), noise)
    assert error(Blur().restore(measurement), smooth) < 0.35 * error(measurement.y, smooth)


def test_pixels_that_no_impulse_hit_are_kept(smooth):
    measurement = measure(smooth, Identity(), SaltAndPepper(0.3))
    kept = measurement.y == smooth
    assert 0.6 < float(kept.float().mean()) < 0.8
    assert float((Blur().restore(measurement) - smooth)[kept].abs().mean()) < 0.01


def test_poisson_denoising_keeps_the_mean(smooth):
    """The plain inverse of the Anscombe transform would lose 1/(4 peak) of the mean."""
    flat = torch.full((1, 1, 64, 64), 0.4)
    restored = Blur().restore(measure(flat, Identity(), Poisson(3.0)))
    assert float(restored.mean()) == pytest.approx(0.4, abs=0.012)


@pytest.mark.parametrize("peak", [3.0, 30.0])
def test_of_counts_the_denoiser_is_told_their_noise(peak):
    """Stabilised, it is about the same in dark and in bright parts."""
    seen = {}

    @dataclasses.dataclass(frozen=True, kw_only=True)
    class Seeing(Blur):
        def denoise(self, v, sigma):
            seen["deviation"], seen["told"] = (v - v.mean()).square().mean().sqrt(), sigma
            return v.mean().expand_as(v)

    for level in (0.5, 0.9):
        flat = torch.full((1, 1, 256, 256), level)
        restored = Seeing().restore(measure(flat, Identity(), Poisson(peak)))
        assert float(seen["deviation"]) == pytest.approx(seen["told"], rel=0.1)
        assert float(restored.mean()) == pytest.approx(level, abs=0.006)


def test_inpainting_keeps_the_data_and_fills_the_gaps(smooth):
    mask = (torch.rand(1, 1, 48, 40, generator=torch.Generator().manual_seed(0)) > 0.5).float()
    measurement = measure(smooth, Mask(mask), NoNoise())
    restored = Blur().restore(measurement)
    assert error(restored, smooth) < 0.02
    assert error(restored * mask, smooth * mask) < 0.01


def test_each_image_of_a_batch_is_treated_by_itself(smooth):
    mask = torch.ones(1, 1, 48, 40)
    mask[..., 20:25, 10:20] = 0
    batch = torch.cat([smooth, smooth.flip(2)])
    together = Blur().restore(measure(batch, Mask(mask), NoNoise()))
    alone = Blur().restore(measure(batch[1:], Mask(mask), NoNoise()))
    assert torch.allclose(together[1:], alone, atol=1e-5)


def test_each_image_of_a_batch_has_impulses_of_its_own(smooth):
    noise = SaltAndPepper(0.3)
    batch = measure(torch.cat([smooth, smooth.flip(2)]), Identity(), noise)
    alone = [Blur().restore(batch.image(index)) for index in range(2)]
    torch.testing.assert_close(Blur().restore(batch), torch.cat(alone), atol=1e-5, rtol=0)


class Steps(Trace):
    def __init__(self):
        self.heard, self.image = [], None

    def report(self, iteration, total, image, **values):
        self.heard.append((iteration, total))
        self.image = image.clone()


@pytest.mark.parametrize("noise", [NoNoise(), SaltAndPepper(0.3)])
def test_the_trace_sees_the_batch_come(smooth, noise):
    """Impulses are treated image by image, and iterations then count on."""
    operator = Mask(torch.ones(1, 1, 48, 40)) if isinstance(noise, NoNoise) else Identity()
    measurement = measure(torch.cat([smooth, smooth.flip(2)]), operator, noise)
    trace = Steps()
    restored = Blur().restore(measurement, trace)
    total = trace.heard[-1][1]
    assert trace.heard == [(step, total) for step in range(1, total + 1)]
    assert torch.equal(trace.image, restored)


def test_the_denoiser_is_told_a_falling_level(smooth):
    """The first is strong, the last is that of the data, and each is weaker than the one before."""
    told = []

    @dataclasses.dataclass(frozen=True, kw_only=True)
    class Told(Blur):
        def denoise(self, v, sigma):
            told.append(sigma)
            return super().denoise(v, sigma)

    Told(first_level=50 / 255).restore(
        measure(smooth, Mask(torch.ones(1, 1, 48, 40)), Gaussian(0.05))
    )
    assert told[0] == pytest.approx(50 / 255)
    assert told[-1] == pytest.approx(0.05)
    assert all(after < before for before, after in itertools.pairwise(told))
