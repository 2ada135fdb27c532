"""What every handcrafted prior must do, on every task."""

import re

import numpy as np
import pytest
import torch

from priorlab.forward.measurement import Measurement
from priorlab.forward.noise import Gaussian
from priorlab.forward.operators import Identity
from priorlab.tasks.builtin import BUILTIN_TASKS, Denoise
from priorlab_handcrafted import priorlab_priors

PRIORS = {prior.name: prior for prior in priorlab_priors()}


def scene(channels, height, width):
    y, x = np.mgrid[:height, :width] / max(height, width)
    planes = [0.3 + 0.4 * (x + (0.2 + 0.1 * c) * y > 0.5) + 0.2 * y for c in range(channels)]
    return torch.from_numpy(np.stack(planes)[None]).float()


def supported(name, measurement):
    """Return whether the prior takes the measurement; if not, it must say what it is for."""
    reason = PRIORS[name]().unsupported(measurement)
    assert reason is None or re.match("it only [a-z ]+", reason)
    return reason is None


@pytest.mark.parametrize("task", BUILTIN_TASKS, ids=lambda task: task.name)
@pytest.mark.parametrize("name", PRIORS)
def test_every_prior_runs_every_task(name, task):
    clean = scene(3, 36, 28)
    measurement = task().measure(clean, seed=0)
    if not supported(name, measurement):
        return
    before = measurement.y.clone()
    restored = PRIORS[name]().restore(measurement)
    assert restored.shape == measurement.shape
    assert restored.dtype == torch.float32
    assert restored.isfinite().all()
    assert torch.equal(measurement.y, before)
    if name != "degraded":
        error = (restored.clamp(0, 1) - clean).square().mean()
        degraded = (PRIORS["degraded"]().restore(measurement) - clean).square().mean()
        assert error <= 1.5 * degraded
        if task.name.startswith("denoise"):
            assert error < 0.7 * (measurement.y - clean).square().mean()


@pytest.mark.parametrize("shape", [(1, 16, 16), (3, 17, 31), (1, 40, 19)])
@pytest.mark.parametrize("name", PRIORS)
def test_any_size_gray_and_color(name, shape):
    measurement = Denoise().measure(scene(*shape), seed=0)
    if not supported(name, measurement):
        return
    restored = PRIORS[name]().restore(measurement)
    assert restored.shape == (1, *shape)
    assert restored.isfinite().all()


@pytest.mark.parametrize("name", PRIORS)
def test_a_batch_is_treated_like_its_images(name):
    noise = 0.1 * torch.randn(3, 3, 24, 32, generator=torch.Generator().manual_seed(0))
    y = scene(3, 24, 32) * torch.tensor([1.0, 0.3, 0.8])[:, None, None, None] + noise
    prior = PRIORS[name]()

    def measure(y):
        return Measurement(y, Identity(), Gaussian(0.1), tuple(y.shape))

    if not supported(name, measure(y)):
        return

    def restore(y):
        return prior.restore(measure(y))

    loop = torch.cat([restore(image[None]) for image in y])
    torch.testing.assert_close(restore(y), loop, atol=1e-5, rtol=0)
