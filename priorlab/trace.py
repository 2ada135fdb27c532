"""What an iterative prior reports while it works; by default it is ignored."""

from __future__ import annotations

from collections.abc import Callable

from torch import Tensor
from typing_extensions import override

from priorlab.errors import UsageError


class Trace:
    """Receives what a prior reports while it works. This one ignores it all.

    The harness passes one that shows progress and follows the quality, and stops the clock
    while it does.
    """

    def report(
        self,
        iteration: int,
        total: int,
        image: Tensor,
        *,
        output: Tensor | None = None,
        **values: float,
    ) -> None:
        """Take note of an intermediate `image` and of named `values` such as the gap.

        `iteration` counts from 1; `total` is how many are planned, where known, else 0.
        `output` is the latest iterate, where `image` is a mean of them. Neither is copied: a
        listener that keeps one must clone it.
        """

    def returned(self, iteration: int) -> None:
        """Take note that the image reported at `iteration` is the one that is returned.

        Of several fits, one after the other, each reports it when it ends, and the last one counts.
        """

    def converged(self, reached: bool, residual: float) -> None:
        """Take note of how an iteration ended: whether its tolerance was reached.

        `residual` is what the tolerance was compared with. Of several iterations of one
        restoration each reports; the restoration converged if all did.
        """

    def picture(self, name: str, image: Tensor) -> None:
        """Take a picture (B, C, H, W) that comes with the restored one, such as its uncertainty.

        `name` is one lower-case word or several joined by hyphens.
        """

    def note(self, text: str) -> None:
        """Take note of a line for the user, such as what was guessed of a file."""


SILENT = Trace()


def check(trace: object) -> None:
    """Raise a `UsageError` for what cannot receive reports.

    Examples
    --------
    >>> check(None)
    Traceback (most recent call last):
    ...
    priorlab.errors.UsageError: trace=None is no object of a class derived from priorlab's Trace
    """
    if not isinstance(trace, Trace):
        shown = trace.__name__ if isinstance(trace, type) else repr(trace)
        raise UsageError(f"trace={shown} is no object of a class derived from priorlab's Trace")


class TraceOfOne(Trace):
    """Reports on one image of a batch, as reports on the batch.

    Iterations count on from image to image, where their number is known.

    Parameters
    ----------
    trace : Trace
        Receives the reports on the batch.
    batch : Tensor
        Images (B, C, H, W); the image reported on is put in its place.
    index : int
        That place.
    """

    def __init__(self, trace: Trace, batch: Tensor, index: int) -> None:
        self.trace, self.batch, self.index = trace, batch, index

    def report(
        self,
        iteration: int,
        total: int,
        image: Tensor,
        *,
        output: Tensor | None = None,
        **values: float,
    ) -> None:
        """Put the image in its place and pass the batch on, without `output`."""
        self.batch[self.index] = image[0]
        before, planned = self.index * total, len(self.batch) * total
        self.trace.report(before + iteration, planned, self.batch, output=None, **values)

    @override
    def note(self, text: str) -> None:
        self.trace.note(text)

    @override
    def converged(self, reached: bool, residual: float) -> None:
        self.trace.converged(reached, residual)


class FramedTrace(Trace):
    """Passes all reports on, of each image the part in the picture's frame only.

    Parameters
    ----------
    trace : Trace
        Receives the reports.
    shape : tuple of int
        Shape (B, C, H, W) of the images that are reported; a picture of another shape is passed
        on as it is.
    frame : callable
        Returns the part of an image that lies in the frame.
    """

    def __init__(
        self, trace: Trace, shape: tuple[int, ...], frame: Callable[[Tensor], Tensor]
    ) -> None:
        self.trace, self.shape, self.frame = trace, shape, frame

    def report(
        self,
        iteration: int,
        total: int,
        image: Tensor,
        *,
        output: Tensor | None = None,
        **values: float,
    ) -> None:
        """Pass the frame of the image, and of the `output`, on."""
        latest = None if output is None else self._inside(output)
        self.trace.report(iteration, total, self._inside(image), output=latest, **values)

    @override
    def returned(self, iteration: int) -> None:
        self.trace.returned(iteration)

    @override
    def converged(self, reached: bool, residual: float) -> None:
        self.trace.converged(reached, residual)

    @override
    def note(self, text: str) -> None:
        self.trace.note(text)

    def picture(self, name: str, image: Tensor) -> None:
        """Pass the frame of a picture on."""
        self.trace.picture(name, self._inside(image))

    def _inside(self, image: Tensor) -> Tensor:
        """Return the frame of an image; what is none, as a plugin may report, stays as it is."""
        whole = isinstance(image, Tensor) and image.shape[-2:] == self.shape[-2:]
        return self.frame(image) if whole else image
