"""The path through a generator's parameters: up to the image, down to the noise."""

import dataclasses
import itertools
from typing import Any, ClassVar

import numpy as np
import pytest
import torch
from mostly_slow import mostly_slow
from skimage import data
from torch import Tensor, nn
from torch_threads import threads

from priorlab.errors import UsageError
from priorlab.forward.convolution import Downsampling
from priorlab.forward.jpeg import standard
from priorlab.forward.measurement import Measurement
from priorlab.forward.noise import Gaussian, NoNoise, Poisson, SaltAndPepper
from priorlab.forward.operators import Identity, LinearOperator, Mask
from priorlab.ground import precision
from priorlab.priors import Generator
from priorlab.solvers.parameter_space.muon import Muon, orthogonal
from priorlab.solvers.parameter_space.snapshot import Snapshot
from priorlab.solvers.parameter_space.stack import Stack
from priorlab.solvers.parameter_space.stacked import Networks
from priorlab.trace import Trace
from priorlab_handcrafted.sliding_dct import SlidingDCT
from priorlab_handcrafted.total_variation import TotalVariation

SIGMA = 50 / 255


@dataclasses.dataclass(frozen=True, kw_only=True)
class Small(Generator):
    """A two-scale generator, just large enough to fit noise."""

    name: ClassVar[str] = "small"

    def make_network(self, shape: tuple[int, int, int, int]) -> nn.Module:
        def block(inputs: int, outputs: int, stride: int = 1) -> list[nn.Module]:
            layer = nn.Conv2d(inputs, outputs, 3, stride, padding=1, bias=False)
            return [layer, nn.BatchNorm2d(outputs), nn.LeakyReLU(0.2)]

        down = [*block(16, 32, 2), *block(32, 32, 2), *block(32, 32)]
        up = [nn.Upsample(scale_factor=2), *block(32, 32), nn.Upsample(scale_factor=2)]
        return nn.Sequential(*down, *up, *block(32, 32), nn.Conv2d(32, shape[1], 1), nn.Sigmoid())

    def make_code(self, shape: tuple[int, int, int, int]) -> Tensor:
        return torch.rand(1, 16, *shape[2:]) / 10


class Path(Trace):
    """Keeps the error of each image, and of each output, to the truth."""

    def __init__(self, clean: Tensor) -> None:
        self.clean = clean
        self.errors: list[float] = []
        self.outputs: list[float] = []
        self.totals: set[int] = set()

    def report(
        self, iteration: int, total: int, image: Tensor, *, output: Tensor, **values: float
    ) -> None:
        assert iteration == len(self.errors) + 1
        self.totals.add(total)
        self.errors.append(float((image - self.clean).square().mean()))
        self.outputs.append(float((output - self.clean).square().mean()))


def picture(size: int = 48) -> Tensor:
    """Return a crop of a photograph, gray."""
    return torch.from_numpy(data.camera()[60 : 60 + size, 190 : 190 + size] / 255).float()[
        None, None
    ]


def noisy(clean: Tensor, seed: int = 0) -> Measurement:
    rng = np.random.default_rng(seed)
    y = Gaussian(SIGMA).sample(clean.double().numpy(), rng)
    shape = tuple(clean.shape)
    return Measurement(torch.from_numpy(y).float(), Identity(), Gaussian(SIGMA), shape)


@pytest.mark.slow
def test_the_path_rises_above_the_noise_and_falls_back_to_it() -> None:
    """The image comes first and the noise later; the residual tells when."""
    clean = picture()
    measurement = noisy(clean)
    mean = Path(clean)
    Small(iterations=240, stop="never").restore(measurement, mean)
    stopped = Small(iterations=240).restore(measurement)

    noise = float((measurement.y - clean).square().mean())
    assert min(mean.errors) < noise / 5
    assert mean.errors[-1] > 2 * min(mean.errors)
    assert min(mean.errors) < min(mean.outputs), "averaging the outputs must help"
    # Stopping where the residual is that of noise costs less than 1 dB.
    assert float((stopped - clean).square().mean()) < 10**0.1 * min(mean.errors)
    assert mean.totals == {240}


def test_equal_seeds_give_equal_images_and_the_callers_state_stays() -> None:
    measurement = noisy(picture(32))
    prior = Small(iterations=12, perturbation=0.1)
    torch.manual_seed(5)
    before = torch.get_rng_state()
    first = prior.restore(measurement, seed=3)
    assert torch.equal(torch.get_rng_state(), before)
    torch.rand(7)
    assert torch.equal(prior.restore(measurement, seed=3), first)
    assert not torch.equal(prior.restore(measurement, seed=4), first)


