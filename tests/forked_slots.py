"""Processes of slots that are forked from one that has imported what they need.

One of its own takes two seconds of CPU time before it does anything, for each run of each test.
"""

import faulthandler
import io
import os
import signal
import subprocess
import sys
import threading
from typing import BinaryIO

from priorlab.ground import process_tree
from priorlab.harness.isolation import forking, zygote
from priorlab.harness.isolation.channel import Channel
from priorlab.harness.run import child, slot


class Server:
    """The process that all of them are forked from; it ends with this one."""

    def __init__(self) -> None:
        self._channel, theirs = Channel.pair()
        self._codes: dict[str, int] = {}
        self._lock = threading.Lock()
        self._count = 0
        parent = os.getpid()
        if not os.fork():
            try:
                process_tree.end_with(parent)
                self._channel.close()
                # Once, not in each of those that are forked: 0.3 s.
                zygote._begin_compiling()
                forking.serve(theirs, _work)
            finally:
                os._exit(1)
        theirs.close()

    def begin(self, threads: int, log: BinaryIO) -> "Process":
        """Do as `child.begin`."""
        inbox, stdin = os.pipe()
        stdout, outbox = os.pipe()
        request = {"environment": child.environment(threads), "folder": os.getcwd()}
        with self._lock:
            self._count += 1
            token = f"slot {self._count}"
            self._channel.send({**request, "token": token}, [inbox, outbox, log.fileno()])
            os.close(inbox)
            os.close(outbox)
            while (message := self._received())["event"] != "started":
                pass
        return Process(self, token, message["pid"], stdin, stdout)

    def code(self, token: str, seconds: float) -> int | None:
        """Return the exit code of a process, or None if it has not ended for so long."""
        with self._lock:
            while token not in self._codes and self._channel.readable(seconds):
                self._received()
            return self._codes.get(token)

    def _received(self) -> dict[str, object]:
        received = self._channel.receive()
        assert received is not None, "the process that forks is gone"
        if received.message["event"] == "ended":
            self._codes[received.message["token"]] = received.message["code"]
        return received.message


class Process:
    """What `subprocess.Popen` is for a process that was started."""

    def __init__(self, server: Server, token: str, pid: int, stdin: int, stdout: int) -> None:
        self.pid = pid
        self.stdin, self.stdout = os.fdopen(stdin, "wb", 0), os.fdopen(stdout, "rb", 0)
        self._server, self._token = server, token

    def poll(self) -> int | None:
        return self._server.code(self._token, 0)

    def wait(self, timeout: float = 60) -> int:
        code = self._server.code(self._token, timeout)
        if code is None:
            raise subprocess.TimeoutExpired(self._token, timeout)
        return code

    def kill(self) -> None:
        os.kill(self.pid, signal.SIGKILL)


def _work(request: dict[str, object], files: tuple[int, ...]) -> None:
    """Become the process of a slot."""
    os.setsid()
    for descriptor, file in enumerate(files):
        os.dup2(file, descriptor)
        os.close(file)
    sys.stdin = os.fdopen(0)
    sys.stdout, sys.stderr = (
        io.TextIOWrapper(os.fdopen(number, "wb", 0), write_through=True) for number in (1, 2)
    )
    faulthandler.enable()
    signal.signal(signal.SIGINT, signal.default_int_handler)
    os.environ.clear()
    os.environ.update(request["environment"])
    os.chdir(request["folder"])
    sys.path[:] = os.environ["PYTHONPATH"].split(os.pathsep)
    slot.main()
