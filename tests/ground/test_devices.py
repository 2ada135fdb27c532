"""Devices that this machine may not have: the calls are those of torch's own interface."""

import pytest
import torch

from priorlab.errors import UsageError
from priorlab.ground import devices


@pytest.mark.parametrize("name", ["quantum", "cuda:99", "meta:x"])
def test_a_device_that_is_not_there(name):
    with pytest.raises(UsageError, match=f"device '{name}' cannot be used here: ."):
        devices.find(name)


def test_the_first_sentence_of_torch_says_enough(monkeypatch):
    def refuse(*size, device):  # as it does of "mps" on a CPU, with a list of all that it knows
        raise NotImplementedError(f"Could not run it with {device}. This could be because the op")

    monkeypatch.setattr(torch, "empty", refuse)
    with pytest.raises(UsageError, match=r"'mps' cannot be used here: Could not run it with mps$"):
        devices.find("mps")


def test_a_device_that_is_there():
    assert devices.find("cpu") == torch.device("cpu")


def test_nothing_is_asked_of_a_machine_without_an_accelerator(monkeypatch):
    def missing():  # as torch 2.6 that was built for CUDA
        raise RuntimeError("Cannot access accelerator device when none is available.")

    monkeypatch.setattr(torch.accelerator, "current_accelerator", missing)
    devices.synchronize(torch.device("cpu"))


@pytest.mark.parametrize(
    ("there", "asked", "waits"),
    [
        ("mps", "mps", True),
        ("xpu", "xpu:1", True),
        ("cuda", "cuda:0", True),
        ("cuda", "cpu", False),
        (None, "cpu", False),
    ],
)
def test_the_clock_waits_for_whatever_accelerator_is_used(monkeypatch, there, asked, waits):
    waited = []
    accelerator = None if there is None else torch.device(there)
    monkeypatch.setattr(torch.accelerator, "current_accelerator", lambda: accelerator)
    monkeypatch.setattr(torch.accelerator, "synchronize", waited.append)
    devices.synchronize(torch.device(asked))
    assert waited == ([torch.device(asked)] if waits else [])
