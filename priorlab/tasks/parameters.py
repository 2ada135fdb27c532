"""Parameters that several tasks share: the sigma of Gaussian noise, and the boundary of a blur."""

from __future__ import annotations

from collections.abc import Collection

from priorlab.components import PER_GRAY_LEVEL, parameter
from priorlab.forward.noise import Gaussian, Noise, NoNoise
from priorlab.pictures.noise_words import in_gray_levels


def sigma_parameter(default: float) -> float:
    """Declare the standard deviation of Gaussian noise; `default` is typed, on 0-255.

    Examples
    --------
    >>> from dataclasses import dataclass
    >>> from priorlab.components import Component
    >>> @dataclass(frozen=True, kw_only=True)
    ... class Fog(Component):
    ...     name = "fog"
    ...     sigma: float = sigma_parameter(25)
    >>> Fog().spec(), Fog.parse({"sigma": "51"}).sigma
    ('fog:sigma=25', 0.2)
    """
    value: float = parameter(
        default * PER_GRAY_LEVEL,
        "standard deviation of the Gaussian noise; 0 is none",
        unit="0-255",
        low=0,
        high=1,
        scale=PER_GRAY_LEVEL,
        shown=default > 0,
    )
    return value


def boundary_parameter(photograph: str, *others: str) -> str:
    """Declare how an image continues beyond its border, for an operator that looks there.

    `photograph` is what restoring one takes; what else there is besides circular, is in `others`.
    """
    value: str = parameter(
        "circular",
        "how the image continues beyond its border; tables use circular, restoring a photograph"
        f" takes {photograph}",
        choices=("circular", *others, photograph),
    )
    return value


def noise_of(sigma: float) -> Noise:
    """Return the model of Gaussian noise; a sigma of 0 is no noise.

    Examples
    --------
    >>> noise_of(0.1)
    Gaussian(sigma=0.1)
    """
    return Gaussian(sigma) if sigma > 0 else NoNoise()


def assuming(sigma: float) -> str:
    """Return the note on a sigma that was assumed.

    Examples
    --------
    >>> assuming(2 / 255)
    'no sigma was given: assuming sigma = 2.0 (0-255 scale)'
    """
    return f"no sigma was given: assuming sigma = {in_gray_levels(sigma)} (0-255 scale)"


def assumed(sigma: float, typed: Collection[str]) -> tuple[str, ...]:
    """Return the note on a sigma that the user did not type; none where there is no noise.

    Examples
    --------
    >>> assumed(2 / 255, typed=())
    ('no sigma was given: assuming sigma = 2.0 (0-255 scale)',)
    """
    if not sigma or "sigma" in typed:
        return ()
    return (assuming(sigma),)
