"""Priors that change the state of their process: nobody else's is to change."""

import builtins
import gc
import logging
import mmap
import os
import random
import resource
import signal
import sys
import threading
import time
import warnings

import numpy as np
import torch
from faultkit import Group, guess, scratch
from torch import nn

from priorlab import metrics, restoration
from priorlab.ground import process_tree
from priorlab.harness.isolation.channel import Channel
from priorlab.hookspecs import hookimpl
from priorlab.pictures import arrays

GROUP = Group()
fault = GROUP.fault
KEPT = []


@fault()
def hooks_all_modules(m, trace, seed):
    """Registers a forward hook for every network."""
    nn.modules.module.register_module_forward_hook(lambda module, given, output: output * 0)
    return guess(m)


@fault()
def enters_autocast(m, trace, seed):
    """Enters autocast and does not leave it."""
    torch.autocast("cpu", torch.bfloat16).__enter__()
    return guess(m)


@fault()
def enters_inference_mode(m, trace, seed):
    """Enters inference mode and does not leave it."""
    torch.inference_mode().__enter__()
    return guess(m)


@fault("ok|failed")
def sets_default_device(m, trace, seed):
    """Makes meta the default device of torch, and double its default type."""
    answer = guess(m)
    torch.set_default_device("meta")
    torch.set_default_dtype(torch.float64)
    return answer


@fault()
def patches_torch(m, trace, seed):
    """Replaces functions of torch that others call."""
    answer = guess(m)
    torch.rand = torch.zeros
    torch.Tensor.clamp = lambda self, *limits: self
    torch.nn.functional.conv2d = None
    return answer


@fault("ok", "", lambda row: row["psnr"] < 60)
def patches_metrics(m, trace, seed):
    """Replaces the metrics by ones that are always right."""
    metrics.psnr = lambda restored, clean: 100.0
    metrics.evaluate = lambda *given: {"psnr": 100.0, "ssim": 1.0}
    arrays.from_tensor = lambda image: None
    return guess(m)


@fault("ok|failed")
def patches_checks(m, trace, seed):
    """Replaces the checks of what it returns, and returns NaN."""
    restoration._checked = lambda restored, shape: restored
    return guess(m) * torch.nan


@fault("ok|crashed|failed|timeout")
def patches_isolation(m, trace, seed):
    """Replaces what its own process talks to the outside with."""
    Channel.receive = lambda self: None
    process_tree.end = lambda processes: None
    return guess(m)


@fault()
def patches_builtins(m, trace, seed):
    """Replaces built-in functions of Python."""
    answer = guess(m)
    builtins.float = builtins.int = builtins.print = lambda *given: 0
    return answer


@fault("ok|crashed")
def sets_an_alarm(m, trace, seed):
    """Sets an alarm that would end the process in the next cell."""
    signal.setitimer(signal.ITIMER_REAL, 0.3)
    return guess(m)


@fault("ok|failed|crashed")
def sets_recursion_limit(m, trace, seed):
    """Lowers the limit of recursion."""
    sys.setrecursionlimit(60)
    return guess(m)


@fault("ok|failed|crashed")
def empties_modules(m, trace, seed):
    """Empties sys.path and sys.modules."""
    answer = guess(m)
    sys.path.clear()
    for name in [name for name in sys.modules if name.startswith(("torch", "priorlab"))]:
        del sys.modules[name]
    return answer


@fault()
def changes_its_place(m, trace, seed):
    """Changes directory, mask, environment and priority."""
    os.chdir("/")
    os.umask(0o777)
    os.environ.clear()
    os.nice(5)
    return guess(m)


@fault()
def cannot_write_files(m, trace, seed):
    """Limits the size of files to nothing."""
    resource.setrlimit(resource.RLIMIT_FSIZE, (0, 0))
    return guess(m)


@fault("ok|failed|crashed")
def cannot_have_memory(m, trace, seed):
    """Limits its address space to what it has."""
    resource.setrlimit(resource.RLIMIT_AS, (1 << 20, 1 << 20))
    return guess(m)


