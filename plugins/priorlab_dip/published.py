"""What the paper of the deep image prior decides: its network, and its run for a measurement.

Source: Ulyanov, Vedaldi, Lempitsky, "Deep Image Prior", CVPR 2018, supplementary material, and the
notebooks that its authors published with it.
"""

from __future__ import annotations

from typing import Any

from priorlab.forward.measurement import Measurement
from priorlab.solvers.parameter_space.member import unit_perturbation

FIXED: dict[str, Any] = {
    "network": "hourglass",
    "code": "noise",
    "channels": 128,
    "depth": 5,
    "inputs": 32,
    "guides": 0,
    "links": 4,
    "upsampling": "bilinear",
    "activation": "leaky-relu",
    "normalisation": "batch",
    "padding": "reflect",
    "slope": 0.0,
    "warm_up": 0,
    "stop": "never",
}
"""The parameters that are the same for all measurements."""

VARYING = ("iterations", "learning_rate", "perturbation")
"""Those that depend on the measurement."""


def run_for(measurement: Measurement) -> dict[str, Any]:
    """Return the parameters `VARYING` for a measurement.

    Examples
    --------
    >>> import torch
    >>> from priorlab.tasks.builtin import Denoise, Inpaint
    >>> clean = torch.zeros(1, 3, 16, 16)
    >>> run_for(Denoise().measure(clean, seed=0))["iterations"]
    1800
    >>> run_for(Inpaint().measure(clean, seed=0))["iterations"]
    11000
    """
    # The pixels that impulses hit count as missing.
    one = measurement.image(0).without_outliers()
    iterations, learning_rate, deviation = _stated(one)
    values = (iterations, learning_rate, deviation / unit_perturbation(one))
    return dict(zip(VARYING, values, strict=True))


def _stated(measurement: Measurement) -> tuple[int, float, float]:
    """Return steps, the step size of Adam, and the deviation of the noise of the code."""
    if measurement.operator.known_pixels is not None:
        return 11000, 0.001, 0.03
    if measurement.operator.is_identity:
        return 1800, 0.01, 1 / 20 if measurement.noise.level > 49.5 / 255 else 1 / 30
    factor = measurement.shape[-1] / measurement.y.shape[-1]
    return (4000, 0.01, 0.05) if factor > 6 else (2000, 0.01, 0.03)
