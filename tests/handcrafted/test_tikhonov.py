"""Tikhonov: the energy, and the prox in the cosine domain."""

import pytest
import scipy.fft
import torch
from hypothesis import given, settings
from hypothesis import strategies as st

from priorlab_handcrafted.tikhonov import Tikhonov
from priorlab_handcrafted.variation.cosine_transform import dct2, idct2


@settings(max_examples=20)
@given(height=st.integers(1, 33), width=st.integers(1, 33))
def test_dct_is_that_of_scipy_and_has_an_inverse(height, width):
    x = torch.randn(2, 3, height, width, dtype=torch.float64)
    expected = torch.from_numpy(scipy.fft.dctn(x.numpy(), axes=(2, 3), norm="ortho"))
    torch.testing.assert_close(dct2(x), expected)
    torch.testing.assert_close(idct2(dct2(x)), x)


def test_energy_has_the_gradient_that_differences_show():
    image = torch.rand(2, 3, 5, 4, dtype=torch.float64, requires_grad=True)
    assert torch.autograd.gradcheck(Tikhonov().energy, image)


@pytest.mark.parametrize("shape", [(1, 1, 16, 16), (2, 3, 17, 24)])
def test_gradient_vanishes_at_the_prox(shape):
    prior, step = Tikhonov(), 0.1
    v = torch.rand(shape, dtype=torch.float64)
    x = prior.prox(v, step).requires_grad_()
    (prior.energy(x).sum() + (x - v).square().sum() / (2 * step)).backward()
    assert x.grad.abs().max() < 1e-10


def test_no_step_leaves_the_image():
    v = torch.rand(1, 3, 16, 19)
    torch.testing.assert_close(Tikhonov().prox(v, 0.0), v)


def test_energy_is_half_the_weight_times_the_squared_gradient():
    ramp = torch.linspace(0, 1, 11).expand(1, 1, 8, 11)  # 10 differences of 0.1 a row
    assert Tikhonov(weight=3.0).energy(ramp).item() == pytest.approx(3 / 2 * 8 * 10 * 0.1**2)


def test_twice_the_weight_is_twice_the_step():
    v = torch.rand(1, 1, 16, 19, dtype=torch.float64)
    half = Tikhonov(weight=3.0).prox(v, 0.2)
    torch.testing.assert_close(Tikhonov(weight=6.0).prox(v, 0.1), half)
    assert (half - Tikhonov(weight=3.0).prox(v, 0.1)).abs().max() > 0.01
