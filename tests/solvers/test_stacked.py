"""Networks fitted together: each as if it were alone."""

import dataclasses
import threading
from collections.abc import Iterator
from typing import ClassVar

import pytest
import torch
from mostly_slow import mostly_slow
from torch import Tensor, nn
from torch_threads import threads

from priorlab.forward.measurement import Measurement
from priorlab.forward.noise import Gaussian, Noise, NoNoise, SaltAndPepper
from priorlab.forward.operators import Identity, LinearOperator, Mask
from priorlab.ground import precision
from priorlab.priors import Generator
from priorlab.solvers.parameter_space import fit, snapshot, stack
from priorlab.solvers.parameter_space.muon import Muon, orthogonal
from priorlab.solvers.parameter_space.snapshot import Snapshot
from priorlab.solvers.parameter_space.stacked import Networks
from priorlab.solvers.parameter_space.stopping import RULES, StoppingRule
from priorlab.trace import Trace
from priorlab_dip.dip import DeepImagePrior
from priorlab_handcrafted.sliding_dct import SlidingDCT


@dataclasses.dataclass(frozen=True, kw_only=True)
class Small(Generator):
    """A convolutional network of two layers."""

    name: ClassVar[str] = "small"

    def make_network(self, shape: tuple[int, int, int, int]) -> nn.Module:
        return nn.Sequential(
            nn.Conv2d(8, 16, 3, padding=1, bias=False),
            nn.BatchNorm2d(16),
            nn.SiLU(),
            nn.Conv2d(16, shape[1], 3, padding=1),
            nn.Sigmoid(),
        )

    def make_code(self, shape: tuple[int, int, int, int]) -> Tensor:
        return torch.rand(1, 8, *shape[2:]) / 10


@pytest.fixture(autouse=True)
def single_precision(monkeypatch: pytest.MonkeyPatch) -> None:
    """Have no bfloat16, in which the last digits that differ are large."""
    monkeypatch.setattr(precision, "bf16_is_fast", lambda device: False)


@pytest.fixture(autouse=True)
def as_on_a_gpu(monkeypatch: pytest.MonkeyPatch) -> None:
    """Stack networks on any device."""
    monkeypatch.setattr(fit, "stacking_is_fast", lambda device: True)


def measure(
    count: int = 3, operator: LinearOperator | None = None, noise: Noise | None = None
) -> Measurement:
    """Return a measurement of smooth pictures, noisy."""
    operator, noise = operator or Identity(), noise or Gaussian(0.1)
    random = torch.Generator().manual_seed(0)
    coarse = torch.rand(count, 3, 4, 5, generator=random)
    clean = nn.functional.interpolate(coarse, size=(20, 25), mode="bilinear")
    y = clean + 0.1 * torch.randn(clean.shape, generator=random)
    return Measurement(operator.forward(y), operator, noise, tuple(clean.shape))


def one_by_one(prior: Generator, measurement: Measurement, seed: int = 0) -> Tensor:
    images = range(measurement.shape[0])
    alone = dataclasses.replace(prior, batch=1)
    return torch.cat([alone.restore(measurement.image(i), seed=seed) for i in images])


MASK = Mask((torch.rand(1, 1, 20, 25, generator=torch.Generator().manual_seed(1)) > 0.5).float())

# Smooth, as a leaky ReLU amplifies the last digit of what is almost 0; for the same reason short.
DIP = {"iterations": 8, "channels": 8, "inputs": 8, "depth": 2, "batch": 3, "learning_rate": 0.005}
SMOOTH = DIP | {"activation": "swish"}


