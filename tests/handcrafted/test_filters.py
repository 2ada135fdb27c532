"""The bilateral, guided, median and adaptive median filters."""

import numpy as np
import pytest
import torch
from sample_pictures import picture, psnr
from scipy.ndimage import gaussian_filter, uniform_filter
from torch_threads import threads

from priorlab.errors import Unsupported
from priorlab.forward.measurement import Measurement
from priorlab.forward.noise import Gaussian, SaltAndPepper
from priorlab.forward.operators import Identity
from priorlab.tasks.builtin import DenoiseImpulse, DenoisePoisson, Inpaint
from priorlab.trace import Trace
from priorlab_handcrafted.adaptive_median import AdaptiveMedian
from priorlab_handcrafted.bilateral_filter import Bilateral
from priorlab_handcrafted.guided_filter import Guided
from priorlab_handcrafted.median_filter import Median

DENOISERS = [Bilateral, Guided]


def measure(clean, noise, seed=0):
    noisy = noise.sample(clean.astype(np.float64), np.random.default_rng(seed))
    y = torch.from_numpy(noisy.astype(np.float32))[None]
    return Measurement(y, Identity(), noise, tuple(y.shape))


@pytest.mark.parametrize("kind", DENOISERS, ids=lambda kind: kind.name)
@pytest.mark.parametrize("channels", [1, 3])
@pytest.mark.parametrize("sigma, gain", [(0.06, 7), (0.1, 7.5), (0.2, 8)])
def test_denoisers_gain_much(kind, channels, sigma, gain):
    clean = picture(96, 96, channels)
    measurement = measure(clean, Gaussian(sigma))
    restored = kind().restore(measurement)
    assert psnr(restored, clean) > psnr(measurement.y, clean) + gain


@pytest.mark.parametrize("kind", DENOISERS, ids=lambda kind: kind.name)
@pytest.mark.parametrize("shape", [(1, 16, 200), (3, 200, 16), (1, 5, 7)])
def test_denoisers_take_any_shape_and_type(kind, shape):
    y = measure(picture(shape[1], shape[2], shape[0]), Gaussian(0.1)).y
    for dtype in (torch.float32, torch.float64):
        x = kind().denoise(y.to(dtype), 0.1)
        assert x.shape == y.shape
        assert x.dtype == dtype
        assert x.isfinite().all()


@pytest.mark.parametrize("kind", DENOISERS, ids=lambda kind: kind.name)
def test_denoisers_keep_what_has_no_noise(kind):
    flat = torch.full((1, 3, 20, 33), 0.4)
    torch.testing.assert_close(kind().denoise(flat, 0.1), flat, atol=1e-5, rtol=0)
    clean = torch.from_numpy(picture(40, 40))[None]
    assert (kind().denoise(clean, 0.2 / 255) - clean).abs().max() < 1 / 255
    assert torch.equal(kind().denoise(clean, 0), clean)
    steps = torch.stack([(clean[0, 0] > level).float() for level in (0.3, 0.5, 0.7)])[None]
    for sigma in (1e-6, 1e-5, 4e-5):
        assert (kind().denoise(steps, sigma) - steps).abs().max() < 1e-3


@pytest.mark.parametrize("scale", [1, 1 / 16, 1 / 256])
@pytest.mark.parametrize("level", [0.01, 0.1, 1])
def test_the_guided_filter_smooths_no_more_than_the_noise(level, scale):
    clean, sigma = picture(64, 64, 3), level / 255
    y = scale * measure(clean, Gaussian(sigma)).y
    x = Guided().denoise(y, scale * sigma) / scale
    assert psnr(x, clean) > psnr(y / scale, clean) - 0.02


@pytest.mark.parametrize("kind", DENOISERS, ids=lambda kind: kind.name)
def test_denoisers_do_not_depend_on_batch_and_threads(kind):
    y = torch.cat([measure(picture(150, 40, 3, s), Gaussian(0.1), s).y for s in range(2)])
    before = y.clone()
    with threads(1):
        loop = torch.cat([kind().denoise(image[None], 0.1) for image in y])
    with threads(3):
        torch.testing.assert_close(kind().denoise(y, 0.1), loop, atol=1e-5, rtol=0)
    assert torch.equal(y, before)


@pytest.mark.parametrize("channels", [1, 3])
def test_the_bilateral_filter_is_that_of_its_definition(channels):
    y = measure(picture(14, 17, channels), Gaussian(0.1)).y
    filtered = Bilateral(spread=1.2, width=3.0, smoothing=0.0).denoise(y, 0.1)[0].numpy()
    array = y[0].double().numpy()
    for row, column in ((0, 0), (6, 8), (13, 5)):
        rows = np.arange(max(row - 3, 0), min(row + 4, 14))[:, None]
        columns = np.arange(max(column - 3, 0), min(column + 4, 17))
        window = array[:, rows, columns]
        d = ((window - array[:, row, column][:, None, None]) ** 2).mean(0)
        apart = (rows - row) ** 2 + (columns - column) ** 2
        weights = np.exp(-apart / (2 * 1.2**2) - d / (2 * 0.3**2))
        expected = (weights * window).sum((1, 2)) / weights.sum()
        assert filtered[:, row, column] == pytest.approx(expected, abs=1e-4)


