"""What is known of other processes, whatever they are called and however they end."""

import os
import signal
import subprocess
import sys

import pytest

from priorlab.ground import process_tree
from priorlab.harness.results import claims

pytestmark = pytest.mark.skipif(sys.platform != "linux", reason="looks into /proc")

SET_NAME = 15
NAMELESS = f"""
import ctypes, sys
ctypes.CDLL(None).prctl({SET_NAME}, b") \\xff Z", 0, 0, 0)
print(flush=True)
sys.stdin.read()
"""


def test_the_name_of_a_process_may_be_any_bytes():
    """It is that of any process of the machine: all are looked at when a slot is ended."""
    pipes = {"stdin": subprocess.PIPE, "stdout": subprocess.PIPE}
    command = [sys.executable, "-I", "-S", "-c", NAMELESS]
    with subprocess.Popen(command, **pipes, start_new_session=True) as process:
        process.stdout.readline()
        assert process_tree.of_session(process.pid) == [process.pid]
        assert process_tree.parent(process.pid) == os.getpid()
        assert process_tree.running([process.pid]) == [process.pid]
        assert claims._lives(process.pid)
        process_tree.end([process.pid])
        os.waitid(os.P_PID, process.pid, os.WEXITED | os.WNOWAIT)
        assert not claims._lives(process.pid), "it is a zombie"


def test_of_a_process_that_is_gone_nothing_is_told_and_nothing_ends():
    with subprocess.Popen(["true"]) as process:
        process.wait()
    gone = process.pid
    process_tree.end([gone])
    assert process_tree.running([gone]) == process_tree.descendants(gone) == []
    assert process_tree.of_session(gone) == []
    assert process_tree.parent(gone) == 0
    sizes = process_tree.own_mb, process_tree.peak_own_mb, process_tree.proportional_mb
    assert [size(gone) for size in sizes] == [0, 0, 0]
    assert process_tree.cpu_seconds(gone) == 0
    assert process_tree.clocks(gone) == {gone: 0}
    assert not claims._lives(gone)


def test_the_end_of_children_is_heard_of_where_it_was_ignored_before():
    before = signal.signal(signal.SIGCHLD, signal.SIG_IGN)
    try:
        process_tree.hear_of_children()
        assert subprocess.run(["false"]).returncode == 1
    finally:
        signal.signal(signal.SIGCHLD, before)
