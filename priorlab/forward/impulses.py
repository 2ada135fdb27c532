"""Impulses in a picture: they carry no information about the values that they replaced."""

from __future__ import annotations

import itertools
import math
from collections.abc import Sequence

import scipy
import torch
from torch import Tensor
from torch.nn.functional import avg_pool2d, pad

CHANCE = 1e-5
"""A value that was hit is kept with this probability at most, because its window looks black."""

WIDEST = 7
"""The most that a window reaches; with more noise, all black and white values count as impulses."""

FEW = 0.01
"""Of fewer impulses than this, most values that are 0 or 1 in dark and bright parts are none. Of
more they are, and one that is kept is off by a few gray levels. From a sweep on training images;
see results/tuning-plug-and-play.md."""


NEAREST = 4
"""How many of the eight neighbours, those most like a value, decide whether it stands out."""

LEAST_DIFFERENCE = 0.08
"""A value that differs by less from them does not stand out."""

CONTRAST = 3.5
"""How many times more than usual around it a value that stands out differs from them."""

RARE, CONTRAST_OF_RARE = 0.008, 9.0
"""Where fewer values were hit, only those that stand out more: else more good ones are lost."""

MOSTLY = 2.0
"""Impulses are exactly black and white where that many times more of them are than are not ..."""

NEARLY, FEW_NEARLY = 8 / 255, 0.1
"""... or where at most that share as many stand out that are only nearly so. Blurred ones do; what
else stands out, such as the letters of a text, is mostly neither ..."""

STANDING_OUT = 0.25
"""... and where a greater share of them than this stands out, which what is drawn does not."""

TOGETHER, FAR, SURELY = 0.1, 0.005, 4.0
"""Impulses are hit independently of what is around them. What was found hangs together where hits
of neighbours correlate by more than the first, those of pixels that lie two or three apart by more
than the second (those of enlarged impulses do not), each by so many deviations of chance more."""

LETTERS, HARDLY_ANY = 0.25, 0.01
"""What stands out is letters or lines if it hangs together, its neighbours correlate by more than
this, and so small a share of it is nearly black or white, or that hangs together as well."""

PASSES = 2
"""In the second pass, the impulses that were found are no neighbours any more."""


def reliable_pixels(y: Tensor, amount: float) -> Tensor:
    """Return where `y` (B, C, H, W) seems not to have been hit by salt and pepper.

    A value between 0 and 1 was not. Any other was, unless it is 0 or 1 and more than half of a
    window around it is the same: there the picture itself is black or white. The window is the
    smallest that impulses, `amount` of all values, fill so far with a probability of at most
    `CHANCE`. Where they are fewer than `FEW`, a window that is nearly so is enough: little is lost
    there if a value was hit after all. So are as many of the eight neighbours as are the same with
    that probability.

    Examples
    --------
    >>> y = torch.full((1, 1, 16, 16), 0.5)
    >>> y[0, 0, 3, 4], y[0, 0, 9, 1] = 0, 1
    >>> (~reliable_pixels(y, amount=0.01)).nonzero()[:, 2:].tolist()
    [[3, 4], [9, 1]]
    """
    kept = (y > 0) & (y < 1)
    reach = next((r for r in range(1, WIDEST + 1) if _chance(r, amount) <= CHANCE), None)
    if reach is None or 2 * reach >= min(y.shape[-2:]):
        return kept
    enough = next(count for count in range(10) if _chance_of(count, 8, amount) <= CHANCE)
    for extreme in (0.0, 1.0):
        same, near = y == extreme, (y - extreme).abs() <= (NEARLY if amount < FEW else 0)
        kept |= same & (_share_around(near, reach) > 0.5)
        kept |= same & (_share_around(same, 1) > (enough + 0.5) / 9)  # itself included
    return kept


def _share_around(true: Tensor, reach: int) -> Tensor:
    """Return which part is true of complete windows; near the border the nearest one counts."""
    window = avg_pool2d(true.to(torch.float32), 2 * reach + 1, 1)
    return pad(window, (reach,) * 4, mode="replicate")


