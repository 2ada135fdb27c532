"""Find out what noise a picture has: its level, how it depends on brightness, and its grain."""

from __future__ import annotations

import dataclasses
from typing import Any, cast

import numpy as np
from numpy.typing import NDArray

from priorlab.errors import UsageError
from priorlab.forward.jpeg import TO_YCBCR
from priorlab.forward.noise import Gaussian
from priorlab.forward.real_noise import RealNoise
from priorlab.pictures import (
    arrays,
    cut_off_noise,
    few_colours,
    flat_blocks,
    jpeg_noise,
    noise_networks,
    noise_places,
    noise_words,
)
from priorlab.pictures.noise_level import can_be_estimated, estimate_sigma, estimates
from priorlab.pictures.picture import Picture
from priorlab.pictures.usable_pixels import opaque, usable_pixels

Array = NDArray[np.float64]

LEAST_DIFFERENT = 0.6
"""What is not white and stronger than `noise_networks.MOST_COARSE` is texture all over, unless at
least this share of it is different in red, green and blue, as texture is not."""

LEAST_CORRELATION = 0.15
"""Neighbouring pixels of noise that is not white correlate more than this in the flattest blocks;
those of white noise do not, also on a page of text (results/real-noise.md)."""

LUMA = TO_YCBCR[0]
"""The brightness of RGB (ITU-R BT.601)."""

MOSTLY_LUMA = 1.15
"""Noise that is independent in red, green and blue leaves this factor times less in the brightness
than noise that is alike in them, or whose colours a file stored at half the size (4:2:0)."""

ABOVE, BELOW = 1.75, 1.15
"""What a JPEG file's coefficients tell of white noise counts, unless the pixels show more noise
that is not white, by the first factor: grain, but white noise that was compressed looks like it; or
as much white noise, up to the second factor less."""

HARDLY_CHANGED = 5.0
"""Nor where the pixels show grain that is so many times as strong as the error of JPEG."""

HARDLY_LESS = 2.0
"""Noise that is so many times as strong as the error of JPEG is as the pixels show it, with it."""

UNEVEN = 1.25
"""Channels whose levels differ by less count as equal."""

GRID, WINDOW = 2, 512
"""Of a large picture so many windows along each side are looked at, each of so many pixels."""

LEAST_UNEVEN = 2 / 255
"""Weaker noise counts as even and white."""

NEARLY_CUT_OFF = (0.2, 0.3, 0.5, 0.7)
"""In a picture so dark, or so bright, that no channel has enough blocks, as noise is cut off nearly
everywhere, blocks count with a greater share of black and white around."""

BRIGHTNESSES = 7
"""At so many degrees of brightness the level is looked at."""

FEWEST_PIXELS = 2000
"""With fewer pixels of a brightness its level is not looked at."""


@dataclasses.dataclass(frozen=True)
class NoiseProfile:
    """The noise that a picture shows.

    Attributes
    ----------
    noise : Noise
        `Gaussian` where it is white and even, else `RealNoise`.
    text : str
        The same in words.
    white : float
        The level of what is white in it: all of it, or less where it has grain.
    part : str
        What is said, in the text too, of a part that is noisier than that; else nothing.
    """

    noise: Gaussian | RealNoise
    text: str
    white: float
    part: str = ""


