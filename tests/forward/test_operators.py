"""One list of operators, and what every one of them must do."""

from __future__ import annotations

from collections.abc import Callable

import numpy as np
import pytest
import torch
from torch import Tensor

from priorlab.errors import UsageError
from priorlab.forward.conjugate_gradients import (
    ConvergenceWarning,
    conjugate_gradients,
    dot,
    norm,
)
from priorlab.forward.convolution import Convolution, Downsampling
from priorlab.forward.cropped_convolution import CroppedConvolution
from priorlab.forward.operators import Identity, LinearOperator, Mask, Shape
from priorlab.tasks import kernels
from priorlab.testing import check_adjoint

SHAPES: list[Shape] = [(2, 1, 24, 36), (2, 3, 25, 39), (1, 3, 16, 16)]


def uneven(height: int, width: int) -> Tensor:
    """Return a kernel without any symmetry, some of it negative, of sum 1."""
    rng = np.random.default_rng(height * 100 + width)
    values = rng.random((height, width)) - 0.2
    return torch.from_numpy(values / values.sum())


def kernel_of(array: kernels.Kernel) -> Tensor:
    return torch.from_numpy(array)


def random_mask(shape: Shape, channels: int) -> Mask:
    generator = torch.Generator().manual_seed(1)
    return Mask((torch.rand(1, channels, *shape[2:], generator=generator) > 0.6).double())


OPERATORS: dict[str, Callable[[Shape], LinearOperator]] = {
    "identity": lambda shape: Identity(),
    "mask": lambda shape: random_mask(shape, 1),
    "mask-per-channel": lambda shape: random_mask(shape, shape[1]),
    "mask-all-missing": lambda shape: Mask(torch.zeros(1, 1, *shape[2:])),
    "motion-cropped": lambda shape: CroppedConvolution(kernel_of(kernels.motion(5, 30))),
    "odd-cropped": lambda shape: CroppedConvolution(uneven(5, 7)),
    "even-cropped": lambda shape: CroppedConvolution(uneven(4, 6)),
    "one-cropped": lambda shape: CroppedConvolution(uneven(1, 1)),
} | {
    f"{name}-{boundary}": lambda shape, make=make, boundary=boundary: make(boundary)
    for boundary in ("circular", "reflect")
    for name, make in {
        "gaussian": lambda boundary: Convolution(kernel_of(kernels.gaussian(1.6)), boundary),
        "motion": lambda boundary: Convolution(kernel_of(kernels.motion(9, 30)), boundary),
        "odd": lambda boundary: Convolution(uneven(5, 7), boundary),
        "even": lambda boundary: Convolution(uneven(4, 6), boundary),
        "mixed": lambda boundary: Convolution(uneven(1, 16), boundary),
        "one": lambda boundary: Convolution(uneven(1, 1), boundary),
        "large": lambda boundary: Convolution(uneven(16, 15), boundary),
        "lanczos2": lambda boundary: Downsampling(
            kernel_of(kernels.antialias("lanczos", 2)), 2, boundary
        ),
        "bicubic3": lambda boundary: Downsampling(
            kernel_of(kernels.antialias("bicubic", 3)), 3, boundary
        ),
        "lanczos4": lambda boundary: Downsampling(
            kernel_of(kernels.antialias("lanczos", 4)), 4, boundary
        ),
        "uneven2": lambda boundary: Downsampling(uneven(4, 8), 2, boundary),
        "uneven3": lambda boundary: Downsampling(uneven(7, 3), 3, boundary),
    }.items()
}

CASES = [
    pytest.param(name, shape, id=f"{name}-{'x'.join(map(str, shape))}")
    for name in OPERATORS
    for shape in SHAPES
]


def setting(
    name: str, shape: Shape, dtype: torch.dtype = torch.float64
) -> tuple[LinearOperator, Tensor, Tensor, Tensor]:
    """Return the operator, two random images and random data, cropped to its factor."""
    operator = OPERATORS[name](shape)
    factor = getattr(operator, "factor", 1)
    height, width = (side - side % factor for side in shape[2:])
    generator = torch.Generator().manual_seed(2)
    x, v = torch.rand(2, *shape[:2], height, width, generator=generator, dtype=dtype)
    data = torch.rand(operator.forward(x).shape, generator=generator, dtype=dtype)
    return operator, x, v, data


