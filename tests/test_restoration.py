"""A prior on a measurement: what is done in which order, what is checked, what errors say."""

import dataclasses
import math
import os
import signal
import warnings
from pathlib import Path
from typing import ClassVar

import pytest
import torch
from sample_pictures import picture, save

from priorlab import api, plugins, restoration
from priorlab.errors import Unsupported, UsageError, trace_of
from priorlab.forward.conjugate_gradients import (
    ConvergenceWarning,
    conjugate_gradients,
    norm,
)
from priorlab.forward.cropped_convolution import CroppedConvolution
from priorlab.forward.measurement import Measurement
from priorlab.forward.noise import Gaussian, NoNoise
from priorlab.forward.operators import Identity, LinearOperator, Mask
from priorlab.pictures.datasets import load
from priorlab.priors import Prior
from priorlab.solvers.exact_data import agreeing
from priorlab.tasks.base import Task
from priorlab.tasks.builtin import Deblur, Denoise, DenoiseImpulse, Inpaint, SuperResolution
from priorlab.trace import SILENT, Trace

SHAPE = (1, 1, 16, 20)
MEASUREMENT = Measurement(torch.full(SHAPE, 0.5), Identity(), Gaussian(0.1), SHAPE)


@dataclasses.dataclass(frozen=True, kw_only=True)
class Scripted(Prior):
    """Does what its function says, and writes down what is called."""

    name: ClassVar[str] = "scripted"
    answer: ClassVar = None
    calls: ClassVar[list] = []

    def prepare(self, device, channels):
        self.calls.append(f"prepare {channels}")

    def restore(self, measurement, trace=SILENT, seed=0):
        self.calls.append("restore")
        return type(self).answer(measurement)


@pytest.fixture
def prior(monkeypatch):
    """Return a prior that restores by the given function."""

    def make(answer):
        monkeypatch.setattr(Scripted, "answer", staticmethod(answer))
        monkeypatch.setattr(Scripted, "calls", [])
        return Scripted()

    return make


def test_a_prior_is_prepared_once(prior):
    chosen = prior(lambda measurement: measurement.y.clone())
    restoration.run(chosen, MEASUREMENT)
    restoration.run(chosen, MEASUREMENT, prepared=True)
    assert Scripted.calls == ["prepare 1", "restore", "restore"]
    with pytest.raises(OSError, match="no weights"):
        restoration.run(chosen, MEASUREMENT, prepared=OSError("no weights"))


def test_equal_seeds_give_equal_images_and_leave_the_generators_alone(prior):
    chosen = prior(lambda measurement: torch.rand(SHAPE))
    before = torch.get_rng_state()
    first, again, other = (restoration.run(chosen, MEASUREMENT, seed=s) for s in (1, 1, 2))
    assert torch.equal(first, again)
    assert not torch.equal(first, other)
    assert torch.equal(torch.get_rng_state(), before)


def test_the_image_is_clipped_and_shares_no_memory(prior):
    image = torch.linspace(-1, 2, 320).view(SHAPE).requires_grad_()
    restored = restoration.run(prior(lambda measurement: image), MEASUREMENT)
    assert not restored.requires_grad
    torch.testing.assert_close(restored, image.detach().clamp(0, 1))
    assert image.min() == -1


@pytest.mark.parametrize(
    ("answer", "says"),
    [
        (None, "returned NoneType, not a tensor"),
        (torch.zeros(1, 1, 16, 19), r"of shape \(1, 1, 16, 19\), not \(1, 1, 16, 20\)"),
        (torch.zeros(SHAPE, dtype=torch.float64), "returned torch.float64, not torch.float32"),
        (torch.full(SHAPE, torch.inf), "NaN or infinity in 320 of 320 values"),
        (torch.zeros(SHAPE).to_sparse(), "with the layout torch.sparse_coo, not a plain one"),
        (torch.zeros(SHAPE, device="meta"), "with no values, not a plain one"),
    ],
)
def test_what_is_no_image_is_refused(prior, answer, says):
    chosen = prior(lambda measurement: answer)
    with pytest.raises(restoration.InvalidImage, match=says):
        restoration.run(chosen, MEASUREMENT)
    with pytest.raises(UsageError, match=f"scripted failed: restore .*{says}"):
        restoration.attempt(chosen, MEASUREMENT)


