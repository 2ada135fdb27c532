"""Condat's total variation: its energy, its prox, and what it is better at."""

import numpy as np
import pytest
import torch
from handcrafted.finite_differences import forward_differences
from hypothesis import given, settings
from hypothesis import strategies as st
from sample_pictures import photo_crop

from priorlab import plugins
from priorlab.errors import UsageError
from priorlab_handcrafted.total_variation import TotalVariation
from priorlab_handcrafted.variation import condat

TOLERANCE = 1e-3


def noisy(shape, seed=0):
    rng = np.random.default_rng(seed)
    ramp = np.broadcast_to(np.linspace(0, 1, shape[-1]), shape)
    return 0.6 * (ramp > 0.4) + 0.1 * rng.standard_normal(shape)


def interpolated(u):
    """What a field of differences (2, C, H, W) is between rows, between columns and at pixels."""

    def at(field, down, right):
        padded = np.pad(field, ((0, 0), (1, 1), (1, 1)))
        height, width = field.shape[1:]
        return padded[:, 1 + down : 1 + down + height, 1 + right : 1 + right + width]

    down, right = u
    between_rows = [at(right, 0, 0), at(right, 0, -1), at(right, 1, 0), at(right, 1, -1)]
    between_columns = [at(down, 0, 0), at(down, 0, 1), at(down, -1, 0), at(down, -1, 1)]
    return np.stack(
        [
            np.stack([down, sum(between_rows) / 4]),
            np.stack([sum(between_columns) / 4, right]),
            np.stack([(down + at(down, -1, 0)) / 2, (right + at(right, 0, -1)) / 2]),
        ]
    )


@settings(max_examples=15)
@given(
    height=st.integers(1, 20),
    width=st.integers(1, 20),
    channels=st.sampled_from([1, 3]),
    radius=st.floats(0.01, 0.5),
    seed=st.integers(0, 99),
)
def test_duality_gap_certifies_the_prox(height, width, channels, radius, seed):
    v, gaps = noisy((channels, height, width), seed), []
    state = condat.State(v)
    x = condat.solve(
        v,
        radius,
        state,
        tolerance=TOLERANCE,
        iterations=20000,
        report=lambda iteration, image, gap: gaps.append(gap),
    )
    assert gaps[-1] <= TOLERANCE
    # Once more from the definition: a feasible dual field, below which no image can come.
    u = state.field()
    assert np.abs(u[0, :, -1]).max() == np.abs(u[1, :, :, -1]).max() == 0
    assert np.sqrt((interpolated(u) ** 2).sum((1, 2))).max() <= 1 + 1e-9
    moved = x - v
    product = (forward_differences(v) * u).sum()
    transposed = (forward_differences(x) * u).sum() - product  # u D (x - v)
    lower = radius * product - radius**2 / 2 * norm_of_transpose(u)
    best = v - radius * transpose(u)
    assert transposed == pytest.approx((transpose(u) * moved).sum(), abs=1e-9)
    # x is close to the image of the dual field, as far as the gap says.
    objective = lower / (1 - TOLERANCE)
    assert ((x - best) ** 2).sum() / 2 <= 2 * TOLERANCE * objective + 1e-9


def transpose(u):
    """D^T u."""
    down, right = u
    result = np.zeros(down.shape)
    result[:, 1:] += down[:, :-1]
    result[:, :-1] -= down[:, :-1]
    result[..., 1:] += right[..., :-1]
    result[..., :-1] -= right[..., :-1]
    return result


def norm_of_transpose(u):
    return (transpose(u) ** 2).sum()


def test_a_step_costs_its_height_for_each_pixel_of_its_length():
    image = torch.zeros(1, 1, 12, 20)
    image[..., 10:] = 0.5
    energy = TotalVariation(kind="condat", weight=2).energy(image).item()
    assert energy == pytest.approx(2 * 12 * 0.5, rel=2e-3)


@pytest.mark.parametrize("kind", ["isotropic", "condat"])
def test_no_diagonal_is_cheaper_than_the_other(kind):
    """Forward differences meet in one corner of a pixel, so that mirror images differ."""
    rows = torch.arange(32)
    edge = (rows[:, None] + rows > 31).float()[None, None]
    prior = TotalVariation(kind=kind)
    one, other = prior.energy(edge).item(), prior.energy(edge.flip(-1)).item()
    assert (other == pytest.approx(one, rel=5e-3)) == (kind == "condat")


def test_the_energy_has_the_dual_field_as_its_gradient():
    image = torch.from_numpy(noisy((1, 9, 8)))[None].requires_grad_()
    prior, step = TotalVariation(kind="condat"), 1e-4
    (gradient,) = torch.autograd.grad(prior.energy(image).sum(), image)
    towards = torch.from_numpy(noisy((1, 9, 8), 1))[None]
    with torch.no_grad():
        change = prior.energy(image + step * towards) - prior.energy(image - step * towards)
    assert (gradient * towards).sum().item() == pytest.approx(change.item() / 2 / step, rel=0.1)


def test_missing_pixels_come_closer_than_by_lines_and_by_forward_differences():
    """What decides: an edge of any direction is as cheap, so that none is drawn as a staircase."""
    registry, clean = plugins.load(), photo_crop("camera")[..., 24:72, 24:72]
    (task,) = registry.build_tasks("inpaint:missing=0.5")
    measurement, errors = task.measure(clean, 0), {}
    for spec in ("tv:kind=condat", "tv:kind=isotropic", "linear"):
        (prior,) = registry.build_priors(spec)
        errors[spec] = float((prior.restore(measurement) - clean).square().mean())
    assert errors["tv:kind=condat"] < 0.97 * min(errors["linear"], errors["tv:kind=isotropic"])


def test_huber_has_no_such_kind():
    with pytest.raises(UsageError, match="kind"):
        plugins.load().build_priors("huber-tv:kind=condat")


def test_what_is_tuned_is_compiled_before_the_clock_starts(monkeypatch):
    used, solve = [], condat.solve

    def counted(*given, **more):
        used.append(given)
        return solve(*given, **more)

    monkeypatch.setattr(condat, "solve", counted)
    TotalVariation().prepare(torch.device("cpu"), 1)
    assert used
    used.clear()
    TotalVariation(weight=0.5).prepare(torch.device("cpu"), 1)
    assert not used, "what is tuned holds only where all parameters have their defaults"
