"""Optimisation over the image: against theory, and against independent solvers."""

import dataclasses
from typing import ClassVar

import numpy as np
import pytest
import scipy.optimize
import torch
from mostly_slow import mostly_slow

from priorlab import plugins, restoration
from priorlab.forward.convolution import Convolution
from priorlab.forward.measurement import Measurement
from priorlab.forward.noise import Gaussian, NoNoise, Poisson, SaltAndPepper
from priorlab.forward.operators import Identity, Mask
from priorlab.priors import Regularizer
from priorlab.tasks.builtin import Dejpeg
from priorlab.trace import Trace
from priorlab_handcrafted.tikhonov import Tikhonov
from priorlab_handcrafted.total_variation import TotalVariation


@dataclasses.dataclass(frozen=True, kw_only=True)
class Smooth(Regularizer):
    """Charbonnier's smooth relative of total variation, without a prox."""

    name: ClassVar[str] = "smooth"
    weight: float = 1.0

    def energy(self, x):
        down, right = x.diff(dim=2)[..., :-1], x.diff(dim=3)[..., :-1, :]
        return self.weight * (down**2 + right**2 + 1e-4).sqrt().flatten(1).sum(1)


@dataclasses.dataclass(frozen=True, kw_only=True)
class Edgy(Regularizer):
    """Anisotropic total variation, whose kinks a descent cannot pass."""

    name: ClassVar[str] = "edgy"

    def energy(self, x):
        return sum(x.diff(dim=dim).abs().flatten(1).sum(1) for dim in (2, 3))


@dataclasses.dataclass(frozen=True, kw_only=True)
class Stiff(Regularizer):
    """The same with rounded kinks: smooth, but rounding ends the descent before the tolerance."""

    name: ClassVar[str] = "stiff"

    def energy(self, x):
        return sum((x.diff(dim=dim) ** 2 + 1e-8).sqrt().flatten(1).sum(1) for dim in (2, 3))


@dataclasses.dataclass(frozen=True, kw_only=True)
class SquaresOnly(Tikhonov):
    """Tikhonov as a plugin would write it that knows no prox."""

    prox = Regularizer.prox


class Last(Trace):
    def __init__(self):
        self.iterations, self.image, self.values = [], None, {}
        self.ends = []

    def report(self, iteration, total, image, **values):
        self.iterations.append((iteration, total))
        self.image, self.values = image.clone(), values

    def converged(self, reached, residual):
        self.ends.append((reached, residual))


def scene(channels=1, size=24):
    image = torch.full((1, channels, size, size), 0.2)
    image[..., 6:17, 5:14] = 0.8
    image[..., 12:, 15:] += torch.linspace(0, 0.5, size - 15)
    return image


def measure(operator, noise, channels=1, size=24):
    clean = scene(channels, size)
    u = operator.forward(clean).double().numpy()[0]
    y = torch.from_numpy(noise.sample(u, np.random.default_rng(0))).float()[None]
    return clean, Measurement(
        operator.adjoint(y) if isinstance(operator, Mask) else y,
        operator,
        noise,
        tuple(clean.shape),
    )


def some_mask(size=24):
    known = np.random.default_rng(1).random((1, 1, size, size)) > 0.4
    return Mask(torch.from_numpy(known).float())


def everything(size=24):
    """Return an operator that does nothing and is not known for it: noise is not alone then."""
    return Mask(torch.ones(1, 1, size, size))


def blur():
    taps = torch.tensor([1.0, 4, 6, 4, 1]) / 16
    return Convolution(torch.outer(taps, taps))


PROBLEMS = {
    "denoise": (Identity(), Gaussian(0.1)),
    "poisson": (everything(), Poisson(30.0)),
    "inpaint-impulse": (some_mask(), SaltAndPepper(0.2)),
    "inpaint": (some_mask(), NoNoise()),
    "inpaint-noise": (some_mask(), Gaussian(0.1)),
    "inpaint-poisson": (some_mask(), Poisson(30.0)),
    "deblur": (blur(), Gaussian(0.02)),
    "deblur-impulse": (blur(), SaltAndPepper(0.2)),
}


def objective(prior, measurement, x):
    """Return ``level^2 nll + level energy``, whose order is that of squared differences."""
    level = measurement.noise.level
    nll = measurement.noise.nll(measurement.operator.forward(x), measurement.y)
    return (level**2 * nll + level * prior.energy(x)).sum()


def error(x, clean):
    return (x - clean).square().mean().item()


def test_without_a_prior_descent_returns_the_noisy_image():
    clean, measurement = measure(Identity(), Gaussian(0.1))
    without = Smooth(weight=0.0).restore(measurement)
    torch.testing.assert_close(without, measurement.y, atol=1e-4, rtol=0)
    assert error(without, clean) == pytest.approx(0.01, rel=0.15)


