"""Total variation: the energy, its prox, and their optimality."""

import sys

import numpy as np
import pytest
import torch
from hypothesis import given, settings
from hypothesis import strategies as st
from sample_pictures import photo_crop
from skimage.restoration import denoise_tv_chambolle
from torch_threads import threads

from priorlab.forward.measurement import Measurement
from priorlab.forward.noise import Gaussian, NoNoise
from priorlab.forward.operators import Identity, Mask
from priorlab.priors import Prior
from priorlab.trace import Trace
from priorlab_handcrafted.huber_total_variation import HuberTV
from priorlab_handcrafted.total_generalized_variation import TotalGeneralizedVariation
from priorlab_handcrafted.total_variation import TOLERANCE, TotalVariation
from priorlab_handcrafted.variation import rof, rof_torch


def noisy(shape, seed=0, dtype=torch.float32):
    generator = torch.Generator().manual_seed(seed)
    ramp = torch.linspace(0, 1, shape[-1], dtype=dtype).expand(shape)
    return (ramp > 0.4) * 0.6 + 0.1 * torch.randn(shape, generator=generator, dtype=dtype)


def objective(prior, x, v, step):
    return prior.energy(x) + (x - v).square().flatten(1).sum(1) / (2 * step)


def test_energy_of_a_step_is_its_length_times_its_height():
    image = torch.zeros(1, 1, 8, 10)
    image[..., 5:] = 0.5
    assert TotalVariation(weight=2).energy(image).item() == pytest.approx(2 * 8 * 0.5)


def test_gray_in_three_channels_is_treated_like_gray():
    gray = noisy((1, 1, 24, 20))
    color = TotalVariation().prox(gray.expand(1, 3, 24, 20).contiguous(), 0.1)
    torch.testing.assert_close(color[:, :1], TotalVariation().prox(gray, 0.1), atol=2e-3, rtol=0)


@pytest.mark.parametrize("prior", [TotalVariation(), TotalVariation(kind="anisotropic"), HuberTV()])
def test_energy_has_the_gradient_that_differences_show(prior):
    image = noisy((2, 3, 5, 4), dtype=torch.float64).requires_grad_()
    assert torch.autograd.gradcheck(prior.energy, image)


def test_the_trace_is_told_of_the_gap():
    class Gaps(Trace):
        def __init__(self):
            self.seen = []

        def report(self, iteration, total, image, *, output=None, gap):
            assert image.shape == (1, 1, 24, 20)
            self.seen.append(gap)

    trace = Gaps()
    measurement = Measurement(noisy((1, 1, 24, 20)), Identity(), Gaussian(0.1), (1, 1, 24, 20))
    TotalVariation().restore(measurement, trace)
    assert trace.seen[0] > trace.seen[-1]
    assert trace.seen[-1] <= TOLERANCE


@pytest.mark.parametrize("prior", [TotalVariation(), TotalGeneralizedVariation()])
@pytest.mark.parametrize("enough", [True, False])
def test_the_trace_is_told_whether_the_gap_became_small_enough(prior, enough, monkeypatch):
    class Ends(Trace):
        def __init__(self):
            self.seen = []

        def converged(self, reached, residual):
            self.seen.append((reached, residual))

    trace, shape = Ends(), (2, 1, 24, 20)
    if not enough:
        monkeypatch.setattr(sys.modules[type(prior).__module__], "MAX_ITERATIONS", 25)
    prior.restore(Measurement(noisy(shape), Identity(), Gaussian(0.1), shape), trace)
    assert len(trace.seen) == 2
    for reached, gap in trace.seen:
        assert reached == enough == (gap <= prior.gap)