def profile(picture: Picture) -> NoiseProfile:
    """Find out what noise a picture has.

    White noise is measured as `priorlab.pictures.noise_level` describes. Noise that a camera
    smoothed looks like weak texture. What tells them apart is how the deviations of small blocks
    are spread: noise sets a limit below which there are none. Small networks, trained on
    simulated pictures, return the level at which that noise is best removed; the smoothest
    blocks show how it depends on brightness. The idea to look at several scales and at each
    brightness is that of M. Lebrun, M. Colom, J.-M. Morel: Multiscale image blind denoising,
    IEEE Transactions on Image Processing 24(10), 2015.

    Parameters
    ----------
    picture : Picture
        What is transparent, black or white in it is not looked at, unless it is full of specks.

    Raises
    ------
    UsageError
        For a picture of two levels, or one with black, white or transparent pixels nearly
        everywhere that show no noise either, unless it is a drawing or all of it has one value.

    Examples
    --------
    >>> noise = np.random.default_rng(0).normal(0, 10 / 255, (1, 256, 256)).astype(np.float32)
    >>> profile(Picture(image=0.5 + noise)).text
    'estimated sigma = 9.8 (0-255 scale)'
    """
    if arrays.has_two_levels(picture.image):
        raise UsageError(
            f"{picture.name} holds two values in each channel, so its noise cannot be found out; "
            "type sigma= or use another task"
        )
    sampled = _sampled(picture)
    held = few_colours.count(sampled)
    if held and not noise_words.on_specks(sampled, 0):
        return _of_few_colours(picture, held)
    usable = usable_pixels(sampled)
    found = _of_the_whole(sampled, usable)
    everywhere = usable if sampled is picture else usable_pixels(picture)
    found = _at_places(found, picture, everywhere, usable)
    if (stored := jpeg_noise.of_picture(picture)) is not None:
        found = _before_jpeg(found, stored, picture)
    part = noise_words.on_a_part(picture, everywhere, found.noise.spread[1])
    striped = ""
    if can_be_estimated(usable).any():  # else lines of text would pass for stripes
        striped = noise_words.on_stripes(picture, flat_blocks.printed_share(sampled.image, usable))
    text = "; ".join(filter(None, (found.text, part, striped)))
    return dataclasses.replace(found, text=text, part=part)


def _of_the_whole(
    picture: Picture, usable: NDArray[np.bool_], lit: NDArray[np.float32] | None = None
) -> NoiseProfile:
    """Return the noise that all of a picture has: what is more in a part of it may be texture.

    `lit` is the image whose brightness counts, if it is not the picture's own.
    """
    image, quantum = picture.image, picture.quantum
    even = image.min((1, 2)) == image.max((1, 2))
    known = can_be_estimated(usable) | even
    least = quantum / 12**0.5 or float(np.finfo(np.float32).eps)
    if not (known & ~even).any() and not even.all():
        if (cut_off := _cut_off(picture, least)) is not None:
            return cut_off
        usable = usable_pixels(picture, NEARLY_CUT_OFF[-1])
        known = can_be_estimated(usable) | even
    white = estimate_sigma(image, usable)
    _take_from(known & ~even, ~known, white)
    luma = luma_level(image, usable)
    seen, levels, pixels = _grain(picture, usable, white, luma)
    level = _rms(levels)
    smooth = _is_smooth(seen, level, max(_rms(white), least))
    smooth = smooth and not flat_blocks.is_drawn(image, usable)
    smooth = smooth and not flat_blocks.is_printed(image, usable)
    coarse = smooth and not _is_texture(seen, level)
    doubt = noise_words.on_texture(level) if smooth and not coarse else ""
    shared = not coarse and luma > max(MOSTLY_LUMA * _rms(white), LEAST_UNEVEN)
    if not coarse:
        levels = np.full(len(white), luma) if shared else white
    levels = np.clip(levels, least, 1)
    if levels.max() < UNEVEN * levels.min():
        levels = np.array([_rms(levels)])
    hint = "; ".join(filter(None, (noise_words.on_specks(picture, _rms(levels)), doubt)))
    grain = noise_words.COARSE if coarse else noise_words.SHARED if shared else ""
    curve = np.ones(1)
    if not coarse and levels.max() > LEAST_UNEVEN:
        reference = white.clip(least) if shared else np.broadcast_to(levels, len(image))
        curve = _curve(image, usable, reference, image if lit is None else lit)
    if not coarse and len(levels) == len(curve) == 1:
        text = noise_words.of_levels(levels, grain, (1.0,), hint)
        return NoiseProfile(Gaussian(float(levels[0])), text, max(luma, _rms(white)))
    fine = min(max(_rms(pixels) / _rms(levels), 0.3), 1.0) if coarse else 1.0
    noise = RealNoise(tuple(float(level) for level in levels), fine, tuple(map(float, curve)))
    text = noise_words.of_levels(levels, grain, noise.curve, hint)
    return NoiseProfile(noise, text, max(luma, _rms(white)))


