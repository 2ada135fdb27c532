"""Tasks and priors that go wrong in ways of their own; `test_faults.py` names this file."""

import dataclasses

import numpy as np
import torch

from priorlab.components import parameter
from priorlab.forward.noise import Gaussian
from priorlab.forward.operators import Identity, LinearOperator
from priorlab.hookspecs import hookimpl
from priorlab.priors import Prior
from priorlab.tasks.base import Task
from priorlab.trace import SILENT


class Pair(LinearOperator):
    """Measures every image twice: two channels of data where the image has one."""

    def forward(self, x):
        return torch.cat([x, 2 * x], dim=1)

    def adjoint(self, y):
        plain, doubled = y.chunk(2, dim=1)
        return plain + 2 * doubled

    def initial_guess(self, y, shape):
        return y.chunk(2, dim=1)[0]


@dataclasses.dataclass(frozen=True, kw_only=True)
class Made(Task):
    """What its operator is made by is all that differs."""

    noise = Gaussian(0.1)

    def operator(self, shape, rng):
        return self.made()


@dataclasses.dataclass(frozen=True, kw_only=True)
class Pairs(Made):
    """Two channels of data."""

    name = "pairs"
    made = Pair


class Broken(LinearOperator):
    def forward(self, x):
        return x.where(x < 0.9, torch.nan)

    def adjoint(self, y):
        return y


@dataclasses.dataclass(frozen=True, kw_only=True)
class Blinded(Made):
    """Bright pixels are measured as NaN."""

    name = "blinded"
    made = Broken


class Dice(Gaussian):
    def sample(self, x, rng):
        return x + self.sigma * np.random.default_rng().standard_normal(x.shape)


@dataclasses.dataclass(frozen=True, kw_only=True)
class Restless(Task):
    """Its noise does not follow from the seed."""

    name = "restless"
    noise = Dice(0.1)


class Dims(LinearOperator):
    def __init__(self, factor=0.5):
        self.forward = self.adjoint = lambda x: factor * x

    def forward(self, x):
        raise NotImplementedError

    adjoint = forward


@dataclasses.dataclass(frozen=True, kw_only=True)
class Local(Made):
    """Its operator cannot be passed to another process."""

    name = "local"
    made = Dims


class Skewed(LinearOperator):
    def forward(self, x):
        return x

    def adjoint(self, y):
        return y / 2


@dataclasses.dataclass(frozen=True, kw_only=True)
class Skew(Made):
    """The adjoint of its operator is wrong."""

    name = "skew"
    made = Skewed


class Reused(LinearOperator):
    """Writes what it returns into one tensor."""

    def __init__(self):
        self.kept = None

    def forward(self, x):
        if self.kept is None:
            self.kept = torch.empty_like(x)
        return self.kept.copy_(x)

    def adjoint(self, y):
        return y


@dataclasses.dataclass(frozen=True, kw_only=True)
class Reuse(Made):
    """Its operator returns the same tensor each time."""

    name = "reuse"
    made = Reused


@dataclasses.dataclass(frozen=True, kw_only=True)
class Counted(Made):
    """Writes down how often it measures, in a file."""

    name = "counted"
    made = Identity
    file: str = parameter("", "the file")

    def measure(self, clean, seed):
        with open(self.file, "a") as log:
            log.write("measured\n")
        return super().measure(clean, seed)


@dataclasses.dataclass(frozen=True, kw_only=True)
class Copies(Prior):
    """Returns the first channels of the data."""

    name = "copies"

    def restore(self, measurement, trace=SILENT, seed=0):
        return measurement.y[:, : measurement.shape[1]].clone()


@dataclasses.dataclass(frozen=True, kw_only=True)
class Counts(Prior):
    """Reports its steps in numbers that are not Python's own."""

    name = "counts"

    def restore(self, measurement, trace=SILENT, seed=0):
        steps = [np.int64(1), torch.tensor(2), 3.0, np.float32(4), float("nan"), 10**400, "x", None]
        for step in steps:
            for total in (np.int64(5), None, -1, 10**400):
                trace.report(step, total, measurement.y, gap=np.float32(1))
        trace.returned(np.int64(2))
        trace.converged(np.bool_(False), np.float32(1))
        trace.converged(True, 0.0)
        trace.picture("map", torch.ones(measurement.shape, dtype=torch.int64))
        return measurement.y.clone()


class Mute(Exception):
    def __str__(self):
        raise RuntimeError("no comment")


@dataclasses.dataclass(frozen=True, kw_only=True)
class Mumbles(Prior):
    """Raises what can hardly be said: half a character, or an error without a text."""

    name = "mumbles"

    def restore(self, measurement, trace=SILENT, seed=0):
        if measurement.shape[1] == 3:
            raise Mute
        raise ValueError("half of a pair: \ud83d")


@hookimpl
def priorlab_priors():
    return [Copies, Counts, Mumbles]


@hookimpl
def priorlab_tasks():
    return [Pairs, Blinded, Restless, Local, Skew, Reuse, Counted]
