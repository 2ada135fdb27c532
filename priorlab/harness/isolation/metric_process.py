"""Metrics of plugins, each in a process of its own: one that fails costs nothing but its value."""

from __future__ import annotations

import dataclasses
import json
import os
import select
import subprocess
import sys
import time
from typing import cast

import numpy as np
import torch
from numpy.typing import NDArray

from priorlab import components, plugins, restoration
from priorlab.errors import printable
from priorlab.ground import process_tree
from priorlab.harness.isolation import inside, memory_files
from priorlab.harness.isolation.channel import Channel, close_all
from priorlab.harness.isolation.confine import SYSTEM, confine
from priorlab.harness.isolation.endings import exit_code, exit_text
from priorlab.harness.isolation.setup import Setup
from priorlab.harness.isolation.system_calls import keep_to_itself
from priorlab.metrics import Metric
from priorlab.optional_metrics import OptionalMetric

START_TIMEOUT = 180.0
"""Seconds within which a process must have loaded torch, the plugin, and the metric's network."""

Image = NDArray[np.float32]


class MetricFailed(Exception):
    """A metric has no value; the message says why."""


class MetricProcess:
    """The scorer's end of the process of one metric; it is started when it is first needed."""

    def __init__(self, name: str, setup: Setup) -> None:
        self._name = name
        self._setup = setup
        self._process: subprocess.Popen[bytes] | None = None
        self._channel: Channel | None = None
        self._requests = 0

    @property
    def pid(self) -> int | None:
        """The number of the process, if there is one."""
        return self._process.pid if self._process else None

    def evaluate(self, restored: Image, clean: Image) -> float:
        """Return the value for two images (C, H, W) of equal shape.

        Raises
        ------
        MetricFailed
            If the metric raises, ends its process, or takes longer than a cell may.
        """
        try:
            answer = self._ask(restored, clean)
        except MetricFailed:
            self.end()
            raise
        if "value" not in answer:
            raise _failed(answer.get("failed", "no value"))
        return float(str(answer["value"]))

    def end(self) -> None:
        """End the process."""
        if self._process is not None:
            process_tree.end([self._process.pid])
            self._process.wait()
            self._process = None
        if self._channel is not None:
            self._channel.close()
            self._channel = None

    def _ask(self, restored: Image, clean: Image) -> dict[str, object]:
        if self._process is not None and self._process.poll() is not None:
            self.end()  # between two images, which is the fault of neither
        channel = self._channel or self._start()
        pair = np.ascontiguousarray(np.stack([restored, clean]), np.float32)
        file = memory_files.holding(pair.tobytes())
        try:
            self._requests += 1
            channel.send({"shape": list(pair.shape), "request": self._requests}, [file])
        finally:
            os.close(file)
        return self._answer(channel, self._setup.timeout_s)

    def _start(self) -> Channel:
        ours, theirs = Channel.pair()
        command = [sys.executable, "-P", "-X", "faulthandler", "-m", __name__]
        self._process = subprocess.Popen(
            [*command, str(theirs.fileno())], pass_fds=[theirs.fileno()], stdin=subprocess.DEVNULL
        )
        theirs.close()
        self._channel = ours
        self._requests = 0
        setup = dataclasses.asdict(dataclasses.replace(self._setup, private=()))
        first = {"setup": setup, "metric": self._name}
        # In a file: the names of many images would be too long for a message.
        private = memory_files.holding(json.dumps(self._setup.private).encode())
        ours.send({**first, "parent": os.getpid()}, [private])
        os.close(private)
        answer = self._answer(ours, START_TIMEOUT)
        if "failed" in answer:
            raise _failed(answer["failed"])
        return ours

    def _answer(self, channel: Channel, seconds: float) -> dict[str, object]:
        """Wait for the answer to the last request; whatever else comes is passed over."""
        assert self._process is not None
        poll = select.poll()
        poll.register(channel.fileno(), select.POLLIN)
        deadline = time.monotonic() + seconds
        while (left := deadline - time.monotonic()) > 0:
            if not poll.poll(1000 * min(0.2, left)):
                if (code := self._process.poll()) is not None:
                    raise MetricFailed(exit_text(code))
                continue
            received = channel.receive()
            if received is None:
                raise MetricFailed(exit_text(exit_code(self._process)))
            close_all(received.files)
            own = received.sender in (0, self._process.pid)
            if own and received.message.get("request") == self._requests:
                return received.message
        raise MetricFailed(f"no value after {seconds:g} s")


def _failed(reason: object) -> MetricFailed:
    """Return the error for what the process says went wrong."""
    return MetricFailed(printable(str(reason))[: restoration.LONGEST_REASON])


def serve(descriptor: int) -> None:
    """Load a metric, and compute it for each pair of images that comes."""
    me = os.getpid()
    channel = Channel.of(descriptor)
    first = channel.receive()
    if first is None:
        return
    process_tree.end_with(first.message["parent"])
    # It holds clean images, which no prior may read; and what it starts is to end with it.
    process_tree.keep_private()
    process_tree.adopt_orphans()
    setup, name = Setup(**first.message["setup"]), first.message["metric"]
    others = setup.code_of_others([setup.metrics[name]["module"]])
    with open(first.files[0], "rb") as private:
        confine(unwritable=[*json.load(private), *others, *SYSTEM])
    keep_to_itself()
    inside.settle(setup.threads)
    try:
        metric = _metric(name, setup)
        metric.on(setup.device)
    except Exception as error:
        channel.send({"failed": restoration.reason(error), "request": 0})
        return
    channel.send({"event": "ready", "request": 0})
    torch.set_grad_enabled(True)
    while (received := channel.receive()) is not None:
        shape = received.message["shape"]
        data = os.pread(received.files[0], 4 * int(np.prod(shape)), 0)
        close_all(received.files)
        restored, clean = np.frombuffer(data, np.float32).reshape(shape).copy()
        try:
            answer: dict[str, object] = {"value": metric.value(restored, clean, setup.device)}
        except Exception as error:
            answer = {"failed": restoration.reason(error)}
        if os.getpid() != me:
            os._exit(1)  # a copy that the metric made; only one of them may answer
        channel.send({**answer, "request": received.message["request"]})


def _metric(name: str, setup: Setup) -> Metric:
    """Load a metric from its plugin."""
    module, parameters = setup.metrics[name]["module"], setup.metrics[name]["parameters"]
    registry = plugins.load(setup.plugin_files, setup.plugin_folders, only=[module])
    if parameters is None:
        return cast("Metric", registry.find("metrics", name))
    source = components.from_description(parameters, "metrics", registry.find)
    return cast("OptionalMetric", source).metric()


if __name__ == "__main__":
    serve(int(sys.argv[1]))
