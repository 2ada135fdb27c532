"""The Wiener filter: scikit-image's where it applies, and the same minimum elsewhere."""

import dataclasses

import numpy as np
import pytest
import torch
from sample_pictures import photo_crop, picture
from skimage import restoration

from priorlab import metrics
from priorlab.forward.convolution import Convolution
from priorlab.forward.measurement import Measurement
from priorlab.forward.noise import Gaussian
from priorlab.tasks import kernels
from priorlab.tasks.builtin import Deblur
from priorlab_handcrafted import wiener
from priorlab_handcrafted.wiener import Wiener


def measure(clean, **parameters):
    return Deblur(**parameters).measure(torch.from_numpy(clean)[None], seed=0)


@pytest.mark.parametrize("size", [(7, 7), (4, 5)])
def test_both_ways_to_solve_agree_on_a_picture_that_does_not_touch_its_border(size):
    y = torch.zeros(2, 1, 128, 140, dtype=torch.float64)
    y[:, :, 60:68, 64:75] = torch.from_numpy(picture(8, 11)).double()
    generator = torch.Generator().manual_seed(0)
    kernel = torch.rand(size, generator=generator, dtype=torch.float64)
    kernel = kernel / kernel.sum()
    balance = torch.tensor([0.1, 0.2], dtype=torch.float64).reshape(2, 1, 1, 1)
    periodic = wiener._periodic(Convolution(kernel, "circular"), y, balance)
    reflecting = wiener._solve(Convolution(kernel, "reflect"), y, balance)
    torch.testing.assert_close(periodic, reflecting, atol=1e-3, rtol=0)


def test_circular_filtering_solves_the_normal_equations():
    y = torch.rand(1, 2, 33, 40, generator=torch.Generator().manual_seed(0), dtype=torch.float64)
    operator = Convolution(torch.from_numpy(kernels.motion(9, 30)), "circular")
    x = wiener._periodic(operator, y, torch.full((1, 1, 1, 1), 0.05, dtype=torch.float64))
    laplacian = sum(2 * x - x.roll(1, dim) - x.roll(-1, dim) for dim in (2, 3))
    gradient = operator.adjoint(operator.forward(x) - y) + 0.05 * laplacian
    assert gradient.abs().max() < 1e-9


