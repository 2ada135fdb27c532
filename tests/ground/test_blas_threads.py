"""The linear algebra of numpy and scipy takes one thread while priorlab restores."""

import os
import subprocess
import sys
import threading
import time

import pytest
from threadpoolctl import threadpool_info, threadpool_limits

from priorlab.ground import blas_threads

RESTORED = """
import time
import numpy as np
import priorlab
from threadpoolctl import threadpool_info

def threads():
    return [one["num_threads"] for one in threadpool_info() if one["internal_api"] == "openblas"]

image = np.random.default_rng(0).random((48, 48))
np.save("mask.npy", np.random.default_rng(1).random((48, 48)) < 0.5)
before = threads()
everyone, own = time.process_time(), time.thread_time()
priorlab.restore(image, "inpaint:mask=mask.npy", "linear")
everyone, own = time.process_time() - everyone, time.thread_time() - own
assert everyone < 1.2 * own, (everyone, own)
assert before == [2] and threads() == [2, 2], (before, threads())
"""


@pytest.mark.slow
def test_small_systems_are_not_given_to_threads_that_wait_for_each_other(tmp_path):
    """Beside other work `linear` took minutes. scipy's library is loaded on the way."""
    environment = {name: value for name, value in os.environ.items() if "NUM_THREADS" not in name}
    environment["OPENBLAS_NUM_THREADS"] = "2"
    command = [sys.executable, "-c", RESTORED]
    done = subprocess.run(
        command, env=environment, cwd=tmp_path, capture_output=True, text=True, check=False
    )
    assert done.returncode == 0, done.stderr


def test_what_was_set_is_put_back_after_the_last_of_nested_contexts():
    def threads():
        return {
            one["num_threads"] for one in threadpool_info() if one["internal_api"] == "openblas"
        }

    usual = os.environ.get("OPENBLAS_NUM_THREADS")
    with threadpool_limits(2, user_api="blas"):
        with pytest.raises(RuntimeError), blas_threads.one():
            with blas_threads.one():
                assert threads() == {1}
            assert threads() == {1} and os.environ["OPENBLAS_NUM_THREADS"] == "1"
            raise RuntimeError
        assert threads() == {2} and os.environ.get("OPENBLAS_NUM_THREADS") == usual


def test_threads_that_overlap_leave_the_setting_as_it_was(monkeypatch):
    monkeypatch.delenv("OPENBLAS_NUM_THREADS", raising=False)
    entered, left = threading.Event(), threading.Event()

    def second():
        entered.wait()
        with blas_threads.one():
            left.wait(1)

    other = threading.Thread(target=second)
    other.start()
    with blas_threads.one():
        entered.set()
        time.sleep(0.1)  # the other one is within by now, or waits to be
    left.set()
    other.join()
    assert "OPENBLAS_NUM_THREADS" not in os.environ
