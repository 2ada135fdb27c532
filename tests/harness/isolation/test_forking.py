"""A process that forks others on request: what they get is what it began with."""

import os
import signal
import sys

import pytest

from priorlab.ground import process_tree
from priorlab.harness.isolation import forking
from priorlab.harness.isolation.channel import Channel

pytestmark = pytest.mark.skipif(sys.platform != "linux", reason="elsewhere nothing is forked")


@pytest.fixture
def server():
    """The number of a process whose forks tell on which cores they may run, and its channel."""
    ours, theirs = Channel.pair()
    pid = os.fork()
    if not pid:
        ours.close()
        signal.signal(signal.SIGCHLD, signal.SIG_IGN)  # as a plugin may have left it

        def tell(request, files):
            cores = sorted(os.sched_getaffinity(0))
            Channel.of(files[0]).send({"cores": cores})

        forking.serve(theirs, tell)
    theirs.close()
    yield pid, ours
    process_tree.end([pid])
    os.waitpid(pid, 0)
    ours.close()


def cores_of_a_fork(control):
    ours, theirs = Channel.pair()
    control.send({"token": "x"}, [theirs.fileno()])
    theirs.close()
    found = set(ours.receive().message["cores"])
    ours.close()
    return found


def test_a_cell_cannot_take_cores_from_the_next(server):
    pid, control = server
    cores = os.sched_getaffinity(0)
    if len(cores) == 1:
        pytest.skip("there is one core")
    assert cores_of_a_fork(control) == cores
    os.sched_setaffinity(pid, {min(cores)})
    assert cores_of_a_fork(control) == cores


def test_how_a_process_ends_is_told_whatever_a_plugin_has_set(server):
    _, control = server
    for _ in range(2):
        assert cores_of_a_fork(control)
        told = [control.receive().message for _ in range(2)]
        assert [message["event"] for message in told] == ["started", "ended"]
        assert told[1]["code"] == 0
