"""The scorer's end of the processes of cells: what it says where none can be started."""

import subprocess
import sys
import threading
import time

import pytest

from priorlab.ground import process_tree
from priorlab.harness.isolation.channel import Channel
from priorlab.harness.isolation.nursery import Barren, Nursery
from priorlab.harness.isolation.setup import Setup


def started(parent, command="exec sleep 100", children=0):
    """Answer a request as if a process had been forked that is ready; return its channel."""
    received = parent.receive()
    child = Channel.of(received.files[0])
    process = subprocess.Popen(["sh", "-c", command])
    while len(process_tree.children(process.pid)) < children:
        time.sleep(0.001)
    parent.send({"event": "started", "token": received.message["token"], "pid": process.pid})
    child.send({"event": "prepared", "seconds": 0.0})
    return child, process


@pytest.mark.parametrize("asked", [False, True], ids=["before it is asked", "once it was asked"])
def test_a_process_that_ends_whenever_it_is_prepared_is_told_in_words(asked):
    zygote, other_end = Channel.pair()
    children = []

    def serve():
        plugin, process = started(other_end)
        children.append(process)
        for _ in range(2):
            prior, process = started(plugin)
            children.append(process)
            if asked:
                prior.receive()
            prior.close()
        plugin.close()

    server = threading.Thread(target=serve)
    server.start()
    nursery = Nursery(Setup(), zygote, print)
    with pytest.raises(Barren, match="the one that was to be its parent has ended"):
        nursery.start({"name": "tv", "parameters": {}}, 1, "job")
    server.join()
    nursery.close()
    other_end.close()
    for child in children:
        child.wait(10)


@pytest.mark.skipif(sys.platform != "linux", reason="elsewhere nothing is known of processes")
def test_what_a_prior_leaves_running_when_it_is_prepared_is_ended_and_said():
    """It would work for the cells, and nobody would count it."""
    zygote, other_end = Channel.pair()
    left, notes, processes = [], [], []

    def serve():
        parent = other_end
        for _ in range(2):
            parent, process = started(parent, "sleep 100 & wait", children=1)
            processes.append(process)
            left.extend(process_tree.children(process.pid))
        parent.close()

    server = threading.Thread(target=serve)
    server.start()
    nursery = Nursery(Setup(), zygote, notes.append)
    with pytest.raises(Barren):
        nursery.start({"name": "tv", "parameters": {}}, 1, "job")
    server.join()
    nursery.close()
    other_end.close()
    for process in processes:
        process.wait(10)
    assert not process_tree.running(left)
    ended = "it left 1 process running, which was ended"
    assert notes[:2] == [
        f"a plugin: while it was imported, {ended}",
        f"tv: while it was prepared, {ended}",
    ]
