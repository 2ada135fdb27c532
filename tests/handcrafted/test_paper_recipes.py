"""What ``recipe=paper`` means: each published method, done here once more and plainly."""

import numpy as np
import pytest
import torch
from mostly_slow import mostly_slow
from sample_pictures import photo_crop, picture
from skimage.color import lab2rgb, rgb2lab
from support import HANDCRAFTED

from priorlab import plugins
from priorlab.errors import UsageError
from priorlab.forward.convolution import Convolution
from priorlab.forward.measurement import Measurement
from priorlab.forward.noise import Gaussian, SaltAndPepper
from priorlab.forward.operators import Identity
from priorlab.recipes import WithRecipe
from priorlab_handcrafted.adaptive_median import AdaptiveMedian
from priorlab_handcrafted.bilateral_filter import Bilateral
from priorlab_handcrafted.epll import SHIPPED, ExpectedPatchLogLikelihood
from priorlab_handcrafted.guided_filter import Guided
from priorlab_handcrafted.nonlocal_means import NonLocalMeans
from priorlab_handcrafted.patches.mixture import SIZE, cosine_basis, read_mixture
from priorlab_handcrafted.shared.weighted_means import CUT
from priorlab_handcrafted.wavelet_shrinkage import Wavelet
from priorlab_handcrafted.wiener import Wiener

WITH_RECIPE = [prior for prior in HANDCRAFTED.values() if issubclass(prior, WithRecipe)]
DENOISERS = [Bilateral, ExpectedPatchLogLikelihood, Guided, NonLocalMeans, Wavelet]


def noisy(clean, level, seed=0):
    noise = np.random.default_rng(seed).standard_normal(clean.shape, np.float32)
    return torch.from_numpy(np.asarray(clean) + np.float32(level / 255) * noise)[None]


def built(spec):
    return plugins.load().build_priors(spec)


def windows(plane, row, column, reach):
    """Return the rows and columns around a pixel, cut off at the border."""
    height, width = plane.shape[-2:]
    rows = np.arange(max(row - reach, 0), min(row + reach + 1, height))
    return rows[:, None], np.arange(max(column - reach, 0), min(column + reach + 1, width))


def test_the_priors_that_have_a_recipe():
    names = {prior.name for prior in WITH_RECIPE}
    assert names == {"adaptive-median", "bilateral", "epll", "guided", "nlm", "wavelet", "wiener"}


@pytest.mark.parametrize("prior", WITH_RECIPE, ids=lambda prior: prior.name)
def test_it_is_named_in_tables_and_leaves_the_other_parameters_alone(prior):
    paper = prior(recipe="paper")
    assert paper.spec() == f"{prior.name}:recipe=paper"
    assert built(paper.spec()) == [paper]
    assert prior().recipe == "ours"
    assert "Differences from the paper" in prior.__doc__
    assert "recipe=paper" in prior.__doc__


@pytest.mark.parametrize(
    "spec",
    [
        "nlm:recipe=paper,h=0.4",
        "nlm:recipe=paper,h=0.5",  # the default of ours
        "bilateral:smoothing=0.7,recipe=paper",
        "guided:recipe=paper,passes=4",
        "wavelet:recipe=paper,rule=visu",
        "wiener:recipe=paper,gain=5",
        "epll:recipe=paper,stride=3",
    ],
)
def test_what_the_paper_decides_is_refused(spec):
    with pytest.raises(UsageError, match=r"= has no meaning with recipe=paper, which decides it$"):
        built(spec)


@pytest.mark.parametrize(
    "spec",
    ["wavelet:rule=bayes,recipe=paper", "guided:recipe=paper,passes=1", "epll:recipe=paper,steps=3",
     "adaptive-median:recipe=paper,largest=7"],
)  # fmt: skip
def test_what_the_paper_says_itself_or_leaves_open_is_taken(spec):
    (prior,) = built(spec)
    assert prior.recipe == "paper"


@pytest.mark.parametrize(
    "kind",
    mostly_slow(DENOISERS, *(kind for kind in DENOISERS if kind.name != "epll")),
    ids=lambda kind: kind.name,
)
@pytest.mark.parametrize("shape", mostly_slow([(1, 16, 40), (3, 33, 17), (2, 20, 21)], (2, 20, 21)))
def test_a_batch_and_any_channels_are_filtered_as_images_alone(kind, shape):
    channels, height, width = shape
    v = torch.cat([noisy(picture(height, width, channels, seed), 25, seed) for seed in range(2)])
    prior, before = kind(recipe="paper"), v.clone()
    together = prior.denoise(v, 0.1)
    assert torch.equal(v, before)
    assert together.shape == v.shape
    assert prior.denoise(v.double(), 0.1).dtype == torch.float64
    alone = torch.cat([prior.denoise(image[None], 0.1) for image in v])
    torch.testing.assert_close(together, alone, atol=1e-5, rtol=0)