def _grain(
    picture: Picture, usable: NDArray[np.bool_], white: Array, luma: float
) -> tuple[list[Array | None], Array, Array]:
    """Return what the networks are told of each channel, and the levels that they make of it.

    The first as it is best removed, the second of single pixels; those of white noise in a channel
    with too few blocks, if no other channel has enough.
    """
    blocks, seen = _looked_at(picture, usable, white, luma)
    told = np.array([one is not None for one in seen])
    known = [one for one in seen if one is not None]
    counts = [len(blocks[c][1].mean) for c in np.flatnonzero(told)]
    levels, pixels = white.copy(), white.copy()
    if known and len(white) == len(LUMA):
        levels[told], pixels[told] = noise_networks.of_colours(known, white[told], counts)
    elif known:
        each = zip(known, white[told], counts, strict=True)
        levels[told], pixels[told] = np.array([noise_networks.of_gray(*one) for one in each]).T
    even = picture.image.min((1, 2)) == picture.image.max((1, 2))
    _take_from(told, ~told & ~even, levels, pixels)
    return seen, levels, pixels


def _looked_at(
    picture: Picture, usable: NDArray[np.bool_], white: Array, luma: float
) -> tuple[list[tuple[flat_blocks.Blocks, ...]], list[Array | None]]:
    """Return the blocks of each channel, and what the networks are told of them."""
    blocks = _blocks(picture, usable)
    seen = _seen(picture.image, usable, blocks, white, luma)
    if all(one is None for one in seen) and cut_off_noise.is_scattered(picture):
        for share in NEARLY_CUT_OFF:
            nearly = usable_pixels(picture, share)
            blocks = _blocks(picture, nearly)
            seen = _seen(picture.image, nearly, blocks, white, luma)
            if any(one is not None for one in seen):
                break
    return blocks, seen


def _take_from(some: NDArray[np.bool_], others: NDArray[np.bool_], *values: Array) -> None:
    """Give other channels the mean of some, in each of several arrays."""
    if some.any() and others.any():
        for one in values:
            one[others] = _rms(one[some])


def _cut_off(picture: Picture, least: float) -> NoiseProfile | None:
    """Return the noise of a picture that is black or white, or clear, nearly everywhere.

    None if it is coarse, so that blocks with more black or white tell of it.
    """
    level, grain = cut_off_noise.of_picture(picture), noise_words.CUT_OFF
    hint = noise_words.on_specks(picture, level)
    if not level and not hint:
        nearly = usable_pixels(picture, NEARLY_CUT_OFF[-1])
        if can_be_estimated(nearly).any() and cut_off_noise.is_scattered(picture):
            return None
        seen = np.broadcast_to(opaque(picture), picture.image.shape)
        if flat_blocks.is_drawn(picture.image, seen):
            level, grain = least, noise_words.DRAWN
    if not level:
        raise UsageError(
            f"{picture.name} has black, white or transparent pixels nearly everywhere, so its "
            f"noise cannot be found out; {hint or 'type sigma= or use another task'}"
        )
    text = noise_words.of_levels(np.array([level]), grain, (1.0,), hint)
    return NoiseProfile(Gaussian(level), text, level)


def _of_few_colours(picture: Picture, held: int) -> NoiseProfile:
    """Return that a picture of so few colours has no noise."""
    level = picture.quantum / 12**0.5
    text = noise_words.of_levels(np.array([level]), noise_words.drawn(held), (1.0,), "")
    return NoiseProfile(Gaussian(level), text, level)


