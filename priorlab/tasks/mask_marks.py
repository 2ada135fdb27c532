"""What in a picture file marks the missing pixels of another picture.

What marks it is found out, in this order:

- Opacity, where it varies: what is transparent (scratches erased from a copy of the picture), or
  what is opaque (strokes on a transparent layer).
- Black and white: black is missing, unless it covers more than `MOST_MISSING`; then white is.
  Where the picture itself is nothing but 0 in one of the two, as `degrade` leaves it, that part
  is missing, whatever it covers.
- Strokes of any colour on a copy of the picture: where the two differ.
- Strokes of any colour on one flat colour.
"""

from __future__ import annotations

import dataclasses

import numpy as np
import scipy
from numpy.typing import NDArray

from priorlab.errors import UsageError

Known = NDArray[np.bool_]
Values = NDArray[np.float32]

HOLES = ("auto", "black", "white", "transparent", "opaque")

MOST_MISSING = 0.6
"""A larger part is missing by mistake, as a rule: the mask is likely read the wrong way round."""

EDGES = 0.3
"""At most this part of a black and white mask is gray, on the edges."""
LEAST_CONTRAST = 0.3
"""Difference of black and white in a mask with grays; less is the grain of an empty page."""
COLOURFUL = 0.1
"""Difference between channels from which a pixel has a colour."""
ALIKE = 0.1
"""Values that differ by less are likely the same, stored as JPEG."""


@dataclasses.dataclass(frozen=True)
class Marks:
    """How far each pixel is covered, (H, W) in [0, 1], by what."""

    cover: Values
    what: str
    holes: str = "auto"
    sure: bool = False
    crisp: bool = False


def find(
    path: str, image: Values, opacity: Values | None, picture: Values | None, holes: str
) -> Marks:
    """Find out what marks missing pixels, and where.

    Parameters
    ----------
    path : str
        The file, for notes and errors.
    image : array of shape (C, H, W)
        What it shows on white, in [0, 1].
    opacity : array of shape (H, W), optional
        Its opacity, in [0, 1].
    picture : array of shape (C', H, W), optional
        The picture whose pixels are missing.
    holes : str
        One of `HOLES`.

    Raises
    ------
    UsageError
        If nothing or everything is marked, or the file is not a mask.

    Examples
    --------
    >>> image = np.ones((1, 4, 4), np.float32)
    >>> image[0, 1] = 0
    >>> marks = find("mask.png", image, None, None, "auto")
    >>> marks.what, marks.cover.sum(1).tolist()
    ('what is black in mask.png', [0.0, 4.0, 0.0, 0.0])
    """
    if opacity is not None and opacity.min() < 1 - ALIKE:
        return _of_opacity(path, image, opacity, picture, holes)
    if holes in ("transparent", "opaque"):
        raise UsageError(f"the mask {path} is opaque throughout; holes={holes} needs transparency")
    return _of_colours(path, image, picture, holes)


def connected(seeds: Known, within: Known) -> Known:
    """Return the parts of `within` in which there is a seed.

    Examples
    --------
    >>> connected(np.array([[1, 0, 0, 0]]) > 0, np.array([[1, 1, 0, 1]]) > 0).tolist()
    [[True, True, False, False]]
    """
    return np.asarray(scipy.ndimage.binary_propagation(seeds, np.ones((3, 3)), within), np.bool_)


def _of_opacity(
    path: str, image: Values, opacity: Values, picture: Values | None, holes: str
) -> Marks:
    if holes in ("black", "white"):
        raise UsageError(
            f"the mask {path} is partly transparent: holes=transparent or holes=opaque?"
        )
    if opacity.max() < ALIKE:
        raise UsageError(f"the mask {path} is transparent throughout: no pixel is known")
    opacity = opacity / opacity.max()  # strokes may all be drawn at half the opacity
    clear = 1 - opacity
    crisp = np.unique(opacity).size == 2
    part = float((clear > 0.5).mean())
    turned = holes == "opaque" or (
        holes == "auto"
        and part > MOST_MISSING
        and not _is_copy(image, picture, where=opacity > 1 - ALIKE)
    )
    cover, what = (opacity, "opaque") if turned else (clear, "transparent")
    which = _which(path, what, turned and holes == "auto")
    return Marks(cover, which, what, holes != "auto", crisp)


