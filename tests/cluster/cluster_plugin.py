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
        self.act(seed)
        trace.report(1, 1, measurement.y)
        return measurement.initial_guess()

    def act(self, seed):
        return


@dataclasses.dataclass(frozen=True, kw_only=True)
class Raises(Good):
    """Raise."""

    name: ClassVar[str] = "raises"

    def act(self, seed):
        raise RuntimeError("it gave up")


@dataclasses.dataclass(frozen=True, kw_only=True)
class Dies(Good):
    """End the process that computes the cell, with the first seed."""

    name: ClassVar[str] = "dies"

    def act(self, seed):
        if seed == 0:
            os._exit(7)


@dataclasses.dataclass(frozen=True, kw_only=True)
class Slow(Good):
    """Take a while."""

    name: ClassVar[str] = "slow"

    def act(self, seed):
        time.sleep(0.5)


@dataclasses.dataclass(frozen=True, kw_only=True)
class Hangs(Good):
    """Never return; say so in the file that CLUSTER_BEGUN names."""

    name: ClassVar[str] = "hangs"

    def act(self, seed):
        Path(os.environ["CLUSTER_BEGUN"]).touch()
        time.sleep(1000)


@dataclasses.dataclass(frozen=True, kw_only=True)
class Assassin(Good):
    """Kill the worker, with one seed: the nearest process above that is not of priorlab."""

    name: ClassVar[str] = "assassin"

    def act(self, seed):
        if seed == 0:
            pid = os.getpid()
            while b"priorlab" in Path(f"/proc/{pid}/cmdline").read_bytes():
                stat = Path(f"/proc/{pid}/stat").read_text()
                pid = int(stat.rpartition(")")[2].split()[1])
            os.kill(pid, signal.SIGKILL)
            time.sleep(1000)


@hookimpl
def priorlab_priors():
    return [Good, Raises, Dies, Slow, Hangs, Assassin]
