"""Stopping rules: where they end a fit, on fits whose best image is known."""

import math

import numpy as np
import pytest
import torch
from hypothesis import given, settings
from hypothesis import strategies as st
from torch import Tensor

from priorlab.errors import Unsupported
from priorlab.forward.jpeg import standard
from priorlab.forward.measurement import Measurement
from priorlab.forward.noise import Gaussian, Poisson, SaltAndPepper
from priorlab.forward.operators import Identity, Mask
from priorlab.solvers.parameter_space.stopping import (
    Discrepancy,
    HeldOut,
    Median,
    MovingVariance,
    Never,
    StoppingRule,
    rule_for,
)

SIGMA = 0.1
CLEAN = torch.linspace(0.2, 0.8, 32).expand(1, 1, 32, 32)


def noisy() -> Measurement:
    noise = torch.randn(CLEAN.shape, generator=torch.Generator().manual_seed(0))
    return Measurement(CLEAN + SIGMA * noise, Identity(), Gaussian(SIGMA), (1, 1, 32, 32))


def follow(rule: StoppingRule, image_at, steps: int = 1000) -> int:
    """Return the step at which the rule ends a fit whose images are `image_at(step)`."""
    for step in range(1, steps + 1):
        image = image_at(step)
        if rule.finished(step, image, image, last=step == steps):
            return step
    return steps


def towards_and_away(step: int) -> Tensor:
    return CLEAN + 0.01 * abs(step - 100)


def test_held_out_pixels_give_no_gradient() -> None:
    measurement = noisy()
    rule = HeldOut(measurement)
    u = torch.rand(1, 1, 32, 32, requires_grad=True)
    measurement.noise.nll(rule.hide(u), measurement.y).sum().backward()
    assert u.grad is not None
    hidden = u.grad == 0
    assert 0 < hidden.float().mean() < 0.1
    assert torch.equal(hidden, ~rule.kept)


@pytest.mark.parametrize(("channels", "share"), [(1, 0.06), (3, 0.02)])
def test_as_many_values_are_held_out_of_gray_and_of_colour(channels, share) -> None:
    torch.manual_seed(0)
    shape = (1, channels, 200, 200)
    rule = HeldOut(Measurement(torch.rand(shape), Identity(), Gaussian(SIGMA), shape))
    hidden = rule.hide(torch.full(shape, 2.0)) < 2
    assert hidden.float().mean() == pytest.approx(share, rel=0.15)
    assert torch.equal(hidden.all(1), hidden.any(1)), "a pixel is held out in all its channels"


@pytest.mark.parametrize("nearest", [100, 600])
def test_patience_grows_with_time(nearest) -> None:
    rule = HeldOut(noisy())
    ended = follow(rule, lambda step: CLEAN + 0.005 * abs(step - nearest), steps=2000)
    assert rule.best_step == nearest
    waited = rule.GROWTH * nearest + rule.PATIENCE
    assert waited <= ended - nearest <= waited + 10


def test_held_out_pixels_keep_the_image_nearest_to_them() -> None:
    rule = HeldOut(noisy())
    assert 130 <= follow(rule, towards_and_away) < 150
    assert torch.equal(rule.best, CLEAN)
    assert rule.best_step == 100


@settings(max_examples=20)
@given(
    height=st.integers(3, 9),
    width=st.integers(3, 9),
    seed=st.integers(0, 99),
    offset=st.floats(0, 1),
)
def test_the_moving_variance_is_that_of_the_window(height, width, seed, offset) -> None:
    shape = (1, 3, 2 * height, 2 * width)
    rng = np.random.default_rng(seed)
    outputs = torch.from_numpy(offset + 0.01 * rng.standard_normal((250, *shape))).float()
    rule = MovingVariance(Measurement(outputs[0], Identity(), Gaussian(SIGMA), shape))
    for step, output in enumerate(outputs, 1):
        variance = rule.variance(step, output)
        if step < rule.WINDOW:
            assert variance is None
        elif step % 50 == 0:
            small = torch.nn.functional.avg_pool2d(outputs[step - rule.WINDOW : step, 0], 2)
            expected = small.double().var(0, correction=0).mean()
            assert variance is not None
            torch.testing.assert_close(variance, expected, rtol=1e-4, atol=0)


def test_the_moving_variance_ends_a_fit_where_it_is_quiet() -> None:
    def image_at(step: int) -> Tensor:
        generator = torch.Generator().manual_seed(step)
        change = 0.001 + 0.0005 * max(0, abs(step - 250) - 50)
        return CLEAN + change * torch.randn(CLEAN.shape, generator=generator)

    rule = MovingVariance(noisy())
    ended = follow(rule, image_at)
    assert 250 <= rule.best_step <= 310, "the quiet steps are those from 200 to 300"
    assert ended == math.ceil((1 + rule.GROWTH) * rule.best_step) + rule.PATIENCE
    assert torch.equal(rule.best, image_at(rule.best_step))


def test_a_variance_that_hardly_falls_any_more_does_not_put_off_the_stop() -> None:
    """The least one of 300 that differ by chance only may be the last."""

    def image_at(step: int) -> Tensor:
        generator = torch.Generator().manual_seed(step)
        change = 0.001 * (1 + max(0, 200 - step) / 50)
        return CLEAN + change * torch.randn(CLEAN.shape, generator=generator)

    rule = MovingVariance(noisy())
    follow(rule, image_at, steps=500)
    assert 250 <= rule.best_step <= 320