def test_what_a_prior_does_not_support_is_not_tried(prior, monkeypatch):
    chosen = prior(lambda measurement: measurement.y)
    monkeypatch.setattr(Scripted, "unsupported", lambda self, measurement: "too gray")
    with pytest.raises(Unsupported, match=r"^too gray$"):
        restoration.run(chosen, MEASUREMENT)
    with pytest.raises(UsageError, match=r"^scripted does not support this: too gray$"):
        restoration.attempt(chosen, MEASUREMENT)
    assert Scripted.calls == []


class WrongSign(Identity):
    """An operator whose adjoint has the wrong sign; it does not say that it is the identity."""

    is_identity = False

    def adjoint(self, y):
        return -y


def test_a_wrong_adjoint_is_named_where_it_made_the_image_nan(prior):
    chosen = prior(lambda measurement: torch.full(SHAPE, torch.nan))
    wrong = dataclasses.replace(MEASUREMENT, operator=WrongSign())
    with pytest.raises(restoration.InvalidImage, match=r"WrongSign\.adjoint is not the adjoint of"):
        restoration.run(chosen, wrong)
    with pytest.raises(restoration.InvalidImage, match=r"320 of 320 values$"):
        restoration.run(chosen, MEASUREMENT)


class Halved(WrongSign):
    """Wrong by a factor only: in large images, products with random data hardly differ."""

    def adjoint(self, y):
        return y / 2


class Shifted(WrongSign):
    def adjoint(self, y):
        return y.roll(1, -1)


class Unfinished(WrongSign):
    def adjoint(self, y):
        raise NotImplementedError


KNOWN = Mask(torch.ones(1, 1, 1, 1))


@pytest.mark.parametrize("side", [16, 512])
@pytest.mark.parametrize("operator", [WrongSign(), Halved(), Shifted(), KNOWN @ Shifted()])
def test_a_wrong_adjoint_is_said_before_a_prior_iterates_with_it(prior, operator, side):
    chosen = prior(lambda measurement: measurement.y)
    y = torch.rand(1, 1, side, side)
    name = type(operator.made_of()[-1]).__name__  # not what `@` made of it
    with pytest.raises(UsageError, match=rf"^{name}\.adjoint is not the adjoint of {name}\.forw"):
        restoration.attempt(chosen, Measurement(y, operator, Gaussian(0.1), y.shape))
    assert Scripted.calls == []


class Usual(WrongSign):
    """A right one."""

    def adjoint(self, y):
        return y


class InPlace(Usual):
    def adjoint(self, y):
        return y.mul_(2) / 2


class Buffered(Usual):
    def __init__(self):
        self.kept = torch.empty(SHAPE)

    def forward(self, x):
        return self.kept.copy_(x)


class Shared(Buffered):
    """What is in place of `forward` overwrites what is in place of `adjoint`."""

    def forward(self, x):
        return self.kept.copy_(x).clone()

    def adjoint(self, y):
        return self.kept.copy_(y)


class Solving(Usual):
    def solve(self, y, v, rho):
        return v.mul_(rho).add_(y).div_(1 + rho)


class Guessing(Usual):
    def initial_guess(self, y, shape):
        return y.clamp_(0, 0.25)


class Scaling(Gaussian):
    def prox(self, v, y, step):
        return v.mul_(self.sigma**2).add_(step * y).div_(self.sigma**2 + step)


class Recounting(Gaussian):
    """Returns the variance in one tensor."""

    kept = torch.empty(SHAPE)

    def variance(self, u):
        return self.kept.copy_(u)


@pytest.mark.parametrize(
    ("operator", "noise", "says"),
    [
        (InPlace(), Gaussian(0.1), r"InPlace\.adjoint changed its input"),
        (Buffered(), Gaussian(0.1), r"Buffered\.forward returned a tensor that a later call"),
        (KNOWN @ Buffered(), Gaussian(0.1), r"Buffered\.forward returned a tensor that a later"),
        (Shared(), Gaussian(0.1), r"Shared\.adjoint returned a tensor that a later call changed"),
        (Solving(), Gaussian(0.1), r"Solving\.solve changed its input"),
        (Guessing(), Gaussian(0.1), r"Guessing\.initial_guess changed its input"),
        (Identity(), Scaling(0.1), r"Scaling\.prox changed its input"),
        (Identity(), Recounting(0.1), r"Recounting\.variance returned a tensor that a later"),
    ],
)
def test_an_operator_or_a_noise_that_spoils_tensors_is_said_before_a_prior_uses_it(
    prior, operator, noise, says
):
    chosen = prior(lambda measurement: measurement.y)
    data = Measurement(torch.full(SHAPE, 0.5), operator, noise, SHAPE)
    with pytest.raises(UsageError, match="^" + says):
        restoration.attempt(chosen, data)
    assert Scripted.calls == []


