"""Preparing a prior: what it leaves running in the process from which those of cells are copied."""

import dataclasses
import logging
import sys
import threading

import pytest

from priorlab.harness.isolation import zygote
from priorlab.harness.isolation.channel import Channel
from priorlab.harness.isolation.setup import Setup
from priorlab.priors import Denoiser


@dataclasses.dataclass(frozen=True, kw_only=True)
class Threaded(Denoiser):
    """Leaves a thread running."""

    name = "threaded"
    ends = threading.Event()

    def prepare(self, device, channels):
        threading.Thread(target=self.ends.wait, name="loader", daemon=True).start()

    def denoise(self, v, sigma):
        return v


class Known:
    def find(self, kind, name):
        return Threaded


@pytest.mark.skipif(sys.platform != "linux", reason="elsewhere nothing is copied")
def test_a_thread_that_copies_of_the_process_will_not_have_is_said(monkeypatch):
    monkeypatch.setattr(logging.getLogger("priorlab"), "handlers", [])
    ours, theirs = Channel.pair()
    request = {"prior": {"name": "threaded", "parameters": {}}, "token": "x", "channels": 1}
    try:
        zygote.prepare(theirs, request, Known(), Setup())
    finally:
        Threaded.ends.set()
    note, prepared = ours.receive().message, ours.receive().message
    assert note["text"].startswith("threaded: preparing it left running ")
    assert "the thread loader" in note["text"]
    assert prepared["event"] == "prepared"