def _at_places(
    found: NoiseProfile,
    picture: Picture,
    everywhere: NDArray[np.bool_],
    usable: NDArray[np.bool_],
) -> NoiseProfile:
    """Return the noise with how it differs from place to place, if it is white and does.

    `everywhere` says what is usable of the picture, `usable` what is of its samples.
    """
    if not found.noise.is_independent or found.noise.level <= LEAST_UNEVEN:
        return found
    grid = noise_places.found(picture.image, everywhere)
    if grid is None:
        return found
    evened = dataclasses.replace(picture, image=noise_places.evened(picture.image, grid))
    even = _of_the_whole(_sampled(evened), usable, _sampled(picture).image)
    noise = even.noise
    if not noise.is_independent:
        return found
    alike = RealNoise((noise.level,)) if noise.is_gaussian else cast(RealNoise, noise)
    text = f"{even.text}; {noise_words.on_places(grid, noise.level)}"
    return dataclasses.replace(even, noise=dataclasses.replace(alike, places=grid), text=text)


def _before_jpeg(found: NoiseProfile, stored: jpeg_noise.Stored, picture: Picture) -> NoiseProfile:
    """Return the noise, with the error of JPEG, where a file's coefficients show that it was white.

    Its pixels do not: what is left looks weaker, or like grain.
    """
    noise, error, level = found.noise, stored.error, stored.level
    grain = not noise.is_independent and noise.level > min(ABOVE * level, HARDLY_CHANGED * error)
    if not level or grain:
        hint = noise_words.on_compression(error, noise.level)
        return dataclasses.replace(found, text="; ".join(filter(None, (found.text, hint))))
    text = found.text
    if not noise.is_independent or noise.level < level / BELOW:
        noise = Gaussian(level)
        hint = noise_words.on_specks(picture, level)
        text = noise_words.of_levels(np.array([level]), noise_words.BEFORE_JPEG, (1.0,), hint)
    elif noise.level > HARDLY_LESS * error:
        return found
    total = float(np.hypot(noise.level, error))
    noise = noise.scaled(total / noise.level)
    text = f"{text}; removed with the error of JPEG, {255 * error:.1f}"
    return NoiseProfile(noise, text, max(found.white, total))


def observed(picture: Picture) -> list[Array | None]:
    """Return what a network is told of each channel, the reference of its logarithms last.

    Examples
    --------
    >>> noise = np.random.default_rng(0).normal(0.5, 0.1, (1, 128, 128)).astype(np.float32)
    >>> [seen.shape for seen in observed(Picture(image=noise))]
    [(35,)]
    """
    usable = usable_pixels(picture)
    white = estimate_sigma(picture.image, usable)
    luma = luma_level(picture.image, usable)
    return _seen(picture.image, usable, _blocks(picture, usable), white, luma)


def luma_level(image: NDArray[np.floating[Any]], usable: NDArray[np.bool_]) -> float:
    """Return the level of noise, independent in RGB, of which the brightness would have as much.

    0 of other than RGB pictures, and where nothing shows it.

    Examples
    --------
    >>> noise = np.random.default_rng(0).normal(0.5, 0.1, (3, 64, 64))
    >>> round(luma_level(noise, noise < 2), 1)
    0.1
    """
    if len(image) != 3:
        return 0.0
    luma = np.einsum("c,chw->hw", LUMA, image.astype(np.float64))
    everywhere = np.logical_and.reduce(usable, axis=0, keepdims=True)
    if not can_be_estimated(everywhere).all():
        return 0.0
    return float(estimate_sigma(luma[None], everywhere)[0] / np.linalg.norm(LUMA))