@pytest.mark.parametrize("sigma", [0.02, 0.1, 0.3])
@pytest.mark.parametrize("channels", [1, 3])
def test_the_bilateral_filter_compares_smoothed_values(channels, sigma):
    """The smoothing grows with the cube root of sigma, from what it is at 25."""
    y = measure(picture(24, 27, channels), Gaussian(sigma)).y
    filtered = Bilateral(spread=1.2, width=3.0, smoothing=0.9).denoise(y, sigma)[0].numpy()
    array, smoothing = y[0].double().numpy(), 0.9 * (sigma * 255 / 25) ** (1 / 3)
    guide = gaussian_filter(array, (0, smoothing, smoothing), truncate=5)
    impulse = np.zeros((1, 41, 41))
    impulse[0, 20, 20] = 1
    left = sigma * np.linalg.norm(gaussian_filter(impulse, (0, smoothing, smoothing), truncate=5))
    for row, column in ((8, 8), (12, 15)):
        rows = np.arange(row - 3, row + 4)[:, None]
        columns = np.arange(column - 3, column + 4)
        window = guide[:, rows, columns] - guide[:, row, column][:, None, None]
        apart = (rows - row) ** 2 + (columns - column) ** 2
        weights = np.exp(-apart / (2 * 1.2**2) - (window**2).mean(0) / (2 * (3 * left) ** 2))
        expected = (weights * array[:, rows, columns]).sum((1, 2)) / weights.sum()
        assert filtered[:, row, column] == pytest.approx(expected, abs=1e-3)


def test_one_pass_of_the_guided_filter_is_that_of_its_definition():
    y = measure(picture(30, 33), Gaussian(0.1)).y.double()
    filtered = Guided(radius=2, eps=3.0, passes=1).denoise(y, 0.1)[0, 0].numpy()

    def mean(x):
        return uniform_filter(x, 5)

    image = y[0, 0].numpy()
    variance = mean(image**2) - mean(image) ** 2
    slope = variance / (variance + 3 * 0.1**2)
    expected = mean(slope) * image + mean((1 - slope) * mean(image))
    inside = np.s_[4:-4, 4:-4]  # there no window is cut at the border
    np.testing.assert_allclose(filtered[inside], expected[inside], atol=1e-9)


def test_the_guided_filter_solves_the_regression_on_three_channels():
    y = measure(picture(9, 9, 3), Gaussian(0.1)).y.double()
    # A window that holds all of the picture gives one regression for all pixels.
    filtered = Guided(radius=9, eps=2.0, passes=1).denoise(y, 0.1)[0].flatten(1).numpy()
    values = y[0].flatten(1).numpy()
    centred = values - values.mean(1, keepdims=True)
    covariance = centred @ centred.T / values.shape[1]
    slopes = np.linalg.solve(covariance + 2 * 0.1**2 * np.eye(3), covariance)
    expected = slopes.T @ centred + values.mean(1, keepdims=True)
    np.testing.assert_allclose(filtered, expected, atol=1e-9)


@pytest.mark.parametrize("size, reach", [(1, 0), (3, 1), (4, 2), (7, 3)])
def test_the_median_is_that_of_a_window_as_wide_as_asked(size, reach):
    measurement = measure(picture(20, 23), Gaussian(0.1))
    y, filtered = measurement.y[0, 0], Median(size=size).restore(measurement)[0, 0]
    for row, column in ((3, 3), (10, 8), (16, 19)):
        window = y[row - reach : row + reach + 1, column - reach : column + reach + 1]
        assert filtered[row, column] == window.median()


def test_the_median_filter():
    clean = picture(64, 64, 3)
    measurement = measure(clean, SaltAndPepper(0.1))
    before = measurement.y.clone()
    restored = Median(size=3).restore(measurement)
    assert psnr(restored, clean) > 27
    inside = before[0, 1, 10:13, 20:23]
    assert restored[0, 1, 11, 21] == inside.median()
    assert torch.equal(measurement.y, before)
    assert Median().restore(measure(clean, Gaussian(0.1))).isfinite().all()


@pytest.mark.parametrize("amount, floor", [(0.1, 33), (0.3, 29), (0.5, 27), (0.7, 24), (0.9, 18)])
@pytest.mark.parametrize("channels", [1, 3])
def test_the_adaptive_median_filter_repairs_impulses_alone(channels, amount, floor):
    clean = picture(96, 80, channels)
    measurement = measure(clean, SaltAndPepper(amount))
    y = measurement.y
    restored = AdaptiveMedian().restore(measurement)
    assert psnr(restored, clean) > floor
    unhit = (y > 0) & (y < 1)
    assert torch.equal(restored[unhit], y[unhit])


