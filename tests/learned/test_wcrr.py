"""The ridge regularisers: their energy, what is certain of it, its minimum, and the priors."""

import dataclasses
import math

import numpy as np
import pytest
import torch

from priorlab import metrics, restoration
from priorlab.forward.measurement import Measurement
from priorlab.forward.noise import Gaussian, Poisson
from priorlab.forward.operators import Identity
from priorlab.ground.weights_file import WeightsError, read_weights
from priorlab.pictures import datasets
from priorlab.tasks.deblurring import Deblur
from priorlab.tasks.denoising import DenoisePoisson
from priorlab.tasks.inpainting import Inpaint
from priorlab.tasks.superresolution import SuperResolution
from priorlab.trace import Trace
from priorlab_learned.ridge.minimisation import minimise, noisy_image
from priorlab_learned.ridge.planes import BORDER, energy_of_planes
from priorlab_learned.ridge.ridge_energy import BAND
from priorlab_learned.ridge.ridge_network import LEVELS, RidgeNetwork
from priorlab_learned.wcrr import (
    FOLDER,
    LEAST_LEVEL_ELSEWHERE,
    WEIGHT_ELSEWHERE,
    ConvexRidge,
    WeaklyConvexRidge,
)

CPU = torch.device("cpu")
PRIORS = [WeaklyConvexRidge, ConvexRidge]


def network(name):
    """Return a network of double precision: the first one of a training, or a shipped one."""
    if name == "first":
        made = RidgeNetwork(0.95)
        generator = torch.Generator().manual_seed(0)
        with torch.no_grad():  # not only cosines, which are symmetric
            made.filters += torch.randn(made.filters.shape, generator=generator)
    else:
        made = RidgeNetwork.from_state(read_weights(FOLDER / f"{name}_gray.safetensors")[0])
    return made.double().requires_grad_(False)


NETWORKS = ["first", "wcrr", "crr"]


@pytest.fixture(scope="module")
def photo():
    """The camera man's face and tripod, (1, 1, 24, 24)."""
    (image,) = [one for one in datasets.load("photos").images if one.name == "camera"]
    pixels = np.asarray(image.read(), np.float64)[:, 100:124, 220:244]
    return torch.from_numpy(pixels)[None]


def images(photo, height=24, width=24):
    """A photograph, noise around it, and noise alone."""
    generator = torch.Generator().manual_seed(1)
    noise = torch.randn(1, 1, height, width, dtype=torch.float64, generator=generator)
    part = photo[..., :height, :width]
    return [part, part + 0.1 * noise, 0.02 * noise]


def hessian(energy, x):
    """Return the Hessian of the energy at an image as a matrix."""
    pixels = x.numel()
    directions = torch.eye(pixels, dtype=x.dtype).reshape(pixels, 1, *x.shape[-2:])
    return energy.along(energy.curvature(x), directions).reshape(pixels, pixels)


@pytest.mark.parametrize("name", NETWORKS)
@pytest.mark.parametrize("shape", [(3, 5), (2, 2)])
def test_the_gradient_is_that_of_the_energy(name, shape, photo):
    energy = network(name).at(0.1)
    for x in images(photo, *shape):
        x = x.clone().requires_grad_()
        (gradient,) = torch.autograd.grad(energy.value(x).sum(), x)
        torch.testing.assert_close(energy.gradient(x.detach()), gradient)
        assert torch.autograd.gradcheck(energy.value, x)


@pytest.mark.parametrize("shape", [(2, 1, 150, 131), (1, 1, 2, BAND + 1)])
def test_large_images_are_computed_in_bands_that_meet_without_a_seam(shape):
    energy = network("wcrr").at(0.1)
    x = torch.rand(shape, dtype=torch.float64).requires_grad_()
    v = energy.analyse(x)
    whole = torch.einsum("bihw,i->b", energy.potential(v), energy.thresholds.square())
    torch.testing.assert_close(energy.value(x), whole)
    (gradient,) = torch.autograd.grad(whole.sum(), x)
    torch.testing.assert_close(energy.gradient(x.detach()), gradient)


@pytest.mark.parametrize("name", NETWORKS)
def test_directional_and_second_derivatives_are_those_of_the_gradient(name, photo):
    energy, step = network(name).at(0.1), 1e-7
    for x in images(photo, 9, 14):
        direction = torch.randn(x.shape, dtype=x.dtype, generator=torch.Generator().manual_seed(2))
        ahead, behind = energy.gradient(x + step * direction), energy.gradient(x - step * direction)
        along = energy.along(energy.curvature(x), direction)
        torch.testing.assert_close(along, (ahead - behind) / (2 * step), rtol=1e-4, atol=1e-5)
        slope = (energy.gradient(x) * direction).sum()
        torch.testing.assert_close(energy.directional(x, direction), slope)


