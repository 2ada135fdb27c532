"""The priors that learn from the noisy picture alone: what they assume, remove and keep."""

import dataclasses

import pytest
import torch
from hypothesis import given, settings
from hypothesis import strategies as st
from mostly_slow import mostly_slow
from photograph import error, measure, picture
from torch import Tensor

from priorlab.errors import Unsupported
from priorlab.forward.convolution import Convolution
from priorlab.forward.jpeg import standard
from priorlab.forward.measurement import Measurement
from priorlab.forward.noise import Gaussian, NoNoise, Poisson, SaltAndPepper
from priorlab.forward.operators import Identity, Mask
from priorlab.priors import Prior
from priorlab.trace import Trace
from priorlab_dip.noise2fast import Noise2Fast, colours, pair
from priorlab_dip.partial_unet import PartialConvolution, bernoulli
from priorlab_dip.self2self import Self2Self, random_flip
from priorlab_dip.self_supervised import random_crop
from priorlab_dip.zs_n2n import ZeroShotNoise2Noise, halves

QUICK = [
    ZeroShotNoise2Noise(iterations=4, channels=8),
    Noise2Fast(iterations=4, channels=8, depth=2),
    Self2Self(iterations=4, channels=8, samples=2),
]
"""One of each, too short to be good."""


def half_mask(size: int) -> Mask:
    return Mask((torch.rand(1, 1, size, size, generator=torch.manual_seed(1)) > 0.5).float())


@pytest.mark.parametrize("prior", QUICK, ids=lambda prior: prior.name)
@pytest.mark.parametrize(
    "size", mostly_slow([(16, 16), (17, 131), (33, 18), (16, 200)], (16, 16), (17, 131))
)
@pytest.mark.parametrize("channels", [1, 3])
def test_any_size_gray_or_colour(prior: Prior, size, channels) -> None:
    shape = (1, channels, *size)
    y = torch.rand(shape, generator=torch.manual_seed(0))
    kept = y.clone()
    image = prior.restore(Measurement(y, Identity(), Gaussian(0.1), shape))
    assert image.shape == shape and image.dtype == torch.float32
    assert image.min() >= 0 and image.max() <= 1
    assert torch.equal(y, kept)


@pytest.mark.parametrize("prior", QUICK, ids=lambda prior: prior.name)
def test_seeds_batches_and_the_callers_random_state(prior: Prior) -> None:
    both = measure(torch.cat([picture(32), picture(64)[..., 32:, 32:]]), Identity(), Gaussian(0.1))
    torch.manual_seed(5)
    before = torch.get_rng_state()
    images = prior.restore(both, seed=3)
    assert torch.equal(torch.get_rng_state(), before)
    torch.rand(7)
    # A second image is restored as it would be alone: nothing is left of the first.
    assert torch.equal(prior.restore(both.image(1), seed=3), images[1:])
    assert not torch.equal(prior.restore(both.image(1), seed=4), images[1:])


@pytest.mark.parametrize(
    "prior",
    [
        ZeroShotNoise2Noise(iterations=100, channels=24),
        Noise2Fast(iterations=80, channels=16),
        pytest.param(
            Self2Self(iterations=60, channels=16, samples=4, window=64), marks=pytest.mark.slow
        ),
    ],
    ids=lambda prior: prior.name,
)
@pytest.mark.parametrize("noise", mostly_slow([Gaussian(40 / 255), Poisson(12.0)], Poisson(12.0)))
def test_most_of_the_noise_goes(prior: Prior, noise) -> None:
    clean = picture(64)
    measurement = measure(clean, Identity(), noise)
    assert error(prior.restore(measurement), clean) < error(measurement.y.clamp(0, 1), clean) / 2


@pytest.mark.parametrize(
    ("prior", "left"),
    [
        pytest.param(
            Self2Self(iterations=100, channels=16, samples=8, dropout=0, learning_rate=0.005),
            0.05,
            marks=pytest.mark.slow,
        ),
        (ZeroShotNoise2Noise(iterations=300, channels=24), 0.05),
        (Noise2Fast(iterations=100, channels=16, depth=4), 0.12),
    ],
    ids=lambda value: getattr(value, "name", ""),
)
def test_what_has_nothing_but_noise_comes_out_flat(prior: Prior, left: float) -> None:
    """The noise is not learnt: nothing that the loss compares contains a pixel's own noise."""
    clean = torch.full((1, 1, 32, 32), 0.5)
    measurement = measure(clean, Identity(), Gaussian(0.2))
    assert error(prior.restore(measurement), clean) < left * 0.2**2