def test_each_image_gets_a_network_of_its_own() -> None:
    """Neither an image restored before nor one of the same batch leaves a trace."""
    one, two = picture(32), picture(64)[..., 32:, 32:]
    both = noisy(torch.cat([one, two]))
    single = [
        dataclasses.replace(both, y=both.y[i : i + 1], shape=(1, *both.shape[1:])) for i in (0, 1)
    ]
    prior = Small(iterations=20)
    alone = prior.restore(single[1])
    prior.restore(single[0])
    assert torch.equal(prior.restore(single[1]), alone)
    assert torch.equal(prior.restore(both)[1:], alone)


@pytest.mark.parametrize(
    "noise", mostly_slow([NoNoise(), Poisson(30.0), SaltAndPepper(0.3)], Poisson(30.0))
)
def test_every_data_fidelity_leads_to_the_image(noise) -> None:
    clean = picture(32)
    y = torch.from_numpy(noise.sample(clean.double().numpy()[0], np.random.default_rng(1))[None])
    measurement = Measurement(y.float(), Identity(), noise, tuple(clean.shape))
    kept = y.clone()
    restored = Small(iterations=80).restore(measurement)
    assert torch.equal(measurement.y, kept.float())
    assert restored.min() >= 0 and restored.max() <= 1
    flat = float((clean - clean.mean()).square().mean())
    assert float((restored - clean).square().mean()) < flat / 3


def half_missing(size: int) -> Mask:
    return Mask(
        (torch.rand(1, 1, size, size, generator=torch.Generator().manual_seed(1)) > 0.5).float()
    )


@pytest.mark.parametrize(
    "operator", [half_missing(32), Downsampling(torch.full((4, 4), 1 / 16), factor=2)]
)
def test_the_image_agrees_with_exact_data_and_not_with_noise(operator) -> None:
    """A fit of a few steps is far from the data, so that what agrees was made to."""
    clean = picture(32)
    y = operator.forward(clean)
    exact = Measurement(y, operator, NoNoise(), tuple(clean.shape))
    restored = {}
    for noise in (NoNoise(), Gaussian(0.1)):
        path = Path(clean)
        measurement = dataclasses.replace(exact, noise=noise)
        image = Small(iterations=20, stop="never").restore(measurement, path)
        assert path.errors[-1] == pytest.approx(float((image - clean).square().mean()))
        restored[type(noise)] = float((operator.forward(image) - y).square().mean().sqrt())
    assert restored[NoNoise] < 1 / 255 < 5 / 255 < restored[Gaussian]


def test_works_where_gradients_are_off() -> None:
    measurement = noisy(picture(16))
    with torch.no_grad():
        off = Small(iterations=3).restore(measurement)
    assert torch.equal(off, Small(iterations=3).restore(measurement))
    assert not off.requires_grad


def test_several_runs_are_the_mean_of_their_seeds() -> None:
    measurement = noisy(picture(32))
    prior = Small(iterations=12)
    two = dataclasses.replace(prior, runs=2).restore(measurement, seed=3)
    alone = [prior.restore(measurement, seed=seed) for seed in (3, 4)]
    torch.testing.assert_close(two, (alone[0] + alone[1]) / 2)


def test_the_trace_of_several_runs_shows_the_mean_of_those_begun() -> None:
    class Keeper(Trace):
        def __init__(self) -> None:
            self.images: list[Tensor] = []

        def report(self, iteration, total, image, *, output=None, **values):
            assert (iteration, total) == (len(self.images) + 1, 20)
            self.images.append(image.clone())

    keeper, measurement = Keeper(), noisy(picture(16))
    prior = Small(iterations=10, runs=2, stop="never")
    restored = prior.restore(measurement, keeper)
    alone = [dataclasses.replace(prior, runs=1).restore(measurement, seed=n) for n in (0, 1)]
    torch.testing.assert_close(keeper.images[9], alone[0])
    torch.testing.assert_close(keeper.images[19], (alone[0] + alone[1]) / 2)
    torch.testing.assert_close(keeper.images[19], restored)


