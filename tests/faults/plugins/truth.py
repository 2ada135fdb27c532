"""Priors that look for the truth: what they find is what anybody finds, the measurement."""

import contextlib
import ctypes
import gc
import os
import re
import sqlite3
import sys
from pathlib import Path

import numpy as np
import torch
from faultkit import Group, guess, run_folder

from priorlab.errors import UsageError
from priorlab.hookspecs import hookimpl
from priorlab.pictures import reading

GROUP = Group()
fault = GROUP.fault
MARK = (np.arange(16) * 37 % 256 / 255).astype(np.float32)
"""The first row of the clean image: a cheat that sees it knows what it has found."""


def honest(row):
    assert row["psnr"] < 40, "it knows the truth"


def best(m, candidates):
    """Return the candidate that is the clean image, or the guess."""
    shape = m.shape[1:]
    for found in candidates:
        image = np.asarray(found, np.float32).squeeze()
        if image.ndim == 2 and image.shape == tuple(shape[1:]) and is_truth(image):
            return torch.from_numpy(image.copy()).reshape(m.shape)
    return guess(m)


def is_truth(image):
    return bool(np.abs(image[0] - MARK).max() < 1e-3)


def tensors(objects):
    for found in objects:
        if isinstance(found, torch.Tensor) and found.layout == torch.strided:
            yield found.detach().numpy()
        elif isinstance(found, np.ndarray) and found.dtype.kind == "f":
            yield found


@fault("ok", "", honest)
def searches_all_objects(m, trace, seed):
    """Looks at every object of the process."""
    return best(m, tensors(gc.get_objects()))


@fault("ok", "", honest)
def searches_its_callers(m, trace, seed):
    """Looks at the local variables of its callers, and at what hangs on them."""
    found, frame = [], sys._getframe()
    while frame:
        found += reachable(list(frame.f_locals.values()), 3)
        frame = frame.f_back
    return best(m, tensors(found))


@fault("ok", "", honest)
def searches_for_names(m, trace, seed):
    """Looks for the name of a clean image in all objects and on all its callers."""
    found, frame = gc.get_objects(), sys._getframe()
    while frame:
        found += reachable(list(frame.f_locals.values()), 3)
        frame = frame.f_back
    texts = [t for one in found for t in gc.get_referents(one) if isinstance(t, str)]
    if any("tiny" in text and text.endswith(".png") for text in texts):
        raise RuntimeError("it was told where the clean images are")
    return guess(m)


@fault("ok", "", honest)
def searches_the_trace(m, trace, seed):
    """Looks at what hangs on the trace."""
    return best(m, tensors(reachable([trace], 6)))


def reachable(start, depth):
    seen, todo = {}, start
    for _ in range(depth):
        seen |= {id(found): found for found in todo}
        todo = [f for f in gc.get_referents(*todo) if id(f) not in seen and not callable(f)]
        todo = todo[:20_000]
    return list(seen.values())


def paths_in(texts):
    """Return the pictures at or below what looks like a path in some texts."""
    for text in texts:
        for name in re.findall(r"/[\w./-]+", text):
            path = Path(name)
            if path.name and path.suffix.lower() == ".png" and path.is_file():
                yield path
            elif "tiny" in path.name and path.is_dir():
                yield from path.glob("*.png")


def pictures(texts):
    for path in paths_in(texts):
        yield reading.read(path)


@fault("ok", "", honest)
def reads_its_environment(m, trace, seed):
    """Looks for the folder of the images in the environment, the arguments and the folder."""
    texts = [*os.environ.values(), *sys.argv, os.getcwd(), *map(str, Path.cwd().glob("*"))]
    return best(m, pictures(texts))


@fault("ok", "", honest)
def reads_its_files(m, trace, seed):
    """Looks at every file that its process has open."""
    found = []
    for name in os.listdir("/proc/self/fd"):
        try:
            target = os.readlink(f"/proc/self/fd/{name}")
        except OSError:
            continue
        if target.startswith("/memfd"):
            size = os.fstat(int(name)).st_size
            found += scan(os.pread(int(name), size, 0), m)
    return best(m, found)


def scan(data, m):
    """Return the images in some bytes whose first row is the known one."""
    place = data.find(MARK.tobytes())
    size = 4 * m.shape[2] * m.shape[3]
    if place < 0:
        return []
    return [np.frombuffer(data[place : place + size], np.float32).reshape(m.shape[2:])]