class Usually(LinearOperator):
    """Multiplies by 0.5, with data and images as they are to be."""

    def forward(self, x):
        return 0.5 * x

    def adjoint(self, y):
        return 0.5 * y


class Spectrum(Usually):
    def forward(self, x):
        return torch.fft.fft2(x, norm="ortho")

    def adjoint(self, y):
        return torch.fft.ifft2(y, norm="ortho")


class Precise(Usually):
    def forward(self, x):
        return 0.5 * x.double()


class Flat(Usually):
    def forward(self, x):
        return 0.5 * x.flatten()


class OfNumpy(Usually):
    def forward(self, x):
        return 0.5 * x.numpy()


class Folded(Usually):
    def adjoint(self, y):
        return 0.5 * y[0]


@pytest.mark.parametrize(
    ("operator", "says"),
    [
        (Spectrum(), r"Spectrum\.adjoint returned complex numbers; .* \.real$"),
        (Spectrum() @ KNOWN, r"Spectrum\.adjoint returned complex numbers"),
        (Precise(), r"Precise\.forward returned torch\.float64 for torch\.float32"),
        (Flat(), r"Flat\.forward returned a tensor of shape .* the first axis counts the images$"),
        (OfNumpy(), r"OfNumpy\.forward returned ndarray; expected a tensor$"),
        (
            Folded(),
            r"Folded\.adjoint returned a tensor of shape .*; expected .*, that of the image",
        ),
    ],
)
def test_what_an_operator_returns_is_not_said_of_the_prior(prior, operator, says):
    data = Measurement(torch.full(SHAPE, 0.5), operator, Gaussian(0.1), SHAPE)
    with pytest.raises(UsageError, match="^" + says):
        restoration.attempt(prior(lambda measurement: measurement.y), data)


@pytest.mark.parametrize(
    ("wrong", "says"),
    [
        ({"operator": lambda self, shape, rng: None}, "fog: operator returned NoneType; expected"),
        ({"operator": lambda self, shape, rng: Usually}, "operator returned the class Usually;"),
        ({"operator": lambda self, shape, rng: OfNumpy()}, r"OfNumpy\.forward returned ndarray"),
        ({"noise": 0.1}, "fog: noise is float; expected a Noise"),
    ],
)
def test_what_a_task_returns_is_said(wrong, says):
    right = {"noise": Gaussian(0.1), "operator": lambda self, shape, rng: Usually()}
    task = type("Fog", (Task,), {"name": "fog", **right, **wrong})()
    calls = [lambda: task.measure(torch.full((1, 1, 16, 16), 0.5), seed=0)]
    if "ndarray" not in says:  # of a picture that is degraded already nothing is computed yet
        calls.append(lambda: task.adopt(torch.full((1, 1, 16, 16), 0.5)))
    for call in calls:
        with pytest.raises(UsageError, match=says):
            call()


class Counted(Usually):
    """Counts its calls."""

    def __init__(self):
        self.calls = []

    def forward(self, x):
        self.calls.append("forward")
        return super().forward(x)

    def adjoint(self, y):
        self.calls.append("adjoint")
        return super().adjoint(y)


@pytest.mark.parametrize("around", [lambda operator: operator, lambda operator: KNOWN @ operator])
def test_an_operator_is_called_twice_for_all_that_is_asked_of_it(around):
    operator = Counted()
    data = Measurement(torch.full(SHAPE, 0.5), around(operator), Gaussian(0.1), SHAPE)
    restoration.check_degradation(data)
    assert sorted(operator.calls) == ["adjoint", "adjoint", "forward", "forward"]


class Fourier(Spectrum):
    def adjoint(self, y):
        return super().adjoint(y).real


class Dimmed(Spectrum):
    """The next operator gets complex numbers: that it is wrong is seen in them, too."""

    def forward(self, x):
        return 0.5 * x

    def adjoint(self, y):
        return y