def _sampled(picture: Picture) -> Picture:
    """Return windows of a large picture, below each other: they show its noise as well."""
    height, width = picture.image.shape[1:]
    if height * width <= GRID**2 * WINDOW**2 or min(height, width) < WINDOW:
        return picture
    corners = [
        (int(row), int(column))
        for row in np.linspace(0, height - WINDOW, GRID)
        for column in np.linspace(0, width - WINDOW, GRID)
    ]

    def windows(planes: NDArray[np.float32]) -> NDArray[np.float32]:
        parts = [planes[..., r : r + WINDOW, c : c + WINDOW] for r, c in corners]
        return np.concatenate(parts, axis=-2)

    opacity = None if picture.opacity is None else windows(picture.opacity)
    return dataclasses.replace(picture, image=windows(picture.image), opacity=opacity)


def _blocks(picture: Picture, usable: NDArray[np.bool_]) -> list[tuple[flat_blocks.Blocks, ...]]:
    """Return the blocks of each channel at full, half and quarter size."""
    return [
        flat_blocks.at_scales(plane, mask, picture.quantum)
        for plane, mask in zip(picture.image, usable, strict=True)
    ]


def _seen(
    image: NDArray[np.floating[Any]],
    usable: NDArray[np.bool_],
    blocks: list[tuple[flat_blocks.Blocks, ...]],
    white: Array,
    luma: float,
) -> list[Array | None]:
    """Return what the networks are told of each channel; None of one with too few blocks."""
    alike = flat_blocks.likeness(image, usable)
    spreads = [flat_blocks.features(scales) for scales in blocks]
    counts = [len(half.mean) for _, half, _ in blocks]
    if len(image) == len(LUMA):
        return noise_networks.told_of_colours(spreads, alike, white, luma, counts)
    return [
        None if spread is None else noise_networks.told_of_gray(spread, likeness[:2], level, count)
        for spread, likeness, level, count in zip(spreads, alike, white, counts, strict=True)
    ]


def _is_smooth(seen: list[Array | None], level: float, white: float) -> bool:
    """Return whether a level is that of noise which is not white, or of texture all over."""
    known = _likeness(seen)
    if known is None or level <= white:
        return False
    return len(seen) != len(LUMA) or bool(known[0] > LEAST_CORRELATION)


def _is_texture(seen: list[Array | None], level: float) -> bool:
    """Return whether what is so smooth, and so strong, is texture all over."""
    known = _likeness(seen)
    if known is None or level <= noise_networks.MOST_COARSE:
        return False
    return len(seen) != len(LUMA) or bool(np.exp(known[3]) <= LEAST_DIFFERENT)


def _likeness(seen: list[Array | None]) -> Array | None:
    """Return the mean of what `flat_blocks.likeness` returned of the channels."""
    known = [one[noise_networks.LIKENESS] for one in seen if one is not None]
    return np.asarray(np.mean(known, axis=0)) if known else None


def _curve(
    image: NDArray[np.floating[Any]],
    usable: NDArray[np.bool_],
    levels: Array,
    lit: NDArray[np.floating[Any]],
) -> Array:
    """Return the relative level of white noise at equal distances of brightness, that of `lit`.

    It is measured where enough of the picture has that brightness, and interpolated between. One
    value if there is not enough, or hardly a difference.
    """
    size = flat_blocks.BLOCK
    brightness = arrays.box_means(lit.astype(np.float32), size)
    knots = np.linspace(0, 1, BRIGHTNESSES)
    known, found = [], []
    masks = [usable & (np.abs(brightness - knot) < 0.75 / (BRIGHTNESSES - 1)) for knot in knots]
    for knot, near, estimate in zip(knots, masks, estimates(image, masks), strict=True):
        relative = estimate / levels
        share = near.sum((1, 2)) * (relative > 0)
        if share.sum() >= FEWEST_PIXELS:
            known.append(knot)
            found.append(np.sqrt((share * relative**2).sum() / share.sum()))
    if not known:
        return np.ones(1)
    curve = np.interp(knots, known, found).clip(0.3, 3)
    is_uneven = curve.max() >= noise_words.UNEVEN_LIGHT * curve.min()
    return np.asarray(curve) if is_uneven else np.ones(1)


def _rms(values: Array) -> float:
    return float(np.sqrt(np.mean(np.square(values))))
