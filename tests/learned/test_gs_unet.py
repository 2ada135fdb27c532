"""The gradient-step denoiser: its energy, that plug-and-play descends on it, its training."""

import dataclasses

import numpy as np
import pytest
import torch
from learned_pictures import crop
from mostly_slow import mostly_slow
from PIL import Image
from sample_pictures import psnr

from priorlab.ground.weights_file import write_weights
from priorlab.tasks.builtin import Deblur, Inpaint
from priorlab.training import devices
from priorlab_learned.gs_unet import GradientStepUNet
from priorlab_learned.networks.gradient_step import GradientStepNetwork
from priorlab_learned.networks.unet_network import UNetNetwork
from priorlab_learned.training import gradient_step_training as training
from priorlab_learned.training import pairs, unet_training
from priorlab_learned.unet import UNet

SIGMA = 25 / 255


def noisy(clean: torch.Tensor, seed: int = 0) -> torch.Tensor:
    noise = np.random.default_rng(seed).standard_normal(clean.shape, np.float32)
    return clean + SIGMA * torch.from_numpy(noise)


@pytest.mark.parametrize("channels", [1, 3])
def test_the_denoiser_takes_away_the_gradient_of_the_energy(channels):
    prior, v = GradientStepUNet(), noisy(crop("astronaut", channels, 32, 32))
    change = (v - prior.denoise(v, SIGMA)).double()
    direction = torch.randn(v.shape, generator=torch.Generator().manual_seed(1))
    step = 0.02
    ahead, behind = (prior.energy(v + side * step * direction, SIGMA) for side in (0.5, -0.5))
    slope = float((ahead.double() - behind.double()) / step)
    assert slope == pytest.approx(float((change * direction).sum()), rel=0.02, abs=0.02)


@pytest.mark.parametrize("size", mostly_slow([(13, 18), (16, 17), (5, 8)], (5, 8)))
def test_the_denoiser_is_a_gradient_step_at_any_size_up_to_the_border(size):
    network = GradientStepNetwork(1, (8, 8, 8)).double()
    v = torch.rand(1, 1, *size, dtype=torch.double, requires_grad=True)
    sigma = torch.tensor([0.1], dtype=torch.double)
    (gradient,) = torch.autograd.grad(network.energy(v, sigma).sum(), v)
    torch.testing.assert_close(network(v, sigma), v - gradient)
    assert torch.autograd.gradcheck(lambda x: network.energy(x, sigma), v)
    prior, image = GradientStepUNet(), v.detach().float().requires_grad_()
    with torch.enable_grad():
        energy = GradientStepUNet.energy.__wrapped__(prior, image, SIGMA).sum()
    (gradient,) = torch.autograd.grad(energy, image)
    torch.testing.assert_close(image - prior.denoise(image.detach(), SIGMA), gradient)


@pytest.mark.parametrize("channels", [1, 3])
def test_it_denoises_about_as_well_as_the_plain_network(channels):
    gains = []
    for name in ("astronaut", "coffee", "chelsea"):
        clean = crop(name, channels)
        v = noisy(clean)
        first, second = (
            psnr(prior.denoise(v, SIGMA), clean) for prior in (GradientStepUNet(), UNet())
        )
        gains.append(first - second)
    assert np.mean(gains) > -0.15


@dataclasses.dataclass(frozen=True, kw_only=True)
class Watched(GradientStepUNet):
    """Notes what it is given."""

    def denoise(self, v, sigma):
        SEEN.append(v)
        return super().denoise(v, sigma)


SEEN: list[torch.Tensor] = []


@pytest.mark.parametrize("task", [Inpaint(missing=0.5, sigma=5 / 255), Deblur(sigma=5 / 255)])
def test_half_quadratic_splitting_at_one_level_descends(task):
    SEEN.clear()
    level = 15 / 255
    measurement = task.measure(crop("astronaut", 1, 64, 64), seed=0)
    prior = Watched(solver="hqs", first_level=level, last_level=level, steps=12, data_weight=1.0)
    prior.restore(measurement)
    objective = [
        float(
            level**2 * measurement.noise.nll(measurement.operator.forward(x), measurement.y)
            + prior.energy(x, level)
        )
        for x in SEEN
    ]
    falls = np.diff(objective)
    assert len(falls) == 11 and (falls < 1e-6 * objective[0]).all(), objective
    assert -falls[-1] < 0.1 * -falls[0]


@pytest.mark.slow
def test_a_small_network_learns(tmp_path, monkeypatch):
    """From the weights of a plain network, with the second derivative of the rounded ReLU."""
    for module, network in ((training, GradientStepNetwork), (unet_training, UNetNetwork)):
        monkeypatch.setattr(module, network.__name__, lambda c, n=network: n(c, (8, 8, 8)))
    monkeypatch.setattr(devices, "bf16_is_fast", lambda device: False)
    monkeypatch.setattr(unet_training, "LEVELS", (25,))
    monkeypatch.setattr(training.GradientStepTraining, "least_size", 32)
    monkeypatch.setattr(pairs, "CROP", 16)
    monkeypatch.setattr(pairs, "BATCH", 4)
    y, x = np.mgrid[:34, :40] / 32
    (tmp_path / "photos").mkdir()
    for i in range(20):
        wave = np.stack([np.sin(5 * x + i), np.cos(4 * y - i), x * y], axis=2)
        Image.fromarray(np.uint8(127 + 120 * wave)).save(tmp_path / "photos" / f"{i:02}.png")
    first, losses = tmp_path / "first.safetensors", []
    torch.manual_seed(0)
    write_weights(first, UNetNetwork(1, (8, 8, 8)).half().state_dict(), {})
    trainer = training.GradientStepTraining(steps=300, start=str(first))
    out = tmp_path / "w.safetensors"
    trainer.train(tmp_path / "photos", out, lambda progress: losses.append(progress.loss))
    assert losses[-1] < 0.9 * losses[0]
    v = torch.rand(1, 1, 20, 20)
    assert GradientStepUNet(weights=str(out)).denoise(v, 0.1).shape == v.shape


def test_the_denoiser_is_differentiable_with_respect_to_its_image():
    """What `sure` needs: without it, its divergence is that of doing nothing."""
    network = GradientStepNetwork(1, (8, 8, 8)).double()
    v = torch.rand(1, 1, 16, 16, dtype=torch.double, requires_grad=True)
    sigma = torch.tensor([0.1], dtype=torch.double)
    probe, step = torch.randn_like(v), 1e-5
    (turned,) = torch.autograd.grad(network(v, sigma), v, probe)
    with torch.no_grad():
        ahead, behind = (network(v + side * step * probe, sigma) for side in (0.5, -0.5))
    # The Jacobian is symmetric: that of a gradient.
    torch.testing.assert_close(turned, (ahead - behind) / step, atol=1e-5, rtol=1e-4)


def test_it_works_where_nothing_is_differentiated():
    v = noisy(crop("astronaut", 1, 32, 32))
    expected = GradientStepUNet().denoise(v, SIGMA)
    with torch.inference_mode():
        torch.testing.assert_close(GradientStepUNet().denoise(v.clone(), SIGMA), expected)
