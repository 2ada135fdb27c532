"""Priors that return, raise, report or send what is none of an image's business."""

import contextlib
import json
import logging
import os
import signal
import socket
import sys
import threading
import time
import warnings

import numpy as np
import torch
from faultkit import Group, guess

from priorlab.errors import Unsupported
from priorlab.hookspecs import hookimpl

GROUP = Group()
fault = GROUP.fault


# What is returned


@fault("failed", "NoneType")
def returns_nothing(m, trace, seed):
    """Returns nothing."""


@fault("failed", "ndarray")
def returns_an_array(m, trace, seed):
    """Returns an array of numpy."""
    return guess(m).numpy()


@fault("failed", "shape")
def returns_another_shape(m, trace, seed):
    """Returns an image without its last column."""
    return guess(m)[..., 1:]


@fault("failed", "shape")
def returns_a_batch(m, trace, seed):
    """Returns two images."""
    return guess(m).repeat(2, 1, 1, 1)


@fault("failed", "shape")
def returns_a_view_of_2_to_the_40(m, trace, seed):
    """Returns a view that claims to have 2^40 values."""
    return torch.zeros(1).expand(2**20, 2**20)


@fault("failed", "float64")
def returns_doubles(m, trace, seed):
    """Returns an image of doubles."""
    return guess(m).double()


@fault("failed", "complex64")
def returns_complex_numbers(m, trace, seed):
    """Returns complex numbers."""
    return guess(m).to(torch.complex64)


@fault("failed", "NaN or infinity")
def returns_nan(m, trace, seed):
    """Returns NaN and infinity."""
    answer = guess(m)
    answer[..., 0, 0], answer[..., 0, 1] = torch.nan, torch.inf
    return answer


@fault()
def returns_a_view(m, trace, seed):
    """Returns a view with negative values and values above white."""
    return (guess(m).repeat(1, 1, 2, 2) * 9 - 4)[..., ::2, ::2]


@fault("failed")
def returns_nothing_on_meta(m, trace, seed):
    """Returns an image on the device meta, which has no values."""
    return torch.empty(m.shape, device="meta")


@fault("failed")
def returns_a_sparse_image(m, trace, seed):
    """Returns a sparse tensor."""
    return guess(m).to_sparse()


class Liar(torch.Tensor):
    """A tensor whose shape lies, and that is finite whatever it holds."""

    shape = (1, 1, 16, 16)

    @classmethod
    def __torch_function__(cls, function, types, args=(), kwargs=None):
        if function is torch.isfinite:
            return torch.ones(1, dtype=torch.bool)
        return super().__torch_function__(function, types, args, kwargs or {})


@fault("failed")
def returns_a_liar(m, trace, seed):
    """Returns a tensor of its own class whose shape lies."""
    return torch.zeros(1, 1, 3, 3).as_subclass(Liar)


@fault("failed", "NaN or infinity")
def returns_a_finite_liar(m, trace, seed):
    """Returns NaN in a tensor of its own class that says it is finite."""
    return (guess(m) * torch.nan).as_subclass(Liar)


@fault()
def returns_what_changes(m, trace, seed):
    """Goes on changing the image that it returned."""
    answer = guess(m)

    def change():
        while True:
            answer.add_(torch.rand(1)).fmod_(1)

    threading.Thread(target=change).start()
    return answer


# What is raised


@fault("failed", r"ValueError: half of a pair: \?")
def raises_a_surrogate(m, trace, seed):
    """Raises an error whose text is no text."""
    raise ValueError("half of a pair: \udcff")


@fault("failed", "ValueError: x+", lambda row: len(row["message"]) < 400)
def raises_much(m, trace, seed):
    """Raises an error with a text of 20 MB."""
    raise ValueError("x" * 20_000_000)


class Mute(Exception):
    def __str__(self):
        raise RuntimeError("no words")


