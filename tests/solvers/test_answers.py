"""What a prior returns wrongly is an error that says what is right, and no restored image."""

import dataclasses
from collections.abc import Callable
from typing import Any, ClassVar

import numpy as np
import pytest
import torch
from torch import nn

from priorlab import restoration
from priorlab.errors import UsageError
from priorlab.pictures import arrays
from priorlab.priors import Denoiser, Generator, Regularizer
from priorlab.tasks.builtin import Deblur, Denoise, Inpaint, Task

CLEAN = torch.rand(1, 3, 16, 20, generator=torch.Generator().manual_seed(0))
Function = Callable[..., Any]


def squares(x):
    return x.square().flatten(1).sum(1)


@dataclasses.dataclass(frozen=True, kw_only=True)
class Energy(Regularizer):
    """An energy without a prox."""

    name: ClassVar[str] = "wrong"
    function: ClassVar[Function] = squares

    def energy(self, x):
        return type(self).function(x)


@dataclasses.dataclass(frozen=True, kw_only=True)
class Prox(Energy):
    """An energy with a prox."""

    def prox(self, v, step):
        return type(self).function(v)

    def energy(self, x):
        return squares(x)


@dataclasses.dataclass(frozen=True, kw_only=True)
class Filter(Denoiser):
    """A denoiser."""

    name: ClassVar[str] = "wrong"
    function: ClassVar[Function] = torch.clone

    def denoise(self, v, sigma):
        return type(self).function(v)


@dataclasses.dataclass(frozen=True, kw_only=True)
class Network(Generator):
    """A network."""

    name: ClassVar[str] = "wrong"
    function: ClassVar[Function] = nn.Identity()
    code: ClassVar[Function] = torch.rand

    def make_network(self, shape):
        return type(self).function

    def make_code(self, shape):
        return type(self).code(1, 2, *shape[2:])


def failure(prior: Any, task: Task) -> str:
    with pytest.raises(UsageError) as error:
        restoration.attempt(prior, task.measure(CLEAN, seed=0))
    assert "wrong" in str(error.value)
    return str(error.value)


@pytest.mark.parametrize("task", [Denoise(), Inpaint()], ids=lambda task: task.name)
@pytest.mark.parametrize(
    ("function", "message"),
    [
        (lambda x: 1.0, "returned float; expected a tensor of shape (1,), one value"),
        (lambda x: squares(x).item(), "returned float"),
        (lambda x: squares(x).detach().numpy(), "returned ndarray"),
        (lambda x: None, "returned NoneType"),
        (lambda x: squares(x).sum(), "returned a tensor of shape (); expected"),
        (torch.square, "returned a tensor of shape (1, 3, 16, 20); expected"),
        (lambda x: squares(x.detach()), "without a gradient"),
        (lambda x: squares(x) * float("nan"), "energy returned NaN"),
        (lambda x: squares((x - x).square().sqrt()), "gradient of the energy is NaN"),
    ],
)
def test_no_energy(function: Function, message: str, task: Task) -> None:
    assert message in failure(type("Wrong", (Energy,), {"function": function})(), task)


@pytest.mark.parametrize("kind", [Prox, Filter])
@pytest.mark.parametrize("task", [Denoise(), Inpaint()], ids=lambda task: task.name)
@pytest.mark.parametrize(
    ("function", "message"),
    [
        (lambda v: v.numpy(), "returned ndarray; expected a tensor of shape (1, 3, 16, 20)"),
        (lambda v: v[0], "returned a tensor of shape (3, 16, 20)"),
        (lambda v: v[..., 1:], "returned a tensor of shape (1, 3, 16, 19)"),
        (lambda v: v.mean((2, 3), keepdim=True), "returned a tensor of shape (1, 3, 1, 1)"),
        (lambda v: v.double(), "returned torch.float64; expected torch.float32"),
        (lambda v: None, "returned NoneType"),
    ],
)
def test_no_image(kind: Any, function: Function, message: str, task: Task) -> None:
    assert message in failure(type("Wrong", (kind,), {"function": function})(), task)


@pytest.mark.parametrize(
    ("function", "message"),
    [
        (None, "make_network returned NoneType"),
        (nn.Conv2d(2, 1, 1), "the network returned a tensor of shape (1, 1, 16, 20); expected"),
        (nn.Conv2d(2, 3, 3), "the network returned a tensor of shape (1, 3, 14, 18)"),
    ],
)
def test_no_network(function: Any, message: str) -> None:
    prior = type("Wrong", (Network,), {"function": function})(iterations=2)
    assert message in failure(prior, Denoise())


def test_no_code() -> None:
    functions = {"function": nn.Conv2d(2, 3, 1), "code": lambda *shape: torch.rand(*shape)[0]}
    prior = type("Wrong", (Network,), functions)(iterations=2)
    assert "make_code returned a tensor of shape (2, 16, 20); expected" in failure(prior, Denoise())


def test_the_denoiser_of_a_network_is_checked() -> None:
    class Wrong(Filter):
        def denoise(self, v, sigma):
            return v.mean()

    network = type("Right", (Network,), {"function": nn.Conv2d(2, 3, 1)})
    assert "denoise returned" in failure(network(iterations=2, red=Wrong()), Denoise())


def test_what_is_right_passes() -> None:
    assert restoration.attempt(Energy(), Denoise().measure(CLEAN, seed=0)).shape == CLEAN.shape


@pytest.mark.parametrize("channels", [1, 3])
def test_two_levels(channels: int) -> None:
    bits = np.random.default_rng(0).integers(0, 2, (channels, 16, 16)).astype(np.float32)
    assert arrays.has_two_levels(bits) and arrays.has_two_levels(0.2 + 0.1 * bits)
    third = bits.copy()
    third[0, 0, 0] = 0.5
    assert not arrays.has_two_levels(third)


@pytest.mark.parametrize("solver", ["hqs", "diffpir", "ascent", "ula"])
def test_what_is_written_into_the_input_changes_nothing_else(solver, monkeypatch):
    measurement, restored = Denoise().measure(CLEAN, seed=0), []
    for function in (lambda v: 0.9 * v, lambda v: v.mul_(0.9)):
        monkeypatch.setattr(Filter, "function", staticmethod(function))
        restored.append(restoration.run(Filter(solver=solver), measurement))
    assert torch.equal(*restored)


@pytest.mark.parametrize("solver", Filter.__dataclass_fields__["solver"].metadata["choices"])
def test_an_answer_is_kept_though_its_tensor_is_used_again(solver, monkeypatch):
    measurement, restored = Inpaint(missing=0.2, sigma=0.1).measure(CLEAN, seed=0), []
    out = torch.empty_like(CLEAN)
    for function in (lambda v: 0.9 * v, lambda v: torch.mul(v, 0.9, out=out)):
        monkeypatch.setattr(Filter, "function", staticmethod(function))
        restored.append(restoration.run(Filter(solver=solver, steps=5), measurement))
    assert torch.equal(*restored)


def test_a_prox_is_kept_though_its_tensor_is_used_again(monkeypatch):
    measurement, restored = Deblur(width=1.0).measure(CLEAN, seed=0), []
    out = torch.empty(measurement.shape)
    for function in (lambda v: 0.9 * v, lambda v: torch.mul(v, 0.9, out=out)):
        monkeypatch.setattr(Prox, "function", staticmethod(function))
        restored.append(restoration.run(Prox(), measurement))
    assert torch.equal(*restored)
