"""Compiled loops and their threads."""

import threading

import pytest
import torch

from priorlab_handcrafted.shared.compiled import Threads, kernel


@pytest.mark.parametrize("count", [1, 3])
def test_results_come_in_order_and_an_error_is_passed_on(count):
    before = torch.get_num_threads()
    torch.set_num_threads(count)
    try:
        with Threads() as threads:
            assert threads.map(lambda item: item**2, range(20)) == [i**2 for i in range(20)]
            with pytest.raises(ZeroDivisionError):
                threads.map(lambda item: 1 / item, [1, 0])
    finally:
        torch.set_num_threads(before)


def test_as_many_threads_work_as_torch_has():
    before = torch.get_num_threads()
    torch.set_num_threads(2)
    pair = threading.Barrier(2, timeout=60)  # nothing is done before two threads are at work

    def work(item):
        pair.wait()
        return threading.get_ident()

    try:
        with Threads() as threads:
            names = threads.map(work, range(20))
    finally:
        torch.set_num_threads(before)
    assert len(set(names)) == 2


def test_loops_compile_where_nothing_can_be_kept():
    names = {"kernel": kernel}
    exec("@kernel\ndef twice(x):\n    return 2 * x\n", names)  # from no file: no place beside it
    assert names["twice"](21) == 42