@fault("failed", "Mute: its message cannot be shown")
def raises_what_cannot_be_shown(m, trace, seed):
    """Raises an error that raises when it is printed."""
    raise Mute


class Leaver(Exception):
    def __str__(self):
        os._exit(4)


@fault("crashed", "status 4")
def raises_what_exits(m, trace, seed):
    """Raises an error that exits when it is printed."""
    raise Leaver


class Quitter(Exception):
    def __str__(self):
        sys.exit(4)


@fault("crashed|failed")
def raises_what_quits(m, trace, seed):
    """Raises an error that calls sys.exit when it is printed."""
    raise Quitter


@fault("failed", "RecursionError")
def recurses(m, trace, seed):
    """Calls itself for ever."""
    return recurses(m, trace, seed)


@fault("failed", "MemoryError|memory")
def asks_for_too_much(m, trace, seed):
    """Asks for 2^50 bytes at once."""
    return torch.ones(2**48)


@fault("failed", "StopIteration")
def raises_stop_iteration(m, trace, seed):
    """Raises StopIteration."""
    raise StopIteration


@fault("crashed|failed", "GeneratorExit|BaseException|status")
def raises_generator_exit(m, trace, seed):
    """Raises what is no Exception."""
    raise GeneratorExit


@fault("failed", "ExceptionGroup")
def raises_a_group(m, trace, seed):
    """Raises a group of errors that are each other's cause."""
    one, other = ValueError("one"), ValueError("other")
    one.__cause__, other.__cause__ = other, one
    raise ExceptionGroup("several", [one, other])


@fault("failed", "", lambda row: not set("\x1b\n\r") & set(row["message"]))
def raises_control_characters(m, trace, seed):
    """Raises an error whose class and text have control characters."""
    kind = type("=cmd()|\x1b[31m`", (Exception,), {})
    raise kind("\x1b[2J=cmd()|a\r\nb`<script>")


@fault("unsupported", "not today")
def declines_late(m, trace, seed):
    """Says that it is unsupported only when it restores."""
    raise Unsupported("not today")


# unsupported()


def unsupported_slow(self, m):
    time.sleep(0.4)


def took(seconds):
    def check(row):
        assert row["seconds"] >= seconds, row["seconds"]

    return check


@fault("ok", "", took(0.4), unsupported=unsupported_slow)
def works_in_unsupported(m, trace, seed):
    """Hides its work in unsupported(): that is timed."""
    return guess(m)


@fault("unsupported|failed", unsupported=lambda self, m: 7)
def is_unsupported_oddly(m, trace, seed):
    """Is unsupported for a reason that is no text."""
    return guess(m)


@fault("unsupported", unsupported=lambda self, m: "\udcff" + "y" * 2_000_000)
def is_unsupported_at_length(m, trace, seed):
    """Is unsupported for a reason of 2 MB that is no text."""
    return guess(m)


@fault("crashed", "status 6", unsupported=lambda self, m: os._exit(6))
def exits_in_unsupported(m, trace, seed):
    """Exits when it is asked whether it is supported."""
    return guess(m)


# What is reported


@fault()
def reports_texts(m, trace, seed):
    """Reports numbers as texts."""
    trace.report("1", "100", m.y)
    trace.report("two", "many", m.y)
    return guess(m)


@fault()
def reports_huge_numbers(m, trace, seed):
    """Reports iterations that no store takes."""
    for number in (10**400, -(10**400), 2**63, -1, float("nan"), float("inf"), None, True):
        trace.report(number, number, m.y)
        trace.returned(number)
    trace.converged("no", "residual")
    return guess(m)


@fault()
def reports_no_images(m, trace, seed):
    """Reports what is no image."""
    for image in (None, "image", m.y[..., 1:], m.y * torch.nan, m.y.to(torch.complex64), [1]):
        trace.report(1, 3, image)
        trace.report(2, 3, m.y, output=image)
    return guess(m)