@pytest.mark.slow
def test_a_second_run_is_expected_to_take_as_many_steps_as_the_first() -> None:
    class Counter(Trace):
        def __init__(self) -> None:
            self.counts: list[tuple[int, int]] = []
            self.ends: list[int] = []

        def report(self, iteration, total, image, *, output=None, **values):
            self.counts.append((iteration, total))

        def returned(self, iteration):
            self.ends.append(len(self.counts))

    counter = Counter()
    Small(iterations=150, runs=2).restore(noisy(picture()), counter)
    first, both = counter.ends
    assert first < 150, "its rule stops it"
    assert [iteration for iteration, _ in counter.counts] == list(range(1, both + 1))
    assert {total for _, total in counter.counts[:first]} == {300}, "the most that it may take"
    assert counter.counts[first] == (first + 1, 2 * first)


def test_rules_that_need_a_noise_level_say_so() -> None:
    """Impulses that stand out are missing pixels, and those that are left have no noise."""
    shape = (1, 1, 16, 16)
    mask = half_missing(16)
    for operator, noise, supported in (
        (Identity(), Gaussian(0.1), True),
        (mask, Poisson(20.0), True),
        (Identity(), SaltAndPepper(0.2), True),
        (mask, SaltAndPepper(0.2), False),
        (Identity(), standard(10), False),
    ):
        measurement = Measurement(torch.zeros(shape), operator, noise, shape)
        for stop in ("median", "discrepancy"):
            reason = Small(stop=stop).unsupported(measurement)
            assert (reason is None) == supported
            assert supported or f"stop={stop} needs Gaussian or Poisson noise" in str(reason)
        assert Small(stop="es-wmv").unsupported(measurement) is None


def test_the_trace_hears_the_outputs_and_which_image_is_returned() -> None:
    class Keeper(Trace):
        def __init__(self) -> None:
            self.images: dict[int, Tensor] = {}
            self.outputs: list[Tensor] = []
            self.step = 0

        def report(self, iteration, total, image, *, output=None, **values):
            self.images[iteration] = image.clone()
            self.outputs.append(output.clone())

        def returned(self, iteration):
            self.step = iteration

    keeper = Keeper()
    restored = Small(iterations=150).restore(noisy(picture()), keeper)
    assert torch.equal(keeper.images[keeper.step], restored)
    assert keeper.step < 150, "this picture is over-fitted before"
    mean = keeper.outputs[0]
    for step, output in enumerate(keeper.outputs[1 : keeper.step], 2):
        mean = mean + (1 - min(0.99, step / (step + 9))) * (output - mean)
    torch.testing.assert_close(mean, restored)


def test_langevin_samples_give_a_mean_and_its_uncertainty() -> None:
    class Album(Trace):
        def __init__(self) -> None:
            self.pictures: list[tuple[str, Tensor]] = []

        def picture(self, name, image):
            self.pictures.append((name, image))

    album = Album()
    clean = picture(32)
    restored = {}
    for langevin in (5.0, 0.1):
        prior = Small(iterations=60, warm_up=0, langevin=langevin, stop="never")
        restored[langevin] = prior.restore(noisy(clean), album)
    much, little = (uncertainty for _, uncertainty in album.pictures)
    assert little.shape == clean.shape and little.min() > 0
    assert much.mean() > 2 * little.mean(), "more noise, more uncertainty"
    assert float((restored[0.1] - clean).square().mean()) < SIGMA**2 / 4
    with pytest.raises(UsageError, match="stop=never"):
        Small(langevin=1.0)


def test_the_uncertainty_is_the_deviation_of_the_later_outputs() -> None:
    class Album(Trace):
        def __init__(self) -> None:
            self.outputs: list[Tensor] = []

        def report(self, iteration, total, image, *, output=None, **values):
            self.outputs.append(output.clone())

        def picture(self, name, image):
            self.uncertainty = image

    album = Album()
    prior = Small(iterations=21, langevin=1.0, warm_up=0, stop="never")
    restored = prior.restore(noisy(picture(16)), album)
    later = torch.stack(album.outputs[10:])
    torch.testing.assert_close(restored, later.mean(0))
    torch.testing.assert_close(album.uncertainty, later.std(0))


@pytest.mark.slow
def test_the_posterior_of_several_runs_is_that_of_all_their_samples() -> None:
    clean, settings = picture(16), {"iterations": 20, "langevin": 1.0, "warm_up": 0}
    batch = noisy(torch.cat([clean, 1 - clean]))
    posterior = Small(**settings, stop="never", runs=2).posterior(batch, seed=3)
    alone = [Small(**settings, stop="never").posterior(batch, seed=3 + run) for run in range(2)]
    means = torch.stack([one.mean for one in alone])
    within = torch.stack([one.deviation.square() for one in alone]).mean(0)
    torch.testing.assert_close(posterior.mean, means.mean(0))
    expected = (within + means.var(0, correction=0)).sqrt()
    torch.testing.assert_close(posterior.deviation, expected)
    assert posterior.deviation.shape == batch.shape
    with pytest.raises(UsageError, match="langevin=1,stop=never samples it"):
        Small().posterior(batch)


