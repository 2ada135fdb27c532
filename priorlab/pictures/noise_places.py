"""How the noise of a picture differs from place to place.

A lens lets less light through to its corners, and a camera makes up for that: the noise there is
several times as strong as in the middle. Other pictures are put together, or lit from one side.
Noise is measured in parts of the picture, as everywhere, and a smooth surface is laid through what
is found, beside what brightness explains. Parts whose neighbouring pixels correlate, as those of
texture do, do not count, and texture that passes for noise all the same sticks out.
"""

from __future__ import annotations

import itertools

import numpy as np
from numpy.typing import NDArray

from priorlab.pictures import flat_blocks
from priorlab.pictures.noise_level import estimate_sigma
from priorlab.pictures.noise_regions import WHITE, parts

Array = NDArray[np.float64]

Grid = tuple[tuple[float, ...], ...]
"""Relative standard deviation at equal distances along columns and rows, from edge to edge."""

SIDE = 64
"""Rows and columns of a part, at least: it has enough patches of weak texture."""

FEWEST_PARTS, MOST_PARTS = 4, 6
"""Parts along a side: a surface with a bend is not told from fewer."""

MOST_SIDE = 128
"""Of a large part so many rows and columns in the middle are looked at."""

FEWEST_FITTING = 10
"""Parts that fit the surface, at least: of fewer, its six terms leave hardly anything."""

LEAST_RATIO = 1.5
"""Noise that is nowhere so many times as strong as elsewhere counts as even."""

MOST_LEFT, MOST_SHARE_LEFT = 0.12, 0.45
"""The parts' logarithms differ from the surface by this, root mean square, at most, and by this
share of what brightness alone leaves (`python benchmarks/tune_noise.py places`)."""

TOO_MUCH, TOO_LITTLE = 1.0, 3.0
"""A part counts half that lies above the surface by so many standard deviations, or below it by so
many: texture that is taken for noise can only add to it."""

LEAST_DEVIATION = 0.05
"""That standard deviation is at least this."""

ROUNDS = 20

HELD = np.array([0, 0.01, 0.01, 0.001, 0.001, 0.001]) ** 0.5
"""How strongly each term is held back: what is dark only in the corners is told by its place."""

LIGHT, PLACE = slice(3), slice(3, None)
"""The terms that depend on brightness, and those that depend on the place."""

KNOTS = 9
"""Points along a side at which the surface is handed on."""

BEYOND = 1.15
"""Farther out than the middles of the outermost parts it rises by this factor at most."""


def found(image: NDArray[np.float32], usable: NDArray[np.bool_]) -> Grid | None:
    """Return how the noise of a picture differs from place to place, None if it hardly does.

    Parameters
    ----------
    image : array of shape (C, H, W)
    usable : array of bool, shape (C, H, W)
        Where the noise is as it was: not clipped, not transparent.

    Returns
    -------
    Grid or None
        Its mean square is 1.

    Examples
    --------
    >>> level = np.linspace(0.01, 0.04, 256)
    >>> noise = np.random.default_rng(0).normal(0, level, (1, 256, 256)).astype(np.float32)
    >>> grid = found(0.5 + noise, noise < 2)
    >>> [round(grid[4][column] / grid[4][0], 1) for column in (0, 4, 8)]
    [1.0, 2.2, 3.7]
    """
    height, width = image.shape[1:]
    rows, columns = (parts(side, SIDE, MOST_PARTS) for side in (height, width))
    if min(len(rows), len(columns)) < FEWEST_PARTS:
        return None
    seen = []
    for down, across in itertools.product(rows, columns):
        part = (_middle(down), _middle(across))
        bright = image[:, *part].mean(0, dtype=np.float64)
        known = np.logical_and.reduce(usable[:, *part], axis=0)
        level = float(estimate_sigma(bright[None], known[None])[0])
        correlation = flat_blocks.correlation(bright, known)
        if level and correlation is not None and abs(correlation) < WHITE:
            middle = [(one.start + one.stop) for one in (down, across)]
            place = (middle[0] / height - 1, middle[1] / width - 1)
            seen.append((*place, bright[known].mean(), np.log(level)))
    if len(seen) < FEWEST_FITTING:
        return None
    down, across, brightness, logs = np.array(seen).T
    terms = np.concatenate([_light(brightness), _surface(down, across)], axis=1)
    factors, weights = _fitted(terms, logs)
    if (weights >= 0.5).sum() < FEWEST_FITTING:
        return None
    left = _spread(logs - terms @ factors, weights)
    if left > min(MOST_LEFT, MOST_SHARE_LEFT * _left_by_light(terms[:, LIGHT], logs, weights)):
        return None
    inside = terms[:, PLACE] @ factors[PLACE]
    if inside.max() - inside.min() < np.log(LEAST_RATIO):
        return None
    knots = np.linspace(-1, 1, KNOTS)
    points = np.meshgrid(knots, knots, indexing="ij")
    surface = _surface(*(axis.ravel() for axis in points)) @ factors[PLACE]
    beyond = np.log(BEYOND)
    levels = np.exp(surface.clip(inside.min() - beyond, inside.max() + beyond))
    relative = levels / np.sqrt(np.square(levels).mean())
    return tuple(map(tuple, relative.reshape(KNOTS, KNOTS).tolist()))