@fault()
def shows_odd_pictures(m, trace, seed):
    """Shows pictures that are none, and 200 that are."""
    for name, image in ((None, m.y), ("a/../b", m.y), ("x" * 10**6, m.y), ("map", m.y * torch.nan)):
        trace.picture(name, image)
    for number in range(200):
        trace.picture(f"map-{chr(97 + number % 26)}{chr(97 + number // 26)}", m.y)
    return guess(m)


class Sleeper:
    def __int__(self):
        time.sleep(0.4)
        return 1

    __index__ = __int__


@fault("ok", "", took(0.4))
def works_in_report(m, trace, seed):
    """Hides its work in report(): that is timed."""
    trace.report(Sleeper(), 1, m.y)
    return guess(m)


@fault("ok", "", took(0.3))
def writes_its_time(m, trace, seed):
    """Writes to every attribute of the trace that could be a time."""
    time.sleep(0.3)
    inner = trace.trace
    for one in (trace, inner):
        one.spent = one._spent = one._began = one._next = -999_999.0
        trace.report(1, 2, m.y)
    return guess(m)


def measured(row):
    assert 0 <= row["peak_mb"] < 1000
    assert 0.2 <= row["seconds"] < 60
    assert 0 <= row["cpu_seconds"] < 60
    assert row["psnr"] < 60


@fault("ok", "", measured)
def forges_its_facts(m, trace, seed):
    """Adds its own figures to what its process answers."""
    time.sleep(0.2)
    forged = {"peak_mb": -5.0, "seconds": -999_999.0, "cpu_seconds": -1.0, "psnr": 100.0}
    trace.trace.facts.update(forged | {"status": "ok", "scores": {"psnr": 100.0}})
    return guess(m)


@fault("ok|crashed", "", measured)
def forges_its_answer(m, trace, seed):
    """Sends the answer itself, with its own figures."""
    time.sleep(0.2)
    job = trace.trace._job
    trace.trace._block.result.copy_(guess(m))
    forged = {"peak_mb": -5.0, "seconds": -999_999.0, "cpu_seconds": -1.0, "converged": 1}
    trace.trace._channel.send({"event": "done", "job": job, "last": 10**30, **forged})
    return guess(m)


@fault("crashed|ok")
def forges_the_answer_of_another(m, trace, seed):
    """Sends answers in the name of other jobs."""
    for number in range(1, 50):
        trace.trace._channel.send({"event": "done", "job": f"job {number}"})
    return guess(m)


@fault("crashed", "something else answered")
def has_a_copy_answer(m, trace, seed):
    """Has a copy of itself answer in its place."""
    if not os.fork():
        trace.trace._channel.send({"event": "done", "job": trace.trace._job})
        os._exit(0)
    time.sleep(0.2)
    return guess(m)


@fault("crashed|ok")
def sends_garbage(m, trace, seed):
    """Sends bytes that are no message."""
    for end in sockets():
        end.send(b"\xff{[}\0" * 50)
    return guess(m)


@fault("crashed|ok")
def sends_nothing(m, trace, seed):
    """Sends messages without a byte."""
    for end in sockets():
        end.send(b"")
    return guess(m)


@fault("crashed|ok")
def sends_deep_lists(m, trace, seed):
    """Sends 100,000 brackets, and numbers of 5,000 digits."""
    for end in sockets():
        end.send(b"[" * 100_000)
        end.send(b'{"event": "step", "iteration": ' + b"9" * 5000 + b"}")
    return guess(m)


@fault("crashed|ok")
def sends_files(m, trace, seed):
    """Sends pipes and endless files in place of pictures."""
    channel, job = trace.trace._channel, trace.trace._job
    pipe, _ = os.pipe()
    for file in (pipe, os.open("/dev/zero", os.O_RDONLY), os.open("/", os.O_RDONLY)):
        message = {"event": "picture", "job": job, "name": "map", "white": 1.0}
        channel.send({**message, "shape": [1, 16, 16]}, [file])
        channel.send({**message, "shape": [2**19, 2**19, 2**19]}, [file])
        channel.send({**message, "shape": [-1, 0, True]}, [file] * 4)
        channel.send({**message, "shape": "shape", "name": 7}, [file])
    return guess(m)


