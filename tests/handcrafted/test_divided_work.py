"""The threads among which compiled loops divide their work."""

import multiprocessing
import os
import queue
import sys
import threading
import time
from types import SimpleNamespace

import pytest
from torch_threads import threads

from priorlab_handcrafted.shared import threads as module
from priorlab_handcrafted.shared.threads import Threads


@pytest.mark.parametrize("count", [1, 3])
def test_results_come_in_order_and_an_error_is_passed_on(count):
    with threads(count), Threads() as pool:
        assert pool.map(lambda item: item**2, range(20)) == [i**2 for i in range(20)]
        with pytest.raises(ZeroDivisionError):
            pool.map(lambda item: 1 / item, [1, 0])


def test_as_many_threads_work_as_torch_has():
    pair = threading.Barrier(2, timeout=60)  # nothing is done before two threads are at work

    def work(item):
        pair.wait()
        return threading.get_ident()

    with threads(2), Threads() as pool:
        names = pool.map(work, range(20))
    assert len(set(names)) == 2


def test_what_is_made_of_an_iterator_comes_while_it_goes_on():
    """And a second stream may be made of the first, as stages of BM3D are."""
    taken = []

    def items():
        for item in range(50):
            taken.append(item)
            yield item

    with threads(3), Threads() as pool:
        twice = pool.stream(lambda item: 2 * item, items())
        results = pool.stream(lambda item: item + 1, twice)
        assert next(results) == 1
        assert len(taken) < 20
        assert list(results) == [2 * item + 1 for item in range(1, 50)]


def test_threads_do_not_divide_their_work_once_more():
    def work(item):
        with Threads() as inner:
            return inner.count

    with threads(2), Threads() as pool:
        assert set(pool.map(work, range(8))) == {1}
    with threads(2), Threads() as pool:
        assert pool.count == 2


def test_nothing_waits_for_a_thread_that_does_not_come(monkeypatch):
    late = SimpleNamespace(calls=queue.SimpleQueue(), working=threading.Lock(), number=0)
    late.processors = None
    monkeypatch.setattr(module, "_hire", lambda: late)
    monkeypatch.setattr(Threads, "_keep_off", lambda pool: None)
    monkeypatch.setattr(module, "_free", [])
    with threads(2), Threads() as pool:
        assert pool.map(lambda item: -item, range(5)) == [0, -1, -2, -3, -4]
    assert late.calls.qsize() > 0


def test_a_single_part_needs_no_other_thread(monkeypatch):
    monkeypatch.setattr(module, "_hire", lambda: pytest.fail("a thread was started"))
    with threads(2), Threads() as pool:
        assert pool.map(lambda item: item + 1, [1]) == [2]


def test_after_an_error_nothing_is_begun_and_nothing_goes_on():
    begun, ended = [], []

    def work(item):
        begun.append(item)
        if item == 0:
            time.sleep(0.02)  # the other thread has begun something meanwhile
            raise ValueError(item)
        time.sleep(0.1)
        ended.append(item)

    with threads(2), pytest.raises(ValueError, match="0"), Threads() as pool:
        pool.map(work, range(40))
    assert sorted(begun) == sorted([0, *ended]) and len(begun) < 5
    time.sleep(0.15)
    assert len(begun) < 5


@pytest.mark.skipif(sys.platform != "linux", reason="threads are bound to processors on Linux")
@pytest.mark.skipif(len(os.sched_getaffinity(0)) < 2, reason="there is one processor")
def test_the_others_are_kept_off_the_processor_of_the_one_that_calls():
    pair = threading.Barrier(2, timeout=60)

    def work(item):
        pair.wait()
        return threading.get_ident(), os.sched_getaffinity(0)

    mine = os.sched_getaffinity(0)
    with threads(2), Threads() as pool:
        (other,) = {
            frozenset(processors)
            for name, processors in pool.map(work, range(4))
            if name != threading.get_ident()
        }
    assert other < mine and os.sched_getaffinity(0) == mine


@pytest.mark.skipif(not hasattr(os, "fork"), reason="there is no fork")
def test_a_forked_process_has_threads_of_its_own():
    def squares():
        with threads(2), Threads() as pool:
            return pool.map(lambda item: item**2, range(6))

    assert squares() == [0, 1, 4, 9, 16, 25]
    context = multiprocessing.get_context("fork")
    answers = context.SimpleQueue()
    child = context.Process(target=lambda: answers.put(squares()))
    child.start()
    child.join(60)
    assert child.exitcode == 0 and answers.get() == squares()