def test_a_wrong_adjoint_is_named_behind_an_operator_with_complex_data():
    right = type(
        "Fourier", (Spectrum,), {"adjoint": lambda self, y: Spectrum.adjoint(self, y).real}
    )
    data = Measurement(torch.full(SHAPE, 0.5), Dimmed() @ right(), Gaussian(0.1), SHAPE)
    with pytest.raises(UsageError, match=r"^Dimmed\.adjoint is not the adjoint of Dimmed\.forw"):
        restoration.check_degradation(data)
    fine = dataclasses.replace(data, operator=Usually() @ Fourier())
    restoration.check_degradation(fine)


def test_an_operator_without_adjoint_is_for_priors_that_need_none(prior):
    chosen = prior(lambda measurement: measurement.y)
    data = dataclasses.replace(MEASUREMENT, operator=Unfinished())
    assert torch.equal(restoration.attempt(chosen, data), data.y)


class Listener(Trace):
    """Writes down how iterations ended."""

    def __init__(self):
        self.ends = []

    def converged(self, reached, residual):
        self.ends.append((reached, residual))


def test_conjugate_gradients_that_do_not_converge_are_reported_and_warned_of_once(prior):
    def solve(condition):
        weights = torch.logspace(-condition, 0, 400).reshape(1, 400)
        b = torch.ones(1, 400)
        conjugate_gradients(lambda w: weights * w, b, norm(b))

    def answer(measurement):
        for condition in (0, 6, 6, 12):
            solve(condition)
        return measurement.y

    listener = Listener()
    with pytest.warns(ConvergenceWarning) as shown:
        restoration.run(prior(answer), MEASUREMENT, trace=listener)
    residuals = []
    for condition in (6, 12):
        with pytest.warns(ConvergenceWarning) as alone:
            solve(condition)
        residuals.append(alone[0].message.residual)
    assert listener.ends == [(False, max(residuals))]
    assert [warning.message.residual for warning in shown] == [max(residuals)]


@pytest.mark.filterwarnings("default")
def test_other_warnings_and_convergence_pass(prior):
    def answer(measurement):
        warnings.warn("as it was", RuntimeWarning, stacklevel=1)
        return measurement.y

    listener = Listener()
    with pytest.warns(RuntimeWarning, match="as it was"):
        restoration.run(prior(answer), MEASUREMENT, trace=listener)
    assert listener.ends == []


class Mute(Exception):
    def __str__(self):
        raise RuntimeError("no comment")


@pytest.mark.parametrize(
    ("error", "says"),
    [
        (RuntimeError("one line\nand more"), "RuntimeError: one line"),
        (UsageError("sigma is missing"), "sigma is missing"),
        (ValueError("x" * 1000), "ValueError: " + "x" * 285 + "..."),
        (ValueError("half \ud83d"), "ValueError: half ?"),
        (ValueError(), "ValueError:"),
        (Mute(), "Mute: its message cannot be shown"),
    ],
)
def test_the_reason_of_a_failure_is_one_line_that_can_be_stored(error, says):
    assert restoration.reason(error) == says
    assert restoration.reason(error).encode()
    assert trace_of(error).encode()


def test_what_lies_beyond_the_frame_is_cut_off(prior):
    """The prior restores all of the scene; who asked, or listens, sees the picture."""

    class Listener(Trace):
        def __init__(self):
            self.seen = []

        def report(self, iteration, total, image, *, output=None, **values):
            self.seen += [image, output]

        def returned(self, iteration):
            self.seen.append(iteration)

        def picture(self, name, image):
            self.seen.append(image)

    class Reporting(type(prior(None))):
        def restore(self, measurement, trace=SILENT, seed=0):
            scene = torch.arange(float(18 * 24)).view(1, 1, 18, 24) / 432
            trace.report(1, 1, scene, output=scene)
            trace.report(1, 1, scene)
            trace.returned(1)
            trace.picture("map", scene)
            trace.picture("icon", scene[..., :4, :4])
            return scene

    operator = CroppedConvolution(torch.full((3, 5), 1 / 15))
    listener = Listener()
    measurement = Measurement(MEASUREMENT.y, operator, Gaussian(0.1), (1, 1, 18, 24))
    restored = restoration.run(Reporting(), measurement, trace=listener)
    assert restored.shape == SHAPE and round(432 * float(restored[0, 0, 0, 0])) == 26
    image, output, again, nothing, returned, picture, icon = listener.seen
    for part in (image, output, again, picture):
        assert torch.equal(part, restored)
    assert nothing is None and returned == 1 and icon.shape == (1, 1, 4, 4)