@pytest.mark.parametrize(
    ("prior", "most"),
    [
        (TotalVariation(), 110),
        (TotalVariation(kind="anisotropic"), 120),
        (HuberTV(), 40),
        (TotalVariation(kind="condat"), 600),
        (TotalGeneralizedVariation(), 500),
    ],
    ids=lambda value: value.spec() if isinstance(value, Prior) else "",
)
def test_the_prox_of_a_photograph_converges_soon(prior, most):
    class Count(Trace):
        steps = 0

        def report(self, iteration, total, image, **values):
            self.steps = iteration

    count, clean = Count(), photo_crop("camera")
    noise = 0.1 * torch.randn(clean.shape, generator=torch.Generator().manual_seed(0))
    prior.warm_prox(count)(clean + noise, 0.1)
    assert 0 < count.steps <= most


@pytest.mark.parametrize(
    ("prior", "most"),
    [
        (TotalVariation(), 10),
        (TotalVariation(kind="condat"), 10),
        (TotalGeneralizedVariation(), 25),
    ],
)
def test_a_warm_prox_makes_few_steps(prior, most):
    """The next call goes on from where the image ended, and need not get far."""

    class Count(Trace):
        heard = ()

        def report(self, iteration, total, image, **values):
            self.heard += (iteration,)

    count, v = Count(), noisy((2, 1, 24, 24))
    warm = prior.warm_prox(count)
    first = warm(v, 0.1)
    assert max(count.heard) > most
    torch.testing.assert_close(warm(v, 0.1), first, atol=5e-3, rtol=0)
    count.heard = ()
    warm(v.flip(-1), 0.1)
    assert count.heard == (most, most), "two images, which begin far from their solutions"


@pytest.mark.parametrize("prior", [TotalVariation(), TotalGeneralizedVariation()])
def test_a_splitting_begins_with_few_steps(prior, monkeypatch):
    """Its arguments converge: an exact answer to the first of them would be lost work."""
    asked, solve = [], type(prior).solve

    def counted(self, v, radius, state, few, report):
        asked.append(few)
        return solve(self, v, radius, state, few, report)

    monkeypatch.setattr(type(prior), "solve", counted)
    known = torch.rand(1, 1, 24, 24, generator=torch.Generator().manual_seed(1)) > 0.5
    v = noisy((1, 1, 24, 24))
    prior.restore(Measurement(v * known, Mask(known), NoNoise(), v.shape))
    assert len(asked) > 10 and all(asked)


def test_small_gradients_count_squared_with_huber():
    ramp = torch.linspace(0, 0.1, 21).expand(1, 1, 8, 21)  # 20 differences of 0.005 a row
    energy = HuberTV(weight=1, delta=0.01).energy(ramp).item()
    assert energy == pytest.approx(8 * 20 * 0.005**2 / (2 * 0.01), rel=1e-4)
    assert HuberTV(weight=1, delta=0).energy(ramp).item() == pytest.approx(8 * 0.1, rel=1e-4)


def test_energy_of_a_flat_image_has_gradient_zero():
    flat = torch.full((1, 3, 6, 6), 0.5, requires_grad=True)
    TotalVariation().energy(flat).sum().backward()
    assert flat.grad.abs().max() == 0


def solve_compiled(v, radius, report, **options):
    """Return the image and the dual field."""
    state = rof.State(v.numpy())
    x = rof.solve(v.numpy(), radius, state, report=report, **options)
    inner = [b.p[:, :, rof.MARGIN :, 1:][:, :, : b.bottom - b.top] for b in state.bands]
    return torch.from_numpy(x), torch.from_numpy(np.concatenate(inner, 2))


def solve_torch(v, radius, report, **options):
    dual = v.new_zeros((2, *v.shape))
    return rof_torch.solve(v, radius, dual, report=report, **options), dual


SOLVERS = {"compiled": solve_compiled, "torch": solve_torch}


