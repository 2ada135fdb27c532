"""Kinds of degradation: what the best settings of a method depend on."""

from __future__ import annotations

from typing import TYPE_CHECKING

if TYPE_CHECKING:
    from priorlab.forward.measurement import Measurement

NOISE = "noise"
MISSING = "missing pixels"
NOISY_MISSING = "noisy missing pixels"
SUPERRES = "super-resolution"
NOISY_SUPERRES = "noisy super-resolution"
BLUR = "blur"
IMPULSES = "impulses"
OTHER_OPERATOR = "other operators"
OTHER_NOISE = "other noise"

KINDS = (
    NOISE,
    MISSING,
    NOISY_MISSING,
    SUPERRES,
    NOISY_SUPERRES,
    BLUR,
    IMPULSES,
    OTHER_OPERATOR,
    OTHER_NOISE,
)


def kind_of(measurement: Measurement) -> str:
    """Return which of `KINDS` a measurement shows; other noise is, for one, that of JPEG.

    Photons that are counted behind an operator are restored as data with white noise, and have the
    kind of these; see `Measurement.with_white_noise`.

    Examples
    --------
    >>> import torch
    >>> from priorlab.tasks.builtin import Deblur, DenoiseImpulse, Inpaint
    >>> image = torch.zeros(1, 1, 32, 32)
    >>> tasks = (Deblur(), Inpaint(), DenoiseImpulse())
    >>> [kind_of(task.measure(image, seed=0)) for task in tasks]
    ['blur', 'missing pixels', 'impulses']
    """
    operator, noise = measurement.operator, measurement.noise
    if measurement.has_outliers:
        return IMPULSES
    if operator.is_identity and (noise.is_gaussian or noise.stabiliser()):
        return NOISE
    if not noise.is_gaussian and not measurement.counts_behind_operator:
        return OTHER_NOISE
    if operator.known_pixels is not None:
        return MISSING if noise.is_exact else NOISY_MISSING
    if operator.factor > 1:
        # What fits exact data best hardly smooths: it would leave noise where it is.
        return SUPERRES if noise.is_exact else NOISY_SUPERRES
    return BLUR if operator.is_convolution else OTHER_OPERATOR


def serving(kind: str) -> tuple[str, ...]:
    """Return the kinds of which settings serve data of one kind, the best first.

    Examples
    --------
    >>> serving("blur"), serving("noisy missing pixels")
    (('blur',), ('noisy missing pixels', 'missing pixels'))
    """
    return (kind, MISSING) if kind == NOISY_MISSING else (kind,)