class Means(LinearOperator):
    """Means of two by two pixels, scaled to a norm of one, as a plugin has them."""

    def forward(self, x):
        return 2 * torch.nn.functional.avg_pool2d(x, 2)

    def adjoint(self, y):
        return y.repeat_interleave(2, -1).repeat_interleave(2, -2) / 2


class Gray(LinearOperator):
    def forward(self, x):
        return x.sum(1, keepdim=True) / 3**0.5

    def adjoint(self, y):
        return y.repeat_interleave(3, 1) / 3**0.5


def holes(channels=1):
    generator = torch.Generator().manual_seed(channels)
    return Mask((torch.rand(1, channels, 48, 56, generator=generator) > 0.3).float())


def smaller(image=None):
    return SuperResolution(factor=2).measure(waves() if image is None else image, seed=0).operator


COMPOSED = {
    "means": Means,
    "gray": Gray,
    "a small image with holes": lambda: Mask(holes().mask[..., :24, :28]) @ smaller(),
    "a small image of one with holes": lambda: smaller() @ holes(3),
    "a small image of a small one": lambda: smaller(waves()[..., :24, :28]) @ smaller(),
    "holes and more holes": lambda: holes() @ holes(3),
}


@pytest.mark.parametrize("operator", COMPOSED.values(), ids=COMPOSED.keys())
def test_exact_data_of_any_operator_that_is_easy_to_invert_are_as_measured(operator, prior):
    """Parts of the image are saturated: one step towards the data is cut off there."""
    operator, clean = operator(), waves()
    measurement = Measurement(operator.forward(clean), operator, NoNoise(), tuple(clean.shape))
    said = (
        clean + 0.1 * torch.randn(clean.shape, generator=torch.Generator().manual_seed(0))
    ).abs()
    restored = restoration.run(prior(lambda measurement: said.clone()), measurement)
    error = operator.forward(restored) - measurement.y
    assert float(error.abs().max()) <= 1 / 255


def test_pixels_that_two_masks_leave_are_known():
    both, x = holes() @ holes(3), waves()
    known = (holes().mask * holes(3).mask).bool()
    assert torch.equal(both.known_pixels.bool(), known)
    guess = both.initial_guess(both.forward(x), tuple(x.shape))
    assert torch.equal(guess[known], x[known])
    assert float((guess - x)[~known].abs().mean()) < 0.05, "interpolated, not black"
    assert (smaller() @ holes()).known_pixels is None


EXACT = {
    "inpaint": Inpaint(missing=0.5),
    "text": Inpaint(kind="text"),
    "superres": SuperResolution(factor=2),
    "superres by 4": SuperResolution(factor=4),
    "superres, mirrored": SuperResolution(factor=3, boundary="reflect"),
    "denoise": Denoise(sigma=0),
}


def waves():
    y, x = torch.meshgrid(torch.linspace(0, 9, 48), torch.linspace(0, 7, 56), indexing="ij")
    planes = torch.stack((x.sin() * y.cos(), (x + y).sin(), (x * y / 4).cos()))
    return (0.5 + 0.55 * planes).clamp(0, 1)[None]


def about(measurement, error=0.05):
    """Return what a prior might say: a rough image, with an error at every pixel."""
    generator = torch.Generator().manual_seed(0)
    return measurement.initial_guess() + error * torch.randn(measurement.shape, generator=generator)


@pytest.mark.parametrize("task", EXACT.values(), ids=EXACT.keys())
def test_what_was_measured_without_noise_is_as_measured(task, prior):
    """Whatever a prior returns, if only it is an image."""
    measurement = task.measure(waves(), seed=0)
    said = about(measurement)
    restored = restoration.run(prior(lambda measurement: said.clone()), measurement)
    error = measurement.operator.forward(restored) - measurement.y
    assert float(error.abs().max()) <= 1 / 255
    known = measurement.operator.known_pixels
    if known is not None:
        assert torch.equal(known * restored, measurement.y)
        assert torch.equal((1 - known) * restored, (1 - known) * said.clamp(0, 1))


