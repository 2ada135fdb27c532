"""One seed for everything random, and nothing of it left behind."""

import random

import numpy as np
import pytest
import torch

from priorlab import plugins
from priorlab.randomness import seeded

CPU = torch.device("cpu")


def draws():
    return random.random(), float(np.random.rand()), float(torch.rand(()))  # noqa: NPY002


def test_equal_seeds_give_equal_draws():
    with seeded(1, CPU):
        first = draws()
    with seeded(1, CPU):
        assert draws() == first
    with seeded(2, CPU):
        assert not set(draws()) & set(first)


def test_the_generators_are_left_as_they_were():
    with seeded(3, CPU):
        expected = [draws(), draws()]
    with seeded(3, CPU):
        assert draws() == expected[0]
        with pytest.raises(KeyError), seeded(4, CPU):
            draws()
            raise KeyError
        assert draws() == expected[1]


def test_gpus_that_are_not_used_are_not_touched(monkeypatch):
    """To ask a GPU for the state of its generator starts it."""

    def fail(*args, **kwargs):
        raise AssertionError("a GPU was touched")

    monkeypatch.setattr(torch.cuda, "device_count", lambda: 2)
    for name in ("get_rng_state", "set_rng_state", "manual_seed", "manual_seed_all", "init"):
        monkeypatch.setattr(torch.cuda, name, fail)
    with seeded(5, CPU):
        draws()


@pytest.mark.parametrize(
    "spec",
    ["dip:iterations=1,channels=8,depth=1", "zs-n2n:iterations=1", "noise2fast:iterations=1"],
)
def test_priors_that_draw_touch_no_gpu_that_is_not_used(monkeypatch, spec):
    def fail(*args, **kwargs):
        raise AssertionError("a GPU was touched")

    registry = plugins.load()
    (prior,), (task,) = registry.build_priors(spec), registry.build_tasks("denoise")
    measurement = task.measure(torch.rand(1, 1, 16, 16), seed=0)
    for name in ("manual_seed", "manual_seed_all", "get_rng_state", "set_rng_state"):
        monkeypatch.setattr(torch.cuda, name, fail)
    prior.restore(measurement, seed=1)


def test_only_the_gpu_in_use_is_seeded_and_put_back(monkeypatch):
    calls = []

    class Current:
        def __init__(self, device):
            self.device = device

        def __enter__(self):
            calls.append(("enter", self.device))

        def __exit__(self, *error):
            calls.append(("exit", self.device))

    gpu = torch.device("cuda", 1)
    monkeypatch.setattr(torch.cuda, "device_count", lambda: 2)
    monkeypatch.setattr(torch.cuda, "device", Current)
    monkeypatch.setattr(torch.cuda, "manual_seed", lambda seed: calls.append(("seed", seed)))
    monkeypatch.setattr(torch.cuda, "get_rng_state", lambda device: calls.append(("get", device)))
    monkeypatch.setattr(
        torch.cuda, "set_rng_state", lambda state, device: calls.append(("set", device))
    )
    with seeded(6, gpu):
        calls.append("within")
    expected = [("get", gpu), ("enter", gpu), ("seed", 6), ("exit", gpu), "within", ("set", gpu)]
    assert calls == expected


@pytest.mark.skipif(not torch.cuda.is_available(), reason="needs a GPU")
def test_the_generator_of_a_gpu_is_seeded_and_put_back():
    gpu = torch.device("cuda", 0)
    before = torch.cuda.get_rng_state(gpu)
    with seeded(7, gpu):
        first = torch.rand(3, device=gpu)
    assert torch.equal(torch.cuda.get_rng_state(gpu), before)
    with seeded(7, gpu):
        assert torch.equal(torch.rand(3, device=gpu), first)
