"""Images of any number of channels: each prior takes them, jointly or channel by channel."""

import dataclasses

import numpy as np
import pytest
import torch
from mostly_slow import mostly_slow
from sample_pictures import picture
from support import HANDCRAFTED, TASKS, tasks_of

from priorlab.forward.measurement import Measurement

JOINT = ("bilateral", "guided", "huber-tv", "richardson-lucy", "tgv", "tv", "wiener")
"""The priors that look at all channels at once."""

INTERPOLATE = ("bicubic", "biharmonic", "degraded", "lanczos", "linear")
"""Those that are no better than the guess without a prior, which interpolates as well."""

SMALLER = {"wnnm": (20, 24)}
"""It takes ten times as long as any other."""

SEPARATE = [name for name in HANDCRAFTED if name not in JOINT]


def measure(name, channels):
    """Return the measurement of two images for the first task that the prior takes."""
    size = SMALLER.get(name, (36, 40))
    clean = torch.from_numpy(np.stack([picture(*size, channels, seed) for seed in range(2)]))
    one = TASKS[tasks_of(name)[0]]().measure(clean[:1, :1], seed=0)
    exact = one.operator.forward(clean).double().numpy()
    y = torch.from_numpy(one.noise.sample(exact, np.random.default_rng(0))).float()
    return Measurement(y, one.operator, one.noise, tuple(clean.shape)), clean


def part(measurement, images=slice(None), channels=slice(None)):
    y = measurement.y[images, channels].contiguous()
    shape = (*y.shape[:2], *measurement.shape[2:])
    return dataclasses.replace(measurement, y=y, shape=shape)


@pytest.mark.parametrize("channels", mostly_slow([2, 4], 2))
@pytest.mark.parametrize("name", mostly_slow(HANDCRAFTED, *set(HANDCRAFTED) - {"wnnm"}))
def test_any_number_of_channels_is_restored_image_by_image(name, channels):
    measurement, clean = measure(name, channels)
    restored = HANDCRAFTED[name]().restore(measurement)
    assert restored.shape == clean.shape
    error = (restored.clamp(0, 1) - clean).square().mean()
    without = (measurement.initial_guess() - clean).square().mean()
    assert error < (1.2 if name in INTERPOLATE else 0.9) * without
    loop = [HANDCRAFTED[name]().restore(part(measurement, slice(i, i + 1))) for i in range(2)]
    torch.testing.assert_close(restored, torch.cat(loop), atol=1e-5, rtol=0)


@pytest.mark.parametrize("channels", mostly_slow([2, 4], 2))
@pytest.mark.parametrize("name", SEPARATE)
def test_a_prior_without_a_joint_form_restores_channel_by_channel(name, channels):
    measurement, _ = measure(name, channels)
    prior = HANDCRAFTED[name]()
    alone = [prior.restore(part(measurement, channels=slice(c, c + 1))) for c in range(channels)]
    torch.testing.assert_close(prior.restore(measurement), torch.cat(alone, 1), atol=1e-5, rtol=0)


@pytest.mark.parametrize("channels", [2, 4])
@pytest.mark.parametrize("name", [name for name in JOINT if name not in ("guided", "huber-tv")])
def test_equal_channels_come_out_like_one(name, channels):
    measurement, _ = measure(name, 1)
    y = measurement.y.repeat(1, channels, 1, 1)
    copies = dataclasses.replace(measurement, y=y, shape=(2, channels, *measurement.shape[2:]))
    prior = HANDCRAFTED[name]()
    one = prior.restore(measurement).expand(copies.shape)
    torch.testing.assert_close(prior.restore(copies), one, atol=2e-3, rtol=0)


@pytest.mark.parametrize("name", JOINT)
def test_a_joint_form_uses_what_one_channel_says_of_another(name):
    measurement, _ = measure(name, 2)
    prior = HANDCRAFTED[name]()
    alone = [prior.restore(part(measurement, channels=slice(c, c + 1))) for c in range(2)]
    assert (prior.restore(measurement) - torch.cat(alone, 1)).abs().max() > 1e-3
