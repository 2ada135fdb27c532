"""Metrics that fail in all ways there are, and priors that gain by what they keep."""

import os
import sys
import time

import numpy as np
import torch
from faultkit import Group, guess, note_pid

from priorlab.hookspecs import hookimpl
from priorlab.metrics import Metric

GROUP = Group()
fault = GROUP.fault
QUICK = {
    "m-good": (True, ""),
    "m-raises": (False, "ValueError: no"),
    "m-forks": (True, ""),
}
SLOW = {
    "m-good": (True, ""),
    "m-exits": (False, "status 3"),
    "m-quits": (False, "status 0"),
    "m-hangs": (False, "no value after"),
    "m-text": (False, "could not convert"),
    "m-nothing": (False, "TypeError"),
    "m-nan": (True, ""),
    "m-surrogate": (False, r"\?"),
    "m-leaves": (True, ""),
}
"""For each metric of a run whether it has a value, and what its failure says."""


def good(restored, clean):
    return float(np.abs(restored - clean).mean())


def raises(restored, clean):
    raise ValueError("no")


def exits(restored, clean):
    os._exit(3)


def quits(restored, clean):
    sys.exit(0)


def hangs(restored, clean):
    time.sleep(1000)


def text(restored, clean):
    return "much"


def nothing(restored, clean):
    return None


def nan(restored, clean):
    return float("nan")


def forks(restored, clean):
    """Both copies answer: the second answer is none to the next request."""
    os.fork()
    return good(restored, clean)


def surrogate(restored, clean):
    raise ValueError("half of a pair: \udcff")


def leaves(restored, clean):
    """A detached process of a metric is none of the prior's."""
    if not os.fork():
        os.setsid()
        if not os.fork():
            note_pid("metric-leaves")
            time.sleep(1000)
        os._exit(0)
    os.wait()
    return good(restored, clean)


KEPT = []


@fault()
def keeps_a_mean(m, trace, seed):
    """Returns the mean of all it saw in this process: of one measurement, as it is."""
    KEPT.append(guess(m))
    return torch.stack(KEPT).mean(0)


@fault()
def keeps_nothing(m, trace, seed):
    """Returns what it sees."""
    return guess(m)


@hookimpl
def priorlab_priors():
    return GROUP.priors


@hookimpl
def priorlab_metrics():
    functions = [good, raises, exits, quits, hangs, text, nothing, nan, forks, surrogate, leaves]
    chosen = os.environ.get("FAULTS_METRICS", "").split(",")
    return [
        Metric(name=f"m-{one.__name__}", doc="A metric.", spec=one.__name__, function=one)
        for one in functions
        if f"m-{one.__name__}" in chosen
    ]