def inconspicuous_pixels(y: Tensor, amount: float) -> Tensor:
    """Return where `y` (B, C, H, W) does not stand out from its neighbours, whatever its value.

    A value stands out if its mean difference to those of its neighbours that are most like it is
    large, by itself and compared with that of the values around it: texture differs everywhere.
    Such are hot pixels, and salt and pepper in a picture that was resized or stored as JPEG.
    The statistic is that of R. Garnett, T. Huegerich, C. Chui, W. He: A universal noise removal
    algorithm with an impulse detector, IEEE Transactions on Image Processing 14(11), 2005; the
    comparison with its local median, and the second pass, are ours.

    Examples
    --------
    >>> y = torch.rand(1, 1, 16, 16, generator=torch.Generator().manual_seed(0)) / 50 + 0.5
    >>> y[0, 0, 3, 4], y[0, 0, 9, 1] = 0.2, 0.9
    >>> (~inconspicuous_pixels(y, amount=0.01)).nonzero()[:, 2:].tolist()
    [[3, 4], [9, 1]]
    """
    contrast = CONTRAST_OF_RARE if amount < RARE else CONTRAST
    mended, kept = y, torch.ones_like(y, dtype=torch.bool)
    for _ in range(PASSES):
        usual = _median(_difference(mended, mended), 5)
        kept = _difference(y, mended) <= (contrast * usual).clamp_min(LEAST_DIFFERENCE)
        mended = torch.where(kept, y, _median(mended, 3))
    return kept


def estimated_amount(y: Tensor, seen: Tensor | None = None) -> float:
    """Return which part of the values of `y` (B, C, H, W) salt and pepper hit, as it seems.

    Parameters
    ----------
    y : Tensor
        Shape (B, C, H, W).
    seen : Tensor, optional
        Shape (H, W): which pixels count, by default all.

    Examples
    --------
    >>> y = torch.full((1, 1, 16, 16), 0.5)
    >>> y[..., :8] = 0  # an area of the picture
    >>> y[0, 0, ::4, ::4] = 1
    >>> estimated_amount(y)
    0.0625
    """
    exact = (y <= 0) | (y >= 1)
    hit = ~reliable_pixels(y, FEW / 2)
    if share(hit, seen) >= FEW:
        hit = exact
    for _ in range(2):  # areas that are black or white count at first
        hit = ~reliable_pixels(y, share(hit, seen))
    if hangs_together(hit, seen):  # too large an area; begin with those that stand out
        hit = exact & ~inconspicuous_pixels(y, amount=0)
        for _ in range(3):
            hit = ~reliable_pixels(y, share(hit, seen))
    return share(hit, seen)


def hangs_together(hit: Tensor, seen: Tensor | None = None) -> bool:
    """Return whether the values (B, C, H, W) that are hit are not scattered, as impulses are.

    Examples
    --------
    >>> scattered = torch.rand(1, 1, 64, 64, generator=torch.Generator().manual_seed(0)) < 0.1
    >>> letters = scattered.repeat_interleave(4, dim=-1)
    >>> hangs_together(scattered), hangs_together(letters)
    (False, True)
    """
    near, pairs = _alike(hit, seen, [1])
    far, more = _alike(hit, seen, [2, 3])
    by_chance = [SURELY / math.sqrt(max(count, 1)) for count in (pairs, more)]
    return near > TOGETHER + by_chance[0] and far > FAR + by_chance[1]


def _alike(hit: Tensor, seen: Tensor | None, distances: Sequence[int]) -> tuple[float, int]:
    """Return how the hits of pixels correlate that lie so far apart, and the number of pairs."""
    shown = torch.ones_like(hit) if seen is None else seen.expand_as(hit)
    both, pairs = 0.0, 0
    for dim, distance in itertools.product((-1, -2), distances):
        length = max(0, hit.shape[dim] - distance)
        places = (0, hit.shape[dim] - length)
        counted = torch.stack([shown.narrow(dim, at, length) for at in places]).all(0)
        alike = torch.stack([hit.narrow(dim, at, length) for at in places]).all(0)
        both += float((alike & counted).sum())
        pairs += int(counted.sum())
    rate = share(hit, seen)
    if not pairs or not 0 < rate < 1:
        return 0.0, pairs
    return (both / pairs - rate**2) / (rate - rate**2), pairs


