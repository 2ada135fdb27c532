"""Which coefficients of a wavelet transform the pixels of an image depend on, along one axis."""

from __future__ import annotations

from typing import NamedTuple

from priorlab_handcrafted.wavelets.transform import WaveletTransform


class Extent(NamedTuple):
    """The indices from `first` up to but not including `last`; that of the first pixel is 0."""

    first: int
    last: int

    def within(self, other: Extent) -> slice:
        """Return where these indices are in an array that holds those of `other`."""
        return slice(self.first - other.first, self.last - other.first)


class Axis:
    """The extents of all bands along an axis of `size` pixels.

    Coefficients outside `details`, and pixels outside the first extent of `coarse`, have no
    influence on the image. Results therefore do not depend on how much further an array reaches.
    Windows and statistics do not look beyond them either.

    Attributes
    ----------
    inside : list of Extent
        For each level, from fine to coarse, the coefficients that lie in the image.
    details : list of Extent
        For each level, the detail coefficients from which the image is synthesised.
    coarse : list of Extent
        Of the image, and then of the coarse band of each level, what those are computed from.
    """

    def __init__(self, transform: WaveletTransform, size: int) -> None:
        before, after = transform.reach
        levels = range(transform.levels)
        strides = [(transform.stride, transform.spacing(level)) for level in levels]
        self.inside, self.details = [], []
        pixels = span = Extent(0, size)
        for stride, spacing in strides:
            pixels = Extent(0, -(-pixels.last // stride))
            first = -((after * spacing - span.first) // stride)
            span = Extent(first, (span.last - 1 + before * spacing) // stride + 1)
            self.inside.append(pixels)
            self.details.append(span)
        # The coarsest band is not shrunk: it is only as wide as the details next to it.
        self.coarse = [span]
        for stride, spacing in reversed(strides):
            last = stride * (span.last - 1) + after * spacing + 1
            span = Extent(stride * span.first - before * spacing, last)
            self.coarse.insert(0, span)