def above():
    """Return the processes above this one, and those beside them that belong to the run."""
    pid, found = os.getpid(), []
    while pid > 1:
        pid = int(Path(f"/proc/{pid}/stat").read_text().rpartition(")")[2].split()[1])
        if b"python" not in Path(f"/proc/{pid}/cmdline").read_bytes():
            break
        found.append(pid)
    for pid in list(found):
        for task in Path(f"/proc/{pid}/task").glob("*/children"):
            found += map(int, task.read_text().split())
    return [pid for pid in dict.fromkeys(found) if pid != os.getpid()]


@fault("ok", "", honest)
def reads_other_memories(m, trace, seed):
    """Reads the memory of the processes above it and beside it."""
    found = []
    for pid in above():
        try:
            maps = Path(f"/proc/{pid}/maps").read_text()
            memory = os.open(f"/proc/{pid}/mem", os.O_RDONLY)
        except OSError:
            continue
        for line in maps.splitlines():
            if " rw" in line and ("[heap]" in line or len(line.split()) == 5 or "memfd" in line):
                start, end = (int(part, 16) for part in line.split()[0].split("-"))
                try:
                    found += scan(os.pread(memory, min(end - start, 1 << 26), start), m)
                except OSError:
                    continue
        os.close(memory)
    return best(m, found)


@fault("ok", "", honest)
def reads_other_files(m, trace, seed):
    """Reads what the processes above it and beside it have open."""
    found = []
    for pid in above():
        try:
            names = os.listdir(f"/proc/{pid}/fd")
        except OSError:
            continue
        for name in names:
            path = Path(f"/proc/{pid}/fd/{name}")
            try:
                if path.is_file():
                    found += scan(path.read_bytes()[: 1 << 24], m)
            except OSError:
                continue
    return best(m, found)


@fault("ok", "", honest)
def reads_other_environments(m, trace, seed):
    """Looks for the folder of the images in what is told of the processes above it."""
    texts = []
    for pid in above():
        for name in ("environ", "cmdline"):
            try:
                texts += Path(f"/proc/{pid}/{name}").read_text(errors="replace").split("\0")
            except OSError:
                continue
        try:
            texts += map(str, Path(f"/proc/{pid}/cwd").resolve().glob("*"))
        except OSError:
            continue
    return best(m, pictures(texts))


@fault("ok", "", honest)
def draws_the_noise_again(m, trace, seed):
    """Tries to draw the noise from the seed that it is given."""
    tries = [np.random.SeedSequence(number) for number in (seed, seed % 2**32, 0, 1, 2)]
    drawn = (np.random.default_rng(one).standard_normal(m.y.shape) for one in tries)
    y = m.y.numpy()
    return best(m, (y - noise.astype(np.float32) * 25 / 255 for noise in drawn))


@fault("ok", "", honest)
def writes_to_its_parent(m, trace, seed):
    """Changes the memory of the process that forked it."""
    address = id(KEPT)
    try:
        memory = os.open(f"/proc/{os.getppid()}/mem", os.O_RDWR)
        size = ctypes.sizeof(ctypes.c_ssize_t)
        os.pwrite(memory, os.pread(memory, size, address), address)
    except OSError:
        return guess(m)
    raise RuntimeError("it can change its parent")


KEPT = object()


def files_of_the_run():
    """Return every file of the run: anybody may guess where it is."""
    return [path for path in run_folder().rglob("*") if path.is_file()]


@fault("ok", "", honest)
def reads_the_images(m, trace, seed):
    """Reads the folder of the images, of which it has been told."""
    found = []
    for path in files_of_the_run():
        if path.suffix == ".png":
            with contextlib.suppress(UsageError, OSError):
                found.append(reading.read(path))
    return best(m, found)


@fault("ok", "", honest)
def reads_the_store(m, trace, seed):
    """Reads the pictures in the store, of which it has been told."""
    found = []
    for path in files_of_the_run():
        if path.name == "store.sqlite":
            with contextlib.suppress(sqlite3.Error, OSError):
                store = sqlite3.connect(f"file:{path}?mode=ro", uri=True)
                for name, data in store.execute("SELECT name, data FROM pictures"):
                    copy = Path(f"/dev/shm/{os.getpid()}-{name}")
                    copy.write_bytes(data)
                    found.append(reading.read(copy))
                    copy.unlink()
    return best(m, found)


@hookimpl
def priorlab_priors():
    return GROUP.priors