@pytest.mark.parametrize("solver", SOLVERS)
@settings(max_examples=15)
@given(
    height=st.integers(1, 64),
    width=st.integers(1, 24),
    channels=st.sampled_from([1, 3]),
    radius=st.floats(1e-4, 0.5),
    delta=st.sampled_from([0, 0.02]),
    kind=st.sampled_from(["isotropic", "anisotropic"]),
    seed=st.integers(0, 99),
)
def test_duality_gap_certifies_the_prox(solver, height, width, channels, radius, delta, kind, seed):
    v, gaps = noisy((channels, height, width), seed), []
    x, dual = SOLVERS[solver](
        v,
        radius,
        lambda iteration, image, gap: gaps.append(gap),
        huber=delta,
        anisotropic=kind == "anisotropic",
        tolerance=TOLERANCE,
        iterations=5000,
    )
    assert gaps[-1] <= TOLERANCE
    axes = 1 if kind == "anisotropic" else (0, 1)
    assert (dual.square().sum(axes) <= 1 + 1e-5).all()
    # The gap, once more and in float64: primal minus dual objective at x and dual.
    x, v, dual = x.double(), v.double(), dual.double()
    prior = HuberTV(weight=1 / channels**0.5, delta=delta, kind=kind)
    primal = (x - v).square().sum().item() / 2 + radius * prior.energy(x[None]).item()
    lower = (v.square().sum() - x.square().sum()).item() / 2
    lower -= radius * delta / 2 * dual.square().sum().item()
    assert primal - lower <= 1.1 * TOLERANCE * primal + 1e-6


@pytest.mark.parametrize("prior", [TotalVariation(), TotalVariation(kind="anisotropic"), HuberTV()])
@pytest.mark.parametrize("shape", [(1, 45, 30), (3, 33, 41)])
def test_bands_and_devices_compute_the_same(prior, shape, monkeypatch):
    """One band, many bands on several threads, and the torch solver that serves other devices."""
    v = noisy((1, *shape))
    whole = prior.prox(v, 0.1)
    monkeypatch.setattr(rof, "BAND", rof.MARGIN)
    banded = prior.prox(v, 0.1)
    with threads(3):
        threaded = prior.prox(v, 0.1)
    assert torch.equal(threaded, banded)
    torch.testing.assert_close(banded, whole, atol=1e-5, rtol=0)
    options = {"huber": prior._rounding, "anisotropic": prior.kind == "anisotropic"}
    options |= {"tolerance": TOLERANCE, "iterations": 3000, "report": lambda *values: None}
    dual = v.new_zeros((2, *shape))
    other = rof_torch.solve(v[0], 0.1 * prior.scale(v), dual, **options)
    torch.testing.assert_close(other[None], whole, atol=1e-5, rtol=0)


def test_prox_reaches_the_objective_of_another_solver():
    v = noisy((1, 1, 32, 40), dtype=torch.float64)
    prior, step = TotalVariation(weight=1.0), 0.1
    theirs = denoise_tv_chambolle(v[0, 0].numpy(), weight=step, eps=1e-9, max_num_iter=5000)
    ours = objective(prior, prior.prox(v, step), v, step).item()
    other = objective(prior, torch.from_numpy(theirs)[None, None], v, step).item()
    assert ours <= other * (1 + TOLERANCE)
    assert ours == pytest.approx(other, rel=1e-3)


@pytest.mark.parametrize("step", [0.0, 1e-9])
def test_no_noise_leaves_the_image(step):
    v = noisy((1, 3, 16, 17))
    torch.testing.assert_close(TotalVariation().prox(v, step), v, atol=1e-6, rtol=0)


def test_much_weight_leaves_the_mean():
    v = noisy((1, 1, 16, 17))
    flat = TotalVariation(weight=100).prox(v, 1.0)
    torch.testing.assert_close(flat, v.mean().expand_as(v), atol=2e-3, rtol=0)


def test_a_warm_prox_converges_to_the_prox():
    prior, v = TotalVariation(), noisy((1, 3, 24, 24))
    warm = prior.warm_prox()
    warm(v.flip(-1), 0.05)
    for _ in range(30):
        last = warm(v, 0.1)
    exact = objective(prior, prior.prox(v, 0.1), v, 0.1).item()
    assert objective(prior, last, v, 0.1).item() == pytest.approx(exact, rel=5e-4)


def test_prox_does_not_change_its_input():
    v = noisy((2, 3, 16, 16))
    before = v.clone()
    TotalVariation().prox(v, 0.1)
    assert torch.equal(v, before)