@pytest.mark.parametrize("prior", [Smooth(), SquaresOnly(), TotalVariation()])
def test_with_a_prior_the_image_is_nearer_to_the_truth(prior):
    clean, measurement = measure(Identity(), Gaussian(0.1))
    restored = prior.restore(measurement)
    assert error(restored, measurement.y) > 0.003
    assert error(restored, clean) < 0.65 * error(measurement.y, clean)


@pytest.mark.parametrize("name", mostly_slow(PROBLEMS, *set(PROBLEMS) - {"deblur-impulse"}))
def test_descent_and_splitting_find_the_same_minimum(name):
    _, measurement = measure(*PROBLEMS[name])
    prior = Tikhonov()
    split, descent = prior.restore(measurement), SquaresOnly().restore(measurement)
    values = [objective(prior, measurement, x).item() for x in (split, descent)]
    assert values[0] == pytest.approx(values[1], rel=2e-3)
    assert error(split, descent) < 2e-5


@pytest.mark.parametrize("name", ["denoise", "inpaint-noise", "deblur"])
def test_a_quadratic_problem_satisfies_its_normal_equation(name):
    _, measurement = measure(*PROBLEMS[name])
    x = Tikhonov().restore(measurement).requires_grad_()
    objective(Tikhonov(), measurement, x).backward()
    assert x.grad.norm() < 1e-3 * x.detach().norm()


@pytest.mark.parametrize(
    ("name", "channels"), [*((name, 1) for name in PROBLEMS), ("inpaint", 3), ("poisson", 3)]
)
def test_total_variation_reaches_the_minimum_that_a_smooth_relative_bounds(name, channels):
    """Minimise sqrt(|grad|^2 + eps^2) with scipy: it is above TV by eps per pixel at most."""
    size, eps = 24, 1e-4
    clean, measurement = measure(*PROBLEMS[name], channels=channels)
    prior = TotalVariation()
    ours = prior.restore(measurement)
    level, noise = measurement.noise.level, measurement.noise
    exact = dataclasses.replace(measurement, y=measurement.y.double())

    def smooth(flat):
        x = torch.from_numpy(flat).reshape(clean.shape).requires_grad_()
        squares = torch.zeros(size, size, dtype=torch.float64)
        squares[:-1] += x.diff(dim=2).square().sum((0, 1))
        squares[:, :-1] += x.diff(dim=3).square().sum((0, 1))
        u = exact.operator.forward(x)
        if isinstance(noise, SaltAndPepper):
            nll = ((u - exact.y).square() + eps**2).sqrt().sum() / level
        else:
            nll = noise.nll(u, exact.y).sum()
        weight = prior.weight * channels**0.5
        value = level**2 * nll + level * weight * (squares + eps**2).sqrt().sum()
        value.backward()
        return value.item(), x.grad.numpy().ravel()

    start = ours.double().numpy().ravel()
    theirs = scipy.optimize.minimize(
        smooth, start, jac=True, method="L-BFGS-B", options={"maxiter": 400, "maxfun": 500}
    )
    least = objective(prior, exact, torch.from_numpy(theirs.x).reshape(clean.shape)).item()
    mine = objective(prior, exact, ours.double()).item()
    scale = abs(least) if not isinstance(noise, Poisson) else level * prior.energy(ours).item()
    assert mine - least <= 5e-3 * scale


def test_splitting_of_plain_denoising_finds_what_one_prox_finds():
    _, measurement = measure(Identity(), Gaussian(0.1), channels=3)
    direct = TotalVariation().restore(measurement)
    split = TotalVariation().restore(dataclasses.replace(measurement, operator=everything()))
    torch.testing.assert_close(split, direct, atol=5e-3, rtol=0)
    values = [objective(TotalVariation(), measurement, x).item() for x in (split, direct)]
    assert values[0] == pytest.approx(values[1], rel=1e-3)


@pytest.mark.parametrize(
    ("prior", "problem"),
    [
        (TotalVariation(), PROBLEMS["inpaint"]),
        (TotalVariation(), (Identity(), SaltAndPepper(0.2))),
        (Tikhonov(), PROBLEMS["poisson"]),
        (Smooth(), PROBLEMS["inpaint-noise"]),
    ],
)
def test_an_image_does_not_depend_on_its_batch(prior, problem):
    operator, noise = problem
    _, one = measure(operator, noise)
    y = torch.cat([one.y, one.y.flip(-1) * 0.5, 1 - one.y])
    batch = Measurement(y, operator, noise, tuple(y.shape))
    alone = [
        prior.restore(dataclasses.replace(batch, y=image[None], shape=one.shape)) for image in y
    ]
    torch.testing.assert_close(prior.restore(batch), torch.cat(alone), atol=1e-5, rtol=0)