@pytest.mark.parametrize("name", NETWORKS)
@pytest.mark.parametrize("level", [2, 15, 50])
def test_the_denoising_objective_is_convex_at_images_and_noise(name, level, photo):
    energy = network(name).at(level / 255)
    for x in images(photo, 14, 12):
        matrix = hessian(energy, x)
        torch.testing.assert_close(matrix, matrix.T)
        values = torch.linalg.eigvalsh(matrix)
        assert values[0] >= -energy.concavity * BORDER - 1e-9
        assert values[-1] <= energy.lipschitz * BORDER + 1e-9
    assert (energy.concavity == 0) == (name == "crr")


@pytest.mark.parametrize("name", NETWORKS)
@pytest.mark.parametrize("size", [(8, 8), (13, 19), (1, 30)])
def test_filters_have_hardly_more_than_a_norm_of_one_on_mirrored_images(name, size):
    energy = dataclasses.replace(network(name).at(0.1), thresholds=torch.ones(48).double())
    eye = torch.eye(math.prod(size), dtype=torch.float64).reshape(-1, 1, *size)
    matrix = energy.along(torch.ones(()).double(), eye).flatten(1)
    assert torch.linalg.eigvalsh(matrix)[-1] <= BORDER


@pytest.mark.parametrize("name", NETWORKS)
def test_filters_have_a_norm_of_one_on_a_fine_grid_and_between_it(name):
    filters = network(name).at(0.1).filters
    assert filters.sum((1, 2, 3)).abs().max() < 1e-12
    between = 1 / math.cos(math.pi * 6 / 256)
    power = torch.fft.rfft2(filters, s=(256, 256)).abs().square().sum((0, 1))
    assert float(power.amax().sqrt()) * between**2 < 1.02


def test_the_convex_energy_is_convex_along_segments(photo):
    energy = network("crr").at(0.1)
    x = images(photo)
    for a, b in ((x[0], x[1]), (x[0], x[2]), (x[2], 1 - x[0])):
        values = torch.stack([energy.value(a + t / 8 * (b - a)) for t in range(9)])
        assert (values.diff(n=2, dim=0) >= -1e-12).all()


def test_the_weakly_convex_energy_is_not_convex(photo):
    assert torch.linalg.eigvalsh(hessian(network("wcrr").at(0.1), photo))[0] < -0.01


@pytest.mark.parametrize("name", NETWORKS)
def test_the_minimum_is_as_near_as_the_residual_says(name, photo):
    energy, y = energy_of_planes(network(name), 1, 0.1, 1.0), images(photo)[1]
    modulus = 1 - energy.energies[0].concavity
    exact = minimise(energy, noisy_image(y), y, 1e-12, 5000).x

    def objective(x):
        return float(energy.value(x).sum() + (x - y).square().sum() / 2)

    for tolerance in (1e-2, 1e-3, 1e-4):
        near = minimise(energy, noisy_image(y), y, tolerance, 1000)
        assert near.residual <= tolerance
        gradient = float((energy.gradient(near.x) + near.x - y).norm())
        assert (near.x - exact).norm() <= gradient / modulus
        assert 0 <= objective(near.x) - objective(exact) <= gradient**2 / modulus
    assert objective(exact) < objective(y)
    elsewhere = minimise(energy, noisy_image(y), torch.zeros_like(y), 1e-12, 5000).x
    torch.testing.assert_close(elsewhere, exact, rtol=0, atol=1e-8)


def test_energies_of_levels_between_knots_are_between_theirs_and_scale_beyond(photo):
    made = network("wcrr")
    low, high = (made.at(level / 255).detached() for level in LEVELS[1:3])
    middle = made.at(math.sqrt(LEVELS[1] * LEVELS[2]) / 255).detached()
    assert min(low.slope, high.slope) <= middle.slope <= max(low.slope, high.slope)
    least = LEVELS[0] / 255
    value, half = made.at(least).value(photo), made.at(least / 2).value(photo / 2)
    torch.testing.assert_close(half, value / 4)


def noisy(image, level, seed=0):
    noise = torch.randn(image.shape, generator=torch.Generator().manual_seed(seed))
    y = image.float() + level * noise
    return Measurement(y, Identity(), Gaussian(level), tuple(y.shape))


@pytest.mark.parametrize("prior", PRIORS)
@pytest.mark.parametrize("channels", [1, 2, 3])
def test_restored_is_the_minimum_of_the_stated_energy(prior, channels, photo):
    level = 20 / 255
    measurement = noisy(photo.expand(2, channels, -1, -1), level)
    x = prior(tolerance=1e-5).restore(measurement)
    known = prior(level=level)

    def objective(x):
        return level * known.energy(x) + (x - measurement.y).square().flatten(1).sum(1) / 2

    best = objective(x)
    for seed in range(3):
        other = x + 1e-2 * torch.randn(x.shape, generator=torch.Generator().manual_seed(seed))
        assert (best < objective(other)).all()
    assert (x - photo).square().mean() < 0.4 * level**2


@pytest.mark.parametrize("prior", PRIORS)
def test_images_of_a_batch_are_solved_by_themselves(prior, photo):
    measurement = noisy(photo.expand(2, 3, -1, -1), 0.1)
    both = prior().restore(measurement)
    torch.testing.assert_close(both[1:], prior().restore(measurement.image(1)), rtol=0, atol=1e-6)