@pytest.mark.parametrize("amount", [0.1, 0.5, 0.9])
def test_an_impulse_becomes_the_median_of_the_nearest_good_values(amount):
    clean = np.random.default_rng(1).uniform(0.1, 0.9, (1, 24, 31)).astype(np.float32)
    measurement = measure(clean, SaltAndPepper(amount))
    y = measurement.y[0, 0].numpy()
    restored = AdaptiveMedian().restore(measurement)[0, 0].numpy()
    good = (y > 0) & (y < 1)
    for row, column in np.argwhere(~good):
        for radius in range(1, 11):
            window = np.s_[
                max(row - radius, 0) : row + radius + 1,
                max(column - radius, 0) : column + radius + 1,
            ]
            if good[window].any():
                break
        assert restored[row, column] == np.median(y[window][good[window]])


@pytest.mark.parametrize("largest, value", [(5, 0.6), (7, 0.4)])
def test_beyond_the_widest_window_the_nearest_good_value_is_taken(largest, value):
    """Of two good values one is in the smaller window, in its corner, and the other is nearer."""
    y = torch.zeros(1, 1, 20, 60)
    y[..., ::2] = 1
    y[..., 8 + 3, 20 + 3], y[..., 8, 20 + 4] = 0.4, 0.6
    measurement = Measurement(y, Identity(), SaltAndPepper(0.95), tuple(y.shape))
    restored = AdaptiveMedian(largest=largest).restore(measurement)
    assert restored[0, 0, 8, 20] == pytest.approx(value)


@pytest.mark.parametrize("amount", [0.1, 0.3, 0.5, 0.7])
def test_black_and_white_areas_survive_impulses(amount):
    clean = np.full((1, 90, 90), 0.5, np.float32)
    clean[:, 10:45, 10:80], clean[:, 50:85, 10:80] = 0, 1
    restored = AdaptiveMedian().restore(measure(clean, SaltAndPepper(amount)))[0].numpy()
    assert (np.abs(restored - clean) < 0.25).mean() > (0.97 if amount < 0.6 else 0.92)


@pytest.mark.parametrize("value", [0.0, 1.0])
def test_measurements_of_impulses_alone_do_not_crash(value):
    y = torch.full((1, 1, 16, 20), value)
    measurement = Measurement(y, Identity(), SaltAndPepper(1.0), tuple(y.shape))
    assert AdaptiveMedian().restore(measurement).isfinite().all()


def test_a_lone_good_value_serves_all():
    y = torch.zeros(1, 1, 16, 120)
    y[..., ::2] = 1
    y[..., 5, 5] = 0.25
    measurement = Measurement(y, Identity(), SaltAndPepper(0.95), tuple(y.shape))
    assert torch.equal(AdaptiveMedian(largest=3).restore(measurement), torch.full_like(y, 0.25))


@pytest.mark.parametrize("kind", [Median, AdaptiveMedian], ids=lambda kind: kind.name)
def test_channels_batch_and_type(kind):
    y = torch.cat([measure(picture(30, 41, 3, s), SaltAndPepper(0.4), s).y for s in range(2)])

    def restore(y):
        return kind().restore(Measurement(y, Identity(), SaltAndPepper(0.4), tuple(y.shape)))

    planes = torch.cat([restore(plane[None, None]) for plane in y.flatten(0, 1)])
    assert torch.equal(restore(y).flatten(0, 1)[:, None], planes)
    assert restore(y.double()).dtype == torch.float64


@pytest.mark.parametrize(("peak", "said"), [(3, 1), (1e4, 0)])
def test_the_light_that_a_median_loses_is_said(peak, said):
    class Notes(Trace):
        def note(self, text):
            notes.append(text)

    notes: list[str] = []
    measurement = DenoisePoisson(peak=peak).measure(torch.full((1, 1, 32, 32), 0.5), seed=0)
    restored = Median().restore(measurement, Notes())
    lost = 100 * (1 - float(restored.mean() / measurement.y.mean()))
    assert (lost > 1) == bool(said)
    assert (
        notes
        == [
            "median: the middle of few counts is less than their mean:"
            f" {lost:.0f} % of the light is lost"
        ][:said]
    )


def test_what_the_medians_cannot_do_is_said():
    clean = torch.from_numpy(picture(32, 32))[None]
    for prior, measurement in (
        (Median(), Inpaint().measure(clean, seed=0)),
        (AdaptiveMedian(), Inpaint().measure(clean, seed=0)),
        (AdaptiveMedian(), measure(clean[0].numpy(), Gaussian(0.1))),
    ):
        assert prior.unsupported(measurement).startswith("it only ")
        with pytest.raises(Unsupported):
            prior.restore(measurement)
    impulses = DenoiseImpulse().measure(clean, seed=0)
    assert AdaptiveMedian().unsupported(impulses) is None
    assert Median().unsupported(impulses) is None
