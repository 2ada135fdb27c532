"""Data without noise say more than a prior: an image is moved to agree with them."""

from __future__ import annotations

import dataclasses

import torch
from torch import Tensor

from priorlab.forward.measurement import Measurement
from priorlab.solvers.exposure import exposures

TYPICAL_ERROR = 5 / 255
"""Root mean square error that a restored image is taken to have, against that of exact data, in
units of its exposure: a dark picture is restored as well as a bright one."""

WITHIN = 2.6
"""Data and image agree where they differ by no more, in units of the data's level: by 0.75 / 255 if
they were rounded to 8 bits, which changes them by up to 0.5 / 255."""

MISSED = 10 / 255
"""One round may leave so much of the data of an image that ends at its exposure, in its units: what
cuts off something brighter leaves more."""

MOST_ROUNDS = 100
"""Data that no image in its range explains are not chased for longer."""


def agreeing(image: Tensor, measurement: Measurement) -> Tensor:
    """Return images in [0, brightest] near `image` that agree with the data.

    The nearest image with such data, cut off at 0 and `Measurement.brightest`, which changes its
    data again. Of an enlarged image the difference is added to the data of a next round (Bregman
    iteration: Osher, Burger, Goldfarb, Xu, Yin, Multiscale Modeling and Simulation 4(2), 2005):
    photographs with saturated parts take up to 70 rounds. Other operators, such as a blur, are hard
    to invert, and each round would amplify the rounding of the data: for them there is one.

    Parameters
    ----------
    image : Tensor
        Shape (B, C, H, W).
    measurement : Measurement
        Data that are exact, or whose noise is far below `TYPICAL_ERROR`.

    Returns
    -------
    Tensor
        The images; what was measured as a pixel without noise is there as it is.

    Examples
    --------
    >>> import torch
    >>> from priorlab.tasks.builtin import Inpaint
    >>> measurement = Inpaint(missing=0.5).measure(torch.full((1, 1, 16, 16), 0.5), seed=0)
    >>> agreeing(torch.ones(1, 1, 16, 16), measurement).unique()
    tensor([0.5000, 1.0000])
    """
    image = measurement.clipped(image)
    if measurement.operator.is_identity and measurement.noise.is_exact:
        return measurement.clipped(measurement.y.to(image))
    if measurement.operator.known_pixels is not None:
        return measurement.clipped(measurement.with_known_pixels(image).to(image))
    return torch.cat(
        [_agreeing(image[i : i + 1], measurement.image(i)) for i in range(image.shape[0])]
    )


def _agreeing(image: Tensor, measurement: Measurement) -> Tensor:
    """Return one image (1, C, H, W) in its range that agrees with its data, if there is one.

    That nothing is brighter than white says much of what is next to white. Sensors count up to a
    power of two, as exposures are: an image that ends there is taken, if it has these data. So the
    12 bits of a sensor give the same picture in a file of 12 bits and in one of 16.
    """
    (exposure,) = exposures(measurement)
    level, operator = measurement.noise.level, measurement.operator
    rho = (level / (TYPICAL_ERROR * exposure)) ** 2
    rounds = MOST_ROUNDS if operator.factor > 1 and operator.has_closed_form else 1
    if exposure >= measurement.brightest:
        return _moved(image, measurement, rho, rounds)[0]
    dark = dataclasses.replace(measurement, brightest=exposure)
    found, lack = _moved(image, dark, rho, rounds)
    if lack <= (WITHIN * level if rounds > 1 else MISSED * exposure):
        return found
    return _moved(image, measurement, rho, rounds)[0]


def _moved(
    image: Tensor, measurement: Measurement, rho: float, rounds: int
) -> tuple[Tensor, float]:
    """Return an image in its range, moved towards the data, and by how much it misses one."""
    y, operator, level = measurement.y, measurement.operator, measurement.noise.level
    solve, image = operator.solver(), measurement.clipped(image)
    lack, target = y - operator.forward(image), y
    for _ in range(rounds):
        if bool(lack.abs().max() <= WITHIN * level):
            break
        image = measurement.clipped(solve(target, image, rho))
        lack = y - operator.forward(image)
        target = target + lack
    return image, float(lack.abs().max())
