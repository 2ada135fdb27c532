"""How the process of a slot begins: what the zygote does not have, and who may read the scorer."""

import ctypes
import io
import os
import sys
import types

import pytest

from priorlab.ground import process_tree
from priorlab.harness.isolation.output import Output
from priorlab.harness.isolation.setup import Setup
from priorlab.harness.run import scorer, slot

pytestmark = pytest.mark.skipif(sys.platform != "linux", reason="elsewhere nothing is forked")

GET_DUMPABLE, GET_CHILD_SUBREAPER = 3, 37


def is_open(descriptor):
    try:
        os.fstat(descriptor)
    except OSError:
        return False
    return True


def test_the_zygote_has_no_pipe_to_the_driver(monkeypatch):
    read, write = os.pipe()

    def run(control, setup):
        control.send({"open": [is_open(read), is_open(write)]})
        os._exit(0)

    monkeypatch.setattr(slot.zygote, "run", run)
    monkeypatch.setattr(slot.garbage, "freeze", lambda: None)
    control, pid = slot._zygote(Setup(), [write])
    assert control.receive().message == {"open": [True, False]}
    assert os.waitpid(pid, 0)[1] == 0
    control.close()
    os.close(read)
    os.close(write)


def serve(*arguments):
    """End with a number that says whether the process is private and adopts orphans."""
    system, adopts = ctypes.CDLL(None), ctypes.c_int()
    system.prctl(GET_CHILD_SUBREAPER, ctypes.byref(adopts), 0, 0, 0)
    os._exit(10 + 2 * adopts.value + system.prctl(GET_DUMPABLE, 0, 0, 0, 0))


def test_the_memory_of_the_scorer_is_private_and_what_priors_leave_is_below_it(monkeypatch):
    monkeypatch.setattr(slot, "_keep_pipes", lambda: (Pipe(b"{}\n"), Pipe(), 2))
    monkeypatch.setattr(slot, "_zygote", lambda *_: (None, 0))
    scorer = types.SimpleNamespace(serve=serve)
    monkeypatch.setattr(slot.importlib, "import_module", lambda name: scorer)
    child = os.fork()
    if not child:
        try:
            slot.main()
        finally:
            os._exit(1)
    assert os.waitstatus_to_exitcode(os.waitpid(child, 0)[1]) == 12


class Pipe(io.BytesIO):
    """A pipe that holds what it was made with."""

    def fileno(self):
        return 0


def test_what_a_cell_left_with_the_scorer_is_ended_and_said(monkeypatch):
    result = {"status": "ok", "message": ""}
    monkeypatch.setattr(scorer._Server, "_result", lambda server, job: result)
    child = os.fork()
    if not child:
        try:
            server = scorer._Server(Setup(), None, 0, io.BytesIO(), 2, Output())
            left = os.spawnlp(os.P_NOWAIT, "sleep", "sleep", "60")
            server.work({"id": "job"})
            said = result["message"] == "it left 1 process running, which was ended"
            os._exit(10 + said + 2 * bool(process_tree.running([left])))
        finally:
            os._exit(1)
    assert os.waitstatus_to_exitcode(os.waitpid(child, 0)[1]) == 11
