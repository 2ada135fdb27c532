"""Every algorithm of plug-and-play on every kind of data, with a cheap denoiser."""

import dataclasses
from pathlib import Path

import pytest
import torch
from mostly_slow import mostly_slow
from sample_pictures import photo_crop

from priorlab import plugins, restoration
from priorlab.solvers.plug_and_play.catalogue import ALGORITHMS
from priorlab_handcrafted.sliding_dct import SlidingDCT

ANY_DATA = Path(__file__).parents[1] / "any_data"
TASKS = (
    "inpaint:missing=0.5,inpaint:missing=0.5,sigma=15,superres:factor=3,deblur:sigma=2,"
    "denoise-impulse:amount=0.3,denoise-poisson:peak=10,dejpeg:quality=10,demosaick,tomography,mri"
)
PLUGINS = [ANY_DATA / f"{name}.py" for name in ("bayer", "tomography", "mri")]


@pytest.fixture(scope="module")
def problems():
    """Tasks, and their measurements of a colour picture."""
    clean = photo_crop("chelsea", 3)[..., 30:54, 20:50]
    tasks = plugins.load(PLUGINS).build_tasks(TASKS)
    return clean, [(task.spec(), task.measure(clean, seed=0)) for task in tasks]


@pytest.mark.parametrize(
    "solver", mostly_slow(["hqs", "admm", "drs", "red", "fista"], "hqs", "drs", "red")
)
def test_solvers_improve_on_what_is_given(problems, solver):
    clean, measurements = problems
    for task, measurement in measurements:
        if not task.startswith(("inpaint", "superres", "denoise", "dejpeg")):
            continue
        restored = restoration.run(SlidingDCT(solver=solver), measurement, seed=3)
        images = (restored, measurement.initial_guess())
        after, before = (float((image - clean).square().mean()) for image in images)
        assert after < before, f"{task}: from {before:.2e} to {after:.2e}"


@pytest.mark.parametrize("solver", mostly_slow(ALGORITHMS, "hqs", "pgd"))
def test_each_image_of_a_batch_is_restored_as_it_would_be_alone(problems, solver):
    prior = SlidingDCT(solver=solver, steps=2)
    for task, one in problems[1]:
        y, shape = torch.cat([one.y, 0.9 * one.y]), (2, *one.shape[1:])
        batch = dataclasses.replace(one, y=y, shape=shape)
        together = restoration.run(prior, batch, seed=3)
        alone = restoration.run(prior, batch.image(1), seed=3)
        assert float((together[1:] - alone).abs().max()) < 1e-3, task


@pytest.mark.parametrize("solver", ALGORITHMS)
def test_exact_data_are_returned_exactly(problems, solver):
    """To within what rounding to 8 bits leaves open; pixels are known to the last digit."""
    prior = SlidingDCT(solver=solver, steps=8)
    for task, measurement in problems[1]:
        if not measurement.noise.is_exact:
            continue
        restored = prior.restore(measurement, seed=3)
        error = measurement.operator.forward(restored) - measurement.y
        # A sample may leave [0, 1], where it is cut off.
        if solver != "ula":  # in so few steps its mean is still far from the image, and cut off
            assert float(error.abs().median()) < 0.5 / 255, task
        if measurement.operator.known_pixels is not None:
            assert float(error.abs().max()) == 0
