"""Priors that spoil what others are judged by: what they may write is theirs alone."""

import ctypes
import os
import resource
import shutil
import signal
import tempfile
from importlib.util import find_spec
from pathlib import Path

from faultkit import Group, guess, run_folder

import priorlab
from priorlab.hookspecs import hookimpl

GROUP = Group()
fault = GROUP.fault


def done(*attempts):
    """Make some attempts and raise an error if any of them works."""
    for number, attempt in enumerate(attempts):
        try:
            attempt()
        except OSError:
            continue
        raise RuntimeError(f"attempt {number} worked")


def written(path):
    path.write_text("spoilt")


@fault()
def changes_the_images(m, trace, seed):
    """Overwrites, shortens, removes, moves and adds clean images."""
    folder = run_folder() / "tiny"
    image = folder / "tiny.png"
    elsewhere = Path(tempfile.gettempdir())
    done(
        lambda: image.open("r+b"),
        lambda: written(image),
        lambda: os.truncate(image, 0),
        image.unlink,
        lambda: image.rename(elsewhere / "moved.png"),
        lambda: os.link(image, elsewhere / "linked.png"),
        lambda: written(folder / "added.png"),
        lambda: (folder / "added").mkdir(),
        lambda: os.replace(elsewhere, folder),
        lambda: folder.rename(elsewhere / "moved"),
    )
    return guess(m)


@fault()
def changes_the_results(m, trace, seed):
    """Writes into the store and the run's folder, and removes both."""
    results = run_folder() / "out"
    (run,) = (path for path in results.iterdir() if path.is_dir())
    done(
        lambda: (results / "store.sqlite").open("r+b"),
        (results / "store.sqlite").unlink,
        lambda: written(results / "store.sqlite-journal"),
        lambda: written(run / "table.md"),
        lambda: shutil.rmtree(run),
        lambda: (results / "another").mkdir(),
    )
    return guess(m)


@fault()
def changes_the_code_of_others(m, trace, seed):
    """Writes into the core, among the compiled loops of other plugins, and into lone files."""
    lone = Path(__file__).with_name("innocent.py")
    core = Path(priorlab.__file__).parent
    (others,) = map(Path, find_spec("priorlab_handcrafted").submodule_search_locations)
    done(
        lambda: written(core / "spoilt.py"),
        lambda: written(core / "__pycache__" / "spoilt.pyc"),
        lambda: written(others / "spoilt.py"),
        lambda: (others / "shared" / "__pycache__").rename(others / "shared" / "moved"),
        lambda: lone.open("r+b"),
        lambda: lone.rename(lone.with_name("moved.py")),
        lambda: os.open(lone.with_name("added.py"), os.O_CREAT | os.O_WRONLY),
    )
    return guess(m)


@fault()
def writes_where_it_may(m, trace, seed):
    """Uses temporary files, the shared memory and devices."""
    with tempfile.TemporaryDirectory() as folder:
        written(Path(folder) / "kept")
        assert (Path(folder) / "kept").read_text() == "spoilt"
    with tempfile.TemporaryFile() as file:
        file.write(b"kept")
    written(Path("/dev/null"))
    shared = Path(f"/dev/shm/priorlab-faults-{os.getpid()}")
    written(shared)
    shared.unlink()
    return guess(m)


@fault("failed", "tiny/debug.png.*a prior cannot write.*tempfile")
def draws_beside_the_images(m, trace, seed):
    """Writes a picture for its author where the images are."""
    written(run_folder() / "tiny" / "debug.png")
    return guess(m)


def above():
    """Return the processes above this one, as far as the slot's."""
    found, pid = [], os.getpid()
    for _ in range(4):
        pid = int(Path(f"/proc/{pid}/stat").read_text().rpartition(")")[2].split()[1])
        found.append(pid)
    return found


@fault()
def slows_other_processes(m, trace, seed):
    """Lowers the priority and the limits of the processes that others are forked from."""
    nothing = os.sched_param(0)
    for pid in above():
        done(
            lambda pid=pid: os.setpriority(os.PRIO_PROCESS, pid, 5),
            lambda pid=pid: os.sched_setscheduler(pid, os.SCHED_BATCH, nothing),
            lambda pid=pid: resource.prlimit(pid, resource.RLIMIT_CORE, (0, 0)),
            lambda pid=pid: written(Path(f"/proc/{pid}/oom_score_adj")),
        )
    done(
        lambda: os.setpriority(os.PRIO_USER, 0, 5),
        lambda: written(Path("/proc/sys/kernel/core_pattern")),
    )
    return guess(m)


@fault()
def starts_a_sibling(m, trace, seed):
    """Starts a process that is its parent's child, and so none of its own."""
    clone = {"x86_64": 56, "aarch64": 220}.get(os.uname().machine)
    if clone:
        system = ctypes.CDLL(None, use_errno=True)
        pid = system.syscall(clone, 0x8000 | signal.SIGCHLD, 0, 0, 0, 0)
        if pid == 0:
            os._exit(0)
        if pid > 0:
            raise RuntimeError("it has a sibling")
    return guess(m)


@hookimpl
def priorlab_priors():
    return GROUP.priors
