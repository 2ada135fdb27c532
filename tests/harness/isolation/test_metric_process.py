"""The process of a metric: what it answers is taken from it alone, and it has a limit of time."""

import os
import sys
import time

import numpy as np
import pytest

from priorlab.ground import process_tree
from priorlab.harness.isolation.channel import Channel, close_all
from priorlab.harness.isolation.metric_process import MetricFailed, MetricProcess
from priorlab.harness.isolation.setup import Setup

pytestmark = pytest.mark.skipif(sys.platform != "linux", reason="the kernel says who sent what")


class Forked:
    """What `subprocess.Popen` is for a process that does something for one request."""

    def __init__(self, act, channel):
        self.pid = os.fork()
        if not self.pid:
            try:
                request = channel.receive()
                close_all(request.files)
                act(channel, request.message["request"])
            finally:
                os._exit(3)
        channel.close()

    def poll(self):
        pid, status = os.waitpid(self.pid, os.WNOHANG)
        return os.waitstatus_to_exitcode(status) if pid else None

    def wait(self, timeout=None):
        return os.waitstatus_to_exitcode(os.waitpid(self.pid, 0)[1])


def value_of(act, timeout_s=10):
    """Return the value of two images where the process of the metric does something."""
    metric = MetricProcess("m", Setup(timeout_s=timeout_s))
    metric._channel, theirs = Channel.pair()
    metric._process = Forked(act, theirs)
    pid = metric.pid
    image = np.zeros((1, 8, 8), np.float32)
    try:
        return metric.evaluate(image, image)
    finally:
        metric.end()
        assert not process_tree.running([pid]), "it was not ended"


def answers(channel, request, value):
    channel.send({"value": value, "request": request})


def test_a_copy_does_not_answer_in_its_place():
    def act(channel, request):
        if not (copy := os.fork()):
            answers(channel, request, 1.0)
            os._exit(0)
        os.waitpid(copy, 0)
        answers(channel, request, 2.0)
        time.sleep(60)

    assert value_of(act) == 2.0


def test_an_answer_to_an_earlier_request_is_passed_over():
    def act(channel, request):
        answers(channel, request - 1, 1.0)
        answers(channel, request, 2.0)
        time.sleep(60)

    assert value_of(act) == 2.0


def test_a_metric_that_hangs_is_given_up():
    since = time.monotonic()
    with pytest.raises(MetricFailed, match=r"^no value after 0\.1 s$"):
        value_of(lambda *_: time.sleep(60), timeout_s=0.1)
    assert time.monotonic() - since < 20


def test_what_a_metric_raises_is_cut_to_one_reason():
    def act(channel, request):
        channel.send({"failed": "ValueError: " + "x" * 10_000, "request": request})
        time.sleep(60)

    with pytest.raises(MetricFailed, match=r"^ValueError: x+$") as caught:
        value_of(act)
    assert len(str(caught.value)) < 2_000