@pytest.mark.parametrize(("name", "shape"), CASES)
def test_adjoint(name: str, shape: Shape) -> None:
    operator, x, _, _ = setting(name, shape)
    check_adjoint(operator, (*shape[:2], *x.shape[2:]), tolerance=1e-14)


@pytest.mark.parametrize(("name", "shape"), CASES)
@pytest.mark.parametrize("rho", [1.0, 1e-3])
def test_solve_satisfies_the_normal_equations(name: str, shape: Shape, rho: float) -> None:
    operator, _, v, y = setting(name, shape)
    x = operator.solve(y, v, rho)
    gradient = operator.adjoint(operator.forward(x) - y) + rho * (x - v)
    scale = operator.adjoint(y) + rho * v
    assert float(gradient.norm()) <= 3e-9 * float(scale.norm())


@pytest.mark.parametrize(("name", "shape"), CASES)
def test_solve_in_single_precision(name: str, shape: Shape) -> None:
    operator, _, v, y = setting(name, shape)
    exact = operator.solve(y, v, 0.05)
    single = operator.solve(y.float(), v.float(), 0.05)
    assert single.dtype == torch.float32
    assert float((single - exact).norm()) <= 2e-5 * float(exact.norm())


@pytest.mark.parametrize("name", [name for name in OPERATORS if "mask" not in name])
def test_closed_form_equals_conjugate_gradients(name: str) -> None:
    operator, _, v, y = setting(name, (1, 3, 25, 39))
    iterated = LinearOperator.solve(operator, y, v, 0.01)
    assert torch.allclose(operator.solve(y, v, 0.01), iterated, atol=1e-8)


@pytest.mark.parametrize(("name", "shape"), CASES)
def test_batch_equals_loop(name: str, shape: Shape) -> None:
    operator, x, v, y = setting(name, shape)
    x[0], v[0], y[0] = x[0] * 1e-3, v[0] * 1e-3, y[0] * 1e-3  # another scale, another stop
    for method, arguments in {
        "forward": (x,),
        "adjoint": (y,),
        "solve": (y, v),
    }.items():
        rest = (0.02,) if method == "solve" else ()
        together = getattr(operator, method)(*arguments, *rest)
        for index in range(shape[0]):
            alone = getattr(operator, method)(*(a[index : index + 1] for a in arguments), *rest)
            assert float((together[index : index + 1] - alone).norm()) <= 1e-8 * float(alone.norm())


@pytest.mark.parametrize(("name", "shape"), CASES)
def test_initial_is_an_image(name: str, shape: Shape) -> None:
    operator, x, _, _ = setting(name, shape, torch.float32)
    image = operator.initial_guess(operator.forward(x), tuple(x.shape))
    assert image.shape == x.shape and image.dtype == x.dtype
    assert float(image.min()) > -0.5 and float(image.max()) < 1.5


@pytest.mark.parametrize("name", OPERATORS)
def test_inputs_stay_as_they_are(name: str) -> None:
    operator, x, v, y = setting(name, (2, 3, 25, 39))
    copies = x.clone(), v.clone(), y.clone()
    operator.forward(x), operator.adjoint(y), operator.solve(y, v, 0.1)
    operator.initial_guess(y, tuple(x.shape))
    assert all(torch.equal(a, b) for a, b in zip((x, v, y), copies, strict=True))


@pytest.mark.parametrize("name", OPERATORS)
def test_moves_to_a_device(name: str) -> None:
    operator, x, _, _ = setting(name, (1, 3, 25, 39))
    before = {key: value for key, value in vars(operator).items() if isinstance(value, Tensor)}
    moved = operator.to("meta")
    assert type(moved) is type(operator)
    assert all(vars(moved)[key].device.type == "meta" for key in before)
    assert all(vars(operator)[key].device.type == "cpu" for key in before)
    assert torch.equal(operator.to("cpu").forward(x), operator.forward(x))