@pytest.mark.parametrize(
    "prior",
    mostly_slow(
        [
            DeepImagePrior(**SMOOTH),
            DeepImagePrior(**SMOOTH, stop="es-wmv"),
            DeepImagePrior(**SMOOTH, stop="held-out", weight_tv=1.0),
            DeepImagePrior(**SMOOTH, stop="never", langevin=1.0, warm_up=5),
            DeepImagePrior(**SMOOTH, red=SlidingDCT()),
            DeepImagePrior(**SMOOTH, network="hourglass", upsampling="bilinear", padding="reflect"),
            DeepImagePrior(**SMOOTH, upsampling="bilinear"),
            DeepImagePrior(**SMOOTH, network="unet", normalisation="none"),
            DeepImagePrior(**SMOOTH, network="resnet"),
            DeepImagePrior(**DIP, network="decoder", code="fourier"),
            DeepImagePrior(**DIP, network="convdecoder"),
            Small(iterations=8, batch=3),
        ],
        DeepImagePrior(**SMOOTH),
        DeepImagePrior(**SMOOTH, stop="held-out", weight_tv=1.0),
        DeepImagePrior(**DIP, network="decoder", code="fourier"),
        Small(iterations=8, batch=3),
    ),
    ids=lambda prior: f"{prior.name}-{prior.stop}-{getattr(prior, 'network', '')}",
)
def test_a_stack_of_three_equals_three_alone(prior) -> None:
    measurement = measure()
    together = prior.restore(measurement, seed=3)
    torch.testing.assert_close(together, one_by_one(prior, measurement, 3), atol=1e-3, rtol=0)


@pytest.mark.slow
def test_a_stack_equals_single_fits_to_the_end_of_the_handover(monkeypatch) -> None:
    monkeypatch.setattr(stack, "HANDOVER", 8)
    measurement = measure()
    prior = DeepImagePrior(**(SMOOTH | {"iterations": 30, "warm_up": 4}), stop="median")
    together = prior.restore(measurement)
    torch.testing.assert_close(together, one_by_one(prior, measurement), atol=1e-3, rtol=0)


@pytest.mark.parametrize(
    ("operator", "noise"), [(MASK, NoNoise()), (Identity(), SaltAndPepper(0.2))]
)
def test_every_measurement_can_be_fitted_in_a_stack(operator, noise) -> None:
    measurement = measure(operator=operator, noise=noise)
    prior = Small(iterations=8, batch=2)
    together = prior.restore(measurement)
    torch.testing.assert_close(together, one_by_one(prior, measurement), atol=1e-3, rtol=0)


def test_bfloat16_serves_a_stack_as_well(monkeypatch) -> None:
    monkeypatch.setattr(precision, "bf16_is_fast", lambda device: True)
    measurement = measure()
    for network in ("skip", "convdecoder"):
        prior = DeepImagePrior(**(DIP | {"iterations": 2, "averaging": 0.0}), network=network)
        together = prior.restore(measurement)
        alone = one_by_one(prior, measurement)
        other = prior.restore(measurement, seed=1)
        assert (together - alone).square().mean() < (together - other).square().mean() / 20


def test_a_neighbour_changes_nothing_at_all() -> None:
    measurement = measure()
    changed = measurement.y.clone()
    changed[1] = 1 - changed[1]
    prior = DeepImagePrior(**DIP)
    before = prior.restore(measurement)
    after = prior.restore(dataclasses.replace(measurement, y=changed))
    assert torch.equal(before[0], after[0]) and torch.equal(before[2], after[2])
    assert not torch.equal(before[1], after[1])


def test_runs_are_fitted_together_whatever_their_stacks() -> None:
    """Two images of three runs each, in stacks of four: both images in the first."""
    measurement = measure(2)
    expected = Small(iterations=8, runs=3).restore(measurement)
    together = Small(iterations=8, runs=3, batch=4).restore(measurement)
    torch.testing.assert_close(together, expected, atol=1e-3, rtol=0)
    assert not torch.allclose(Small(iterations=8).restore(measurement), expected, atol=1e-4)


class Brief(StoppingRule):
    """Ends fits to pictures that begin dark after 5 steps and others after 12."""

    def finished(self, step: int, image: Tensor, output: Tensor, last: bool) -> bool:
        self.keep(step, image)
        return step == (5 if self.measurement.y[0, 0, 0, 0] < 0.5 else 12)


def test_a_network_that_ends_keeps_its_image_while_others_go_on(monkeypatch) -> None:
    monkeypatch.setitem(RULES, "median", Brief)
    measurement = measure(2)
    measurement.y[:, 0, 0, 0] = torch.tensor([0.0, 1.0])
    shown: list[Tensor] = []

    class Keeper(Trace):
        def report(self, iteration, total, image, **values):
            shown.append(image.clone())

    prior = Small(iterations=30, batch=2)
    together = prior.restore(measurement, Keeper())
    assert len(shown) == 12, "the stack ends when all have"
    for step, index in ((5, 0), (12, 1)):
        assert torch.equal(shown[step - 1][index], together[index])
        assert torch.equal(shown[-1][index], together[index])
    torch.testing.assert_close(together, one_by_one(prior, measurement), atol=1e-3, rtol=0)


