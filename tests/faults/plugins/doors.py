"""Priors that look for back doors: to the truth, to other processes, around the clock."""

import ctypes
import os
import time
from pathlib import Path

import torch
from faultkit import Group, guess, run_folder

from priorlab.hookspecs import hookimpl

GROUP = Group()
fault = GROUP.fault


@fault()
def reads_an_image_by_other_ways(m, trace, seed):
    """Reads a clean image by a link, by /proc, from its folder and by a descriptor of its path."""
    image = run_folder() / "tiny" / "tiny.png"
    link = Path(f"/dev/shm/priorlab-faults-{os.getpid()}.png")
    link.symlink_to(image)
    ways = [link, Path(f"/proc/self/root{image}"), Path("tiny.png")]
    try:
        os.chdir(image.parent)
        ways.append(Path(f"/proc/self/fd/{os.open(image, os.O_PATH)}"))
        for way in ways:
            try:
                way.read_bytes()
            except OSError:
                continue
            raise RuntimeError(f"it read {way}")
    finally:
        link.unlink()
    return guess(m)


class _Part(ctypes.Structure):
    _fields_ = (("start", ctypes.c_void_p), ("length", ctypes.c_size_t))


@fault()
def traces_other_processes(m, trace, seed):
    """Attaches to the processes above it, reads their memory and takes their files."""
    system = ctypes.CDLL(None)
    room = ctypes.create_string_buffer(8)
    mine = _Part(ctypes.addressof(room), 8)
    pid = os.getpid()
    for _ in range(4):
        pid = int(Path(f"/proc/{pid}/stat").read_text().rpartition(")")[2].split()[1])
        theirs = _Part(id(GROUP), 8)
        held = os.pidfd_open(pid)
        tried = {
            "attached to": system.ptrace(16, pid, 0, 0) == 0,
            "read": system.process_vm_readv(pid, ctypes.byref(mine), 1, ctypes.byref(theirs), 1, 0)
            >= 0,
            "took a file of": system.syscall(438, held, 0, 0) >= 0,
        }
        if worked := [what for what, done in tried.items() if done]:
            raise RuntimeError(f"it {worked[0]} the process {pid}")
    return guess(m)


class Late(torch.Tensor):
    """A tensor that is computed when it is copied."""

    @classmethod
    def __torch_function__(cls, function, types, args=(), kwargs=None):
        if getattr(function, "__name__", "") == "copy_":
            time.sleep(0.3)
        return super().__torch_function__(function, types, args, kwargs or {})


def timed(row):
    assert row["seconds"] > 0.3, "the work is not in its time"


@fault("ok", "", timed)
def computes_when_it_is_read(m, trace, seed):
    """Returns a tensor of its own class that is computed when it is copied: that is timed."""
    return guess(m).as_subclass(Late)


@fault("ok", "", timed)
def stops_the_clock(m, trace, seed):
    """Has the clocks of Python stand still in its process while it works."""
    time.perf_counter = time.monotonic = lambda: 0.0
    time.sleep(0.35)
    return guess(m)


class Wide(torch.Tensor):
    """A tensor that is not clipped."""

    @classmethod
    def __torch_function__(cls, function, types, args=(), kwargs=None):
        if getattr(function, "__name__", "") in ("clamp", "detach"):
            return args[0]
        return super().__torch_function__(function, types, args, kwargs or {})


@fault()
def returns_what_is_not_clipped(m, trace, seed):
    """Returns values far from [0, 1] in a tensor of its own class that leaves clipping out."""
    return (5 * guess(m) - 2).as_subclass(Wide)


@fault("crashed", "KeyboardInterrupt", prepare=lambda self, device, channels: interrupted())
def interrupts_while_prepared(m, trace, seed):
    """Raises KeyboardInterrupt while it is prepared."""
    return guess(m)


def interrupted():
    raise KeyboardInterrupt


@hookimpl
def priorlab_priors():
    return GROUP.priors