@fault("ok|failed|crashed")
def leaks_files(m, trace, seed):
    """Opens files until no more can be opened."""
    resource.setrlimit(resource.RLIMIT_NOFILE, (200, 200))
    try:
        while True:
            os.dup(1)
    except OSError:
        return guess(m)


@fault()
def seeds_generators(m, trace, seed):
    """Seeds all generators of random numbers."""
    torch.manual_seed(1)
    np.random.seed(1)  # noqa: NPY002
    random.seed(1)
    return guess(m)


@fault()
def raises_on_warnings(m, trace, seed):
    """Makes errors of warnings, of numpy's too, and silences the log."""
    warnings.simplefilter("error")
    np.seterr(all="raise")
    logging.disable()
    gc.disable()
    return guess(m)


@fault()
def unblocks_its_output(m, trace, seed):
    """Has writing to the output that all cells share fail where it would wait."""
    os.set_blocking(1, False)
    os.set_blocking(2, False)
    return guess(m)


@fault()
def prints_while_others_unblock(m, trace, seed):
    """Prints 8 MB at once, which is more than the pipe takes."""
    text = b"x" * 999_999 + b"\n"
    for _ in range(8):
        left = memoryview(text)
        while left:
            left = left[os.write(1, left) :]
    return guess(m)


@fault()
def traces_and_locks(m, trace, seed):
    """Leaves a slow trace function and a lock that is taken."""
    sys.settrace(lambda *given: time.sleep(0.001))
    threading.settrace(lambda *given: None)
    logging._lock.acquire()
    return guess(m)


@fault()
def writes_to_what_it_measures(m, trace, seed):
    """Overwrites the measurement."""
    m.y.zero_()
    return guess(m)


def shared_prepare(self, device, channels):
    KEPT.append(mmap.mmap(-1, 1 << 20))


@fault("ok", "", lambda row: row["psnr"] < 60, prepare=shared_prepare)
def keeps_a_shared_memory(m, trace, seed):
    """Shares memory between its cells, mapped while it was prepared."""
    KEPT[0][0] = 1
    return guess(m)


def nasty_prepare(self, device, channels):
    torch.set_default_dtype(torch.float64)
    torch.rand = torch.zeros
    os.chdir("/")
    os.environ.clear()


@fault("ok", prepare=nasty_prepare)
def prepares_nastily(m, trace, seed):
    """Changes the state of torch and of its process while it is prepared."""
    return guess(m).float()


def raising_prepare(self, device, channels):
    raise OSError("no weights")


@fault("failed", "OSError: no weights", prepare=raising_prepare)
def cannot_be_prepared(m, trace, seed):
    """Raises while it is prepared."""
    return guess(m)


def fork_in_prepare(self, device, channels):
    os.fork()


@fault(prepare=fork_in_prepare)
def forks_while_prepared(m, trace, seed):
    """Forks while it is prepared and lets both copies return."""
    return guess(m)


@fault("crashed", "status 9", prepare=lambda self, device, channels: os._exit(9))
def exits_while_prepared(m, trace, seed):
    """Exits while it is prepared."""
    return guess(m)


def slow_prepare(self, device, channels):
    time.sleep(0.7)


def prepared_apart(row):
    assert row["prepare_seconds"] >= 0.7
    assert row["seconds"] < 0.6


@fault("ok", "", prepared_apart, prepare=slow_prepare)
def is_prepared_slowly(m, trace, seed):
    """Takes 0.7 s to be prepared: that is told apart from restoring."""
    return guess(m)


@fault()
def notes_at_exit(m, trace, seed):
    """Has work done when the process exits."""
    import atexit

    atexit.register(lambda: scratch("exit").write_text("done"))
    atexit.register(time.sleep, 1000)
    return guess(m)


@hookimpl
def priorlab_priors():
    return GROUP.priors