@pytest.mark.parametrize(
    "more", mostly_slow([{"weight_tv": 1.0}, {"red": SlidingDCT()}], {"weight_tv": 1.0})
)
def test_explicit_priors_join_in(more: dict[str, Any]) -> None:
    measurement = noisy(picture(32))

    def variation(image: Tensor) -> float:
        return float(image.diff(dim=2).abs().sum() + image.diff(dim=3).abs().sum())

    plain = Small(iterations=60, stop="never").restore(measurement)
    joined = Small(iterations=60, stop="never", **more).restore(measurement)
    assert variation(joined) < 0.9 * variation(plain)


def test_what_joins_in_must_be_a_denoiser() -> None:
    with pytest.raises(UsageError, match="red=tv is not a Denoiser"):
        Small(red=TotalVariation())


class GrayOnly(SlidingDCT):
    def unsupported(self, measurement: Measurement) -> str | None:
        assert measurement.operator.is_identity and measurement.noise.is_gaussian
        assert measurement.y.shape == measurement.shape
        return None if measurement.shape[1] == 1 else "it only treats gray images"


def test_what_joins_in_must_support_the_images() -> None:
    """It is asked about what it is given in a fit: an image with noise, whatever the data are."""
    prior = Small(red=GrayOnly())
    for channels, answer in ((1, None), (3, "red=dct: it only treats gray images")):
        shape = (1, channels, 16, 16)
        y = torch.zeros(1, 7, dtype=torch.complex64)
        data = Measurement(y, Fourier(), Gaussian(0.1), shape)
        assert prior.unsupported(data) == answer


def test_impulses_that_stand_out_are_missing_pixels() -> None:
    clean = picture(32)
    noise = SaltAndPepper(0.3)
    y = torch.from_numpy(noise.sample(clean.double().numpy(), np.random.default_rng(1))).float()
    measurement = Measurement(y, Identity(), noise, tuple(clean.shape))
    prior = Small(iterations=60)
    assert torch.equal(prior.restore(measurement), prior.restore(measurement.without_outliers()))


def test_a_fit_that_breaks_at_the_end_returns_where_it_was_well(monkeypatch) -> None:
    monkeypatch.setattr(Snapshot, "kept", lambda self, step, loss: step != 50)
    for stop in ("never", "es-wmv"):
        restored = Small(iterations=50, stop=stop).restore(noisy(picture(32)))
        assert float((restored - picture(32)).square().mean()) < SIGMA**2


def test_a_fit_that_breaks_goes_back() -> None:
    network = nn.Linear(2, 2)
    adam = torch.optim.Adam(network.parameters())
    mean = torch.ones(3)
    network(torch.ones(2)).sum().backward()
    adam.step()
    muon = Muon([network.weight])
    snapshot = Snapshot(Networks([network]), adam, muon, mean)
    assert snapshot.kept(50, torch.tensor(1.0))
    before = network.weight.clone()
    for loss in (float("nan"), 4.0):
        with torch.no_grad():
            for values in (network.weight, muon.momenta[network.weight], mean):
                values.fill_(9)
        adam.step()
        assert snapshot.kept(51, torch.tensor(loss)), "it looks now and then only"
        assert not snapshot.kept(100, torch.tensor(loss))
        assert torch.equal(network.weight, before) and torch.equal(mean, torch.ones(3))
        assert adam.state[network.weight]["step"] == 1
        assert not muon.momenta[network.weight].any()
    assert snapshot.kept(150, torch.tensor(3.0))


def test_one_bad_gradient_does_not_ruin_a_fit_to_exact_data(monkeypatch) -> None:
    """There Muon, whose momentum would keep it for good, works to the end."""
    calls = itertools.count(1)

    def poisoned(muon: Muon, share: float = 1.0) -> None:
        if next(calls) == 70:
            for kernel in muon.momenta:
                assert kernel.grad is not None
                kernel.grad.fill_(float("nan"))
        step(muon, share)

    step = Muon.step
    monkeypatch.setattr(Muon, "step", poisoned)
    clean = picture(32)
    exact = dataclasses.replace(noisy(clean), y=clean, noise=NoNoise())
    restored = Small(iterations=160).restore(exact)
    assert float((restored - clean).square().mean()) < float(clean.var()) / 10