@pytest.fixture
def on_a_cpu(as_on_a_gpu: None, monkeypatch: pytest.MonkeyPatch) -> Iterator[None]:
    """Fit networks in threads, of which there are two."""
    monkeypatch.setattr(fit, "stacking_is_fast", lambda device: False)
    with threads(2):
        yield


@pytest.mark.parametrize("noise", [Gaussian(0.1), SaltAndPepper(0.2)])
def test_threads_change_nothing(on_a_cpu: None, noise: Noise) -> None:
    measurement = measure(noise=noise)
    prior = Small(iterations=8, runs=2, batch=4, langevin=1.0, stop="never")
    together = prior.restore(measurement)
    assert torch.get_num_threads() == 2
    alone = dataclasses.replace(prior, batch=1).restore(measurement)
    torch.testing.assert_close(together, alone, atol=1e-4, rtol=0)


def test_in_threads_too_a_network_that_ends_keeps_its_image(on_a_cpu: None, monkeypatch) -> None:
    test_a_network_that_ends_keeps_its_image_while_others_go_on(monkeypatch)


def test_what_a_trace_raises_ends_all_threads(on_a_cpu: None) -> None:
    class Enough(Exception):
        """The trace has seen enough."""

    class Raiser(Trace):
        def report(self, iteration, total, image, **values):
            if iteration == 3:
                raise Enough

    running = threading.active_count()
    with pytest.raises(Enough):
        Small(iterations=8, batch=3).restore(measure(), Raiser())
    assert threading.active_count() == running
    assert torch.get_num_threads() == 2


def test_the_trace_of_a_stack_shows_the_batch() -> None:
    class Keeper(Trace):
        def __init__(self) -> None:
            self.heard: list[tuple[int, int, Tensor]] = []

        def report(self, iteration, total, image, *, output=None, **values):
            assert output is None, "no one output is that of several networks"
            self.heard.append((iteration, total, image.clone()))

    keeper = Keeper()
    restored = Small(iterations=10, batch=2, stop="never").restore(measure(), keeper)
    assert [heard[:2] for heard in keeper.heard] == [(step, 20) for step in range(1, 21)]
    middle, last = keeper.heard[9][2], keeper.heard[-1][2]
    assert torch.equal(middle[:2], restored[:2]) and not middle[2].any()
    assert torch.equal(last, restored)


def test_of_several_networks_the_one_that_breaks_goes_back() -> None:
    networks = Networks([nn.Conv2d(2, 1, 1), nn.Conv2d(2, 1, 1)])
    adam = torch.optim.Adam(networks.parameters)
    means = torch.ones(2, 1, 1, 1)
    codes = [torch.ones(1, 2, 3, 3)] * 2
    first, second = (Snapshot(networks, adam, Muon([]), means[i : i + 1], i) for i in (0, 1))

    def step() -> list[Tensor]:
        adam.zero_grad()
        networks.images(codes).sum().backward()
        adam.step()
        return [
            value.clone()
            for parameter in networks.parameters
            for value in (parameter.detach(), adam.state[parameter]["exp_avg"])
        ]

    before = step()
    assert first.kept(snapshot.INTERVAL, torch.tensor(1.0))
    assert second.kept(snapshot.INTERVAL, torch.tensor(1.0))
    after = step()
    assert not first.kept(2 * snapshot.INTERVAL, torch.tensor(9.0))
    assert second.kept(2 * snapshot.INTERVAL, torch.tensor(1.0))
    now = [
        value
        for parameter in networks.parameters
        for value in (parameter, adam.state[parameter]["exp_avg"])
    ]
    for was, then, value in zip(before, after, now, strict=True):
        assert torch.equal(value[0], was[0]) and not torch.equal(was[0], then[0])
        assert torch.equal(value[1], then[1])


def test_orthogonal_takes_each_matrix_by_itself() -> None:
    matrices = torch.randn(3, 12, 8, generator=torch.Generator().manual_seed(0))
    matrices[1] *= 100
    each = torch.stack([orthogonal(matrix) for matrix in matrices])
    torch.testing.assert_close(orthogonal(matrices), each)
