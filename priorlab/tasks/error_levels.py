"""What a picture's values err by: its noise, or what storing it lost, if nobody typed sigma.

Undoing a blur raises whatever is not the blurred scene, so that a level that is far too low leaves
nothing of the picture; one that is somewhat too high leaves it less sharp.
"""

from __future__ import annotations

import dataclasses

import numpy as np

from priorlab.components import PER_GRAY_LEVEL
from priorlab.errors import UsageError
from priorlab.forward import contrast, jpeg_files
from priorlab.forward.noise import Gaussian
from priorlab.pictures import (
    formats,
    jpeg_grid,
    jpeg_traces,
    noise_profile,
    noise_words,
    webp_files,
)
from priorlab.pictures.noise_profile import NoiseProfile
from priorlab.pictures.noise_words import in_gray_levels
from priorlab.pictures.picture import Picture
from priorlab.tasks.parameters import assuming

LEAST_BLURRED = 0.5 / 255
"""Least error that is assumed of a blurred picture: exact data would be undone to a fault. Less of
one with little contrast whose file has finer steps than 8 bits."""

LEAST_SMALL = 1 / 255
"""A small picture whose noise is weaker is taken for exact: fine texture can look like that. Less
in such pictures, too."""

LEAST_GRAIN = 3 / 255
"""Weaker grain is not counted: a blurred or small picture's own texture looks like it."""

COMPRESSED = 3 / 255
"""Error that is assumed where a file lost something that it does not tell: that of JPEG files of
quality 90 or so."""

FAR_BELOW = 10
"""A sigma below one gray level, so many times weaker than the noise of the picture, is doubted."""

LOSSY_SUFFIXES = (".webp", ".avif", ".heic", ".heif", ".jp2", ".j2k", ".jpf", ".jpx")
"""Files whose compression mostly loses something."""


def of_blurred(picture: Picture) -> tuple[float, str]:
    """Return the error of a picture whose blur is to be undone, and a line on it.

    The larger of its noise, grain too unless it is weak, and of what its compression lost.

    Raises
    ------
    UsageError
        If there is nothing in the picture that shows its noise.

    Examples
    --------
    >>> noise = np.random.default_rng(0).normal(0, 5 / 255, (1, 256, 256)).astype(np.float32)
    >>> level, text = of_blurred(Picture(image=0.5 + noise))
    >>> text
    'no sigma was given: estimated sigma = 4.9 (0-255 scale)'
    """
    found = _without_weak_grain(noise_profile.profile(picture))
    level = found.noise.spread[1]
    lost, why = _lost(picture)
    if not lost and jpeg_grid.shows(picture.image.astype(np.float64).mean(0)):
        lost, why = COMPRESSED, "for it shows the blocks of JPEG"
    least = LEAST_BLURRED * contrast.unit(picture.image, picture.quantum)
    if max(lost, level) < least:
        return least, _assuming(least, "for less cannot be told from rounding")
    if lost > level:
        return lost, _assuming(lost, why)
    if not found.noise.is_gaussian:  # as much as anywhere in it
        return level, _assuming(level, f"the most of what was found: {found.text}")
    return level, f"no sigma was given: {found.text}"


def of_small(picture: Picture) -> tuple[float, str]:
    """Return the error of a picture that is to be enlarged, 0 for none, and a line on it.

    The larger of its white noise and of what its compression lost. Grain does not count: in a
    small picture, texture looks like it.

    Examples
    --------
    >>> of_small(Picture(image=np.full((1, 64, 64), 0.5, np.float32)))
    (0.0, 'no sigma was given: assuming that it has no noise')
    """
    level, grain = 0.0, ""
    try:
        found = _without_weak_grain(noise_profile.profile(picture))
    except UsageError:
        pass  # black and white only: then nothing else is to be seen
    else:
        if not found.noise.is_independent:
            grain = f"; if what looks like grain is noise, give sigma={found.noise.level * 255:.0f}"
        elif found.part:
            grain = f"; {found.part}"
        level = found.white
    lost, why = _lost(picture)
    least = LEAST_SMALL * contrast.unit(picture.image, picture.quantum)
    if lost > max(level, least):
        return lost, _assuming(lost, why) + grain
    if level < least:
        return 0.0, "no sigma was given: assuming that it has no noise" + grain
    shown = in_gray_levels(level)
    return level, f"no sigma was given: estimated sigma = {shown} (0-255 scale)" + grain


def of_other_scale(sigma: float, picture: Picture) -> tuple[str, ...]:
    """Return a line on a sigma that seems to be typed with white at 1: else none.

    Examples
    --------
    >>> noise = np.random.default_rng(0).normal(0, 0.1, (1, 256, 256)).astype(np.float32)
    >>> (said,) = of_other_scale(0.1 / 255, Picture(image=0.5 + noise))
    >>> said.partition(", and")[0]
    'sigma=0.1 counts on 0-255'
    """
    if not 0 < sigma < PER_GRAY_LEVEL:
        return ()
    try:
        level = noise_profile.profile(picture).noise.level
    except UsageError:  # nothing shows it
        return ()
    if level < FAR_BELOW * sigma or level < COMPRESSED:
        return ()
    typed, shown = sigma / PER_GRAY_LEVEL, level / PER_GRAY_LEVEL
    return (
        f"sigma={typed:.3g} counts on 0-255, and the picture shows noise of {shown:.1f}: hardly any"
        " is taken for noise; without sigma= it is estimated",
    )


def _without_weak_grain(found: NoiseProfile) -> NoiseProfile:
    """Return the white part of noise that is weak and not white."""
    if found.noise.is_independent or found.noise.level >= LEAST_GRAIN:
        return found
    level = max(found.white, float(np.finfo(np.float32).eps))
    text = noise_words.of_levels(np.array([level]), "", (1.0,), "")
    return dataclasses.replace(found, noise=Gaussian(level), text=text)


def _lost(picture: Picture) -> tuple[float, str]:
    """Return what storing a picture lost, and how that is known; 0 where its file loses nothing."""
    path = None if picture.path is None else formats.split_frame(picture.path)[0]
    if (known := jpeg_traces.strongest(picture)) is not None:
        file, is_told_by_pixels = known
        shown = ", as its pixels show" if is_told_by_pixels else ""
        return file.noise.level, f"the error that JPEG made{shown}"
    if path is not None and jpeg_files.is_jpeg(path):  # colours that are stored in an unusual way
        return COMPRESSED, "the error of most JPEG files"
    if path is not None and webp_files.is_webp(path):
        error = webp_files.error(path)
        if error is not None:
            return error, "the error that WebP made" if error else ""
    if path is not None and path.suffix.lower() in LOSSY_SUFFIXES:
        return COMPRESSED, f"as {path.suffix.lower()} files mostly lose that much"
    return 0.0, ""


def _assuming(level: float, why: str) -> str:
    return f"{assuming(level)}, {why}"