@pytest.mark.parametrize("prior", QUICK, ids=lambda prior: prior.name)
def test_what_they_cannot_treat(prior: Prior) -> None:
    impulses = measure(picture(16), Identity(), SaltAndPepper(0.2))
    assert "zero mean" in str(prior.unsupported(impulses))
    decoded = dataclasses.replace(impulses, noise=standard(10))
    assert "independent" in str(prior.unsupported(decoded))
    blurred = measure(picture(16), Convolution(torch.full((3, 3), 1 / 9)), Gaussian(0.1))
    assert "only removes noise" in str(prior.unsupported(blurred))
    with pytest.raises(Unsupported, match=f"{prior.name}: it only removes noise"):
        prior.restore(blurred)
    masked = measure(picture(16), half_mask(16), Gaussian(0.1))
    assert (prior.unsupported(masked) is None) == isinstance(prior, Self2Self)


class Path(Trace):
    """Keeps what is reported."""

    def __init__(self) -> None:
        self.images: dict[int, Tensor] = {}
        self.last = 0

    def report(self, iteration: int, total: int, image: Tensor, **values: object) -> None:
        assert iteration <= total
        self.images[iteration] = image.clone()

    def returned(self, iteration: int) -> None:
        self.last = iteration


@pytest.mark.parametrize("prior", QUICK, ids=lambda prior: prior.name)
def test_the_trace_hears_of_the_image_that_is_returned(prior: Prior) -> None:
    path = Path()
    image = prior.restore(measure(picture(16), Identity(), Gaussian(0.1)), path)
    assert torch.equal(path.images[path.last], image)


@pytest.mark.parametrize("prior", mostly_slow(QUICK, QUICK[0]), ids=lambda prior: prior.name)
def test_the_trace_shows_the_batch_and_is_not_flooded(prior: Prior) -> None:
    """A fit is reported about 20 times; the second image begins where the first has ended."""
    prior = dataclasses.replace(prior, iterations=100)
    path = Path()
    both = measure(torch.cat([picture(16), picture(32)[..., 16:, 16:]]), Identity(), Gaussian(0.1))
    images = prior.restore(both, path)
    assert all(image.shape == both.shape for image in path.images.values())
    assert all(image.min() >= 0 and image.max() <= 1 for image in path.images.values())
    last = path.images[max(path.images)]
    assert torch.equal(last[:1], images[:1])
    assert torch.equal(last[1:], images[1:])
    assert 2 * 4 <= len(path.images) <= 2 * 25


def test_a_window_is_mirrored_in_any_way() -> None:
    torch.manual_seed(0)
    window = torch.arange(6.0).view(1, 1, 2, 3)
    seen = {str(random_flip(window).flatten().tolist()) for _ in range(40)}
    ways = [window, window.flip(2), window.flip(3), window.flip(2, 3)]
    assert seen == {str(way.flatten().tolist()) for way in ways}


@pytest.mark.slow
def test_self2self_fills_in_missing_pixels_and_keeps_the_exact_ones() -> None:
    clean = picture(48)
    exact = measure(clean, half_mask(48), NoNoise())
    prior = Self2Self(iterations=100, channels=16, samples=4)
    image = prior.restore(exact)
    known = exact.operator.mask.expand_as(clean) > 0
    assert torch.equal(image[known], clean[known])
    flat = torch.where(known, clean, clean[known].mean())
    assert error(image, clean) < error(flat, clean) / 6
    noisy = prior.restore(measure(clean, half_mask(48), Gaussian(0.1)))
    assert error(noisy[known], clean[known]) < 0.1**2 / 2


def test_self2self_never_sees_what_is_missing() -> None:
    mask = half_mask(32)
    one = measure(picture(32), mask, Gaussian(0.1))
    other = dataclasses.replace(one, y=torch.where(mask.mask > 0, one.y, torch.tensor(7.0)))
    prior = QUICK[2]
    assert torch.equal(prior.restore(one), prior.restore(other))


def test_noise2fast_ends_before_a_small_picture_is_learned_with_its_noise() -> None:
    clean = picture(32)
    measurement = measure(clean, Identity(), Gaussian(25 / 255))
    path = Path()
    restored = Noise2Fast(iterations=2000).restore(measurement, path)
    assert path.last == 58
    assert error(restored, clean) < error(measurement.y, clean) / 2