def test_a_variance_that_goes_on_falling_puts_it_off() -> None:
    """In texture a fit goes on to gain long after its first steps."""

    def image_at(step: int) -> Tensor:
        generator = torch.Generator().manual_seed(step)
        return CLEAN + 0.02 / step**0.5 * torch.randn(CLEAN.shape, generator=generator)

    rule = MovingVariance(noisy())
    follow(rule, image_at, steps=400)
    assert rule.best_step >= 390


def test_a_fit_shorter_than_the_window_returns_its_last_image() -> None:
    rule = MovingVariance(noisy())
    follow(rule, towards_and_away, steps=20)
    assert torch.equal(rule.best, towards_and_away(20))


@pytest.mark.parametrize("noise", [Gaussian(SIGMA), Poisson(50.0)])
def test_the_discrepancy_ends_a_fit_when_only_noise_is_left(noise) -> None:
    clean = CLEAN.numpy().astype(np.float64)
    y = torch.from_numpy(noise.sample(clean, np.random.default_rng(0))).float()
    rule = Discrepancy(Measurement(y, Identity(), noise, (1, 1, 32, 32)))
    follow(rule, lambda step: CLEAN + (1 - step / 500) * 0.3 + (step / 1000) ** 4 * (y - CLEAN))
    residual = (rule.best - y).square().mean()
    assert 0.8 < residual / (y - CLEAN).square().mean() < 1.1


def test_the_discrepancy_is_that_of_measured_pixels() -> None:
    mask = Mask(
        (torch.rand(1, 1, 32, 32, generator=torch.Generator().manual_seed(3)) > 0.9).float()
    )
    y = mask.forward(noisy().y)
    rule = Discrepancy(Measurement(y, mask, Gaussian(SIGMA), (1, 1, 32, 32)))
    noise = noisy().y - CLEAN
    follow(rule, lambda step: CLEAN + max(0, 1 - step / 500) * 0.3 + step / 2000 * noise)
    assert 400 < rule.best_step < 600, "a picture that is far off is not close enough"


def test_the_discrepancy_asks_for_a_known_noise_level() -> None:
    measurement = Measurement(CLEAN, Identity(), SaltAndPepper(0.1), (1, 1, 32, 32))
    with pytest.raises(Unsupported, match="Gaussian or Poisson"):
        Discrepancy(measurement)


@pytest.mark.parametrize("kind", [HeldOut, Discrepancy])
def test_what_needs_the_image_is_looked_at_now_and_then_and_at_the_end(kind) -> None:
    for steps, best in ((7, 7), (34, 34), (40, 40)):
        rule = kind(noisy())
        seen = []
        for step in range(1, steps + 1):
            image = CLEAN + 1 - step / 100
            assert not rule.finished(step, image, image, last=step == steps)
            if rule.best_step == step:
                seen.append(step)
        assert seen == [*range(10, steps, 10), best]
        assert torch.equal(rule.best, CLEAN + 1 - best / 100)


def test_never_returns_the_last_image() -> None:
    rule = Never(noisy())
    assert follow(rule, towards_and_away, steps=150) == 150
    assert torch.equal(rule.best, towards_and_away(150))


@pytest.mark.parametrize(
    ("noise", "rule"),
    [(Gaussian(SIGMA), Median), (Poisson(50.0), Median), (standard(10), MovingVariance)],
)
def test_what_is_asked_depends_on_the_noise(noise, rule) -> None:
    shape = tuple(CLEAN.shape)
    assert type(rule_for("auto", Measurement(CLEAN, Identity(), noise, shape))) is rule


class Chosen(StoppingRule):
    """Holds an image to be the best once it is there, and says so some steps later."""

    def __init__(self, measurement, best_step, said) -> None:
        super().__init__(measurement)
        self.chosen, self.said = best_step, said

    def finished(self, step, image, output, last) -> bool:
        if step == self.chosen:
            self.keep(step, image)
        return step >= self.said


@pytest.mark.parametrize(
    ("rules", "ends", "best"),
    [
        ([(5, 10), (7, 12), (20, 30)], 20, 7),  # the third will not come before the second
        ([(5, 10), (7, 30), (20, 25)], 30, 7),  # until then the second may choose a later one
        ([(5, 30), (7, 12), (8, 13)], 30, 7),  # the first may yet be in the middle
        ([(5, 40), (35, 90), (36, 90)], 60, 35),  # all that there are
    ],
)
@given(order=st.permutations([0, 1, 2]))
def test_the_median_is_known_when_the_last_rule_cannot_change_it(rules, ends, best, order) -> None:
    rule = Median(noisy())
    rule.rules = [Chosen(rule.measurement, *rules[i]) for i in order]
    rule.following = list(rule.rules)
    for step in range(1, 61):
        image = torch.full_like(CLEAN, step)
        if rule.finished(step, image, image, step == 60) or step == 60:
            break
    assert (step, rule.best_step) == (ends, best)
    assert torch.equal(rule.best, torch.full_like(CLEAN, best))
