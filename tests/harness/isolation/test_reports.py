"""What a prior reports leaves its process cheaply, and whatever it is."""

import numpy as np
import pytest
import torch

from priorlab.forward.measurement import Measurement
from priorlab.forward.noise import Gaussian
from priorlab.forward.operators import Identity
from priorlab.harness.isolation import reports
from priorlab.harness.isolation.block import FRAMES, Block
from priorlab.harness.isolation.channel import Channel
from priorlab.harness.isolation.reports import ReportingTrace

SHAPE = (1, 3, 12, 10)


@pytest.fixture
def block():
    measurement = Measurement(torch.rand(SHAPE), Identity(), Gaussian(0.1), SHAPE)
    block = Block.make(measurement)
    yield block
    block.close()


@pytest.fixture
def ends():
    ours, theirs = Channel.pair()
    yield ours, theirs
    ours.close()
    theirs.close()


class Clock:
    """A clock in place of the module `time`: each look at it takes a second."""

    def __init__(self):
        self.now = 0.0

    def perf_counter(self):
        self.now += 1
        return self.now


@pytest.fixture
def clock(monkeypatch):
    clock = Clock()
    monkeypatch.setattr(reports, "time", clock)
    return clock


def test_long_steps_are_all_handed_out(block, ends, clock):
    trace = ReportingTrace(ends[1], "job", block)
    for step in range(1, 10):
        image = torch.full(SHAPE, step / 10)
        trace.report(step, 9, image)
        message = ends[0].receive().message
        assert (message["job"], message["iteration"], message["total"]) == ("job", step, 9)
        assert torch.equal(block.frames[message["frame"]], image)
        block.mark(message["frame"], used=False)
        clock.now += 100
    assert trace.facts == {"last": 9}


def test_of_steps_as_short_as_handing_out_few_are(block, ends, clock):
    trace = ReportingTrace(ends[1], "job", block)
    handed_out = 0
    for step in range(1, 1001):
        trace.report(step, 1000, torch.zeros(SHAPE))
        frame = ends[0].receive().message["frame"]
        if frame is not None:
            handed_out += 1
            block.mark(frame, used=False)
    assert 10 < handed_out < 30
    assert trace.facts == {"last": 1000}


def test_what_nobody_reads_makes_nobody_wait(block, ends):
    trace = ReportingTrace(ends[1], "job", block)
    for step in range(1, 20_001):
        trace.report(step, 0, torch.zeros(SHAPE))
    ends[1].close()
    taken = 0
    while (received := ends[0].receive()) is not None:
        taken += received.message["frame"] is not None
    assert 1 <= taken <= FRAMES
    assert trace.facts == {"last": 20_000}


@pytest.mark.parametrize(
    "image", [None, "text", torch.zeros(1, 3, 12, 9), torch.zeros(3, 12, 10), np.zeros(SHAPE)]
)
def test_what_is_no_image_of_the_right_shape_is_not_handed_out(block, ends, clock, image):
    trace = ReportingTrace(ends[1], "job", block)
    trace.report(1, 2, image)
    assert ends[0].receive().message["frame"] is None


def test_what_is_reported_is_left_as_it_is(block, ends):
    image = torch.rand(SHAPE, requires_grad=True)
    before = image.detach().clone()
    ReportingTrace(ends[1], "job", block).report(1, 2, image)
    assert torch.equal(image, before)
    assert image.grad_fn is None


def test_of_several_fits_the_iterations_before_the_last_are_told(block, ends):
    trace = ReportingTrace(ends[1], "job", block)
    for step in range(1, 8):
        trace.report(step, 9, torch.zeros(SHAPE))
        if step in (4, 7):
            trace.returned(step - 1)
    assert trace.facts == {"last": 7, "stop": 6, "before": 4}


def test_numbers_of_any_kind_are_understood(block, ends):
    trace = ReportingTrace(ends[1], "job", block)
    for step in (np.int64(1), torch.tensor(2), 3.0, "x", None, float("nan"), 10**400):
        for total in (np.int64(5), None, -1, 10**400, "7"):
            trace.report(step, total, torch.zeros(SHAPE))
    trace.returned(np.int64(2))
    trace.returned("two")
    trace.converged(np.bool_(False), np.float32(1))
    trace.converged(True, 0.0)
    assert trace.facts == {"last": 3, "stop": 2, "converged": False}