def test_what_no_impulse_can_be_is_as_measured(prior):
    """Salt and pepper is black and white; what is neither was measured without noise."""
    for values, kept in {"extreme": True, "any": False}.items():
        measurement = DenoiseImpulse(amount=0.3, values=values).measure(waves(), seed=0)
        said = about(measurement)
        restored = restoration.run(prior(lambda measurement, said=said: said.clone()), measurement)
        sure = (measurement.y > 0) & (measurement.y < 1)
        assert torch.equal(restored[sure], measurement.y[sure]) == kept
        assert torch.equal(restored[~sure], said.clamp(0, 1)[~sure])


@pytest.mark.parametrize("factor", [2, 4])
def test_a_photograph_with_saturated_parts_has_its_small_version(factor, prior):
    (image,) = (one.read() for one in load("photos").images if one.name == "astronaut")
    task = SuperResolution(factor=factor)
    measurement = task.measure(torch.from_numpy(image)[None], seed=0)
    guess = measurement.initial_guess()
    assert ((guess == 0) | (guess == 1)).float().mean() > 0.01
    restored = restoration.run(prior(lambda measurement: guess.clone()), measurement)
    error = measurement.operator.forward(restored) - measurement.y
    assert float(error.abs().max()) <= 1 / 255


@pytest.mark.parametrize("boundary", ["circular", "reflect", "unknown"])
def test_rounded_data_of_a_blur_are_not_amplified(boundary, prior):
    """What rounding changed, no image explains; to ask for it drowns the picture in noise."""
    task, clean = Deblur(sigma=0, boundary=boundary), waves()
    exact = task.measure(clean, seed=0)
    measurement = dataclasses.replace(exact, y=(255 * exact.y).round() / 255)
    said = measurement.initial_guess()
    restored = restoration.run(prior(lambda measurement: said.clone()), measurement)
    truth = task.truth(clean)
    before, after = (
        float((x - truth).square().mean()) for x in (measurement.operator.frame(said), restored)
    )
    assert after <= 1.25 * before


@pytest.mark.parametrize("task", [SuperResolution(factor=2), Deblur(sigma=0)])
def test_each_image_of_a_batch_agrees_with_its_own_data(task, prior):
    one = task.measure(waves(), seed=0)
    both = dataclasses.replace(one, y=torch.cat((one.y, 0.5 * one.y)), shape=(2, *one.shape[1:]))
    said = about(both)
    together = restoration.run(prior(lambda measurement: said.clone()), both)
    alone = restoration.run(prior(lambda measurement: said[1:].clone()), both.image(1))
    torch.testing.assert_close(together[1:], alone, atol=1e-5, rtol=0)


def test_exact_data_are_checked_like_an_image(prior):
    measurement = Inpaint(missing=0.5).measure(waves(), seed=0)
    chosen = prior(lambda measurement: torch.full(measurement.shape, 0.5))
    beyond = dataclasses.replace(measurement, y=2 * measurement.y.double())
    restored = restoration.run(chosen, beyond)
    assert restored.dtype == torch.float32 and restored.max() == 1
    broken = dataclasses.replace(measurement, y=torch.full_like(measurement.y, math.nan))
    with pytest.raises(UsageError, match="the measured data hold NaN"):
        restoration.run(chosen, broken)


@pytest.mark.parametrize("trace", [None, Trace, print])
def test_what_can_take_no_reports_is_not_the_priors_fault(prior, trace):
    with pytest.raises(UsageError, match=r"^trace=.* is no object of a class derived from"):
        restoration.attempt(prior(lambda m: m.y), Inpaint().measure(waves(), 0), trace=trace)
    with pytest.raises(UsageError, match=r"^trace=.* is no object of a class derived from"):
        api.restore(torch.zeros(20, 20), "denoise", "tv", trace=trace)


@pytest.mark.parametrize(("ground", "inside"), [(0.0, 0.8), (1.0, 0.2)], ids=["black", "white"])
def test_a_frame_drawn_around_a_small_picture_gives_no_lines_when_it_is_enlarged(ground, inside):
    """No image that is black beside the edge has its data; chased, they gave lines of white."""
    y, truth = torch.full((1, 1, 40, 40), ground), torch.full((1, 1, 80, 80), ground)
    y[..., 8:32, 8:32], truth[..., 16:64, 16:64] = inside, inside
    measurement = SuperResolution(factor=2, boundary="reflect").adopt(y)
    bicubic = measurement.initial_guess().clip(0, 1)
    restored = agreeing(bicubic, measurement)
    errors = [float((image - truth).square().mean()) for image in (restored, bicubic)]
    assert errors[0] <= 1.5 * errors[1]