def _of_colours(path: str, image: Values, picture: Values | None, holes: str) -> Marks:
    gray, low, high = image.mean(0), float(image.min()), float(image.max())
    if np.ptp(image, axis=(1, 2)).max() == 0:
        shade = "black" if high == 0 else "white" if low == 1 else "of one colour"
        raise UsageError(
            f"the mask {path} is all {shade}; it should be white where the picture is known, and "
            "black where it is missing"
        )
    black_and_white = None
    if np.ptp(image, axis=0).max() < COLOURFUL:
        if np.ptp(gray) < LEAST_CONTRAST and np.unique(gray).size > 2:
            raise UsageError(f"the mask {path} marks nothing: it is of about one gray throughout")
        light = (gray - gray.min()) / np.ptp(gray)
        if ((light > 0.1) & (light < 0.9)).mean() <= EDGES:
            black_and_white = _of_black_and_white(path, light, picture, holes)
            if black_and_white.sure:
                return black_and_white
    if holes != "auto":
        raise UsageError(f"the mask {path} is not black and white, as holes={holes} expects")
    if picture is not None and _is_copy(image, picture):
        return _of_strokes(path, image, picture)
    if black_and_white:
        return black_and_white
    return _of_strokes_on_one_colour(path, image, picture)


def _of_black_and_white(path: str, light: Values, picture: Values | None, holes: str) -> Marks:
    """Return what is black or white; see the module for which."""
    crisp = np.unique(light).size == 2
    black, white = light < 0.5, light > 0.5
    if holes != "auto":
        missing, sure = holes, True
    elif picture is None and crisp:
        missing, sure = "black", True
    else:
        blank = [_is_blank(picture, part) for part in (black, white)]
        sure = blank[0] != blank[1]
        if sure:
            missing = "black" if blank[0] else "white"
        else:
            missing = "white" if black.mean() > MOST_MISSING else "black"
    turned = not sure and missing == "white"
    cover = 1 - light if missing == "black" else light
    return Marks(cover, _which(path, missing, turned), missing, sure, crisp)


def _of_strokes(path: str, image: Values, picture: Values) -> Marks:
    """Return where strokes were drawn on a copy of the picture, by their difference.

    Where the picture has the colour of a stroke by chance, it does not differ from the stroke;
    so pixels of about that colour, next to others of the stroke, belong to it.
    """
    difference = np.abs(image - picture).max(0)
    stored = float(np.quantile(difference[difference < ALIKE], 0.95))
    least = max(0.012, 2 * stored)
    drawn = difference > max(2 * ALIKE, 2 * least)
    if not drawn.any():
        raise UsageError(f"the mask {path} is the picture itself: nothing is marked in it")
    distance = np.abs(image - _most_frequent(image, drawn)[0][:, None, None]).max(0)
    near = (difference > least) | (distance < max(0.03, 3 * stored))
    missing = connected(drawn, near)
    what = f"where {path} differs from the picture"
    return Marks(missing.astype(np.float32), what, sure=True, crisp=True)


def _of_strokes_on_one_colour(path: str, image: Values, picture: Values | None) -> Marks:
    colour, share = _most_frequent(image, np.ones(image.shape[1:], np.bool_))
    if share < 0.5:
        with_it = "" if picture is not None else ", which is at hand in `restore` only"
        raise UsageError(
            f"the mask {path} is neither black and white, nor transparent in places, nor a copy "
            f"of the picture with strokes on it{with_it}"
        )
    distance = np.abs(image - colour[:, None, None]).max(0)
    crisp = np.unique(distance).size == 2
    return Marks(distance / distance.max(), f"what is drawn in {path}", sure=True, crisp=crisp)


def _is_copy(image: Values, picture: Values | None, where: Known | None = None) -> bool:
    """Whether most of the mask, there, shows what the picture shows, dark and light parts alike."""
    if picture is None or {len(image), len(picture)} not in ({1}, {3}, {1, 3}):
        return False
    alike = np.abs(image - picture).max(0) < ALIKE
    dark = picture.mean(0) < 0.5
    parts = [dark, ~dark] if where is None else [dark & where, ~dark & where]
    return all(alike[part].mean() > 1 - MOST_MISSING for part in parts if part.any())


def _is_blank(picture: Values | None, where: Known) -> bool:
    return picture is not None and not picture[:, where].any()


def _most_frequent(image: Values, where: Known) -> tuple[Values, float]:
    """Return the colour (C,) that most of the pixels have, of 8 bits, and their share."""
    levels = np.rint(image[:, where] * 255).astype(np.int64)
    weights = 256 ** np.arange(len(levels))
    codes, counts = np.unique(weights @ levels, return_counts=True)
    colour = codes[counts.argmax()] // weights % 256
    return colour.astype(np.float32) / 255, float(counts.max() / counts.sum())


def _which(path: str, what: str, turned: bool) -> str:
    opposite = dict(zip(HOLES[1:], ("white", "black", "opaque", "transparent"), strict=True))[what]
    doubt = f" (if it is what is {opposite}, add holes={opposite})" if turned else ""
    return f"what is {what} in {path}{doubt}"
