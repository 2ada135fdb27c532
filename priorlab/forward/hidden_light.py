"""Light that a blurred picture hides, as it is cut off at white.

A lamp at night is brighter than white by many times, and so is what it was spread to: the picture
has a white streak. No image within black and white, blurred, has such a streak, and what looks for
one makes waves around it. Of data at white it is therefore only known that they are no darker
(O. Whyte, J. Sivic, A. Zisserman: Deblurring shaken and partially saturated images, IJCV 110(2),
2014). What of the light goes beyond white is found from its surroundings and taken away.
"""

from __future__ import annotations

import math
from collections.abc import Callable, Iterator

import torch
from torch import Tensor
from torch.nn.functional import avg_pool2d, max_pool2d

from priorlab.forward.cropped_convolution import CroppedConvolution

EDGE = 0.5 / 255
"""What is so close to white may have been cut off, or than three times the noise is strong."""
MARGIN = 0.02
"""Data count as cut off where there was more light than white and this, or twice the noise."""
STEPS, STILL = 300, 1e-3
"""The most steps that look for the light, and by how much the last of fewer changes it."""
WITHIN_STEPS = 60
"""Of the fit of a scene within black and white, which is to fail where light is hidden."""
UNEXPLAINED, AROUND = 1.5, 9
"""It fails where it leaves more than so many times the noise, all around in squares of this side.
Of photographs whose lights were cut off before they were blurred it leaves 0.7 times the noise, of
those cut off afterwards 2 to 50 times."""
EXPLAINED = 1 / 3
"""Light beyond white is believed in that leaves at most this part of that. Under the right blur it
leaves 0.01 to 0.12, under a wrong one 0.65 and more."""
SIDE = 256
"""Pixels of a side of the parts that are looked at one by one: most have nothing at white."""
MANY = 8
"""So many parts of a picture take so long that it is said: some seconds each."""
FAINT = 1e-4
"""Light reaches a pixel to which a kernel spreads more than this part of it."""


def without_hidden_light(y: Tensor, operator: CroppedConvolution, sigma: float) -> Tensor:
    """Return a blurred picture as it is of a scene that is nowhere brighter than white.

    Parameters
    ----------
    y : Tensor
        The picture (B, C, H, W), cut off at white, which is 1.
    operator : CroppedConvolution
        What blurred the scene before.
    sigma : float
        Standard deviation of the noise.

    Returns
    -------
    Tensor
        `y` itself where the blur shows no light beyond white.

    Examples
    --------
    >>> scene = torch.full((1, 1, 32, 40), 0.2)
    >>> scene[..., 14:18, 18:22] = 5  # a lamp
    >>> operator = CroppedConvolution(torch.full((1, 9), 1 / 9))
    >>> seen, sought = (operator.forward(scene.clamp(max=most)) for most in (5, 1))
    >>> found = without_hidden_light(seen.clamp(max=1), operator, sigma=0)
    >>> [round(float((p - sought).abs().max()), 1) for p in (seen, seen.clamp(max=1), found)]
    [1.8, 0.6, 0.1]
    """
    kernel = operator.kernel
    noise, margin = max(EDGE, sigma), max(MARGIN, 2 * sigma)
    white = _at_white(y, sigma)
    if bool((kernel < 0).any()) or not bool(white.any()):
        return y
    found = y.clone()
    # What a kernel's length beyond a part hides there reaches no pixel of it.
    for inner, part, within in _parts(y, 2 * kernel.shape[0], 2 * kernel.shape[1]):
        if bool(white[..., *part].any()):
            known = _within_white(y[..., *part], white[..., *part], operator, noise, margin)
            found[..., *inner] = known[..., *within]
    return found


def looked_for(y: Tensor, sigma: float) -> str:
    """Return a line on how much of a picture (B, C, H, W) is searched, where that takes long.

    Examples
    --------
    >>> looked_for(torch.ones(1, 1, 600, 900), sigma=0)
    'looking for light that is cut off at white, in about 12 parts of 256 x 256 pixels'
    >>> looked_for(torch.ones(1, 1, 300, 300), sigma=0), looked_for(torch.zeros(1, 1, 900, 900), 0)
    ('', '')
    """
    white = _at_white(y, sigma).any(1, keepdim=True).float()
    count = int(max_pool2d(white, SIDE, ceil_mode=True).sum())
    if count < MANY:
        return ""
    return (
        "looking for light that is cut off at white, in about"
        f" {count} parts of {SIDE} x {SIDE} pixels"
    )


