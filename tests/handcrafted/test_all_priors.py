"""What every handcrafted prior must do, on every task."""

import numpy as np
import pytest
import torch
from mostly_slow import mostly_slow, slow_where
from support import HANDCRAFTED, TASKS, tasks_of

from priorlab import restoration
from priorlab.forward.measurement import Measurement
from priorlab.tasks.builtin import Deblur

FIRST_TASKS = [(name, tasks_of(name)[0]) for name in HANDCRAFTED]
"""Each prior with one task: to denoise, or what else it is for."""

SCENES = [name for name in HANDCRAFTED if "deblur" in tasks_of(name)]

SMALLER = {"wnnm": (24, 20)}
"""It takes ten times as long as any other."""


def scene(channels, height, width):
    y, x = np.mgrid[:height, :width] / max(height, width)
    planes = [0.3 + 0.4 * (x + (0.2 + 0.1 * c) * y > 0.5) + 0.2 * y for c in range(channels)]
    return torch.from_numpy(np.stack(planes)[None]).float()


@pytest.mark.parametrize(
    ("name", "task"),
    slow_where(
        lambda name, task: name in SMALLER and task != "denoise",
        [(name, task) for name in HANDCRAFTED for task in tasks_of(name)],
    ),
)
def test_a_prior_runs_every_task_that_it_takes(name, task):
    clean = scene(3, *SMALLER.get(name, (36, 28)))
    measurement = TASKS[task]().measure(clean, seed=0)
    before = measurement.y.clone()
    restored = HANDCRAFTED[name]().restore(measurement)
    assert restored.shape == measurement.shape
    assert restored.dtype == torch.float32
    assert restored.isfinite().all()
    assert torch.equal(measurement.y, before)
    if name != "degraded":
        truth = TASKS[task]().truth(clean)
        error = (restored.clamp(0, 1) - truth).square().mean()
        degraded = (HANDCRAFTED["degraded"]().restore(measurement) - truth).square().mean()
        assert error <= 1.5 * degraded
        # So small a picture does not show the noise of a camera.
        if task.startswith("denoise") and task != "denoise-real":
            assert error < 0.7 * (measurement.y - truth).square().mean()


@pytest.mark.parametrize("name", mostly_slow(SCENES, *set(SCENES) - set(SMALLER)))
def test_a_prior_restores_a_scene_that_is_larger_than_its_picture(name):
    clean = scene(1, *SMALLER.get(name, (36, 40)))
    task = Deblur(width=1.0, boundary="unknown")
    measurement, truth = task.measure(clean, seed=0), task.truth(clean)
    restored = restoration.run(HANDCRAFTED[name](), measurement)
    assert restored.shape == truth.shape
    if name != "degraded":
        error = (restored - truth).square().mean()
        assert error <= 1.1 * (measurement.y - truth).square().mean()


@pytest.mark.parametrize("shape", [(1, 16, 16), (3, 17, 31), (1, 40, 19)])
@pytest.mark.parametrize(("name", "task"), FIRST_TASKS)
def test_any_size_gray_and_color(name, task, shape):
    measurement = TASKS[task]().measure(scene(*shape), seed=0)
    restored = HANDCRAFTED[name]().restore(measurement)
    assert restored.shape == measurement.shape
    assert restored.isfinite().all()


@pytest.mark.parametrize(("name", "task"), FIRST_TASKS)
def test_a_batch_is_treated_like_its_images(name, task):
    brightness = torch.tensor([1.0, 0.3, 0.8])[:, None, None, None]
    clean = scene(1 if name in SMALLER else 3, *SMALLER.get(name, (24, 32))) * brightness
    one = TASKS[task]().measure(clean[:1], seed=0)
    y = one.noise.sample(one.operator.forward(clean).double().numpy(), np.random.default_rng(0))
    shape = (3, *one.shape[1:])
    measurement = Measurement(torch.from_numpy(y).float(), one.operator, one.noise, shape)
    prior = HANDCRAFTED[name]()
    loop = torch.cat([prior.restore(measurement.image(index)) for index in range(3)])
    torch.testing.assert_close(prior.restore(measurement), loop, atol=1e-5, rtol=0)
