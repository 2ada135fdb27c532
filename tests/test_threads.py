"""Restorations in several threads: none depends on what the others do."""

import os
import signal
import threading
import time
from concurrent.futures import ThreadPoolExecutor
from dataclasses import dataclass

import numpy as np
import pytest
import torch

import priorlab
from priorlab import Prior, restoration
from priorlab.tasks.builtin import Denoise

IMAGE = np.random.default_rng(0).random((32, 40)).astype(np.float32)


@dataclass(frozen=True, kw_only=True)
class Drawing(Prior):
    """Draws numbers and makes tensors, while others may do so, too."""

    name = "drawing"

    def restore(self, measurement, trace=None, seed=0):
        drawn = []
        for _ in range(8):
            time.sleep(0.002)
            drawn.append(torch.rand(measurement.shape) + float(np.random.rand()))  # noqa: NPY002
        return torch.stack(drawn).mean(0) / 2


def test_a_result_is_the_same_whatever_other_threads_restore():
    measurement = Denoise().measure(torch.from_numpy(IMAGE)[None, None], seed=0)
    alone = [restoration.run(Drawing(), measurement, seed=seed) for seed in range(6)]
    torch.set_default_dtype(torch.float64)
    try:
        with ThreadPoolExecutor(3) as pool:
            found = list(
                pool.map(lambda s: restoration.run(Drawing(), measurement, seed=s), range(6))
            )
        assert torch.get_default_dtype() == torch.float64
    finally:
        torch.set_default_dtype(torch.float32)
    assert all(torch.equal(one, other) for one, other in zip(found, alone, strict=True))


@pytest.mark.slow
def test_restore_in_threads_gives_what_it_gives_alone():
    given = ("denoise:sigma=25", "dip:iterations=8,channels=8,depth=2")
    alone = priorlab.restore(IMAGE, *given)
    state = torch.random.get_rng_state()
    with ThreadPoolExecutor(2) as pool:
        found = list(pool.map(lambda _: priorlab.restore(IMAGE, *given), range(4)))
    assert all(np.array_equal(one, alone) for one in found)
    assert torch.equal(torch.random.get_rng_state(), state)


@dataclass(frozen=True, kw_only=True)
class Waiting(Prior):
    """Restores until it is told to end."""

    name = "waiting"

    def restore(self, measurement, trace=None, seed=0):
        BEGUN.set()
        END.wait(60)
        return measurement.y


BEGUN, END = threading.Event(), threading.Event()


def test_a_copy_of_the_process_does_not_wait_for_a_thread_that_it_lacks():
    measurement = Denoise().measure(torch.from_numpy(IMAGE)[None, None], seed=0)
    with ThreadPoolExecutor(1) as pool:
        pool.submit(restoration.run, Waiting(), measurement)
        assert BEGUN.wait(60)
        copy = os.fork()
        if not copy:
            signal.alarm(20)
            restoration.run(Drawing(), measurement)
            os._exit(0)
        _, status = os.waitpid(copy, 0)
        END.set()
    assert os.waitstatus_to_exitcode(status) == 0
