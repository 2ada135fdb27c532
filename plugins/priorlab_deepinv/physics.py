"""A measurement of priorlab as a physics of deepinv. Importing this module imports deepinv."""

from __future__ import annotations

from typing import Any

import deepinv.physics
import torch
from torch import Tensor
from typing_extensions import override

from priorlab.forward.measurement import Measurement


class MeasuredBy(deepinv.physics.LinearPhysics):  # type: ignore[misc, name-defined]
    """The operator and the noise of a measurement; its data step is the operator's own.

    Examples
    --------
    >>> from priorlab.tasks.builtin import Inpaint
    >>> measurement = Inpaint().measure(torch.full((1, 1, 8, 8), 0.5), seed=0)
    >>> physics = MeasuredBy(measurement)
    >>> torch.equal(physics.A(torch.full((1, 1, 8, 8), 0.5)), measurement.y)
    True
    """

    def __init__(self, measurement: Measurement) -> None:
        self.operator = measurement.operator
        noise = deepinv.physics.GaussianNoise(measurement.noise.level)
        super().__init__(noise_model=noise, img_size=measurement.shape[1:])

    @override
    def A(self, x: Tensor, **kwargs: Any) -> Tensor:
        return self.operator.forward(x)

    @override
    def A_adjoint(self, y: Tensor, **kwargs: Any) -> Tensor:
        return self.operator.adjoint(y)

    @override
    def prox_l2(self, z: Tensor, y: Tensor, gamma: Any, **kwargs: Any) -> Tensor:
        """Return argmin over x of ``gamma/2 |A x - y|^2 + 1/2 |x - z|^2``."""
        return self.operator.solve(y, z, 1 / float(gamma))


def physics_of(measurement: Measurement) -> Any:
    """Return the physics of a measurement, decomposed where deepinv has it so.

    Samplers such as DDRM work with the singular values of the operator: these are known for an
    image itself and for one of which pixels are missing.
    """
    mask, noise = measurement.operator.known_pixels, measurement.noise
    model = deepinv.physics.GaussianNoise(noise.level)
    if measurement.operator.is_identity:
        return deepinv.physics.Denoising(noise_model=model)
    if mask is not None:
        size = measurement.shape[1:]
        full = mask.expand(1, *size).to(torch.float32)
        return deepinv.physics.Inpainting(img_size=size, mask=full[0], noise_model=model)
    return MeasuredBy(measurement)