@pytest.mark.parametrize("size", [(33, 40), (32, 41)])
@pytest.mark.parametrize("recipe", ["ours", "paper"])
def test_circular_filtering_is_that_of_scikit_image(size, recipe):
    generator = torch.Generator().manual_seed(0)
    y = 0.45 + 0.1 * torch.rand(1, 1, *size, generator=generator, dtype=torch.float64)
    kernel = torch.from_numpy(kernels.motion(9, 30))
    operator = Convolution(kernel, "circular")
    measurement, prior = (
        Measurement(y, operator, Gaussian(0.03), (*y.shape,)),
        Wiener(recipe=recipe),
    )
    # scikit-image takes a transfer function, of which it squares the modulus.
    rows, columns = (2 - 2 * np.cos(2 * np.pi * np.arange(side) / side) for side in size)
    transfer = np.sqrt(rows[:, None] + columns[: size[1] // 2 + 1]).astype(np.complex128)
    mean = 0.0
    if recipe == "paper":
        transfer[:], mean = 1, float(y.mean())
    balance = float(prior._balance(measurement))
    image = y[0, 0].numpy() - mean
    wanted = restoration.wiener(image, kernel.numpy(), balance, transfer, clip=False) + mean
    assert wanted.min() > 0 and wanted.max() < 1
    np.testing.assert_allclose(prior.restore(measurement)[0, 0], wanted, atol=1e-6)


def test_weak_noise_is_deblurred_more():
    clean = picture(96, 96)
    scores = [
        metrics.psnr(Wiener().restore(measure(clean, sigma=sigma / 255))[0].numpy(), clean)
        for sigma in (0.5, 2, 10)
    ]
    assert scores[0] > scores[1] > scores[2]


@pytest.mark.parametrize("sigma", [1, 5, 25])
@pytest.mark.parametrize("blur", [{"width": 0.7}, {"width": 3}, {"kind": "motion"}])
def test_no_blur_is_made_worse(blur, sigma):
    """It took each blur for one of width 1.6: weaker ones lost 2 dB to their own noise."""
    clean = photo_crop("camera").numpy()[0]
    measurement = measure(clean, sigma=sigma / 255, **blur)
    before = metrics.psnr(measurement.y[0].numpy(), clean)
    assert metrics.psnr(Wiener().restore(measurement)[0].numpy(), clean) > before + 0.3


@pytest.mark.parametrize("boundary", ["circular", "reflect"])
def test_more_gain_is_sharper(boundary):
    measurement = measure(0.5 + 0.2 * picture(48, 48), boundary=boundary)
    slopes = [
        sum(x.diff(dim=dim).square().mean().item() for dim in (2, 3))
        for x in (Wiener(gain=gain).restore(measurement) for gain in (0.1, 0.4, 1.5))
    ]
    assert 2 * slopes[0] < slopes[1] < slopes[2]


def slope(x, measurement, balance):
    """Half the gradient of ``|A x - y|^2 + balance |grad x|^2``, which wraps around."""
    operator = measurement.operator
    laplacian = sum(2 * x - x.roll(1, dim) - x.roll(-1, dim) for dim in (2, 3))
    return operator.adjoint(operator.forward(x) - measurement.y) + balance * laplacian


@pytest.mark.parametrize("gain", [0.1, 1.5])
def test_the_gain_is_that_of_the_gradient_without_noise_and_blur(gain):
    measurement = measure(0.5 + 0.2 * picture(48, 48), boundary="circular", sigma=3 / 255)
    balance = Wiener()._balance(measurement) * (Wiener().gain / gain) ** 2
    x = Wiener(gain=gain).restore(measurement)
    assert slope(x, measurement, balance).abs().max() < 1e-4


@pytest.mark.parametrize("boundary", ["circular", "reflect"])
@pytest.mark.parametrize("blur", [{"width": 0.7}, {"width": 2}, {"kind": "motion", "length": 9}])
def test_a_white_gradient_is_found_through_blur_and_noise(blur, boundary):
    """With power that falls with the frequency squared, by which the filter goes, it is white."""
    frequencies = [2 - 2 * np.cos(2 * np.pi * np.fft.fftfreq(256)) for _ in range(2)]
    power = frequencies[0][:, None] + frequencies[1]
    power[0, 0] = np.inf
    white = np.fft.fft2(np.random.default_rng(0).standard_normal((256, 256)))
    image = np.fft.ifft2(white / np.sqrt(power)).real
    clean = (0.5 + 0.1 * image / image.std()).astype(np.float32)[None]
    gradient = sum(
        np.square(clean - np.roll(clean, 1, axis)).mean(dtype=np.float64) for axis in (1, 2)
    )
    for sigma in (2, 50):
        measurement = measure(clean, boundary=boundary, sigma=sigma / 255, **blur)
        found = measurement.noise.level**2 / float(Wiener(gain=1.0)._balance(measurement))
        assert found == pytest.approx(gradient, rel=0.2)


def test_data_flatter_than_their_noise_are_taken_to_have_a_small_gradient():
    """Of a thousandth; else a picture without any contrast would divide by zero, or less."""
    clean = np.full((1, 48, 48), 0.5, np.float32)
    measurement = measure(clean, boundary="circular", sigma=3 / 255)
    measurement = dataclasses.replace(measurement, noise=Gaussian(5 / 255))
    balance = (5 / 255) ** 2 / (10**2 * 1e-6)
    x = Wiener(gain=10.0).restore(measurement)
    assert slope(x, measurement, balance).abs().max() < 1e-4
    assert slope(x, measurement, 4 * balance).abs().max() > 1e-3


def test_contrast_does_not_matter():
    measurement = measure(picture(48, 48) / 2 + 0.2)
    fainter = dataclasses.replace(
        measurement, y=measurement.y / 2, noise=Gaussian(measurement.noise.level / 2)
    )
    expected = Wiener().restore(measurement) / 2
    torch.testing.assert_close(Wiener().restore(fainter), expected, atol=1e-5, rtol=0)


@pytest.mark.parametrize("boundary", ["circular", "reflect"])
def test_a_batch_is_treated_like_its_images(boundary):
    operator = Convolution(torch.from_numpy(kernels.gaussian(1.0)).float(), boundary)
    y = torch.stack([torch.from_numpy(picture(17, 40, 3, seed)) for seed in range(3)])

    def restore(y):
        return Wiener().restore(Measurement(y, operator, Gaussian(0.01), tuple(y.shape)))

    loop = torch.cat([restore(image[None]) for image in y])
    torch.testing.assert_close(restore(y), loop, atol=1e-5, rtol=0)


@pytest.mark.parametrize("boundary", ["circular", "reflect"])
def test_a_flat_picture_stays_flat(boundary):
    clean = np.full((1, 32, 32), 0.4, np.float32)
    restored = Wiener().restore(measure(clean, sigma=0, boundary=boundary))
    assert (restored - 0.4).abs().max() < 1e-4