@pytest.mark.skipif(not torch.cuda.is_available(), reason="needs a GPU")
@pytest.mark.parametrize("name", OPERATORS)
def test_gpu_equals_cpu(name: str) -> None:
    operator, x, v, y = setting(name, (2, 3, 25, 39))
    there = operator.to("cuda")
    for ours, theirs in (
        (operator.forward(x), there.forward(x.cuda())),
        (operator.adjoint(y), there.adjoint(y.cuda())),
        (operator.solve(y, v, 0.1), there.solve(y.cuda(), v.cuda(), 0.1)),
        (operator.initial_guess(y, tuple(x.shape)), there.initial_guess(y.cuda(), tuple(x.shape))),
    ):
        assert theirs.device.type == "cuda"
        assert torch.allclose(ours, theirs.cpu(), atol=1e-8)


@pytest.mark.parametrize("size", [(5, 7), (4, 6)])
@pytest.mark.parametrize(("boundary", "mode"), [("circular", "wrap"), ("reflect", "reflect")])
def test_convolution_equals_scipy(size: tuple[int, int], boundary: str, mode: str) -> None:
    from scipy.ndimage import convolve

    kernel, x = uneven(*size), torch.rand(1, 1, 13, 16, dtype=torch.float64)
    ours = Convolution(kernel, boundary).forward(x)[0, 0].numpy()
    theirs = convolve(x[0, 0].numpy(), kernel.numpy(), mode=mode)
    assert np.allclose(ours, theirs, atol=1e-12)


