"""Total generalised variation: the energy, its prox, and their optimality."""

import numpy as np
import pytest
import torch
from handcrafted.finite_differences import forward_differences
from hypothesis import assume, given, settings
from hypothesis import strategies as st

from priorlab_handcrafted.total_generalized_variation import TOLERANCE, TotalGeneralizedVariation
from priorlab_handcrafted.total_variation import TotalVariation
from priorlab_handcrafted.variation import tgv_solver


def second_differences(w):
    """The symmetrised gradient of slopes (2, C, H, W), written plainly."""
    _, channels, height, width = w.shape
    e = np.zeros((3, channels, height, width))
    for i in range(height):
        for j in range(width):
            if i + 2 < height:
                e[0, :, i, j] = w[0, :, i + 1, j] - w[0, :, i, j]
            if j + 2 < width:
                e[1, :, i, j] = w[1, :, i, j + 1] - w[1, :, i, j]
            if i + 1 < height and j + 1 < width:
                mixed = w[1, :, i + 1, j] - w[1, :, i, j] + w[0, :, i, j + 1] - w[0, :, i, j]
                e[2, :, i, j] = mixed / 2**0.5
    return e


def length(field):
    return np.sqrt((field**2).sum((0, 1))).sum()


def noisy(shape, seed=0):
    rng = np.random.default_rng(seed)
    ramp = np.broadcast_to(np.linspace(0, 1, shape[-1]), shape)
    return 0.4 * ramp + 0.3 * (ramp > 0.5) + 0.1 * rng.standard_normal(shape)


@settings(max_examples=10)
@given(
    height=st.integers(1, 14),
    width=st.integers(1, 14),
    channels=st.sampled_from([1, 3]),
    radius=st.floats(0.01, 0.5),
    ratio=st.floats(0.5, 4),
    seed=st.integers(0, 99),
)
def test_duality_gap_certifies_the_prox(height, width, channels, radius, ratio, seed):
    # Two pixels are a plane always: the minimum is 0, to which no gap is small.
    assume(height * width != 2)
    v, gaps = noisy((channels, height, width), seed), []
    state = tgv_solver.State(v)
    x = tgv_solver.solve(
        v,
        radius,
        ratio,
        state,
        tolerance=TOLERANCE,
        iterations=20000,
        report=lambda iteration, image, gap: gaps.append(gap),
    )
    assert gaps[-1] <= TOLERANCE
    # Once more from the definitions: the primal objective, and a dual point E^T s below it.
    w, q = state.w[..., 1:], state.slopes_dual(ratio)
    energy = length(forward_differences(x) - w) + ratio * length(second_differences(w))
    primal = ((x - v) ** 2).sum() / 2 + radius * energy
    assert np.sqrt((q**2).sum((0, 1))).max() <= 1 + 1e-9
    # q is E^T s for a feasible s: its product with any slopes w is at most ratio |E w|.
    rng = np.random.default_rng(seed)
    for _ in range(5):
        other = rng.standard_normal(q.shape) * (
            forward_differences(np.ones_like(v).cumsum(1).cumsum(2)) != 0
        )
        assert (q * other).sum() <= ratio * length(second_differences(other)) + 1e-9
    back = np.zeros_like(v)  # D^T q, column by column of D
    for index in np.ndindex(v.shape):
        unit = np.zeros_like(v)
        unit[index] = 1
        back[index] = (forward_differences(unit) * q).sum()
    lower = radius * (v * back).sum() - radius**2 / 2 * (back**2).sum()
    assert primal - lower <= 1.01 * TOLERANCE * primal + 1e-9


def test_a_plane_costs_nothing_and_an_edge_what_it_costs_in_total_variation():
    rows, columns = np.mgrid[:20, :24] / 24
    plane = torch.from_numpy(0.2 * rows + 0.5 * columns)[None, None]
    edge = torch.from_numpy((columns > 0.5) * 0.5)[None, None]
    prior = TotalGeneralizedVariation(weight=1.0)
    total = TotalVariation(weight=1.0)
    assert prior.energy(plane).item() < 0.01 * total.energy(plane).item()
    assert prior.energy(edge).item() == pytest.approx(total.energy(edge).item(), rel=0.01)


