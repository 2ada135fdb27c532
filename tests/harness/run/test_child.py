"""The driver's end of a slot's process, where that process or the folder of the run is gone."""

import errno
import fcntl
import os
import signal
import subprocess
import sys
import time
from pathlib import Path

import pytest

from priorlab.errors import UsageError
from priorlab.ground import pipes, process_tree
from priorlab.harness.isolation.setup import Setup
from priorlab.harness.run import child, local_slots

STARTS_ANOTHER = """
import os, subprocess, sys
group = 0 if sys.argv[1] else None
other = subprocess.Popen(["sleep", "60"], stdout=subprocess.DEVNULL, process_group=group)
os.write(1, str(other.pid).encode())
sys.stdin.read()
"""


@pytest.fixture
def slot_of(tmp_path, monkeypatch):
    """Return a slot whose process, which got a job, runs some code; it ends with the test."""
    started = []

    def start(code, *arguments):
        command = [sys.executable, "-S", "-c", code, *arguments]
        pipes = {"stdin": subprocess.PIPE, "stdout": subprocess.PIPE}
        monkeypatch.setattr(
            child, "begin", lambda *_: subprocess.Popen(command, **pipes, start_new_session=True)
        )
        log = tmp_path / "slot1.log"
        log.touch()
        started.append(child.Child(Setup(), log))
        started[0].send({})
        return started[0]

    yield start
    started[0].kill()


@pytest.mark.skipif(sys.platform != "linux", reason="looks into /proc")
@pytest.mark.parametrize("group", ["", "of its own"])
def test_a_process_that_was_killed_takes_those_of_priors_with_it(group, slot_of):
    slot = slot_of(STARTS_ANOTHER, group)
    below = int(os.read(slot.fileno(), 100))
    try:
        os.kill(process_tree.parent(below), signal.SIGKILL)
        (message,) = slot.receive()
        assert message["message"].startswith("the scorer: the process was ended by SIGKILL")
        deadline = time.monotonic() + 10  # the kernel takes a moment
        while process_tree.running([below]) and time.monotonic() < deadline:
            time.sleep(0.001)
        assert process_tree.running([below]) == []
    finally:
        process_tree.end([below])


def test_a_log_that_was_removed_is_no_error(slot_of, tmp_path):
    """The store says what is wrong if the folder of a run is gone."""
    slot = slot_of("import sys; sys.stdin.read()")
    (tmp_path / "slot1.log").unlink()
    slot.send({})


def test_of_a_process_that_ends_after_its_log_was_removed_the_end_is_told(slot_of, tmp_path):
    slot = slot_of("import sys; sys.stdin.readline(); sys.exit(3)")
    (tmp_path / "slot1.log").unlink()
    (message,) = slot.receive()
    assert message["status"] == "crashed"
    assert "exited with status 3" in message["message"] and not message["details"]


def test_a_log_that_cannot_be_written_is_said(tmp_path):
    with pytest.raises(UsageError, match=r"cannot write .*none/slot1\.log: No such file"):
        child.Child(Setup(), tmp_path / "none" / "slot1.log").send({})


def test_a_process_that_the_system_does_not_start_is_said(tmp_path, monkeypatch):
    def refused(*arguments, **more):
        raise BlockingIOError(errno.EAGAIN, "Resource temporarily unavailable")

    monkeypatch.setattr(child, "begin", refused)
    with pytest.raises(UsageError, match=r"no process can be started .*: Resource temporarily"):
        child.Child(Setup(), tmp_path / "slot1.log").send({})


ANSWERS = """
import os, sys
os.read(0, 2**20)
os.write(1, sys.argv[1].encode())
sys.stdin.read()
"""


def test_an_answer_that_nobody_asked_for_is_no_result(slot_of):
    slot = slot_of(ANSWERS, '{"event": "result", "status": "ok", "id": "job 0"}\n')
    (message,) = slot.receive()
    assert message["status"] == "crashed"
    assert message["message"] == "the process answered what nobody asked"


def test_a_job_is_given_to_one_new_process_and_no_more(slot_of):
    """Where none can start a process, neither can the next."""
    slot = slot_of(ANSWERS, '{"event": "barren", "text": "no room", "id": "job 1"}\n')
    assert list(slot.receive()) == [] and slot.busy
    slot._jobs = 1  # it says the same again
    (message,) = slot.receive()
    assert (message["status"], message["message"]) == ("crashed", "no room")
    assert not slot.busy


def test_a_scorer_that_is_stuck_is_ended(slot_of):
    slot = slot_of("import sys; sys.stdin.read()")
    slot._deadline = time.monotonic()
    pid = slot._process.pid
    place = local_slots._Slot(0, slot, job=object())
    ((_, message),) = local_slots._messages([place], print, print)
    assert message["status"] == "crashed"
    assert "did not start within" in message["message"]
    assert not process_tree.running([pid])


@pytest.mark.skipif(sys.platform != "linux", reason="asks how much a pipe holds")
def test_a_result_goes_through_the_pipe_at_once(tmp_path, new_slots):
    with (tmp_path / "log").open("wb") as log:
        process = child.begin(1, log)
    with process:
        process.kill()
        most = int(Path("/proc/sys/fs/pipe-max-size").read_text())
        for pipe in (process.stdin, process.stdout):
            assert fcntl.fcntl(pipe, fcntl.F_GETPIPE_SZ) == min(most, pipes.BYTES)
