"""What a fit removes beyond the noise is taken back by the core, unless a paper says otherwise."""

import itertools

import pytest
import torch
from mostly_slow import slow_where
from sample_pictures import photo_crop, psnr

from priorlab import plugins, restoration
from priorlab.forward.measurement import Measurement
from priorlab.forward.noise import Gaussian
from priorlab.forward.operators import Identity
from priorlab.solvers.noise_limit import within_noise
from priorlab.tasks.builtin import Deblur, Denoise, DenoiseImpulse, DenoisePoisson

REGISTRY = plugins.load()
WEAK = [Denoise(sigma=1.5 / 255), DenoisePoisson(peak=6000)]
FITS = [
    "zs-n2n:iterations=20",
    "noise2fast:iterations=20",
    "siren:iterations=9",
    "dip:iterations=9",
]
QUICK = [(FITS[0], WEAK[1]), (FITS[-1], WEAK[0])]
"""What the default suite takes: the core asks each of them the same about the noise."""


@pytest.mark.parametrize(
    ("spec", "task"),
    slow_where(lambda *case: case not in QUICK, itertools.product(FITS, WEAK)),
    ids=lambda value: value if isinstance(value, str) else value.spec(),
)
def test_little_noise_is_not_made_more(spec, task):
    clean = photo_crop("astronaut", 3)
    measurement = task.measure(clean, seed=0)
    (prior,) = REGISTRY.build_priors(spec)
    before = psnr(measurement.y, clean)
    assert psnr(prior.restore(measurement), clean) < before - 5
    assert psnr(restoration.run(prior, measurement), clean) > before - 1.5


@pytest.mark.parametrize("name", ["zs-n2n", "noise2fast", "dip", "self2self"])
def test_a_published_recipe_is_left_as_it_is(name):
    published, ours = REGISTRY.build_priors(f"{name}:recipe=paper,{name}")
    assert ours.kept_within_noise
    assert not published.kept_within_noise


@pytest.mark.parametrize("task", [Deblur(), DenoiseImpulse()], ids=lambda task: task.spec())
def test_only_noise_of_known_strength_limits(task):
    measurement = task.measure(photo_crop("camera", 1), seed=0)
    image = torch.full(measurement.shape, 0.5)
    assert torch.equal(within_noise(image, measurement), image)


def test_each_image_of_a_batch_is_limited_by_itself():
    clean = photo_crop("camera", 1)
    y = torch.cat([clean, 0.5 + 0.02 * (clean - clean.mean())])
    measurement = Measurement(y, Identity(), Gaussian(0.02), tuple(y.shape))
    image = torch.full(measurement.shape, 0.5)
    both = within_noise(image, measurement)
    alone = torch.cat([within_noise(image[:1], measurement.image(i)) for i in range(2)])
    torch.testing.assert_close(both, alone)
    assert not torch.equal(both[0], image[0])
    assert torch.equal(both[1], image[1])
