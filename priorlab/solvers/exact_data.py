"""Data without noise say more than a prior: an image is moved to agree with them."""

from __future__ import annotations

import dataclasses

import torch
from torch import Tensor

from priorlab.forward.measurement import Measurement
from priorlab.forward.noise import ROUNDING
from priorlab.solvers.exposure import ranges

TYPICAL_ERROR = 5 / 255
"""Root mean square error that a restored image is taken to have, against that of exact data, in
units of its exposure, or of its contrast where that is little: a dark picture is restored as well
as a bright one."""

WITHIN = 2.6
"""Data and image agree where they differ by no more, in units of the data's level: by 0.75 / 255 if
they were rounded to 8 bits, which changes them by up to 0.5 / 255."""

MISSED = 10 / 255
"""One round may leave so much of the data of an image that ends at its exposure, in the same units:
what cuts off something brighter leaves more."""

MOST_ROUNDS = 100
"""Data that no image in its range explains are not chased for longer."""

MOST_ADDED = 1.0
"""The data of a round may differ from those of an enlarged picture by this share of white; more is
asked for by what no shrinking leaves, as of a frame drawn afterwards. Pictures that were shrunk, of
black and white alone too, take up to 0.62, black and white frames 2.5 and more."""

REACHED = 0.13
"""Share of what an image misses of its data that a step may leave, before it is cut off, for
another to follow: what an operator hardly shows is amplified by each, with the data's rounding.
Chosen on training images: see ``results/tuning-plug-and-play.md``."""


def agreeing(image: Tensor, measurement: Measurement) -> Tensor:
    """Return images in [darkest, brightest] near `image` that agree with the data.

    The nearest image with such data, cut off at both ends of that range, which changes its data
    again. The difference is then added to the data of a next round (Bregman iteration: Osher,
    Burger, Goldfarb, Xu, Yin, Multiscale Modeling and Simulation 4(2), 2005): photographs with
    saturated parts take up to 70 rounds. Some operators, such as a blur, are hard to invert, and
    each round would amplify the rounding of the data: for them there is one; see `REACHED`. So
    there is for data that no image in its range has: chased, they would cover the picture with
    black and white lines; see `MOST_ADDED`.

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
    power of two, as white is: an image that ends there is taken, if it has these data. So the
    12 bits of a sensor give the same picture in a file of 12 bits and in one of 16.
    """
    (found,) = ranges(measurement)
    # Of little contrast that was rounded to 8 bits, as of no contrast, the data say no more.
    scale = min(max(found.exposure, measurement.noise.level / ROUNDING), found.white)
    rho = (measurement.noise.level / (TYPICAL_ERROR * scale)) ** 2
    if found.white < measurement.brightest:
        dark = dataclasses.replace(measurement, brightest=found.white)
        moved, agrees = _moved(image, dark, rho, MISSED * scale)
        if agrees:
            return moved
    return _moved(image, measurement, rho, MISSED * scale)[0]


def _moved(
    image: Tensor, measurement: Measurement, rho: float, missed: float
) -> tuple[Tensor, bool]:
    """Return an image in its range, moved towards the data, and whether it agrees with them.

    That is asked to `WITHIN`, or to `missed` where the operator is too hard to invert for it.
    """
    y, operator, within = measurement.y, measurement.operator, WITHIN * measurement.noise.level
    solve, image = operator.solver(), measurement.clipped(image)
    enlarges = operator.factor > 1 and operator.has_closed_form  # known to be invertible
    lack, target, first = y - operator.forward(image), y, image
    for number in range(MOST_ROUNDS):
        if bool(lack.abs().max() <= within):
            break
        moved = solve(target, image, rho)
        wanted, left = target - y + lack, target - operator.forward(moved)
        if number and not enlarges and bool(left.norm() > REACHED * wanted.norm()):
            within = missed
            break
        image = measurement.clipped(moved)
        first = first if number else image
        lack = y - operator.forward(image)
        target = target + lack
        if enlarges and bool((target - y).abs().max() > MOST_ADDED * measurement.brightest):
            return first, False
    return image, bool(lack.abs().max() <= within)