@pytest.mark.parametrize(
    ("noise", "warm_up", "shares"),
    [
        (Gaussian(SIGMA), 10, {1: 1.0, 10: 1.0, 41: 30 / 61, 70: 1 / 61, 71: 0.0, 99: 0.0}),
        (Gaussian(SIGMA), 0, {1: 0.0, 99: 0.0}),
        (NoNoise(), 10, {1: 1.0, 99: 1.0}),
        (NoNoise(), 0, {1: 0.0, 99: 0.0}),
    ],
)
def test_adam_takes_the_kernels_over_from_muon(monkeypatch, noise, warm_up, shares) -> None:
    """Noted for each step: Muon's share, and Adam's step size for kernels and for the rest."""
    noted = {}

    def turn(stack, step):
        before(stack, step)
        others, large = (group["lr"] for group in stack.adam.param_groups)
        noted[step] = (stack._share_of_muon(step), large, others)

    before = Stack._turn
    monkeypatch.setattr(Stack, "_turn", turn)
    measurement = dataclasses.replace(noisy(picture(16)), noise=noise)
    Small(iterations=100, warm_up=warm_up, learning_rate=0.04, stop="never").restore(measurement)
    rate = 0.04 / 4 if warm_up and isinstance(noise, NoNoise) else 0.04
    for step, share in shares.items():
        assert noted[step] == pytest.approx((share, rate * (1 - share), rate))


@pytest.mark.parametrize("shape", [(8, 30), (30, 8), (12, 12)])
def test_orthogonal_brings_singular_values_near_one(shape) -> None:
    torch.manual_seed(0)
    values = torch.linalg.svdvals(orthogonal(torch.randn(shape)))
    assert values.min() > 0.3 and values.max() < 1.3


@dataclasses.dataclass(frozen=True, kw_only=True)
class Dropping(Small):
    """A network whose layers draw random numbers."""

    name: ClassVar[str] = "dropping"

    def make_network(self, shape):
        return nn.Sequential(super().make_network(shape), nn.Dropout(0.1))


@pytest.mark.slow
def test_dropout_is_reproducible_side_by_side_and_as_alone() -> None:
    """Threads that draw from one generator in any order would make the result a matter of luck."""
    measurement = noisy(picture(16))
    with threads(2):
        alone = Dropping(iterations=10, runs=2, stop="never").restore(measurement)
        for _ in range(2):
            pair = Dropping(iterations=10, runs=2, batch=2, stop="never").restore(measurement)
            assert torch.equal(pair, alone)
        assert not torch.equal(
            alone, Small(iterations=10, runs=2, stop="never").restore(measurement)
        )


@pytest.mark.slow
def test_complex_data_of_another_shape_are_fitted() -> None:
    """Held-out data, the discrepancy and the moving variance work on a spectrum as well."""
    clean = picture(32)
    spectrum = torch.fft.rfft2(clean, norm="ortho").flatten(2)
    noise = Gaussian(SIGMA)
    y = torch.from_numpy(noise.sample(spectrum.numpy(), np.random.default_rng(0))).to(spectrum)
    measurement = Measurement(y, Fourier(), noise, tuple(clean.shape))
    for stop in ("median", "held-out", "never"):
        restored = Small(iterations=150, stop=stop).restore(measurement)
        assert restored.dtype == torch.float32
        assert float((restored - clean).square().mean()) < SIGMA**2


class Fourier(LinearOperator):
    """All frequencies of an image, in a row."""

    def forward(self, x):
        return torch.fft.rfft2(x, norm="ortho").flatten(2)

    def adjoint(self, y):
        raise AssertionError("a fit to noisy data needs no adjoint")


@pytest.mark.parametrize("share", [1.0, 0.25])
def test_muon_changes_the_weights_of_every_layer_by_the_same_amount(share) -> None:
    """A root mean square of a hundredth, whatever the gradient's size and the layer's shape."""
    for shape, size in (((32, 16, 3, 3), 1e-4), ((8, 64, 1, 1), 1e3), ((64, 8, 1, 1), 1.0)):
        kernel = torch.zeros(shape, requires_grad=True)
        kernel.grad = size * torch.randn(shape, generator=torch.Generator().manual_seed(0))
        muon, gradient = Muon([kernel]), kernel.grad.clone()
        muon.step(share)
        first = kernel.detach().clone()
        assert float(first.square().mean().sqrt()) == pytest.approx(0.01 * share, rel=0.3)
        assert float((first * gradient).sum()) < 0
        # Momentum: it goes on where there is no gradient any more.
        kernel.grad = torch.zeros_like(gradient)
        muon.step(share)
        assert float(((kernel.detach() - first) * first).sum()) > 0