@pytest.mark.parametrize("size", [(5, 7), (4, 6), (3, 8)])
def test_a_cropped_convolution_is_what_the_frame_shows_of_a_blurred_scene(
    size: tuple[int, int],
) -> None:
    kernel, (top, left) = uneven(*size), (9, 10)
    scene = torch.rand(1, 2, 40, 50, generator=torch.Generator().manual_seed(0)).double()
    blurred = Convolution(kernel, "reflect").forward(scene)[..., top:-9, left:-8]
    operator = CroppedConvolution(kernel)
    margins = [((side - 1) // 2, side // 2) for side in size]
    canvas = scene[
        ...,
        top - margins[0][0] : 40 - 9 + margins[0][1],
        left - margins[1][0] : 50 - 8 + margins[1][1],
    ]
    assert operator.canvas(tuple(blurred.shape)) == canvas.shape
    torch.testing.assert_close(operator.forward(canvas), blurred)
    assert torch.equal(operator.frame(canvas), scene[..., top:-9, left:-8])
    assert torch.equal((Identity() @ operator).frame(canvas), operator.frame(canvas))
    guess = operator.initial_guess(blurred, tuple(canvas.shape))
    assert torch.equal(operator.frame(guess), blurred)


def test_the_preconditioner_saves_more_than_half_of_the_steps() -> None:
    scene = torch.rand(1, 1, 96, 96, generator=torch.Generator().manual_seed(0))
    smooth = Convolution(torch.full((5, 5), 0.04), "reflect").forward(scene)
    steps = []
    for plain in (False, True):
        operator = CroppedConvolution(kernel_of(kernels.motion(15, 30)).float())
        y, rho, calls = operator.forward(smooth), 1e-3, []
        system, about_inverse = operator._system(y, rho)
        conjugate_gradients(
            lambda w, system=system, calls=calls: calls.append(1) or system(w),  # type: ignore
            y,
            scale=norm(y),
            precondition=None if plain else about_inverse,
        )
        steps.append(len(calls))
    assert steps[0] < 0.5 * steps[1]


@pytest.mark.parametrize("boundary", ["circular", "reflect"])
@pytest.mark.parametrize("kind", ["lanczos", "bicubic", "gaussian"])
@pytest.mark.parametrize("factor", [2, 3, 4, 8])
def test_down_and_up_displaces_nothing(boundary: str, kind: str, factor: int) -> None:
    if kind == "gaussian":
        kernel = kernels.gaussian(0.4 * factor, even=factor % 2 == 0)
    else:
        kernel = kernels.antialias(kind, factor)
    operator = Downsampling(kernel_of(kernel), factor, boundary)
    size = 24 * factor
    ramp = torch.arange(size, dtype=torch.float64) / size
    x = (ramp[:, None] + 0.5 * ramp)[None, None]
    image = operator.initial_guess(operator.forward(x), (1, 1, size, size))
    inside = slice(7 * factor, -7 * factor)
    error = (image - x)[..., inside, inside].abs().max() * size  # in pixels
    assert float(error) < 1e-6
    # By symmetry no direction is preferred: a mirrored image gives mirrored data.
    noise = torch.rand(1, 1, size, size, dtype=torch.float64)
    mirrored = operator.forward(noise.flip(-1, -2)).flip(-1, -2)
    assert torch.allclose(mirrored, operator.forward(noise), atol=1e-12)


def test_constant_stays_constant() -> None:
    for name in OPERATORS:
        if "mask" not in name:
            operator, x, _, _ = setting(name, (1, 3, 25, 39))
            y = operator.forward(torch.full_like(x, 0.7))
            assert torch.allclose(y, torch.full_like(y, 0.7), atol=1e-12)


@pytest.mark.parametrize("boundary", ["circular", "reflect"])
def test_kernel_larger_than_the_image(boundary: str) -> None:
    operator = Convolution(uneven(5, 17), boundary)
    for call in (operator.forward, operator.adjoint):
        with pytest.raises(UsageError, match=r"kernel \(17x5 pixels\).*image \(16x20\)"):
            call(torch.rand(1, 1, 20, 16))


def test_size_not_a_multiple_of_the_factor() -> None:
    operator = Downsampling(uneven(4, 4), 2)
    with pytest.raises(UsageError, match="multiple of the factor 2"):
        operator.forward(torch.rand(1, 1, 21, 16))


def test_what_is_no_operator() -> None:
    with pytest.raises(ValueError, match="mask"):
        Mask(torch.full((1, 1, 4, 4), 0.5))
    with pytest.raises(ValueError, match="mask"):
        Mask(torch.ones(4, 4))
    with pytest.raises(ValueError, match="even"):
        Downsampling(uneven(5, 5), 2)
    with pytest.raises(ValueError, match="boundary"):
        Convolution(uneven(5, 5), "mirror")


class TestInterpolation:
    def test_known_pixels_stay(self) -> None:
        operator, x, _, _ = setting("mask-per-channel", (2, 3, 25, 39), torch.float32)
        assert isinstance(operator, Mask)
        image = operator.initial_guess(operator.forward(x), tuple(x.shape))
        known = operator.mask.expand_as(x) == 1
        assert torch.equal(image[known], x[known])
        assert float(image.min()) >= 0 and float(image.max()) <= 1

    @pytest.mark.parametrize(("missing", "error"), [(0.05, 3e-4), (0.5, 2e-3), (0.9, 0.02)])
    def test_follows_a_plane(self, missing: float, error: float) -> None:
        rows, columns = torch.meshgrid(torch.arange(64.0), torch.arange(80.0), indexing="ij")
        x = (0.1 + rows / 160 + columns / 200)[None, None].double()
        mask = (torch.rand(x.shape, generator=torch.Generator().manual_seed(0)) > missing).double()
        image = Mask(mask).initial_guess(x * mask, (1, 1, 64, 80))
        inside = slice(8, -8)
        assert float((image - x)[..., inside, inside].square().mean().sqrt()) < error

    @pytest.mark.parametrize("known", [0, 1, 2, 5])
    def test_almost_everything_missing(self, known: int) -> None:
        mask = torch.zeros(1, 1, 17, 20)
        mask[..., 3, :known] = 1
        image = Mask(mask).initial_guess(mask * 0.25, (1, 1, 17, 20))
        assert torch.allclose(image, torch.full_like(image, 0.25 if known else 0.5))

    def test_stays_between_the_known_values(self) -> None:
        mask = (torch.rand(1, 1, 33, 47, generator=torch.Generator().manual_seed(3)) > 0.9).float()
        x = torch.rand(1, 3, 33, 47) * 0.5 + 0.25
        image = Mask(mask).initial_guess(x * mask, (1, 3, 33, 47))
        assert float(image.min()) >= 0.25 - 1e-6 and float(image.max()) <= 0.75 + 1e-6

    def test_box(self) -> None:
        x = torch.linspace(0, 1, 50).expand(1, 3, 40, 50).contiguous()
        mask = torch.ones(1, 1, 40, 50)
        mask[..., 10:30, 10:30] = 0
        image = Mask(mask).initial_guess(x * mask, (1, 3, 40, 50))
        assert float((image - x).abs().max()) < 0.03


class TestConjugateGradients:
    def test_nothing_to_solve(self) -> None:
        zero = torch.zeros(2, 1, 4, 4)
        assert not conjugate_gradients(lambda w: 2 * w, zero, norm(zero)).any()

    def test_images_done_at_different_times(self) -> None:
        weights = torch.logspace(-3, 0, 16, dtype=torch.float64).reshape(1, 1, 4, 4)
        b = torch.rand(3, 1, 4, 4, dtype=torch.float64)
        b[1] = 0  # done before it begins
        b[2] = 0
        b[2, 0, 1, 1] = 1e-5  # an eigenvector: one step
        w = conjugate_gradients(lambda w: weights * w, b, norm(b))
        assert torch.isfinite(w).all()
        assert torch.allclose(w, b / weights, rtol=1e-6)

    def test_reaches_the_stated_residual(self) -> None:
        weights = torch.logspace(-3, 0, 64, dtype=torch.float64).reshape(1, 1, 8, 8)
        b = torch.rand(2, 1, 8, 8, dtype=torch.float64)
        w = conjugate_gradients(lambda w: weights * w, b, norm(b))
        assert bool((norm(weights * w - b) <= 1.01e-10 * norm(b)).all())

    def test_complex_systems_and_any_shape(self) -> None:
        weights = torch.logspace(-2, 0, 12, dtype=torch.float64).reshape(1, 12)
        b = torch.randn(2, 12, dtype=torch.complex128, generator=seeded(0))
        w = conjugate_gradients(lambda w: weights * w, b, norm(b))
        assert torch.allclose(w, b / weights, rtol=1e-6)

    def test_a_start_at_the_solution_takes_no_step(self) -> None:
        weights, calls = torch.logspace(-3, 0, 64).reshape(1, 64), []

        def apply(w: Tensor) -> Tensor:
            calls.append(w)
            return weights * w

        b = torch.rand(1, 64, generator=seeded(0))
        w = conjugate_gradients(apply, b, norm(b))
        assert len(calls) > 5
        calls.clear()
        again = conjugate_gradients(apply, b, norm(b), start=w)
        assert len(calls) == 1 and torch.equal(again, w)

    def test_it_says_when_it_did_not_converge(self) -> None:
        """A condition of 1e6 is too much for single precision: what it returns is not exact."""
        weights = torch.logspace(-6, 0, 400).reshape(1, 400)
        b = torch.rand(1, 400, generator=seeded(0))
        with pytest.warns(
            ConvergenceWarning, match=r"relative residual of \d\.\de-\d\d, not 1e-06"
        ):
            w = conjugate_gradients(lambda w: weights * w, b, norm(b))
        assert bool(norm(weights * w - b) < norm(b)), "the best so far is returned"


def seeded(seed: int) -> torch.Generator:
    return torch.Generator().manual_seed(seed)


class Spectrum(LinearOperator):
    """Some frequencies of an image: complex data in the shape of a list."""

    def __init__(self, shape: Shape) -> None:
        self.shape = shape
        self.kept = torch.rand(shape[2:], generator=seeded(3)) < 0.5

    def forward(self, x: Tensor) -> Tensor:
        return torch.fft.fft2(x, norm="ortho")[..., self.kept].flatten(1)

    def adjoint(self, y: Tensor) -> Tensor:
        full = y.new_zeros(len(y), *self.shape[1:])
        full[..., self.kept] = y.view(len(y), self.shape[1], -1)
        return torch.fft.ifft2(full, norm="ortho").real


class TestAnyData:
    shape: Shape = (2, 3, 12, 14)

    def test_the_adjoint_is_that_of_the_real_inner_product(self) -> None:
        operator = Spectrum(self.shape)
        x = torch.randn(self.shape, dtype=torch.float64, generator=seeded(0))
        y = torch.randn(operator.forward(x).shape, dtype=torch.complex128, generator=seeded(1))
        assert torch.allclose(dot(operator.forward(x), y), dot(x, operator.adjoint(y)))

    def test_complex_data_are_solved(self) -> None:
        operator = Spectrum(self.shape)
        x = torch.rand(self.shape, dtype=torch.float64, generator=seeded(0))
        y, v = operator.forward(x), torch.zeros_like(x)
        solution = operator.solve(y, v, 0.1)
        gradient = operator.adjoint(operator.forward(solution) - y) + 0.1 * (solution - v)
        assert solution.dtype == torch.float64
        assert float(gradient.abs().max()) < 1e-8

    def test_solve_and_initial_guess_have_a_default(self) -> None:
        operator = Blind()
        x = 0.5 + 0.1 * torch.randn(2, 3, 12, 14, dtype=torch.float64, generator=seeded(0))
        y = operator.forward(x)
        v = torch.randn(x.shape, dtype=torch.float64, generator=seeded(1))
        solution = operator.solve(y, v, 0.3)
        gradient = operator.adjoint(operator.forward(solution) - y) + 0.3 * (solution - v)
        assert float(gradient.abs().max()) < 1e-7
        guess = operator.initial_guess(y, (2, 3, 12, 14))
        flat = torch.full_like(x, 0.5)
        assert float((operator.forward(guess) - y).norm()) < 0.1 * float(y.norm())
        assert float((guess - x).norm()) < float((flat - x).norm())

    def test_a_solver_starts_where_it_ended(self) -> None:
        calls = []

        class Counting(Blind):
            def forward(self, x: Tensor) -> Tensor:
                calls.append(1)
                return super().forward(x)

        operator = Counting()
        x = torch.rand(1, 3, 12, 14, dtype=torch.float64, generator=seeded(0))
        y, solve = operator.forward(x), operator.solver()
        first = solve(y, 0 * x, 0.01)
        once = len(calls)
        calls.clear()
        again = solve(y, 0 * x, 0.01)
        assert len(calls) < once / 3
        torch.testing.assert_close(again, first, rtol=0, atol=1e-8)
        # Another minimisation begins anew.
        calls.clear()
        operator.solver()(y, 0 * x, 0.01)
        assert len(calls) == once - 1

    def test_operators_compose(self) -> None:
        mask, blur = random_mask(self.shape, 1), Convolution(uneven(3, 5))
        both = mask @ blur
        x = torch.randn(self.shape, dtype=torch.float64, generator=seeded(0))
        y = torch.randn(self.shape, dtype=torch.float64, generator=seeded(1))
        assert torch.equal(both.forward(x), mask.forward(blur.forward(x)))
        assert torch.allclose(dot(both.forward(x), y), dot(x, both.adjoint(y)))
        assert both.known_pixels is None and not both.is_identity
        assert (mask @ Identity()) is mask and (Identity() @ blur) is blur
        small = Downsampling(kernel_of(kernels.antialias("bicubic", 2)), 2)
        assert (small @ blur).factor == 2
        guess = (small @ blur).initial_guess((small @ blur).forward(x), self.shape)
        assert guess.shape == x.shape and bool(guess.isfinite().all())


class Blind(LinearOperator):
    """Differences of neighbouring pixels, and the mean: data that are no picture."""

    def forward(self, x: Tensor) -> Tensor:
        across = (x[..., 1:] - x[..., :-1]) / 2
        return torch.cat([across.flatten(1), x.mean((2, 3))], 1)

    def adjoint(self, y: Tensor) -> Tensor:
        across = y[:, :-3].view(len(y), 3, 12, 13) / 2
        x = y[:, -3:, None, None].expand(-1, -1, 12, 14) / (12 * 14)
        x = x.clone()
        x[..., 1:] += across
        x[..., :-1] -= across
        return x
