"""Show a prior each picture at its usual exposure, with its white near 1, and its usual contrast.

Data and noise times c ask for the image times c. Most priors give that by themselves; those that
know how bright or how steep photographs are do not, and would smooth a dark picture too little or
too much. So they would a picture of little contrast, as of X-rays, a microscope or heat, whose
values lie close together far above 0: of it a black is subtracted first.
"""

from __future__ import annotations

import dataclasses
import math

import torch
from torch import Tensor
from torch.nn import functional

from priorlab.forward.contrast import LITTLE, power_above
from priorlab.forward.measurement import Measurement
from priorlab.forward.noise import Noise

BLOCK = 4
"""Side of the blocks whose means say how bright a picture is: noise counts little in them."""

BRIGHTEST = 0.001
"""Share of the blocks that may be brighter than the white, as lamps and glints are."""


FAINTEST = 2.0**-40
"""White, in standard deviations of the noise, that is taken for it at least: squares of the noise
at that exposure would soon be beyond single precision."""

BLACK = 2.0**-100
"""White below this is none: what is divided by it is beyond single precision itself."""


MARGIN = 0.25
"""So much of that, below its darkest blocks, and as much above, is left for what is beyond."""

MOST_NOISE = 0.2
"""The noise is not made stronger than this, as that of a picture without any contrast would be."""


@dataclasses.dataclass(frozen=True)
class Range:
    """Where the values of an image lie: from `black` to about ``black + exposure``.

    Attributes
    ----------
    black : float
        What is subtracted: 0 but for a picture of little contrast.
    exposure : float
        What it is divided by then.
    white : float
        The power of two nearest to its white: `exposure`, where nothing is subtracted.
    """

    black: float = 0.0
    exposure: float = 1.0
    white: float = 1.0


WHOLE = Range()
"""That of photographs."""


def ranges(measurement: Measurement) -> list[Range]:
    """Return for each image of a batch its exposure, and the black of one of little contrast.

    A photograph as cameras expose it has `WHOLE`. Its white is a power of two: multiplying by it
    rounds nothing. `WHOLE`, too, where the noise does not scale with the data, as counts of photons
    do not.

    Exact data have no noise that would pass for contrast: there the darkest and the brightest pixel
    count, so that a picture with a dead pixel, say, is left as it is.

    Examples
    --------
    >>> import torch
    >>> from priorlab.forward.noise import Gaussian
    >>> from priorlab.forward.operators import Identity
    >>> y = torch.tensor([0.8, 0.05]).reshape(2, 1, 1, 1).expand(2, 1, 8, 8)
    >>> [one.exposure for one in ranges(Measurement(y, Identity(), Gaussian(0.1), y.shape))]
    [1.0, 0.0625]
    >>> y = torch.linspace(0.5, 0.54, 64).reshape(1, 1, 8, 8)
    >>> [found] = ranges(Measurement(y, Identity(), Gaussian(0.001), y.shape))
    >>> round(found.black, 2), found.exposure
    (0.5, 0.0625)
    """
    if not measurement.noise.is_gaussian or measurement.y.is_complex():
        return [WHOLE] * measurement.shape[0]
    guess = measurement.operator.initial_guess(measurement.y, measurement.shape)
    return [_range(image, measurement.noise) for image in guess]


def _range(image: Tensor, noise: Noise) -> Range:
    """Return the range of one image (C, H, W), of data with this noise."""
    bright = _white(image)
    white = _nearest_power(max(bright, FAINTEST * noise.level)) if bright > BLACK else 1.0
    whole = Range(exposure=white, white=white)
    dark, light = -_white(-image), bright
    if noise.is_exact:
        dark, light = float(image.min()), float(image.max())
        if dark == light:
            return whole
    contrast = light - dark
    least = max(noise.level / MOST_NOISE, BLACK)
    exposure = power_above(max((1 + 2 * MARGIN) * contrast, least))
    if exposure > LITTLE * white or dark <= MARGIN * contrast:
        return whole
    return Range(dark - MARGIN * contrast, exposure, white)


def exposed(measurement: Measurement, exposure: float, black: float = 0.0) -> Measurement:
    """Return the measurement of the image less its black, divided by its exposure.

    Examples
    --------
    >>> import torch
    >>> from priorlab.forward.noise import Gaussian
    >>> from priorlab.forward.operators import Identity
    >>> dark = Measurement(torch.full((1, 1, 4, 4), 0.1), Identity(), Gaussian(0.01), (1, 1, 4, 4))
    >>> bright = exposed(dark, 0.125)
    >>> round(bright.y.mean().item(), 3), bright.noise, bright.brightest
    (0.8, Gaussian(sigma=0.08), 8.0)
    """
    if exposure == 1 and not black:
        return measurement
    y = measurement.y
    if black:
        y = y - measurement.operator.forward(torch.full(measurement.shape, black).to(y))
    return dataclasses.replace(
        measurement,
        y=y / exposure,
        noise=measurement.noise.scaled(1 / exposure),
        brightest=(measurement.brightest - black) / exposure,
        darkest=(measurement.darkest - black) / exposure,
    )


def finely_rounded(measurement: Measurement, least: float = 0.0) -> Measurement:
    """Return exact data with the rounding that fits their exposure, and their contrast.

    The rounding to 8 bits, which is assumed of exact data, would be that of a few levels of a dark
    picture, or of one of little contrast. In another one it does not matter that it is finer.

    Parameters
    ----------
    measurement : Measurement
    least : float
        Rounding that the data have, in units of the one that is assumed: 0 of what was computed.

    Examples
    --------
    >>> import torch
    >>> from priorlab.forward.noise import NoNoise
    >>> from priorlab.forward.operators import Identity
    >>> dark = Measurement(torch.full((1, 1, 4, 4), 0.1), Identity(), NoNoise(), (1, 1, 4, 4))
    >>> [round(255 * finely_rounded(dark, least).noise.level, 3) for least in (0, 0.5, 1)]
    [0.036, 0.144, 0.289]
    """
    if not measurement.noise.is_exact:
        return measurement
    share = max(*(one.exposure for one in ranges(measurement)), least)
    if share >= 1:
        return measurement
    return dataclasses.replace(measurement, noise=measurement.noise.scaled(share))


def _white(image: Tensor) -> float:
    """Return how bright the brightest blocks of an image (C, H, W) are."""
    block = min(BLOCK, *image.shape[-2:])
    means = functional.avg_pool2d(image[None], block).flatten()
    rank = max(1, math.ceil((1 - BRIGHTEST) * means.numel()))
    return float(means.kthvalue(rank).values)


def _nearest_power(white: float) -> float:
    return 2.0 ** round(math.log2(white))