@pytest.mark.parametrize(
    ("channels", "level", "patch", "distance", "h"),
    [(1, 15, 3, 10, 0.4), (1, 25, 5, 10, 0.4), (1, 50, 9, 17, 0.35), (1, 120, 11, 17, 0.3),
     (3, 25, 3, 10, 0.55), (3, 30, 5, 17, 0.4), (3, 60, 7, 17, 0.35)],
)  # fmt: skip
def test_nonlocal_means_are_the_authors(channels, level, patch, distance, h):
    sigma, reach = level / 255, patch // 2
    v = noisy(picture(24, 24, channels), level)
    y = v[0].double().numpy()
    padded = np.pad(y, ((0, 0), (reach, reach), (reach, reach)), mode="reflect")
    patches = np.lib.stride_tricks.sliding_window_view(padded, (patch, patch), axis=(1, 2))
    x = NonLocalMeans(recipe="paper").denoise(v, sigma)[0].numpy()
    for row, column in ((0, 0), (7, 20), (12, 11), (23, 5)):
        rows, columns = windows(y, row, column, distance)
        d = ((patches[:, rows, columns] - patches[:, row, column, None, None]) ** 2).mean((0, 3, 4))
        exponents = -np.maximum(d - 2 * sigma**2, 0) / (h * sigma) ** 2
        weights = np.where(exponents >= -CUT, np.exp(exponents), 0)
        own = (rows == row) & (columns == column)
        weights[own] = max(weights[~own].max(), 1e-6)
        expected = (weights * y[:, rows, columns]).sum((1, 2)) / weights.sum()
        assert x[:, row, column] == pytest.approx(expected, abs=1e-4)


@pytest.mark.parametrize("channels", [1, 3])
@pytest.mark.parametrize("level", [10, 40])
def test_the_bilateral_filter_is_that_of_the_paper_whatever_the_noise(channels, level):
    v = noisy(0.2 + 0.6 * picture(30, 26, channels), level)
    x = Bilateral(recipe="paper").denoise(v, level / 255)[0].numpy()
    y = v[0].double().numpy()
    # Gray levels from 0 to 255; in colour a lightness from 0 to 100.
    y, width = (255 * y, 50) if channels == 1 else (rgb2lab(y, channel_axis=0), 100 * 50 / 255)
    for row, column in ((0, 0), (15, 12), (29, 7)):
        rows, columns = windows(y, row, column, 12)
        d = ((y[:, rows, columns] - y[:, row, column, None, None]) ** 2).sum(0)
        apart = (rows - row) ** 2 + (columns - column) ** 2
        weights = np.exp(-apart / (2 * 3**2) - d / (2 * width**2))
        mean = (weights * y[:, rows, columns]).sum((1, 2)) / weights.sum()
        expected = mean / 255 if channels == 1 else lab2rgb(mean)
        assert x[:, row, column] == pytest.approx(expected, abs=2e-4)


def test_the_guided_filter_is_guided_by_the_picture_whatever_the_noise():
    v = noisy(picture(9, 9), 25).double()
    image = v[0, 0].numpy()

    def mean(x):
        return np.array([[x[windows(x, r, c, 4)].mean() for c in range(9)] for r in range(9)])

    slope = mean(image**2) - mean(image) ** 2
    slope /= slope + 0.2**2
    expected = mean(slope) * image + mean((1 - slope) * mean(image))
    for sigma in (0.02, 0.2):
        x = Guided(recipe="paper").denoise(v, sigma)[0, 0].numpy()
        np.testing.assert_allclose(x, expected, atol=1e-9)


def test_bayes_shrinkage_has_one_threshold_for_each_band_of_the_orthogonal_transform():
    pywt = pytest.importorskip("pywt")
    sigma = 25 / 255
    v = noisy(picture(128, 128), 25)
    # Without a border: the picture is made one that its mirror images continue periodically.
    whole = np.concatenate([v[0, 0].numpy(), v[0, 0].numpy()[::-1]], 0)
    whole = np.concatenate([whole, whole[:, ::-1]], 1).astype(np.float64)
    bands = pywt.wavedec2(whole, "sym8", mode="periodization", level=4)
    for level in range(1, 5):
        clean = [max((band**2).mean() - sigma**2, 1e-12) ** 0.5 for band in bands[level]]
        bands[level] = tuple(
            pywt.threshold(band, sigma**2 / deviation, "soft")
            for band, deviation in zip(bands[level], clean, strict=True)
        )
    expected = pywt.waverec2(bands, "sym8", mode="periodization")[:128, :128]
    x = Wavelet(recipe="paper").denoise(v, sigma)[0, 0].numpy()
    # The bands' variances are those of one picture, not of its mirror images.
    assert np.sqrt(((x - expected) ** 2).mean()) < 0.1 * sigma
    other = Wavelet(transform="orthogonal", filter="haar", window=0).denoise(v, sigma)[0, 0]
    assert np.sqrt(((other.numpy() - expected) ** 2).mean()) > 0.2 * sigma


