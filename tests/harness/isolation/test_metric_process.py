"""The process of a metric: what it answers is taken from it alone, and it has a limit of time."""

import ctypes
import dataclasses
import json
import os
import sys
import time

import numpy as np
import pytest
from harness.isolation.kernel import filters_are_known, landlock_is_known

from priorlab.ground import process_tree
from priorlab.harness.isolation import memory_files, metric_process
from priorlab.harness.isolation.channel import Channel, close_all
from priorlab.harness.isolation.metric_process import MetricFailed, MetricProcess
from priorlab.harness.isolation.setup import Setup

pytestmark = pytest.mark.skipif(sys.platform != "linux", reason="the kernel says who sent what")


class Child:
    """What `subprocess.Popen` is for a process that was forked."""

    def __init__(self, pid):
        self.pid = pid

    def poll(self):
        pid, status = os.waitpid(self.pid, os.WNOHANG)
        return os.waitstatus_to_exitcode(status) if pid else None

    def wait(self, timeout=None):
        return os.waitstatus_to_exitcode(os.waitpid(self.pid, 0)[1])


def value_of(act, timeout_s=10):
    """Return the value of two images where the process of the metric does something."""
    metric = MetricProcess("m", Setup(timeout_s=timeout_s))
    metric._channel, theirs = Channel.pair()

    def serve():
        request = theirs.receive()
        close_all(request.files)
        act(theirs, request.message["request"])

    return value_from(metric, theirs, serve)


def value_from(metric, theirs, serve):
    """Return the value of two images that a process gives which serves the other end."""
    pid = os.fork()
    if not pid:
        try:
            serve()
        finally:
            os._exit(3)
    theirs.close()
    metric._process = Child(pid)
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


@pytest.fixture
def served(monkeypatch):
    """Return the value that a function gives as a metric, in a process that serves it."""

    def ask(value, private):
        class Asks:
            def on(self, device):
                pass

            def value(self, restored, clean, device):
                return float(value())

        setup = Setup(metrics={"m": {"module": "m", "parameters": None}})
        monkeypatch.setattr(metric_process, "_metric", lambda name, setup: Asks())
        metric = MetricProcess("m", Setup(timeout_s=10))
        parent = os.getpid()
        metric._channel, theirs = Channel.pair()
        file = memory_files.holding(json.dumps(private).encode())
        first = {"setup": dataclasses.asdict(setup), "metric": "m", "parent": parent}
        metric._channel.send(first, [file])
        os.close(file)
        return value_from(metric, theirs, lambda: metric_process.serve(theirs.fileno()))

    return ask


def refused(act):
    try:
        act()
    except PermissionError:
        return True
    return False


@pytest.mark.skipif(not landlock_is_known(), reason="this kernel has no Landlock")
def test_a_metric_cannot_change_the_images_and_the_results(served, tmp_path):
    (tmp_path / "private").mkdir()
    image = tmp_path / "private/a.png"
    image.write_text("x")
    assert served(lambda: refused(lambda: image.write_text("y")), [str(image.parent)]) == 1
    assert served(lambda: image.read_text() == "x", [str(image.parent)]) == 1


@pytest.mark.skipif(not filters_are_known(), reason="this system has no such filter")
def test_a_metric_cannot_change_other_processes_by_their_numbers(served):
    parent = os.getpid()
    assert served(lambda: refused(lambda: os.setpriority(os.PRIO_PROCESS, parent, 1)), []) == 1


def test_the_memory_of_a_metric_is_private(served):
    """It holds clean images."""
    get_dumpable = 3
    assert served(lambda: ctypes.CDLL(None).prctl(get_dumpable, 0, 0, 0, 0) == 0, []) == 1