def test_noise2fast_takes_all_steps_in_gray_too() -> None:
    """It once stopped half way, where the steps are largest: 0.4 dB were lost in gray."""
    measurement = measure(picture(256)[:, :1], Identity(), Gaussian(25 / 255))
    path = Path()
    restored = Noise2Fast(channels=16, depth=1, window=32).restore(measurement, path)
    assert path.last == max(path.images) == 320
    assert torch.equal(restored, path.images[320])


@pytest.mark.slow
@pytest.mark.parametrize("size", [(145, 151), (150, 144)])
def test_noise2fast_denoises_pictures_that_are_not_whole_blocks(size: tuple[int, int]) -> None:
    """They are large enough for the network of blocks, whose rows and columns come in pairs."""
    clean = picture(160)[..., : size[0], : size[1]].contiguous()
    measurement = measure(clean, Identity(), Gaussian(40 / 255))
    restored = Noise2Fast(iterations=240, channels=32).restore(measurement)
    assert restored.shape == clean.shape
    assert error(restored, clean) < error(measurement.y, clean) / 4
    edge = (slice(None), slice(None), slice(-2, None))
    assert error(restored[edge], clean[edge]) < error(measurement.y[edge], clean[edge]) / 2


@given(st.integers(2, 9), st.integers(2, 9))
@settings(max_examples=20)
def test_halves_are_the_means_of_the_diagonals(height: int, width: int) -> None:
    image = torch.rand(2, 3, height, width)
    falling, rising = halves(image).chunk(2)
    for row in range(height // 2):
        for column in range(width // 2):
            a, b, c, d = image[..., 2 * row :, 2 * column :][..., :2, :2].flatten(2).unbind(2)
            torch.testing.assert_close(falling[..., row, column], (a + d) / 2)
            torch.testing.assert_close(rising[..., row, column], (b + c) / 2)


@given(st.integers(2, 9), st.integers(2, 9))
@settings(max_examples=20)
def test_the_colours_of_a_chessboard(height: int, width: int) -> None:
    rows, columns = torch.meshgrid(torch.arange(height), torch.arange(width), indexing="ij")
    image = torch.stack([rows, columns])[None]
    white, black = colours(image)
    assert bool((white.sum(1) % 2 == 0).all()) and bool((black.sum(1) % 2 == 1).all())
    # Partners come from neighbouring pixels, each pixel is used once.
    assert bool(((white - black).abs().sum(1) == 1).all())
    assert 2 * white[0, 0].numel() == height * (width // 2 * 2)
    pairs = [pair(image, index) for index in range(4)]
    assert len({str(first.tolist()) for first, _ in pairs}) == 4
    for first, second in pairs:
        assert first.shape == second.shape


def test_partial_convolution_does_not_see_missing_values() -> None:
    torch.manual_seed(0)
    layer = PartialConvolution(3, 5)
    x, known = torch.rand(1, 3, 9, 8), (torch.rand(1, 3, 9, 8) > 0.4).float()
    features, there = layer(x, known)
    other, _ = layer(torch.where(known > 0, x, torch.tensor(9.0)), known)
    torch.testing.assert_close(features, other)
    assert there.shape == (1, 1, 9, 8)
    # All known, away from the border, it is a plain convolution.
    plain, _ = layer(x, torch.ones_like(x))
    torch.testing.assert_close(
        plain[..., 1:-1, 1:-1], torch.nn.functional.conv2d(x, layer.weight, layer.bias)
    )
    nothing, there = layer(x, torch.zeros_like(x))
    assert layer.bias is not None
    torch.testing.assert_close(nothing, layer.bias[None, :, None, None].expand_as(nothing))
    assert not there.any()


@pytest.mark.parametrize("chance", [0.1, 0.3, 0.9])
def test_bernoulli_has_its_chance(chance: float) -> None:
    torch.manual_seed(0)
    draws = bernoulli((301, 333), chance, torch.device("cpu"))
    assert draws.dtype == torch.bool and draws.shape == (301, 333)
    # The standard deviation of the mean is below 0.0016; the chance is rounded to 1/256.
    assert float(draws.float().mean()) == pytest.approx(chance, abs=0.01)


def test_windows_are_even_and_everywhere() -> None:
    torch.manual_seed(0)
    rows = torch.arange(9.0)[:, None].expand(1, 1, 9, 7)
    windows = [random_crop(rows, 4) for _ in range(60)]
    assert {window.shape for window in windows} == {(1, 1, 4, 4)}
    assert {float(window[0, 0, 0, 0]) for window in windows} == set(range(6))
    assert random_crop(rows, 128).shape == (1, 1, 8, 6)
