"""Priors for the tests of engines; the tests name this file as a plugin file."""

import dataclasses
import os
import signal
import time
from pathlib import Path
from typing import ClassVar

from priorlab.hookspecs import hookimpl
from priorlab.priors import Prior
from priorlab.trace import SILENT


@dataclasses.dataclass(frozen=True, kw_only=True)
class Good(Prior):
    """Return the data."""

    name: ClassVar[str] = "good"

    def restore(self, measurement, trace=SILENT, seed=0):
        self.act(gray=measurement.shape[1] == 1)
        trace.report(1, 1, measurement.y)
        return measurement.initial_guess()

    def act(self, gray):
        return


@dataclasses.dataclass(frozen=True, kw_only=True)
class Raises(Good):
    """Raise."""

    name: ClassVar[str] = "raises"

    def act(self, gray):
        raise RuntimeError("it gave up")


@dataclasses.dataclass(frozen=True, kw_only=True)
class Dies(Good):
    """End the process that computes the cell, if that is gray."""

    name: ClassVar[str] = "dies"

    def act(self, gray):
        if gray:
            os._exit(7)


@dataclasses.dataclass(frozen=True, kw_only=True)
class Slow(Good):
    """Take a while."""

    name: ClassVar[str] = "slow"

    def act(self, gray):
        time.sleep(0.5)


@dataclasses.dataclass(frozen=True, kw_only=True)
class Hangs(Good):
    """Never return; say so in the file that CLUSTER_BEGUN names."""

    name: ClassVar[str] = "hangs"

    def act(self, gray):
        Path(os.environ["CLUSTER_BEGUN"]).touch()
        time.sleep(1000)


@dataclasses.dataclass(frozen=True, kw_only=True)
class Assassin(Good):
    """Kill the worker, the nearest process above not of priorlab, if the picture is gray."""

    name: ClassVar[str] = "assassin"

    def act(self, gray):
        if gray:
            pid = os.getpid()
            while b"priorlab" in Path(f"/proc/{pid}/cmdline").read_bytes():
                stat = Path(f"/proc/{pid}/stat").read_text()
                pid = int(stat.rpartition(")")[2].split()[1])
            os.kill(pid, signal.SIGKILL)
            time.sleep(1000)


@hookimpl
def priorlab_priors():
    return [Good, Raises, Dies, Slow, Hangs, Assassin]
