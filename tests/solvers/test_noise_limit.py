"""What a denoiser takes for noise beyond the noise that is there stays in the picture."""

import dataclasses

import pytest
import torch
from sample_pictures import photo_crop, psnr

from priorlab import plugins, restoration
from priorlab.forward.measurement import Measurement
from priorlab.forward.noise import Gaussian
from priorlab.forward.operators import Identity
from priorlab.priors import Denoiser
from priorlab.solvers.noise_limit import limited
from priorlab.tasks.builtin import DenoisePoisson

REGISTRY = plugins.load()


def noisy(clean: torch.Tensor, sigma: float) -> Measurement:
    noise = torch.randn(clean.shape, generator=torch.Generator().manual_seed(0))
    return Measurement(clean + sigma * noise, Identity(), Gaussian(sigma), tuple(clean.shape))


def coloured_grain() -> torch.Tensor:
    """Return what looks like noise and is the picture: each value is drawn by itself."""
    return torch.rand((1, 3, 56, 56), generator=torch.Generator().manual_seed(1))


@pytest.mark.parametrize(("name", "level"), [("unet", 5), ("bilateral", 25)])
def test_a_picture_like_noise_is_not_wiped_out(name: str, level: float) -> None:
    clean = coloured_grain()
    measurement = noisy(clean, level / 255)
    (prior,) = REGISTRY.build_priors(name)
    before = psnr(measurement.y, clean)
    assert psnr(prior.denoise(measurement.y, level / 255), clean) < before - 5
    assert psnr(restoration.run(prior, measurement), clean) > before - 2


@pytest.mark.parametrize("name", ["wavelet", "nlm", "dct", "unet"])
def test_points_of_light_are_no_photon_noise(name: str) -> None:
    clean = torch.zeros(1, 1, 64, 64)
    clean[..., 8::16, 8::16] = 0.7
    measurement = DenoisePoisson(peak=30).measure(clean, seed=0)
    (prior,) = REGISTRY.build_priors(name)
    restored = restoration.run(prior, measurement)
    assert psnr(restored, clean) > psnr(measurement.y, clean) - 5  # without: 12 to 14
    assert float(restored.mean() / measurement.y.mean()) == pytest.approx(1, abs=0.02)


@pytest.mark.parametrize("channels", [1, 3])
@pytest.mark.parametrize("level", [5, 25, 50])
def test_a_photograph_is_denoised_as_ever(level: float, channels: int) -> None:
    clean = photo_crop("camera" if channels == 1 else "astronaut", channels)
    measurement = noisy(clean, level / 255)
    (prior,) = REGISTRY.build_priors("unet")
    whole = psnr(prior.denoise(measurement.y, level / 255), clean)
    assert psnr(restoration.run(prior, measurement), clean) == pytest.approx(whole, abs=2e-3)


@pytest.mark.parametrize("spec", ["bilateral:recipe=paper", "gs-unet"])
def test_what_is_published_or_the_step_of_an_energy_is_not_limited(spec: str) -> None:
    measurement = noisy(coloured_grain(), 5 / 255)
    (prior,) = REGISTRY.build_priors(spec)
    whole = prior.denoise(measurement.y, 5 / 255).clamp(0, 1)
    torch.testing.assert_close(restoration.run(prior, measurement), whole, atol=1e-5, rtol=0)


@pytest.mark.parametrize("size", [(1, 1), (1, 30), (5, 7), (40, 33)])
def test_images_of_a_batch_of_any_size_are_limited_by_themselves(size: tuple[int, int]) -> None:
    v = torch.rand((3, 3, *size), generator=torch.Generator().manual_seed(2))
    work = limited(lambda v, sigma: v.mean((2, 3), keepdim=True).expand_as(v))
    alone = torch.cat([work(one, 0.05) for one in v.split(1)])
    torch.testing.assert_close(work(v, 0.05), alone)
    assert torch.equal(limited(lambda v, sigma: v.clone())(v, 0.0), v)


@dataclasses.dataclass(frozen=True, kw_only=True)
class Limited(Denoiser):
    """Takes all but a little of every change for noise."""

    name = "limited"
    limited_to_noise = True

    def denoise(self, v: torch.Tensor, sigma: float) -> torch.Tensor:
        return v.mean((2, 3), keepdim=True) + 0.1 * v


@dataclasses.dataclass(frozen=True, kw_only=True)
class Unlimited(Limited):
    """The same without a limit."""

    limited_to_noise = False


@pytest.mark.parametrize("solver", ["ula", "diffpir"])
def test_samplers_get_the_denoiser_as_it_is(solver: str) -> None:
    measurement = noisy(coloured_grain(), 0.1)
    settings = {"solver": solver, "steps": 5}
    one, other = (kind(**settings).restore(measurement) for kind in (Limited, Unlimited))
    assert torch.equal(one, other)
    one, other = (kind().restore(measurement) for kind in (Limited, Unlimited))
    assert not torch.equal(one, other)


def test_noise_alone_is_removed_to_the_last() -> None:
    noise = 0.1 * torch.randn((1, 1, 96, 96), generator=torch.Generator().manual_seed(3))
    left = limited(lambda v, sigma: 0 * v)(noise, 0.1)
    assert float(left.std()) < 0.002