def only_extreme(y: Tensor, standing_out: Tensor, amount: float, seen: Tensor | None) -> bool:
    """Return whether the impulses in `y` (B, C, H, W) are exactly 0 and 1, as it seems.

    Parameters
    ----------
    y, standing_out : Tensor
        Shape (B, C, H, W): the values, and which of them stand out most.
    amount : float
        Part of the values that salt and pepper hit, if it is so.
    seen : Tensor or None
        Shape (H, W): which pixels count.

    Examples
    --------
    >>> y = torch.full((1, 1, 16, 16), 0.5)
    >>> y[..., ::4, ::4] = 1
    >>> [only_extreme(y * factor, y == 1, 1 / 16, None) for factor in (1, 0.98)]
    [True, False]
    """
    exact = (y <= 0) | (y >= 1)
    if amount > MOSTLY * share(standing_out & ~exact, seen):
        return True
    nearly = share(standing_out & _nearly_extreme(y), seen)
    alone = share(standing_out & exact, seen)
    return nearly < FEW_NEARLY * alone and alone > STANDING_OUT * amount


def looks_drawn(y: Tensor, standing_out: Tensor, seen: Tensor | None = None) -> bool:
    """Return whether what stands out most in `y` (B, C, H, W) are letters or lines, as it seems.

    Impulses that were exactly black and white before the picture was resized or stored as JPEG are
    still nearly so, and scattered.

    Examples
    --------
    >>> y = torch.full((1, 1, 64, 64), 0.9)
    >>> y[..., ::8, :] = 0.2
    >>> looks_drawn(y, y < 0.5)
    True
    """
    nearly = standing_out & _nearly_extreme(y)
    few = share(nearly, seen) < HARDLY_ANY * share(standing_out, seen)
    if not hangs_together(standing_out, seen) or not (few or hangs_together(nearly, seen)):
        return False
    return _alike(standing_out, seen, [1])[0] > LETTERS


def _nearly_extreme(y: Tensor) -> Tensor:
    """Return what is nearly black or white, but neither."""
    return ((y > 0) & (y <= NEARLY)) | ((y < 1) & (y >= 1 - NEARLY))


def share(hit: Tensor, seen: Tensor | None = None) -> float:
    """Return which part of the values (B, C, H, W) is hit, of the pixels (H, W) that are seen.

    Examples
    --------
    >>> hit = torch.eye(4).bool()[None, None]
    >>> share(hit), share(hit, torch.eye(4).bool())
    (0.25, 1.0)
    """
    return float((hit if seen is None else hit[..., seen]).float().mean())


def _difference(y: Tensor, around: Tensor) -> Tensor:
    """Return the mean difference of each value to the `NEAREST` most like it `around` it."""
    height, width = y.shape[-2:]
    padded = pad(around, (1, 1, 1, 1), mode="reflect")
    nearest = [torch.full_like(y, torch.inf) for _ in range(NEAREST)]
    for row, column in ((r, c) for r in range(3) for c in range(3) if (r, c) != (1, 1)):
        next_one = (padded[..., row : row + height, column : column + width] - y).abs()
        for index, value in enumerate(nearest):  # sorted, so that what is left moves on
            nearest[index], next_one = value.minimum(next_one), value.maximum(next_one)
    return torch.stack(nearest).mean(0)


def _median(values: Tensor, width: int) -> Tensor:
    """Return the median of the window around each value."""
    filtered = scipy.ndimage.median_filter(
        values.cpu().numpy(), size=(1, 1, width, width), mode="mirror"
    )
    return torch.from_numpy(filtered).to(values.device)


def _chance(reach: int, amount: float) -> float:
    """Return how likely it is that half of the others in a window were hit like the one in it."""
    others = (2 * reach + 1) ** 2 - 1
    return _chance_of(others // 2, others, amount)


def _chance_of(count: int, others: int, amount: float) -> float:
    """Return how likely it is that so many of the others, or more, were hit like one value."""
    return float(scipy.special.bdtrc(count - 1, others, amount / 2))
