"""The measurements of cells: all priors that are compared get the same one."""

from __future__ import annotations

from collections import OrderedDict

from torch import Tensor

from priorlab import restoration
from priorlab.components import is_of_core
from priorlab.errors import UsageError
from priorlab.forward.measurement import Measurement
from priorlab.pictures import arrays
from priorlab.pictures.image_files import ImageFile
from priorlab.solvers.exposure import finely_rounded
from priorlab.tasks.base import Task

MOST_MEASURED = 1000
"""Measurements of which the digest is kept."""

MOST_VALUES = 2**22
"""Values of the measurements that are kept themselves, for the priors to come: 16 MB."""

Case = tuple[Task, str, int]
"""A task, the digest of an image, and a seed."""


class Measured:
    """Measures as tasks do; what a plugin provides is tried once for each image and seed.

    Every slot measures for itself, and priors with other data would be compared as if they had the
    same. The core's own tasks and operators are tested for that: what they measure is kept. Who
    restores it gets a copy.
    """

    def __init__(self) -> None:
        self._digests: OrderedDict[Case, str] = OrderedDict()
        self._kept: OrderedDict[Case, tuple[Measurement, str]] = OrderedDict()

    def of(self, task: Task, image: ImageFile, clean: Tensor, seed: int) -> tuple[Measurement, str]:
        """Return the measurement of an image, whose pixels are `clean`, with the data's digest.

        Raises
        ------
        UsageError
            For a task with randomness of its own, and for an operator or a noise model that
            `restoration.check_degradation` refuses.
        """
        case = (task, image.digest, seed)
        if case in self._kept:
            self._kept.move_to_end(case)
            return self._kept[case]
        measurement = finely_rounded(task.measure(clean, seed))
        digest = known = _digest(measurement)
        if case in self._digests:
            known = self._digests[case]
        else:
            restoration.check_degradation(measurement)
            if not is_of_core(type(task)):
                known = _digest(task.measure(clean, seed))
        if digest != known:
            raise UsageError(
                f"{task.spec()}: measured again with the same seed, the image gave other data; its"
                " only random numbers are to be those of the generators that `operator` and"
                " `Noise.sample` are given"
            )
        self._digests[case] = digest
        if len(self._digests) > MOST_MEASURED:
            self._digests.popitem(last=False)
        if all(map(is_of_core, map(type, (task, measurement.operator, measurement.noise)))):
            self._keep(case, measurement, digest)
        return measurement, digest

    def _keep(self, case: Case, measurement: Measurement, digest: str) -> None:
        """Keep a measurement instead of those that were not asked for the longest time."""
        self._kept[case] = (measurement, digest)
        while sum(one.y.numel() for one, _ in self._kept.values()) > MOST_VALUES:
            self._kept.popitem(last=False)


def _digest(measurement: Measurement) -> str:
    return arrays.digest(measurement.y[0].numpy())