def sockets():
    for name in os.listdir("/proc/self/fd"):
        try:
            yield socket.socket(fileno=os.dup(int(name)))
        except OSError:
            continue


@fault("ok|crashed")
def floods_with_steps(m, trace, seed):
    """Sends 20,000 steps as fast as it can."""
    message = {"event": "step", "job": trace.trace._job, "frame": None, "total": 2}
    for number in range(20_000):
        trace.trace._channel.send({**message, "iteration": number})
    return guess(m)


@fault()
def floods_with_notes(m, trace, seed):
    """Logs 5,000 warnings, each another one."""
    for number in range(5000):
        logging.getLogger("priorlab.faults").warning("a note \udcff %d", number)
        warnings.warn(f"a warning {number}", stacklevel=1)
    return guess(m)


@fault()
def prints_an_answer(m, trace, seed):
    """Prints what an answer looks like."""
    print(json.dumps({"event": "result", "status": "ok", "id": "job 1"}), flush=True)
    os.write(1, b'{"event": "result"}\n\xff\xfe\n')
    return guess(m)


# What was used


def two(row):
    assert row["cpu_seconds"] > 0.45, row["cpu_seconds"]
    assert row["cpu_seconds"] < 0.9, row["cpu_seconds"]


def burn(seconds=0.3):
    start = time.thread_time()
    while time.thread_time() - start < seconds:
        np.linalg.svd(np.ones((60, 60)))


@fault("ok", "", two)
def computes_in_threads(m, trace, seed):
    """Computes for 0.3 s in each of two threads: CPU time is that of all threads."""
    threads = [threading.Thread(target=burn) for _ in range(2)]
    for one in threads:
        one.start()
    for one in threads:
        one.join()
    return guess(m)


@fault("ok", "", two)
def computes_in_children(m, trace, seed):
    """Computes for 0.3 s in each of two children: CPU time is that of all processes."""
    children = []
    for _ in range(2):
        children.append(os.fork())
        if not children[-1]:
            burn()
            os._exit(0)
    for child in children:
        with contextlib.suppress(ChildProcessError):
            os.waitpid(child, 0)
    return guess(m)


@fault("ok", "", two)
def computes_in_ignored_children(m, trace, seed):
    """Computes in two children whose end it ignores, so that nobody counts their time."""
    signal.signal(signal.SIGCHLD, signal.SIG_IGN)
    return computes_in_children(m, trace, seed)


@fault("ok", r"^$|left \d+ process", two)
def computes_in_detached_grandchildren(m, trace, seed):
    """Computes in two detached grandchildren."""
    ends = []
    for _ in range(2):
        read, write = os.pipe()
        ends.append(read)
        if not os.fork():
            os.setsid()
            if os.fork():
                os._exit(0)
            burn()
            os.write(write, b".")
            os._exit(0)
        os.wait()
    for read in ends:
        os.read(read, 1)
    return guess(m)


def slept(row):
    assert row["seconds"] >= 0.5
    assert row["cpu_seconds"] < 0.45


@fault("ok", "", slept)
def sleeps(m, trace, seed):
    """Sleeps for half a second: that is time, but no CPU time."""
    time.sleep(0.5)
    return guess(m)


@fault("ok", "", took(0.4))
def works_after_a_clock_change(m, trace, seed):
    """Has all clocks of its process stand still."""
    time.sleep(0.4)
    time.perf_counter = time.monotonic = time.time = lambda: 0.0
    return guess(m)


@hookimpl
def priorlab_priors():
    return GROUP.priors
