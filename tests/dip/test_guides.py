"""The guides of `dip`: what was measured, blurred, as a part of the code."""

import dataclasses

import pytest
import torch
from skimage import data

from priorlab.forward.measurement import Measurement
from priorlab.forward.noise import Gaussian, NoNoise
from priorlab.forward.operators import Identity, Mask
from priorlab.solvers.parameter_space.stopping import HeldOut, rule_for
from priorlab.tasks.builtin import Denoise, Inpaint, SuperResolution
from priorlab.trace import Trace
from priorlab_dip import codes
from priorlab_dip.blocks import Image
from priorlab_dip.dip import DeepImagePrior

SHAPE = (1, 3, 48, 40)


def smooth() -> torch.Tensor:
    """A picture that blurring hardly changes."""
    down = torch.linspace(0.2, 0.8, 48)[:, None].expand(48, 40)
    across = torch.linspace(0.7, 0.3, 40).expand(48, 40)
    return torch.stack([down, across, down * across])[None]


def exact(clean: torch.Tensor, known: torch.Tensor) -> Measurement:
    return Measurement(clean * known, Mask(known), NoNoise(), tuple(clean.shape))


def test_a_guide_is_the_picture_blurred_about_its_mean() -> None:
    clean = smooth()
    (guide,) = codes.guides(Denoise(sigma=0.0001).measure(clean, 0), 1, 56, 48)
    assert guide.mean((1, 2)).abs().max() < 1e-6
    expected = codes.CONTRAST * (clean - clean.mean((2, 3), keepdim=True))[0]
    inside = guide[:, 4:-4, 4:-4]
    torch.testing.assert_close(inside[:, 8:-8, 8:-8], expected[:, 8:-8, 8:-8], rtol=0, atol=2e-3)
    assert torch.equal(guide[:, :4, 4:-4], inside[:, :1].expand(3, 4, 40)), (
        "it goes on beyond the picture"
    )


def test_guides_do_not_depend_on_what_is_missing() -> None:
    clean, known = smooth(), (torch.rand(1, 1, 48, 40) < 0.5).float()
    known[..., 10:30, 5:25] = 0
    one = exact(clean, known)
    other = dataclasses.replace(one, y=one.y + 100 * (1 - known))
    torch.testing.assert_close(codes.guides(one, 3, 56, 48), codes.guides(other, 3, 56, 48))


@pytest.mark.parametrize("count", [1, 2, 3])
def test_where_a_filter_reaches_nothing_a_wider_one_or_the_mean_fills_in(count) -> None:
    known = torch.ones(1, 1, 96, 96)
    known[..., 20:76, 20:76] = 0
    guides = codes.guides(exact(torch.full((1, 1, 96, 96), 0.7), known), count, 104, 104)
    assert guides.shape == (1, count, 104, 104)
    assert guides.abs().max() < 1e-3, "a flat picture has flat guides, in its hole too"


def test_a_picture_of_which_nothing_is_known_has_flat_guides() -> None:
    nothing = exact(smooth(), torch.zeros(1, 1, 48, 40))
    assert codes.guides(nothing, 2, 56, 48).abs().max() == 0


def test_noise_below_black_is_not_cut_off() -> None:
    dark = Denoise().measure(torch.full(SHAPE, 0.02), 0)
    flat = codes.guides(dark, 1, 56, 48)
    black = codes.guides(dataclasses.replace(dark, y=dark.y.clamp(0, 1)), 1, 56, 48)
    lifted = codes.guides(dataclasses.replace(dark, y=dark.y + 0.5), 1, 56, 48)
    torch.testing.assert_close(flat, lifted, rtol=0, atol=1e-4)
    assert (flat - black).abs().max() > 1e-3


def test_other_operators_show_the_picture_that_uses_no_prior() -> None:
    measurement = SuperResolution(factor=4).measure(smooth(), 0)
    guides = codes.guides(measurement, 2, 56, 48)
    start = dataclasses.replace(
        measurement, y=measurement.initial_guess(), operator=Identity(), shape=SHAPE
    )
    torch.testing.assert_close(guides, codes.guides(start, 2, 56, 48))


@pytest.mark.parametrize(
    "task", [Denoise(), Denoise(sigma=50 / 255), Inpaint(missing=0.3, sigma=10 / 255)]
)
def test_held_out_pixels_are_not_in_the_code(task) -> None:
    torch.manual_seed(0)
    measurement = task.measure(smooth(), 0)
    rule = HeldOut(measurement)
    hidden = ~rule.kept.expand_as(measurement.y)
    assert hidden.any()
    seen = rule.seen().y
    assert torch.equal(seen[~hidden], measurement.y[~hidden])
    rule.measurement = dataclasses.replace(
        measurement, y=torch.where(hidden, torch.rand(()) + 7, measurement.y)
    )
    torch.testing.assert_close(rule.seen().y, seen)
    assert (seen[hidden] - smooth()[hidden]).abs().mean() < 0.15, "their neighbours stand in"


def test_the_median_hides_from_the_code_what_its_held_out_pixels_are() -> None:
    rule = rule_for("median", Denoise().measure(smooth(), 0))
    changed = (rule.seen().y != rule.measurement.y).float().mean()
    assert changed == pytest.approx(1 - rule.held_out.kept.float().mean())


def test_data_that_are_no_picture_stay_as_they_are() -> None:
    y = torch.randn(1, 1, 30, 30, dtype=torch.complex64)
    measurement = Measurement(y, Identity(), Gaussian(0.1), (1, 1, 30, 30))
    assert HeldOut(measurement).seen().y is y


@pytest.mark.parametrize(
    ("settings", "channels"),
    [({"guides": 3}, 9), ({"guides": 1}, 3), ({"guides": 0}, 0), ({"network": "decoder"}, 0)],
)
def test_guides_are_the_last_channels_of_the_code(settings, channels) -> None:
    measurement = Denoise().measure(smooth(), 0)
    prior = DeepImagePrior(inputs=8, **settings)
    torch.manual_seed(0)
    code = prior.code_for(measurement)
    torch.manual_seed(0)
    plain = prior.make_code(SHAPE)
    assert code.shape == plain.shape and code.shape[1] == 8 + channels
    assert torch.equal(code[:, :8], plain[:, :8])
    if channels:
        assert plain[:, 8:].abs().max() == 0 and code[:, 8:].std() > 0.01


@pytest.mark.slow
def test_with_guides_a_fit_comes_close_in_fewer_steps() -> None:
    crop, errors = data.coffee()[100:228, 200:328].transpose(2, 0, 1) / 255, {}
    clean = torch.from_numpy(crop).float()[None]
    measurement = Denoise().measure(clean, 0)

    class Follow(Trace):
        def report(self, iteration, total, image, *, output=None, **values):
            errors[prior.guides] = float((image - clean).square().mean())

    for count in (0, 2):
        prior = DeepImagePrior(guides=count, iterations=20, stop="never")
        prior.restore(measurement, Follow())
    assert errors[2] < 0.7 * errors[0]


def test_the_image_lies_where_its_guides_are() -> None:
    logits = torch.arange(72.0).view(1, 1, 8, 9)
    shown = Image(torch.nn.Identity(), 3, 2, margin=2)(logits)
    torch.testing.assert_close(shown, logits[..., 2:5, 2:4].sigmoid())
    prior, shape = DeepImagePrior(channels=4), (1, 1, 37, 50)
    height, width = prior.make_code(shape).shape[2:]
    assert height >= 37 + 2 * codes.MARGIN and width >= 50 + 2 * codes.MARGIN
    assert prior.make_network(shape).rows == slice(codes.MARGIN, codes.MARGIN + 37)
