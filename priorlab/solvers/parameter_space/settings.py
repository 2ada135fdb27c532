"""Settings of the fit of a network, and the constants that users do not set."""

from __future__ import annotations

import dataclasses
from typing import ClassVar

from priorlab.components import parameter
from priorlab.solvers.parameter_space.muon import RATE

NOTICEABLE = 1 / 255
"""Noise below this level does no harm when it is fitted: nothing stops a fit early then, and Muon,
which fits everything faster, is used to the end."""

HANDOVER = 60
"""Steps in which Adam takes the kernels over from Muon. Its first steps are large, as it knows
nothing yet of the gradients' sizes: all at once they would undo much of the fit."""

CAREFUL = 1 / 4
"""What the step size of Adam is multiplied by where Muon makes the fit, to data without noise."""

MEMORY, MEMORY_OF_EXACT = 9, 4
"""The running mean remembers a ninth of the steps so far, until `averaging` is more; a quarter of
them where the data are without noise: such a fit does not turn back, and is steadier for it."""

LEAST_PERTURBED = 14 / 255
"""The code is perturbed as for this noise level at least: exact data gain from it too."""


@dataclasses.dataclass(frozen=True, kw_only=True)
class FitSettings:
    """How a network is fitted to a measurement, and when that stops.

    Attributes
    ----------
    muon_rate : float
        Root mean square of the change that one step of Muon makes to the weights of a layer.
    """

    muon_rate: ClassVar[float] = RATE

    iterations: int = parameter(450, "most steps of the optimiser", low=1)
    learning_rate: float = parameter(0.08, "step size of Adam", low=0)
    warm_up: int = parameter(
        60,
        "steps in which Muon optimises the kernels, before Adam gradually does; all steps without"
        " noise, with a quarter of Adam's step size for the rest",
        low=0,
    )
    perturbation: float = parameter(
        0.25,
        "noise added to the code in each step, relative to the measurement's level, which counts"
        " as 14 (0-255) at least, and 1.7 times in gray pictures",
        low=0,
    )
    averaging: float = parameter(
        0.99, "decay of the running mean of the outputs; 0 returns the last one", low=0, high=1
    )
    stop: str = parameter(
        "auto",
        "what ends a fit to noisy data early: a residual as small as the noise (discrepancy), the"
        " moving variance of the outputs (es-wmv), a few pixels kept from the fit (held-out), the"
        " median of these three, or nothing; auto is the median where the noise is Gaussian or"
        " Poisson, else es-wmv",
        choices=("auto", "median", "discrepancy", "es-wmv", "held-out", "never"),
    )
    runs: int = parameter(1, "independent fits, whose mean is the result", low=1)
    batch: int = parameter(
        1,
        "networks fitted together, of several images or runs: as one on a GPU, on a CPU in a"
        " thread each",
        low=1,
    )
    langevin: float = parameter(
        0.0,
        "noise added to the kernels in each step, in units of the learning rate; the mean of the"
        " second half of the outputs is the result, with its uncertainty; with stop=never",
        low=0,
    )
    weight_tv: float = parameter(0.0, "weight of the total variation of the image", low=0)
