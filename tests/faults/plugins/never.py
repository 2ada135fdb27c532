"""A prior that hangs while it is prepared."""

import dataclasses
import time

from priorlab.hookspecs import hookimpl
from priorlab.priors import Prior
from priorlab.trace import SILENT


@dataclasses.dataclass(frozen=True, kw_only=True)
class Never(Prior):
    """Is never ready."""

    name = "never"

    def prepare(self, device, channels):
        time.sleep(1000)

    def restore(self, measurement, trace=SILENT, seed=0):
        return measurement.initial_guess()


@hookimpl
def priorlab_priors():
    return [Never]