def test_the_prox_is_what_it_says_and_goes_on_where_it_ended(photo):
    v, prior = photo.float() + 0.1 * torch.randn(photo.shape), WeaklyConvexRidge(level=0.1)
    x = prior.prox(v, 0.05)
    energy = energy_of_planes(prior._network(CPU), 1, 0.1, 0.5)
    assert (energy.gradient(x) + x - v).norm() <= 2 * prior.tolerance * x.norm()
    warm = prior.warm_prox()
    for _ in range(2):
        torch.testing.assert_close(warm(v, 0.05), x, rtol=0, atol=1e-3)


def test_what_did_not_converge_says_so(photo):
    class Heard(Trace):
        def converged(self, reached, residual):
            ended.append((reached, residual))

    ended = []
    measurement = noisy(photo, 0.1)
    WeaklyConvexRidge(iterations=2).restore(measurement, Heard())
    WeaklyConvexRidge().restore(measurement, Heard())
    assert [reached for reached, _ in ended] == [False, True]
    assert ended[0][1] > WeaklyConvexRidge.tolerance >= ended[1][1]


def test_photon_noise_is_stabilised_first(photo):
    measurement = DenoisePoisson(peak=30).measure(photo.float(), seed=0)
    as_gaussian = dataclasses.replace(measurement, noise=Gaussian(measurement.noise.level))
    errors = [
        (WeaklyConvexRidge().restore(one) - photo).square().mean()
        for one in (measurement, as_gaussian)
    ]
    assert errors[0] < errors[1]


def test_no_weight_leaves_the_image_as_it_is(photo):
    measurement = noisy(photo, 0.1)
    torch.testing.assert_close(WeaklyConvexRidge(weight=0).restore(measurement), measurement.y)


@pytest.mark.parametrize(
    "task",
    [Deblur(sigma=0.01), Inpaint(missing=0.5), SuperResolution(factor=2)],
    ids=lambda task: task.name,
)
@pytest.mark.parametrize("prior", PRIORS)
def test_other_tasks_end_where_the_objective_is_stationary(prior, task, photo):
    measurement = task.measure(photo.float(), seed=0)
    level = max(measurement.noise.level, LEAST_LEVEL_ELSEWHERE)
    x = prior(tolerance=1e-5, iterations=2000).restore(measurement).requires_grad_()
    known = prior(level=level, weight=WEIGHT_ELSEWHERE)
    fidelity = (measurement.operator.forward(x) - measurement.y).square().sum() / 2
    objective = fidelity + measurement.noise.level * known.energy(x).sum()
    (gradient,) = torch.autograd.grad(objective, x)
    assert gradient.norm() < 1e-3 * x.norm() * measurement.noise.level / level
    truth = task.truth(photo.float())
    before = metrics.evaluate(measurement.initial_guess(), truth, task.protocol)["psnr"]
    after = metrics.evaluate(x.detach(), truth, task.protocol)["psnr"]
    assert after > before + 0.3


@pytest.mark.parametrize("prior", PRIORS)
def test_more_noise_than_white_is_removed_as_well(prior, photo):
    generator = torch.Generator().manual_seed(0)
    bright = photo.float() + 0.1 * torch.randn(photo.shape, generator=generator)
    for factor, sigma in ((0.02, 0.4), (0.5, 3.0)):  # dark and shown brighter; as it is
        dark = factor * photo.float() + sigma * torch.randn(photo.shape, generator=generator)
        batch = torch.cat([bright, dark])
        measurement = Measurement(batch, Identity(), Gaussian(sigma), tuple(batch.shape))
        error = restoration.run(prior(), measurement)[1] - factor * photo[0]
        assert error.square().mean().sqrt() < 0.25 * sigma


@pytest.mark.parametrize("prior", PRIORS)
def test_few_photons_are_no_wrong_level(prior, photo):
    measurement = Deblur(sigma=0).measure(photo.float(), seed=0)
    measurement = dataclasses.replace(measurement, noise=Poisson(0.1))
    assert restoration.run(prior(iterations=5), measurement).isfinite().all()


@pytest.mark.parametrize("prior", PRIORS)
def test_data_without_noise_stay_as_they_are(prior, photo):
    assert torch.equal(prior().restore(noisy(photo, 0.0)), noisy(photo, 0.0).y)


def test_weights_of_something_else_are_refused():
    with pytest.raises(WeightsError, match="does not hold a ridge regulariser"):
        WeaklyConvexRidge(weights=str(FOLDER / "unet_gray.safetensors")).prepare(CPU, 1)


def test_colour_is_rotated_and_back(photo):
    made = RidgeNetwork(0.95)
    energy = energy_of_planes(made, 3, 0.1, 2.0)
    x = torch.rand(1, 3, 12, 11).requires_grad_()
    (gradient,) = torch.autograd.grad(energy.value(x).sum(), x)
    torch.testing.assert_close(energy.gradient(x.detach()), gradient, rtol=1e-4, atol=1e-6)
