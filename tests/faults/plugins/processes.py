"""Priors that start processes, end them, or end themselves."""

import ctypes
import os
import signal
import socket
import subprocess
import sys
import threading
import time
from pathlib import Path

from faultkit import Group, alive, guess, note_pid

from priorlab.hookspecs import hookimpl

GROUP = Group()
fault = GROUP.fault
STARTED = r"left \d+ process"


def gone(name):
    def check(row):
        assert not alive(name), "it outlives its cell"

    return check


COPIES = r"^$|left \d+ process"
"""Copies that are on their way out may be met."""


@fault("ok", COPIES)
def forks_and_both_return(m, trace, seed):
    """Forks and lets both copies return."""
    os.fork()
    return guess(m)


@fault("ok", COPIES)
def forks_four_times(m, trace, seed):
    """Forks four times and lets all sixteen copies return."""
    for _ in range(4):
        os.fork()
    return guess(m)


@fault("crashed", "status 5")
def fork_returns_for_its_parent(m, trace, seed):
    """Forks; the parent exits, the copy returns."""
    if os.fork():
        time.sleep(0.05)
        os._exit(5)
    time.sleep(0.2)
    return guess(m)


@fault("crashed", "status 3", gone("fork-lives-on"))
def fork_lives_on(m, trace, seed):
    """Forks and exits; the copy lives on: the crash is not to be noticed at the timeout only."""
    if os.fork():
        time.sleep(0.1)
        os._exit(3)
    note_pid("fork-lives-on")
    time.sleep(1000)


@fault("ok", STARTED, gone("leaves-a-child"))
def leaves_a_child(m, trace, seed):
    """Leaves a running program behind."""
    note_pid("leaves-a-child", subprocess.Popen(["sleep", "1000"]).pid)
    return guess(m)


@fault("ok", STARTED, gone("leaves-a-grandchild"))
def leaves_a_grandchild(m, trace, seed):
    """Leaves a detached grandchild behind: two forks, a session of its own."""
    detached("leaves-a-grandchild")
    return guess(m)


@fault("ok", STARTED, gone("leaves-many"))
def leaves_many(m, trace, seed):
    """Leaves twenty detached grandchildren behind that ignore all signals they can."""
    for _ in range(20):
        detached("leaves-many")
    return guess(m)


@fault("crashed", "status 0", gone("crash-leaves-a-grandchild"))
def crash_leaves_a_grandchild(m, trace, seed):
    """Leaves a detached grandchild behind and exits."""
    detached("crash-leaves-a-grandchild")
    os._exit(0)


def detached(name):
    read, write = os.pipe()
    if os.fork():
        os.read(read, 1)
        os.wait()
        return
    os.setsid()
    if os.fork():
        os._exit(0)
    for number in (signal.SIGTERM, signal.SIGHUP, signal.SIGINT):
        signal.signal(number, signal.SIG_IGN)
    note_pid(name)
    os.write(write, b".")
    time.sleep(1000)


@fault()
def leaves_zombies(m, trace, seed):
    """Leaves children behind that have ended: nothing of them runs."""
    for _ in range(5):
        if not os.fork():
            os._exit(0)
    time.sleep(0.1)
    return guess(m)


@fault("ok", "", lambda row: not alive("leaves-a-thread"))
def leaves_a_thread(m, trace, seed):
    """Leaves a thread running."""
    threading.Thread(target=time.sleep, args=(1000,)).start()
    return guess(m)


@fault("crashed", "SIGKILL")
def kills_itself(m, trace, seed):
    """Sends itself SIGKILL, as a system out of memory does."""
    os.kill(os.getpid(), signal.SIGKILL)


@fault("crashed", "SIGSEGV")
def segfaults(m, trace, seed):
    """Reads from address 0."""
    ctypes.string_at(0)


@fault("crashed", "SIGABRT|abort")
def aborts(m, trace, seed):
    """Calls abort()."""
    os.abort()


@fault("crashed", "status 0")
def exits(m, trace, seed):
    """Calls os._exit(0)."""
    os._exit(0)


@fault("crashed|failed", "SystemExit|status")
def exits_politely(m, trace, seed):
    """Calls sys.exit(0)."""
    sys.exit(0)


@fault("crashed|failed", "KeyboardInterrupt|status")
def interrupts(m, trace, seed):
    """Raises KeyboardInterrupt."""
    raise KeyboardInterrupt


@fault("crashed", "SIGXCPU")
def runs_out_of_cpu_time(m, trace, seed):
    """Sends itself the signal of the limit of CPU time."""
    os.kill(os.getpid(), signal.SIGXCPU)


@fault("crashed", "status 0")
def becomes_another_program(m, trace, seed):
    """Becomes another program, which ends at once."""
    os.execv("/bin/true", ["true"])


@fault("crashed")
def becomes_a_program_that_hangs(m, trace, seed):
    """Becomes another program, which never ends: not to be noticed at the timeout only."""
    os.execv("/bin/sleep", ["sleep", "1000"])


@fault("crashed|failed")
def closes_all_files(m, trace, seed):
    """Closes every descriptor and returns."""
    os.closerange(0, 1000)
    return guess(m)


@fault("crashed")
def closes_all_files_and_hangs(m, trace, seed):
    """Closes every descriptor and sleeps: not to be noticed at the timeout only."""
    os.closerange(0, 1000)
    time.sleep(1000)


@fault("crashed|failed|timeout")
def replaces_all_files(m, trace, seed):
    """Replaces every descriptor by one of /dev/null and returns."""
    null = os.open(os.devnull, os.O_RDWR)
    for name in os.listdir("/proc/self/fd"):
        os.dup2(null, int(name))
    return guess(m)


@fault("crashed|timeout")
def shuts_sockets_down(m, trace, seed):
    """Shuts every socket down and returns."""
    for name in os.listdir("/proc/self/fd"):
        try:
            socket.socket(fileno=os.dup(int(name))).shutdown(socket.SHUT_RDWR)
        except OSError:
            continue
    return guess(m)


def ancestor(steps):
    """Return the number of a process above this one, which must be one of a slot's."""
    pid = os.getpid()
    for _ in range(steps):
        pid = int(Path(f"/proc/{pid}/stat").read_text().rpartition(")")[2].split()[1])
    command = Path(f"/proc/{pid}/cmdline").read_bytes()
    if b"priorlab.harness." not in command:
        raise RuntimeError("not a process of a slot")
    return pid


@fault("ok|crashed|failed")
def kills_its_parent(m, trace, seed):
    """Sends SIGKILL to the process that forked it."""
    os.kill(ancestor(1), signal.SIGKILL)
    time.sleep(0.1)
    return guess(m)


@fault("ok|crashed|failed")
def kills_the_zygote(m, trace, seed):
    """Sends SIGKILL to the process from which all priors of the slot are forked."""
    os.kill(ancestor(2), signal.SIGKILL)
    time.sleep(0.1)
    return guess(m)


@fault("ok|crashed|failed")
def kills_the_scorer(m, trace, seed):
    """Sends SIGKILL to the process of the slot."""
    os.kill(ancestor(3), signal.SIGKILL)
    time.sleep(0.1)
    return guess(m)


@fault("ok|crashed")
def kills_its_group(m, trace, seed):
    """Sends SIGKILL to its process group."""
    if os.getpgrp() == int(os.environ["FAULTS_GROUP"]):
        raise RuntimeError("this is the group of the tests")
    os.killpg(0, signal.SIGKILL)


@hookimpl
def priorlab_priors():
    return GROUP.priors
