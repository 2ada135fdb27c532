"""The peak of memory, where the system counts it and where nobody does."""

import math
import sys
from types import SimpleNamespace

import torch

from priorlab.harness.run import memory

CPU = torch.device("cpu")


def test_an_accelerator_counts_its_own(monkeypatch):
    counted = SimpleNamespace(
        reset_peak_memory_stats=lambda device: None, max_memory_allocated=lambda device: 3_000_000
    )
    monkeypatch.setattr(torch, "get_device_module", lambda device: counted)
    memory.reset_peak(torch.device("xpu"))
    assert memory.peak_mb(torch.device("xpu")) == 3.0


def test_without_proc_the_system_is_asked_and_without_that_nobody_knows(monkeypatch, tmp_path):
    """As on macOS, and as on Windows."""
    known = memory.peak_mb(CPU)
    monkeypatch.setattr(memory, "_STATUS", tmp_path / "none")
    assert known / 4 < memory.peak_mb(CPU) < 1e5
    monkeypatch.setitem(sys.modules, "resource", None)
    assert math.isnan(memory.peak_mb(CPU))