def test_exact_data_that_no_image_explains_end_the_search(prior):
    """A small image far above white has no large one in [0, 1]."""
    measurement = SuperResolution().measure(torch.full((1, 1, 24, 24), 0.5), seed=0)
    impossible = dataclasses.replace(measurement, y=measurement.y + 2)
    restored = restoration.run(prior(lambda measurement: torch.zeros(1, 1, 24, 24)), impossible)
    assert restored.min() > 0.9


def spoils_its_data(measurement):
    guess = measurement.initial_guess()
    measurement.y.zero_()
    return guess


@pytest.mark.parametrize(
    "task", [Denoise(), Inpaint(missing=0.5), SuperResolution(factor=2)], ids=lambda task: task.name
)
def test_what_a_prior_writes_into_its_data_changes_neither_the_caller_nor_what_is_exact(
    task, prior
):
    measurement = task.measure(waves(), seed=0)
    before = measurement.y.clone()
    expected = restoration.run(prior(lambda given: given.initial_guess()), measurement)
    restored = restoration.run(prior(spoils_its_data), measurement)
    assert torch.equal(measurement.y, before)
    assert torch.equal(restored, expected)


def test_interpolations_are_as_they_were_published():
    priors = plugins.load().priors
    kept = {name for name, prior in priors.items() if not prior.defers_to_exact_data}
    assert kept == {"degraded", "bicubic", "lanczos"}


class Spoils(Prior):
    """It leaves the process another one than it was."""

    name = "spoils"

    def restore(self, measurement, trace=SILENT, seed=0):
        os.chdir("/")
        torch.set_default_dtype(torch.float64)
        torch.set_num_threads(1 + torch.get_num_threads())
        os.umask(0o777)
        signal.setitimer(signal.ITIMER_PROF, 100)
        return measurement.y.clone()


def test_what_a_prior_changes_in_the_process_is_put_back(tmp_path, monkeypatch):
    monkeypatch.chdir(tmp_path)
    save(tmp_path / "a.png", picture(20, 24, 1))
    threads = torch.get_num_threads()
    api.restore_file(Path("a.png"), Path("b.png"), "denoise:sigma=9", Spoils())
    assert (tmp_path / "b.png").stat().st_mode & 0o400
    assert torch.get_default_dtype() == torch.float32 and torch.get_num_threads() == threads
    assert Path.cwd() == tmp_path and signal.getitimer(signal.ITIMER_PROF) == (0, 0)


@pytest.mark.parametrize("bad", [math.nan, math.inf])
def test_data_that_are_not_finite_are_refused_with_the_image_of_the_batch(prior, bad):
    scripted = prior(lambda measurement: torch.full(measurement.shape, 0.5))
    batch = MEASUREMENT.repeated(3)
    y = batch.y.clone()
    y[1, 0, 3, 3] = bad
    with pytest.raises(UsageError, match="measured data of image 1 hold NaN or infinite values"):
        restoration.run(scripted, dataclasses.replace(batch, y=y))
    assert scripted.calls == []
    assert restoration.run(scripted, batch).shape == (3, *SHAPE[1:])


@pytest.mark.parametrize(
    "task",
    [
        Denoise(),
        SuperResolution(),
        Deblur(),
        Deblur(kind="estimate", boundary="unknown"),
        Inpaint(mask="mask.png"),
    ],
)
def test_a_picture_that_is_not_finite_or_not_one_is_not_adopted(task, tmp_path, monkeypatch):
    monkeypatch.chdir(tmp_path)
    mask = picture(32, 40) * 0 + 1
    mask[:, 4:8, 4:8] = 0
    save(tmp_path / "mask.png", mask)
    one = torch.from_numpy(picture(32, 40))[None]
    assert task.adopt(one).y.shape == one.shape
    bad = one.clone()
    bad[0, 0, 3, 3] = math.nan
    with pytest.raises(UsageError, match="the picture holds NaN or infinite values"):
        task.adopt(bad)
    with pytest.raises(ValueError, match="expected one image"):
        task.adopt(torch.cat([one, bad]))
