"""What the caller has set of torch for himself neither breaks a restoration nor changes it."""

import contextlib

import numpy as np
import pytest
import torch
from mostly_slow import mostly_slow
from sample_pictures import photo_crop

import priorlab
from priorlab import plugins, restoration
from priorlab.forward.measurement import Measurement
from priorlab.forward.noise import Gaussian
from priorlab.forward.operators import Mask
from priorlab.tasks.builtin import Inpaint
from priorlab_handcrafted.patches import likely_patches
from priorlab_learned import wcrr
from priorlab_learned.networks import trained

REGISTRY = plugins.load()
NOISY = np.random.default_rng(0).normal(0.5, 0.1, (32, 32)).astype(np.float32)
TASK = "denoise:sigma=25"
FITS = (
    "dip:iterations=4",
    "siren:iterations=4",
    "zs-n2n:iterations=2",
    "noise2fast:iterations=8,channels=8",
    "self2self:iterations=2,samples=2,channels=8,depth=2",
)
NETWORKS = ("unet", "gs-unet", "wcrr", "crr", "epll")
SAMPLERS = ("unet:solver=ula,steps=5", "unet:solver=diffpir,steps=2")


@contextlib.contextmanager
def default_dtype():
    torch.set_default_dtype(torch.float64)
    try:
        yield
    finally:
        torch.set_default_dtype(torch.float32)


SETTINGS = {
    "double precision": default_dtype,
    "inference mode": torch.inference_mode,
    "no gradients": torch.no_grad,
    "another device": lambda: torch.device("meta"),
    "automatic casts": lambda: torch.autocast("cpu", torch.bfloat16),
    "no automatic casts": lambda: torch.autocast("cpu", enabled=False),
}


def forget_networks():
    for kept in (trained._load, wcrr._load, likely_patches.load_spectra):
        kept.cache_clear()


@pytest.mark.parametrize("settings", mostly_slow(SETTINGS, "double precision", "inference mode"))
@pytest.mark.parametrize(
    "prior", mostly_slow([*FITS, *NETWORKS, *SAMPLERS], "unet", "wcrr", *FITS[:2], SAMPLERS[0])
)
def test_a_restoration_is_the_same_whatever_is_set(prior, settings):
    forget_networks()
    with SETTINGS[settings]():
        there = priorlab.restore(NOISY, TASK, prior)
        assert torch.get_default_dtype() == (
            torch.float64 if settings == "double precision" else torch.float32
        )
        assert torch.is_inference_mode_enabled() == (settings == "inference mode")
        assert torch.is_grad_enabled() == (settings not in ("inference mode", "no gradients"))
    assert np.array_equal(there, priorlab.restore(NOISY, TASK, prior))


@pytest.mark.parametrize("settings", ["double precision", "inference mode"])
@pytest.mark.parametrize("name", mostly_slow(NETWORKS, "unet", "wcrr", "epll"))
def test_no_network_is_kept_that_breaks_who_comes_next(name, settings):
    forget_networks()
    (prior,) = REGISTRY.build_priors(name)
    image = photo_crop("camera")[..., :32, :32]
    measurement = Measurement(image, Mask(torch.ones_like(image)), Gaussian(0.1), (1, 1, 32, 32))
    with SETTINGS[settings](), contextlib.suppress(RuntimeError):
        prior.restore(measurement)  # not by `restoration.run`
    restored = prior.restore(measurement)
    forget_networks()
    assert torch.equal(restored, prior.restore(measurement))


def test_a_measurement_made_in_inference_mode_can_be_fitted():
    (prior,) = REGISTRY.build_priors("dip:iterations=2")
    with torch.inference_mode():
        measurement = Inpaint(missing=0.5).measure(photo_crop("camera")[..., :32, :32], seed=0)
        inside = restoration.run(prior, measurement)
    assert torch.equal(inside, restoration.run(prior, measurement))


@pytest.mark.parametrize("name", ["unet", "gs-unet", "wcrr", "epll", "unet:solver=ula,steps=3"])
def test_the_callers_generator_stays_where_it_is(name):
    forget_networks()
    draws = []
    for _ in range(2):
        torch.manual_seed(0)
        priorlab.restore(NOISY, TASK, name)
        draws.append(float(torch.rand(1)))
    torch.manual_seed(0)
    assert draws == 2 * [float(torch.rand(1))]


def test_a_network_that_is_read_within_a_fit_does_not_change_it():
    (prior,) = REGISTRY.build_priors("dip:iterations=2,red=unet")
    image = photo_crop("camera")[..., :32, :32]
    measurement = Inpaint(missing=0.5).measure(image, seed=0)
    forget_networks()
    first = prior.restore(measurement, seed=0)  # without `prepare`
    assert torch.equal(first, prior.restore(measurement, seed=0))
