"""What is said of the noise of a picture, and of what looks like noise and is not removed."""

from __future__ import annotations

import numpy as np
from numpy.typing import NDArray

from priorlab.errors import percent
from priorlab.pictures import noise_regions, stripes
from priorlab.pictures.picture import Picture
from priorlab.pictures.usable_pixels import CLEAREST, clipped

COARSE = "coarse-grained, as cameras leave it; known to about a quarter"
SHARED = "mostly in the brightness, so more than each colour by itself shows"

BEFORE_JPEG = "before it was stored as JPEG, which hides a part of it"

CUT_OFF = "from what is left of it where it is cut off at black or white"
DRAWN = "its black or white is even, so that it has no noise there"

LEAST_SHOWN, LEAST_TENTHS = 0.001, 0.1
"""Gray levels of 0 to 255: weaker noise than the first is none, and from the second on tenths of
them say enough."""

MUCH_COMPRESSED = 3 / 255
"""Compression is spoken of where its error is larger than this: that of quality 95 or so."""

SPECK, MANY_SPECKS = 0.15, 0.005
"""A black or white pixel is a speck where its four neighbours differ from it by more than this and
three times the noise; a greater share of them than this is not chance."""

UNEVEN_LIGHT = 1.6
"""Brightness counts where levels differ by this factor at least."""

SOME_PRINT = 0.15
"""Stripes are not looked for where a greater share of the blocks is paper with a few pixels of ink
(`flat_blocks.printed_share`)."""

ALIKE = 0.15
"""Places whose noise differs by this share of the whole range are named together."""

MOST_ROWS = 512
"""Of a large picture so many rows or columns in the middle are looked at for them."""


def drawn(colours: int) -> str:
    """Say why a picture has no noise that holds so few colours."""
    return f"it holds {colours} colours, too few for noise"


def on_specks(picture: Picture, level: float) -> str:
    """Return what to do about specks where a picture has many, else nothing."""
    image, edge = picture.image, picture.quantum / 2
    inside = image[:, 1:-1, 1:-1]
    specks = (inside <= edge) | (inside >= 1 - edge)
    for rows, columns in ((0, 1), (2, 1), (1, 0), (1, 2)):
        height, width = inside.shape[1:]
        neighbour = image[:, rows : rows + height, columns : columns + width]
        specks &= np.abs(inside - neighbour) > SPECK + 3 * level
    if picture.opacity is not None:
        specks &= picture.opacity[1:-1, 1:-1] >= CLEAREST
    share = specks.mean()
    if share <= MANY_SPECKS:
        return ""
    return f"{percent(float(share))} of its values are specks, for which there is denoise-impulse"


def on_texture(level: float) -> str:
    """Say what to do if what was taken for texture all over is noise."""
    sigma = f"{255 * level:.0f}"
    return (
        f"what looks like sigma = {sigma} all over is taken for texture, which stays: if it is"
        f" grain, give sigma={sigma}"
    )


def on_compression(error: float, level: float) -> str:
    """Return what to do about the error of JPEG where it is larger than the noise, else nothing."""
    if error < max(MUCH_COMPRESSED, level):
        return ""
    return f"JPEG erred by about {255 * error:.0f}, for which there is dejpeg"


def on_a_part(picture: Picture, usable: NDArray[np.bool_], level: float) -> str:
    """Say where a picture is noisier than a level, and what to do about it."""
    opaque = None if picture.opacity is None else picture.opacity >= CLEAREST
    found = noise_regions.noisier_part(picture.image, usable, level, clipped(picture), opaque)
    if found is None:
        return ""
    stronger, (rows, columns) = found
    sigma = f"{255 * stronger:.0f}"
    if (rows.stop - rows.start, columns.stop - columns.start) == picture.image.shape[1:]:
        where, alone = "places all over it", ""
    else:
        where = f"about rows {rows.start} to {rows.stop} and columns {columns.start} to"
        where, alone = f"{where} {columns.stop}", ", or restore that part by itself"
    return (
        f"sigma = {sigma} in {where}: if that is not fine texture, noise stays there; give"
        f" sigma={sigma}{alone}"
    )


def on_places(grid: tuple[tuple[float, ...], ...], level: float) -> str:
    """Say where noise of a level is weakest and where it is strongest.

    Examples
    --------
    >>> on_places(((0.6, 0.8, 1.2), (0.6, 0.9, 1.3), (0.6, 0.8, 1.2)), 10 / 255)
    'from 6.0 at the left to 13.0 at the right'
    """
    values = np.array(grid)
    said = []
    for most in (values.min(), values.max()):
        near = np.abs(values - most) <= ALIKE * np.ptp(values)
        said.append(f"{in_gray_levels(level * most)} {_place(near)}")
    return f"from {said[0]} to {said[1]}"


def _place(points: NDArray[np.bool_]) -> str:
    """Return the name of the place where some points of a grid lie, on the average."""
    down, across = (
        round(2 * float(places.mean()) / (count - 1))
        for places, count in zip(np.nonzero(points), points.shape, strict=True)
    )
    middle = points[points.shape[0] // 2, points.shape[1] // 2]
    names = (("top", "", "bottom")[down], ("left", "", "right")[across])
    place = " ".join(filter(None, names))
    return f"at the {place}" if place else "in the middle" if middle else "in the corners"


def on_stripes(picture: Picture, printed: float) -> str:
    """Say whether rows or columns differ all along: a prior takes that for the scene.

    Nothing is said of print, whose lines differ so as well: `printed` is its share.
    """
    if printed > SOME_PRINT:
        return ""
    found = {
        name: stripes.level(planes[:, _middle(planes.shape[1])].mean(0, dtype=np.float64))
        for name, planes in {"rows": picture.image, "columns": picture.image.swapaxes(1, 2)}.items()
    }
    said = [f"{name} differ by sigma = {255 * level:.1f}" for name, level in found.items() if level]
    if not said:
        return ""
    return f"{' and '.join(said)} all along, like the stripes of a sensor: these mostly stay"


def _middle(extent: int) -> slice:
    """Return which of so many rows are looked at."""
    first = max(0, (extent - MOST_ROWS) // 2)
    return slice(first, first + MOST_ROWS)


def in_gray_levels(sigma: float) -> str:
    """Return a sigma as it is shown: of weak noise, as of 16 bits, with the digits that count.

    Examples
    --------
    >>> [in_gray_levels(sigma / 255) for sigma in (2, 0.0156, 0)]
    ['2.0', '0.016', '0.0']
    """
    levels = 255 * sigma
    return f"{levels:.2g}" if LEAST_SHOWN <= levels < LEAST_TENTHS else f"{levels:.1f}"


def of_levels(levels: NDArray[np.float64], grain: str, curve: tuple[float, ...], hint: str) -> str:
    """Say what was found."""
    shown = [in_gray_levels(level) for level in levels]
    where = {3: ("red", "green", "blue")}.get(len(levels), range(1, len(levels) + 1))
    if len(levels) > 1:
        value = ", ".join(f"{text} in {name}" for text, name in zip(shown, where, strict=True))
    else:
        value = shown[0]
    said = [f"estimated sigma = {value} (0-255 scale)"]
    if grain:
        said.append(grain)
    if max(curve) >= UNEVEN_LIGHT * min(curve):
        strongest = int(np.argmax(curve)) / (len(curve) - 1)
        tone = "shadows" if strongest < 0.3 else "lights" if strongest > 0.7 else "middle tones"
        said.append(f"strongest in the {tone}")
    if hint:
        said.append(hint)
    return "; ".join(said)
