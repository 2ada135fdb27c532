"""What a row says of the machine it was computed on."""

from types import SimpleNamespace

import pytest
import torch

from priorlab.harness.run import machine


@pytest.fixture(autouse=True)
def forgotten():
    """Names are asked for once per process; not so here."""
    machine.name.cache_clear()
    yield
    machine.name.cache_clear()


def test_an_accelerator_says_its_own_name(monkeypatch):
    module = SimpleNamespace(get_device_name=lambda device: f"Accelerator at {device}")
    monkeypatch.setattr(torch, "get_device_module", lambda device: module)
    assert machine.name("xpu:1") == "Accelerator at xpu:1"


def test_a_cpu_has_a_name():
    assert machine.name("cpu").strip()
