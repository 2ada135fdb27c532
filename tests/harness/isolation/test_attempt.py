"""One cell as it is watched from outside: its limits hold, and what it says is not trusted."""

import contextlib
import ctypes
import dataclasses
import os
import sys
import time
from typing import ClassVar

import numpy as np
import pytest
import torch

from priorlab.forward.measurement import Measurement
from priorlab.forward.noise import Gaussian
from priorlab.forward.operators import Identity
from priorlab.ground import process_tree
from priorlab.harness.isolation import inside, memory_files
from priorlab.harness.isolation.attempt import UNHEARD, watch
from priorlab.harness.isolation.block import Block
from priorlab.harness.isolation.channel import Channel
from priorlab.harness.isolation.nursery import CellProcess
from priorlab.harness.isolation.setup import Setup
from priorlab.priors import Prior
from priorlab.trace import SILENT

pytestmark = pytest.mark.skipif(sys.platform != "linux", reason="elsewhere nothing is forked")

SHAPE = (1, 1, 12, 10)


@pytest.fixture
def attempt():
    """Watch a prior that first does something with the channel, which no real one knows of."""

    def run(act, output=None, **limits):
        measurement = Measurement(torch.rand(SHAPE), Identity(), Gaussian(0.1), SHAPE)

        @dataclasses.dataclass(frozen=True, kw_only=True)
        class Acts(Prior):
            name: ClassVar[str] = "acts"

            def restore(self, measurement, trace=SILENT, seed=0):
                act(theirs)
                return measurement.y

        block = Block.make(measurement)
        ours, theirs = Channel.pair()
        pid = os.fork()
        if not pid:
            try:
                ours.close()
                if output is not None:
                    os.dup2(output, 1)
                device = torch.device("cpu")
                inside.restore(Acts(), None, theirs, "job", device=device, threads=1)
            finally:
                os._exit(1)
        theirs.close()

        def wait():
            with contextlib.suppress(ChildProcessError):
                return os.waitstatus_to_exitcode(os.waitpid(pid, 0)[1])

        process = CellProcess(pid, ours, 0.0, code=wait, reap=wait)
        try:
            return watch(process, "job", block, 0, Setup(**limits), UNHEARD)
        finally:
            ours.close()
            block.close()
            assert not process_tree.running([pid]), "its process was not ended"

    return run


def sleep(*_):
    time.sleep(60)


def in_a_child(act):
    def do(*_):
        if not os.fork():
            act()
        sleep()

    return do


def takes(*_):
    kept = np.ones(80 * 2**20, np.uint8)
    sleep(kept)


def test_who_does_no_harm_is_restored(attempt):
    result = attempt(lambda _: None)
    assert (result.status, result.message, result.image.shape) == ("ok", "", SHAPE)


def test_the_limit_of_time_holds(attempt):
    since = time.monotonic()
    result = attempt(sleep, timeout_s=0.1)
    assert time.monotonic() - since < 20
    assert result.status == "timeout"
    assert result.message == "no result after 0.1 s; the process was ended"


@pytest.mark.parametrize("takes", [takes, in_a_child(takes)], ids=["itself", "its child"])
def test_the_limit_of_memory_holds(attempt, takes):
    result = attempt(takes, timeout_s=20, memory_mb=40)
    assert result.status == "crashed"
    assert result.message == "it took more than 40 MB of memory; the process was ended"


def test_a_copy_that_answers_is_a_crash(attempt):
    def answers(channel):
        if not os.fork():
            channel.send({"event": "done", "job": "job"})
        sleep()

    result = attempt(answers, timeout_s=20)
    assert (result.status, result.message) == ("crashed", "something else answered in its place")


def test_an_answer_for_another_cell_is_a_crash(attempt):
    result = attempt(lambda channel: channel.send({"event": "done", "job": "other"}))
    assert (result.status, result.message) == ("crashed", "something else answered in its place")


def test_a_detached_process_is_ended_and_said(attempt):
    found, told = os.pipe()

    def leaves(_):
        child = os.fork()
        if not child:
            os.setsid()
            if not (grandchild := os.fork()):
                sleep()
            os.write(told, str(grandchild).encode())
            os._exit(0)
        os.waitpid(child, 0)

    result = attempt(leaves)
    left = int(os.read(found, 20))
    os.close(found)
    os.close(told)
    assert result.message == "it left 1 process running, which was ended"
    assert not process_tree.running([left])


def test_a_cell_has_a_group_of_processes_of_its_own(attempt):
    """Or a signal to its group would reach the scorer."""

    def checks(_):
        assert os.getpgrp() == os.getpid()

    assert attempt(checks).status == "ok"


def test_whether_writing_waits_is_not_for_a_cell_to_say_where_others_print(attempt):
    read, write = os.pipe()
    assert attempt(lambda _: os.set_blocking(1, False), write).status == "ok"
    assert os.get_blocking(write)
    os.close(read)
    os.close(write)


@pytest.mark.parametrize(("worst", "kept"), [(0.5, 1), (np.nan, 0), (np.inf, 0)])
def test_a_picture_is_kept_if_it_is_one(attempt, worst, kept):
    def shows(channel):
        file = memory_files.holding(np.array([worst, 0, 0, 0], np.float32).tobytes())
        facts = {"event": "picture", "job": "job", "name": "map", "white": 1.0, "shape": [1, 2, 2]}
        channel.send(facts, [file])

    assert len(attempt(shows).pictures) == kept


def test_nobody_can_cut_off_what_others_have_mapped():
    file = memory_files.holding(b"pixels")
    with pytest.raises(PermissionError):
        os.ftruncate(file, 1)
    os.close(file)


def test_who_is_to_end_with_its_parent_does():
    found, told = os.pipe()
    parent = os.fork()
    if not parent:
        me = os.getpid()
        if not os.fork():
            process_tree.end_with(me)
            os.write(told, str(os.getpid()).encode())
            sleep()
        sleep()
    below = int(os.read(found, 20))
    os.close(found)
    os.close(told)
    os.kill(parent, 9)
    os.waitpid(parent, 0)
    deadline = time.monotonic() + 10  # the kernel takes a moment
    try:
        while process_tree.running([below]) and time.monotonic() < deadline:
            time.sleep(0.001)
        assert not process_tree.running([below])
    finally:
        process_tree.end([below])


def test_the_memory_of_who_holds_the_truth_is_private():
    get_dumpable = 3
    child = os.fork()
    if not child:
        process_tree.keep_private()
        os._exit(ctypes.CDLL(None).prctl(get_dumpable, 0, 0, 0, 0))
    assert os.waitpid(child, 0)[1] == 0