def _at_white(y: Tensor, sigma: float) -> Tensor:
    """Return the pixels that may have been cut off."""
    return y >= 1 - max(EDGE, 3 * sigma)


def _within_white(
    y: Tensor, white: Tensor, operator: CroppedConvolution, noise: float, margin: float
) -> Tensor:
    """Return a part of a picture as `without_hidden_light` does."""
    left = operator.forward(_fitted(y, operator, WITHIN_STEPS, 1, lambda left: left)) - y
    amiss = _around(left, operator.kernel, UNEXPLAINED * noise)
    if not bool((white & amiss).any()):
        return y

    def counted(left: Tensor) -> Tensor:
        return torch.where(white, left.clamp_max(0), left)

    scene = _fitted(y, operator, STEPS, math.inf, counted)
    shown = operator.forward(scene)
    if counted(shown - y)[amiss].norm() > EXPLAINED * left[amiss].norm():
        return y  # it is something else that is wrong, such as the kernel
    hides = white & amiss & (shown > 1 + margin)
    near = operator.adjoint(hides.float()) > FAINT * operator.kernel.max()
    light = operator.forward((scene - 1).clamp_min(0) * near)
    seen = (torch.where(hides, shown, y) - light).clamp(0, 1)
    return torch.where(hides | (light > FAINT), seen, y)


Place = tuple[slice, slice]


def _parts(y: Tensor, above: int, beside: int) -> Iterator[tuple[Place, Place, Place]]:
    """Yield parts that cover a picture: the place of each, that of it with what lies around, and
    its place within that."""
    height, width = y.shape[-2:]
    side = max(SIDE, 2 * above, 2 * beside)  # or most of the work is done for what lies around
    for top in range(0, height, side):
        for left in range(0, width, side):
            first, before = max(0, top - above), max(0, left - beside)
            rows = min(side, height - top)
            columns = min(side, width - left)
            yield (
                (slice(top, top + rows), slice(left, left + columns)),
                (
                    slice(first, min(height, top + rows + above)),
                    slice(before, min(width, left + columns + beside)),
                ),
                (
                    slice(top - first, top - first + rows),
                    slice(left - before, left - before + columns),
                ),
            )


def _around(left: Tensor, kernel: Tensor, most: float) -> Tensor:
    """Return the pixels near which more is left of a picture than `most`, a root mean square."""
    square = avg_pool2d(left.square(), AROUND, 1, AROUND // 2, count_include_pad=False)
    height, width = kernel.shape
    amiss = (square.sqrt() > most).to(left)
    # Down and across one after the other: a large kernel's window has many pixels.
    amiss = max_pool2d(amiss, (2 * height + 1, 1), 1, (height, 0))
    return max_pool2d(amiss, (1, 2 * width + 1), 1, (0, width)) > 0


def _fitted(
    y: Tensor,
    operator: CroppedConvolution,
    steps: int,
    brightest: float,
    counted: Callable[[Tensor], Tensor],
) -> Tensor:
    """Return the image from black to `brightest` that leaves least of what is counted.

    By the accelerated projected gradient of A. Beck and M. Teboulle, SIAM J. Imaging Sciences
    2(1), 2009.
    """
    count, channels, height, width = y.shape
    canvas = operator.canvas((count, channels, height, width))
    x = ahead = operator.initial_guess(y, canvas).clamp(0, brightest)
    speed = 1.0
    for _ in range(steps):
        left = counted(operator.forward(ahead) - y)
        before, x = x, (ahead - operator.adjoint(left)).clamp(0, brightest)
        if float((x - before).abs().max()) < STILL:
            break
        speed, slower = (1 + math.sqrt(1 + 4 * speed**2)) / 2, speed
        ahead = x + (slower - 1) / speed * (x - before)
    return x
