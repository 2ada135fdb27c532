"""What a process can and cannot do to others by their numbers."""

import ctypes
import os
import resource
import signal
import subprocess
import threading

import pytest
from harness.isolation.kernel import filters_are_known, succeeds_as_nobody

from priorlab.harness.isolation.system_calls import keep_to_itself

pytestmark = pytest.mark.skipif(not filters_are_known(), reason="a filter of Linux")


def outcome(act):
    """Return "done", "refused" or "failed" of an act in a process that keeps to itself."""
    child = os.fork()
    if not child:
        code = 2
        try:
            if keep_to_itself():
                act()
                code = 0
        except PermissionError:
            code = 1
        except BaseException:
            code = 2
        finally:
            os._exit(code)
    code = os.waitstatus_to_exitcode(os.waitpid(child, 0)[1])
    return {0: "done", 1: "refused"}.get(code, "failed")


def clone(flags):
    """Fork with flags of the system's own."""
    call = {"x86_64": 56, "aarch64": 220}[os.uname().machine]
    system = ctypes.CDLL(None, use_errno=True)
    pid = system.syscall(call, flags | signal.SIGCHLD, 0, 0, 0, 0)
    if pid == 0:
        os._exit(0)
    if pid < 0:
        raise OSError(ctypes.get_errno(), "clone")


PARAMETER = os.sched_param(0)


@pytest.mark.parametrize(
    "act",
    [
        lambda pid: os.setpriority(os.PRIO_PROCESS, pid, 1),
        lambda pid: os.setpriority(os.PRIO_PGRP, 0, 1),
        lambda pid: os.setpriority(os.PRIO_USER, 0, 1),
        lambda pid: os.sched_setscheduler(pid, os.SCHED_BATCH, PARAMETER),
        lambda pid: os.sched_setparam(pid, PARAMETER),
        lambda pid: resource.prlimit(pid, resource.RLIMIT_CORE, (0, 0)),
        lambda pid: clone(0x8000),
    ],
    ids=["nice", "nice-group", "nice-user", "scheduler", "parameter", "limit", "sibling"],
)
def test_others_are_out_of_reach(act):
    other = os.getpid()
    before = os.getpriority(os.PRIO_PROCESS, 0), resource.getrlimit(resource.RLIMIT_CORE)
    assert outcome(lambda: act(other)) == "refused"
    assert before == (
        os.getpriority(os.PRIO_PROCESS, 0),
        resource.getrlimit(resource.RLIMIT_CORE),
    )


def thread():
    one = threading.Thread(target=lambda: None)
    one.start()
    one.join()


@pytest.mark.parametrize(
    "act",
    [
        lambda: os.nice(1),
        lambda: os.sched_setscheduler(0, os.SCHED_BATCH, PARAMETER),
        lambda: resource.setrlimit(resource.RLIMIT_CORE, (0, 0)),
        lambda: os.waitpid(os.spawnlp(os.P_NOWAIT, "true", "true"), 0),
        lambda: subprocess.run(["true"], check=True),
        lambda: clone(0),
        lambda: keep_to_itself() or os._exit(2),
        thread,
    ],
    ids=["nice", "scheduler", "limit", "spawn", "program", "fork", "again", "thread"],
)
def test_what_concerns_itself_goes_on(act):
    assert outcome(act) == "done"


def test_who_is_not_root_keeps_to_itself_too():
    """The kernel refuses a filter to a process that could still gain rights, but not to root's."""
    assert succeeds_as_nobody(keep_to_itself)
