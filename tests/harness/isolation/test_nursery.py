"""The scorer's end of the processes of cells: what it says where none can be started."""

import subprocess
import threading

import pytest

from priorlab.harness.isolation.channel import Channel
from priorlab.harness.isolation.nursery import Barren, Nursery
from priorlab.harness.isolation.setup import Setup


def started(parent):
    """Answer a request as if a process had been forked that is ready; return its channel."""
    received = parent.receive()
    child = Channel.of(received.files[0])
    process = subprocess.Popen(["sleep", "100"])
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

    server = threading.Thread(target=serve)
    server.start()
    nursery = Nursery(Setup(), zygote, print)
    with pytest.raises(Barren, match="the one that was to be its parent has ended"):
        nursery.start({"name": "tv", "parameters": {}}, 1, "job")
    server.join()
    nursery.close()
    for child in children:
        child.wait(10)