def evened(image: NDArray[np.float32], grid: Grid) -> NDArray[np.float32]:
    """Return an image (C, H, W) of which the noise is alike everywhere: darker where it was strong.

    Examples
    --------
    >>> evened(np.full((1, 1, 3), 0.6, np.float32), ((0.5, 1.5),))
    array([[[1.2, 0.6, 0.4]]], dtype=float32)
    """
    values = np.array(grid, np.float32)
    rows, columns = (
        _between(count, extent) for count, extent in zip(values.shape, image.shape[1:], strict=True)
    )
    return np.asarray(image / (rows @ values @ columns.T), np.float32)


def _between(count: int, extent: int) -> NDArray[np.float32]:
    """Return the matrix that interpolates so many pixels between so many equally far knots."""
    at = np.linspace(0, count - 1, extent)
    apart = np.abs(at[:, None] - np.arange(count))
    return (1 - apart).clip(min=0).astype(np.float32)


def _light(brightness: Array) -> Array:
    """Return the terms of a curve over the brightness of parts."""
    middle = brightness - 0.5
    return np.stack([np.ones_like(middle), middle, middle**2], axis=1)


def _surface(down: Array, across: Array) -> Array:
    """Return the terms of a surface at points, each from -1 to 1 along its side."""
    return np.stack([down, across, down**2 + across**2], axis=1)


def _fitted(terms: Array, values: Array) -> tuple[Array, Array]:
    """Return the factors of the terms, and how much each value counts: those far off hardly do."""
    weights = np.ones(len(values))
    for _ in range(ROUNDS):
        root = np.sqrt(weights)
        held = np.concatenate([root[:, None] * terms, np.diag(HELD)])
        factors = np.linalg.lstsq(held, np.append(root * values, 0 * HELD), rcond=None)[0]
        apart = values - terms @ factors
        deviation = max(1.48 * float(np.median(np.abs(apart))), LEAST_DEVIATION)
        most = np.where(apart > 0, TOO_MUCH, TOO_LITTLE) * deviation
        weights = np.asarray(1 / (1 + np.square(apart / most)))
    return factors, weights


def _left_by_light(terms: Array, values: Array, weights: Array) -> float:
    """Return how far values differ from what brightness alone explains."""
    root = np.sqrt(weights)
    factors = np.linalg.lstsq(root[:, None] * terms, root * values, rcond=None)[0]
    return _spread(values - terms @ factors, weights)


def _spread(apart: Array, weights: Array) -> float:
    return float(np.average(np.square(apart), weights=weights) ** 0.5)


def _middle(part: slice) -> slice:
    """Return what is looked at of a part: all of it, or the middle of a large one."""
    first = part.start + max(0, (part.stop - part.start - MOST_SIDE) // 2)
    return slice(first, min(part.stop, first + MOST_SIDE))