CODES: list[Tensor] = []
"""What `Listener` is given."""


class Listener(nn.Sequential):
    def forward(self, code: Tensor) -> Tensor:
        CODES.append(code.clone())
        return super().forward(code)


class Listening(Small):
    """A generator whose network keeps the codes that it is given."""

    def make_network(self, shape: tuple[int, int, int, int]) -> nn.Module:
        return Listener(super().make_network(shape))


@pytest.mark.parametrize(
    ("noise", "channels", "level"),
    [
        (Gaussian(0.2), 3, 0.2),
        (Gaussian(0.2), 1, 0.2 * 3**0.5),
        (Gaussian(0.01), 3, 14 / 255),
        (NoNoise(), 1, 14 / 255),
    ],
)
def test_the_code_is_perturbed_the_more_the_noisier_the_data(
    monkeypatch, noise, channels, level
) -> None:
    monkeypatch.setattr(precision, "bf16_is_fast", lambda device: False)
    y = torch.rand((1, channels, 32, 32), generator=torch.Generator().manual_seed(0))
    measurement = Measurement(y, Identity(), noise, (1, channels, 32, 32))
    seen = {}
    for perturbation in (0.0, 0.5):
        CODES.clear()
        Listening(iterations=6, perturbation=perturbation).restore(measurement)
        seen[perturbation] = list(CODES)
    assert all(torch.equal(code, seen[0.0][0]) for code in seen[0.0])
    changes = [code - seen[0.0][0] for code in seen[0.5]]
    for change in changes:
        assert float(change.std()) == pytest.approx(0.5 * level, rel=0.05)
    assert not torch.equal(changes[0], changes[-1]), "each step has noise of its own"


class Pixels(nn.Module):
    """An image that is its own parameter."""

    def __init__(self, shape: tuple[int, ...]) -> None:
        super().__init__()
        self.logits = nn.Parameter(torch.zeros(shape))

    def forward(self, code: Tensor) -> Tensor:
        return self.logits.sigmoid()


@dataclasses.dataclass(frozen=True, kw_only=True)
class Free(Generator):
    """A generator that prefers nothing: what it makes is what its companions prefer."""

    name: ClassVar[str] = "free"
    iterations: int = 500
    learning_rate: float = 0.05
    warm_up: int = 0
    perturbation: float = 0.0
    averaging: float = 0.9
    stop: str = "never"

    def make_network(self, shape: tuple[int, int, int, int]) -> nn.Module:
        return Pixels(shape)

    def make_code(self, shape: tuple[int, int, int, int]) -> Tensor:
        return torch.zeros(1, 1, *shape[2:])


@pytest.mark.parametrize("sigma", mostly_slow([0.03, 0.1], 0.03))
def test_the_weight_of_total_variation_is_that_of_the_prior(sigma) -> None:
    clean = 0.2 + 0.6 * picture(24)
    noise = torch.randn(clean.shape, generator=torch.Generator().manual_seed(0))
    measurement = Measurement(clean + sigma * noise, Identity(), Gaussian(sigma), (1, 1, 24, 24))
    for weight in (0.5, 1.5):
        image = Free(weight_tv=weight).restore(measurement)
        expected = TotalVariation(weight=weight).restore(measurement)
        away = float((expected - measurement.y).square().mean())
        assert float((image - expected).square().mean()) < away / 200


@pytest.mark.parametrize("weight", mostly_slow([0.5, 3.0], 3.0))
def test_the_weight_of_a_denoiser_is_relative_to_that_of_the_data(weight) -> None:
    """The gradient of both vanishes: ``x - y + weight (x - f(x)) = 0``."""
    clean = 0.2 + 0.6 * picture(24)
    noise = torch.randn(clean.shape, generator=torch.Generator().manual_seed(0))
    measurement = Measurement(clean + 0.1 * noise, Identity(), Gaussian(0.1), (1, 1, 24, 24))
    image = Free(red=SlidingDCT(), weight_red=weight).restore(measurement)
    removed = image - SlidingDCT().denoise(image, 0.1)
    slope = image - measurement.y + weight * removed
    assert float(slope.square().mean()) < float((image - measurement.y).square().mean()) / 100