def test_the_gradient_of_the_energy_bounds_it_from_below():
    """As it must where a convex function has kinks: E(y) >= E(x) + <gradient, y - x>."""
    image, prior = (
        torch.from_numpy(noisy((1, 1, 7, 6))).requires_grad_(),
        (TotalGeneralizedVariation(weight=1.0)),
    )
    energy = prior.energy(image)
    (slope,) = torch.autograd.grad(energy.sum(), image)
    rng = np.random.default_rng(0)
    for size in (0.01, 0.1, 1.0):
        other = image.detach() + size * torch.from_numpy(rng.standard_normal((1, 1, 7, 6)))
        bound = energy.item() + (slope * (other - image)).sum().item()
        assert prior.energy(other).item() >= bound - 2 * TOLERANCE * energy.item()
    assert slope.abs().max() > 0.1


def test_ramps_keep_their_slope_where_total_variation_makes_steps():
    clean = torch.linspace(0, 1, 48).expand(1, 1, 40, 48)
    noise = 0.1 * torch.randn(clean.shape, generator=torch.Generator().manual_seed(0))
    error = {
        prior.name: (prior.prox(clean + noise, 0.1) - clean).square().mean().sqrt().item()
        for prior in (TotalVariation(), TotalGeneralizedVariation())
    }
    assert error["tgv"] < 0.65 * error["tv"]


@pytest.mark.parametrize("kind", ["roof", "bowl"])
def test_slopes_that_change_are_kept_too(kind):
    """A curved picture has a price, but less of one than the steps of total variation."""
    place = torch.linspace(-1, 1, 32)
    if kind == "roof":
        clean = (1 - place.abs()).expand(1, 1, 32, 32)
    else:
        clean = (0.5 * (place[:, None] ** 2 + place**2)).expand(1, 1, 32, 32)
    noise = 0.1 * torch.randn(clean.shape, generator=torch.Generator().manual_seed(0))
    error = {
        prior.name: (prior.prox(clean + noise, 0.1) - clean).square().mean().sqrt().item()
        for prior in (TotalVariation(), TotalGeneralizedVariation())
    }
    assert error["tgv"] < 0.65 * error["tv"]


@pytest.mark.parametrize("ratio", [0.1, 0.5])
def test_the_ratio_is_the_price_of_curvature(ratio):
    """Of a shallow bowl, explained by its slopes, the energy is the ratio times their change."""
    place = np.arange(12) / 24
    bowl = torch.from_numpy(0.5 * (place[:, None] ** 2 + place**2))[None, None]
    slopes = forward_differences(bowl[0].numpy())
    slopes[0, :, -1], slopes[1, :, :, -1] = slopes[0, :, -2], slopes[1, :, :, -2]
    energy = TotalGeneralizedVariation(weight=1.0, ratio=ratio).energy(bowl).item()
    assert energy == pytest.approx(ratio * length(second_differences(slopes)), rel=0.02)


def test_gray_in_three_channels_is_treated_like_gray():
    gray = torch.from_numpy(noisy((1, 1, 20, 24))).float()
    colour = TotalGeneralizedVariation().prox(gray.expand(1, 3, 20, 24).contiguous(), 0.1)
    torch.testing.assert_close(
        colour[:, :1], TotalGeneralizedVariation().prox(gray, 0.1), atol=5e-3, rtol=0
    )


def test_no_noise_leaves_the_image():
    v = torch.from_numpy(noisy((1, 3, 16, 17))).float()
    assert torch.equal(TotalGeneralizedVariation().prox(v, 0.0), v)
    torch.testing.assert_close(TotalGeneralizedVariation().prox(v, 1e-9), v, atol=1e-5, rtol=0)
