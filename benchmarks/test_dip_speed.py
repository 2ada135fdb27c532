"""The deep image prior against the published recipe: steps of each; the moving variance.

    python -m pytest benchmarks/test_dip_speed.py --benchmark-enable

The peer is `dip_baseline.py`, the published recipe in plain eager PyTorch, run as anyone would run
it. How many steps each needs is in [dip.md](dip.md): the product of both is the time to a quality.
"""

import itertools

import pytest
import torch
from dip_baseline import fit

from priorlab import plugins
from priorlab.forward.measurement import Measurement
from priorlab.forward.noise import Gaussian
from priorlab.forward.operators import Identity
from priorlab.pictures import reading
from priorlab.pictures.datasets import load
from priorlab.solvers.parameter_space.stopping import MovingVariance
from priorlab.trace import Trace

LEVEL, STEPS = 25 / 255, 5


def noisy() -> torch.Tensor:
    photo = next(image for image in load("photos").images if image.path.stem == "astronaut")
    clean = torch.from_numpy(reading.read(photo.path))[None]
    return clean + LEVEL * torch.randn(clean.shape, generator=torch.Generator().manual_seed(0))


class Paused(Exception):
    """Ends a fit after `STEPS` steps."""


class Pause(Trace):
    def report(self, iteration, total, image, *, output=None, **values):
        if iteration == STEPS:
            raise Paused


def ours(spec: str, y: torch.Tensor):
    """Take the first steps of a fit, in which Muon adds its own."""
    (prior,) = plugins.load().build_priors(spec)
    measurement = Measurement(y, Identity(), Gaussian(LEVEL), tuple(y.shape))

    def run():
        with pytest.raises(Paused):
            prior.restore(measurement, Pause())

    return run


def published(y: torch.Tensor):
    return lambda: list(itertools.islice(fit(y), STEPS))


@pytest.mark.timeout(600)
@pytest.mark.parametrize(
    "name",
    [
        "published recipe",
        "dip",
        "dip:channels=32",
        "dip:channels=64",
        "dip:channels=128",
        "dip:channels=64,upsampling=bilinear",
        "dip:channels=64,upsampling=bilinear,network=hourglass",
        # A step of two networks each:
        "dip:runs=2,batch=2",
        "dip:channels=64,upsampling=bilinear,runs=2,batch=2",
        "dip:channels=64,upsampling=bilinear,network=hourglass,runs=2,batch=2",
    ],
)
def test_step(benchmark, name, threads):
    benchmark.group = f"{STEPS} steps, colour, 256x256"
    benchmark.extra_info["method"] = name
    y = noisy()
    run = published(y) if name == "published recipe" else ours(name, y)
    benchmark.pedantic(run, rounds=5, warmup_rounds=1)


@pytest.mark.parametrize("name", ["running sums", "recomputed"])
def test_moving_variance(benchmark, name):
    benchmark.group = f"Variance of {MovingVariance.WINDOW} outputs, colour, 256x256"
    benchmark.extra_info["method"] = name
    y = noisy()
    outputs = [y + 0.01 * step for step in range(MovingVariance.WINDOW + 1)]
    rule = MovingVariance(Measurement(y, Identity(), Gaussian(LEVEL), tuple(y.shape)))
    for step, output in enumerate(outputs, 1):
        rule.variance(step, output)
    window = torch.stack(outputs[1:])
    run = {
        "running sums": lambda: rule.variance(MovingVariance.WINDOW + 2, y),
        "recomputed": lambda: window.var(0, correction=0).mean(),
    }[name]
    benchmark.pedantic(run, rounds=20, warmup_rounds=2)
