"""`check_adjoint` accepts adjoints and names what is not one."""

import pytest
import torch

from priorlab import LinearOperator
from priorlab.testing import check_adjoint

SHAPE = (2, 1, 6, 8)


class Fourier(LinearOperator):
    """Some Fourier coefficients: complex data of real images."""

    def forward(self, x):
        return torch.fft.fft2(x, norm="ortho")[..., ::2, :]

    def adjoint(self, y):
        padded = torch.zeros(*y.shape[:-2], 2 * y.shape[-2], y.shape[-1], dtype=y.dtype)
        padded[..., ::2, :] = y
        return torch.fft.ifft2(padded, norm="ortho").real


class Conjugated(Fourier):
    def adjoint(self, y):
        return super().adjoint(y.conj())


class Scaled(LinearOperator):
    def __init__(self, factor):
        self.factor = factor

    def forward(self, x):
        return 2 * x

    def adjoint(self, y):
        return self.factor * y


@pytest.mark.parametrize(("dtype", "tolerance"), [(torch.float64, 1e-14), (torch.float32, 1e-6)])
def test_adjoints_pass_with_complex_data_too(dtype, tolerance):
    check_adjoint(Fourier(), SHAPE, dtype=dtype, tolerance=tolerance)
    check_adjoint(Scaled(2), SHAPE, dtype=dtype, tolerance=tolerance)


@pytest.mark.parametrize("wrong", [Scaled(2 + 1e-6), Scaled(-2), Conjugated()])
def test_both_products_are_named(wrong):
    with pytest.raises(AssertionError, match=r"<A x, y> = -?\d.*, but <x, A\^T y> = -?\d"):
        check_adjoint(wrong, SHAPE)


@pytest.mark.parametrize("wrong", [Scaled(float("nan")), Scaled(float("inf"))])
def test_what_is_not_a_number_does_not_pass(wrong):
    with pytest.raises(AssertionError):
        check_adjoint(wrong, SHAPE)


def test_an_adjoint_of_another_kind_is_named():
    class Complex(Fourier):
        def adjoint(self, y):
            return torch.fft.ifft2(y)

    with pytest.raises(AssertionError, match=r"adjoint returned torch.complex128 of shape .*3, 8"):
        check_adjoint(Complex(), SHAPE)
