"""What every metric must do."""

from __future__ import annotations

import math

import numpy as np
import torch

from priorlab.conformance.checks import Check, Failed, Skipped
from priorlab.conformance.component_checks import PARAMETERS
from priorlab.conformance.scenes import scene
from priorlab.errors import UsageError
from priorlab.metrics import Metric
from priorlab.optional_metrics import OptionalMetric

SIDE = 192
"""Of the pictures that are compared: metrics with scales need some size."""

Given = Metric | OptionalMetric


def _metric(item: Given) -> Metric:
    """Return the metric itself; `Skipped` where it needs a library or a file that is not here."""
    if isinstance(item, Metric):
        return item
    try:
        return item.metric()
    except UsageError as error:
        raise Skipped(str(error)) from None


def _value(item: Given, sigma: float, channels: int = 3, cut: int = 0) -> float:
    """Return the metric's value of a picture with noise of a level."""
    clean = np.ascontiguousarray(scene(channels, SIDE - cut, SIDE)[0].numpy())
    noise = np.random.default_rng(0).normal(size=clean.shape)
    noisy = np.clip(clean + sigma * noise, 0, 1).astype(np.float32)
    try:
        found = _metric(item).value(noisy, clean)
    except UsageError as error:  # what it needs is missed when it is first used
        raise Skipped(str(error)) from None
    return found


def values(item: Given) -> None:
    """It is a number for gray and coloured pictures, with odd sides too."""
    for channels, cut in ((1, 0), (3, 0), (3, 13)):
        value = _value(item, 0.1, channels, cut)
        if not isinstance(value, float) or math.isinf(value) or (channels == 3 and value != value):
            raise Failed(
                f"{channels} x {SIDE - cut} x {SIDE}: the value is {value!r}; return a float, or"
                " NaN for gray pictures if it is not defined there"
            )


def determinism(item: Given) -> None:
    """The same pictures give the same value."""
    first, again = _value(item, 0.1), _value(item, 0.1)
    if first != again:
        raise Failed(f"the same pictures gave {first!r} and {again!r}; draw nothing at random")


def unchanged_input(item: Given) -> None:
    """It does not change the pictures."""
    pair = [scene(3, SIDE, SIDE)[0].numpy() for _ in range(2)]
    before = pair[0].copy()
    try:
        _metric(item).value(pair[0], pair[1])
    except UsageError as error:
        raise Skipped(str(error)) from None
    if not all(np.array_equal(image, before) for image in pair):
        raise Failed("it changed a picture that it was given; work on a copy")


def direction(item: Given) -> None:
    """Little noise is better than much, in the direction that `higher_is_better` says."""
    little, much = _value(item, 0.03), _value(item, 0.3)
    higher = _metric(item).higher_is_better
    if not (little > much if higher else little < much):
        raise Failed(
            f"little noise has the value {little:.4g}, much noise {much:.4g}, and"
            f" higher_is_better is {higher}"
        )


def threads(item: Given) -> None:
    """One thread and two give the same value."""
    before = torch.get_num_threads()
    try:
        found = []
        for count in (1, 2):
            torch.set_num_threads(count)
            found.append(_value(item, 0.1))
    finally:
        torch.set_num_threads(before)
    if abs(found[0] - found[1]) > 1e-3 * (abs(found[0]) + 1e-3):
        raise Failed(f"one thread gave {found[0]!r}, two gave {found[1]!r}")


_MADE = (
    Check("values", values),
    Check("determinism", determinism),
    Check("input", unchanged_input),
    Check("direction", direction),
    Check("threads", threads),
)


def checks_of(item: Given) -> tuple[Check, ...]:
    """Return the checks; a `Metric` has no parameters."""
    return _MADE if isinstance(item, Metric) else (PARAMETERS, *_MADE)
