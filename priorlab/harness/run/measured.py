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


class Measured:
    """Measures as tasks do; what a plugin provides is tried once for each image and seed.

    Every cell measures for itself, and priors with other data would be compared as if they had the
    same. The core's own tasks and operators are tested for that.
    """

    def __init__(self) -> None:
        self._digests: OrderedDict[tuple[Task, str, int], str] = OrderedDict()

    def of(self, task: Task, image: ImageFile, clean: Tensor, seed: int) -> tuple[Measurement, str]:
        """Return the measurement of an image, whose pixels are `clean`, with the data's digest.

        Raises
        ------
        UsageError
            For a task with randomness of its own, and for an operator or a noise model that
            `restoration.check_degradation` refuses.
        """
        case = (task, image.digest, seed)
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
        return measurement, digest


def _digest(measurement: Measurement) -> str:
    return arrays.digest(measurement.y[0].numpy())