@pytest.mark.parametrize("prior", [TotalVariation(), Tikhonov(), Smooth()], ids=lambda p: p.name)
@pytest.mark.parametrize("name", ["denoise", "deblur"])
def test_the_trace_sees_the_result_come(prior, name):
    _, measurement = measure(*PROBLEMS[name])
    trace = Last()
    restored = prior.restore(measurement, trace)
    assert trace.iterations == sorted(trace.iterations)
    assert torch.equal(trace.image, restored)
    if name == "denoise" and prior.name == "tv":
        assert trace.values["gap"] <= 1e-4


def test_iterations_count_on_from_image_to_image():
    _, measurement = measure(*PROBLEMS["denoise"])
    y = measurement.y.repeat(2, 1, 1, 1)
    trace = Last()
    Smooth().restore(dataclasses.replace(measurement, y=y, shape=y.shape), trace)
    counts = [iteration for iteration, _ in trace.iterations]
    assert counts == sorted(set(counts)), "none comes twice"
    assert all(iteration <= total for iteration, total in trace.iterations)


def test_the_same_problem_has_the_same_solution_twice():
    _, measurement = measure(*PROBLEMS["inpaint"])
    before = measurement.y.clone()
    prior = TotalVariation()
    assert torch.equal(prior.restore(measurement), prior.restore(measurement))
    assert torch.equal(measurement.y, before)


MOST_ITERATIONS = {
    "poisson": 30,
    "inpaint-impulse": 100,
    "inpaint": 65,
    "inpaint-noise": 50,
    "inpaint-poisson": 45,
    "deblur": 50,
    "deblur-impulse": 200,
}
"""Half as many again as it takes with the present steps, which are a matter of speed alone."""


@pytest.mark.parametrize("name", MOST_ITERATIONS)
def test_the_splitting_converges_soon(name):
    _, measurement = measure(*PROBLEMS[name])
    trace = Last()
    TotalVariation().restore(measurement, trace)
    assert max(trace.values["primal"], trace.values["dual"]) <= 5e-4
    assert len(trace.iterations) <= MOST_ITERATIONS[name]


def test_hard_problems_end_after_300_iterations_and_the_trace_tells():
    _, measurement = measure(everything(), Poisson(0.2))
    trace = Last()
    image = TotalVariation().restore(measurement, trace)
    assert trace.iterations == [(step, 300) for step in range(1, 301)]
    assert max(trace.values["primal"], trace.values["dual"]) > 5e-4
    assert torch.equal(trace.image, image) and image.isfinite().all()


@pytest.mark.parametrize("prior", [Smooth(), SquaresOnly()], ids=lambda prior: prior.name)
@pytest.mark.parametrize("name", ["denoise", "inpaint", "inpaint-noise", "deblur"])
def test_descent_ends_once_the_gradient_is_small(prior, name):
    _, measurement = measure(*PROBLEMS[name])
    trace = Last()
    prior.restore(measurement, trace)
    assert len(trace.iterations) <= 12
    assert trace.values["gradient"] < 5e-4


@pytest.mark.slow
def test_descent_that_ends_at_a_kink_has_not_converged():
    _, measurement = measure(*PROBLEMS["denoise"])
    ends = {}
    for prior in (Edgy(), Stiff(), Smooth()):
        trace = Last()
        prior.restore(measurement, trace)
        ((reached, residual),) = trace.ends
        ends[prior.name] = reached
        assert residual > 1e-4, "the descent ended because no step was possible any more"
    assert ends == {"edgy": False, "stiff": True, "smooth": True}


def test_descent_takes_images_however_they_lie_in_memory():
    _, measurement = measure(Identity(), Gaussian(0.1), channels=3)
    turned = measurement.y.permute(2, 3, 0, 1).contiguous().permute(2, 3, 0, 1)
    assert not turned.is_contiguous()
    result = Smooth().restore(dataclasses.replace(measurement, y=turned))
    torch.testing.assert_close(result, Smooth().restore(measurement), atol=1e-4, rtol=0)


@pytest.mark.parametrize("name", ["tv", "huber-tv", "tikhonov"])
def test_one_colour_is_found_and_stays(name: str) -> None:
    """The rounding of a picture of one colour was taken for steps, until it was no longer one."""
    clean = torch.tensor([0.2, 0.5, 0.8])[:, None, None].expand(1, 3, 72, 72).contiguous()
    known = torch.zeros(1, 1, 72, 72)
    known[..., :18, :18] = 1
    measurement = Measurement(clean * known, Mask(known), NoNoise(), tuple(clean.shape))
    (prior,) = plugins.load().build_priors(name)
    ends: list[bool] = []
    trace = Trace()
    trace.converged = lambda reached, residual: ends.append(reached)
    torch.testing.assert_close(restoration.run(prior, measurement, trace=trace), clean)
    restoration.run(prior, Dejpeg(quality=10).measure(clean, seed=0), trace=trace)
    assert all(ends)
