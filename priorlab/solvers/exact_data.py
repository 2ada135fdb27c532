"""Data without noise say more than a prior: an image is moved to agree with them."""

from __future__ import annotations

from torch import Tensor

from priorlab.forward.measurement import Measurement

TYPICAL_ERROR = 5 / 255
"""Root mean square error that a restored image is taken to have, against that of exact data."""


def agreeing(image: Tensor, measurement: Measurement) -> Tensor:
    """Return the image nearest to `image` that agrees with the data, up to their level.

    Parameters
    ----------
    image : Tensor
        Shape (B, C, H, W).
    measurement : Measurement
        Data with Gaussian noise far below `TYPICAL_ERROR`, such as that of rounding.

    Returns
    -------
    Tensor
        The image, clipped to [0, 1]; what was measured as a pixel without noise is there as it is.

    Examples
    --------
    >>> import torch
    >>> from priorlab.tasks.builtin import Inpaint
    >>> measurement = Inpaint(missing=0.5).measure(torch.full((1, 1, 16, 16), 0.5), seed=0)
    >>> agreeing(torch.ones(1, 1, 16, 16), measurement).unique()
    tensor([0.5000, 1.0000])
    """
    rho = (measurement.noise.level / TYPICAL_ERROR) ** 2
    image = measurement.operator.solve(measurement.y, image, rho).clamp(0, 1)
    return measurement.with_known_pixels(image)