@pytest.mark.parametrize("amount", [0.1, 0.5, 0.9])
def test_the_adaptive_median_goes_by_ranks(amount):
    clean = np.float32(np.rint(255 * picture(28, 31)) / 255)
    y = SaltAndPepper(amount).sample(clean.astype(np.float64), np.random.default_rng(0))
    y = torch.from_numpy(y.astype(np.float32))[None]
    measurement = Measurement(y, Identity(), SaltAndPepper(amount), tuple(y.shape))
    x = AdaptiveMedian(recipe="paper", largest=7).restore(measurement)[0, 0].numpy()
    plane = y[0, 0].numpy()
    for (row, column), value in np.ndenumerate(plane):
        for reach in (1, 2, 3):
            window = plane[windows(plane, row, column, reach)]
            middle = np.median(window)
            if window.min() < middle < window.max():
                kept = window.min() < value < window.max()
                break
        else:
            kept = False
        assert x[row, column] == pytest.approx(value if kept else middle)


@pytest.mark.parametrize("boundary", ["circular", "reflect"])
def test_wieners_filter_knows_of_the_image_only_its_variance(boundary):
    sigma, kernel = 4 / 255, torch.tensor([[0.1, 0.2, 0.1], [0.1, 0.4, 0.1], [0.0, 0.0, 0.0]])
    operator = Convolution(kernel, boundary)
    clean = torch.from_numpy(0.3 + 0.4 * picture(32, 40))[None]
    noise = torch.randn(clean.shape, generator=torch.Generator().manual_seed(0))
    y = operator.forward(clean) + sigma * noise
    x = Wiener(recipe="paper").restore(Measurement(y, operator, Gaussian(sigma), (1, 1, 32, 40)))
    balance = sigma**2 / (y.var(correction=0) - sigma**2)
    # The normal equations of |A x - y|^2 + balance |x - mean|^2.
    slope = operator.adjoint(operator.forward(x) - y) + balance * (x - y.mean())
    assert slope.abs().max() < 1e-4
    assert (x - y.mean()).square().mean() > 1.1 * (y - y.mean()).square().mean()


def test_patches_become_likely_by_the_splitting_of_the_paper():
    """Half-quadratic splitting over all patches, with densities from torch."""
    sigma = 25 / 255
    v = noisy(photo_crop("camera")[0].numpy()[:, :20, 10:33], 25)
    mixture, basis = read_mixture(SHIPPED), cosine_basis().double()
    covariances = mixture.factors @ mixture.factors.mT
    y = v[0, 0].double()
    x, unit = y, torch.eye(SIZE**2 - 1, dtype=torch.float64)
    for beta in (1, 4, 8, 16, 32):
        variance = sigma**2 / beta
        patches = x.unfold(0, SIZE, 1).unfold(1, SIZE, 1)
        flat = patches.reshape(-1, SIZE**2)
        coefficients = flat @ basis
        gaussians = torch.distributions.MultivariateNormal(
            torch.zeros(SIZE**2 - 1, dtype=torch.float64), covariances + variance * unit
        )
        chosen = (gaussians.log_prob(coefficients[:, None]) + mixture.weights.log()).argmax(1)
        total, count = torch.zeros_like(x), torch.zeros_like(x)
        for i, k in enumerate(chosen):
            gain = torch.linalg.solve(covariances[k] + variance * unit, coefficients[i])
            row, column = divmod(i, patches.shape[1])
            place = slice(row, row + SIZE), slice(column, column + SIZE)
            cleaned = flat[i].mean() + basis @ (covariances[k] @ gain)
            total[place] += cleaned.reshape(SIZE, SIZE)
            count[place] += 1
        weight = SIZE**2 / sigma**2
        x = (weight * y + SIZE**2 / variance * total / count) / (weight + SIZE**2 / variance)
    restored = ExpectedPatchLogLikelihood(recipe="paper").denoise(v, sigma)[0, 0]
    torch.testing.assert_close(restored.double(), x, atol=1e-3, rtol=0)
