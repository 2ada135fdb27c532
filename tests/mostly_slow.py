"""Parameters of which the default suite takes a few; the others are slow."""

from collections.abc import Callable, Iterable
from typing import Any

import pytest


def mostly_slow(values: Iterable[Any], *quick: Any) -> list[Any]:
    """Return values to parametrise a test with, of which all but the quick ones are slow."""
    every = list(values)
    assert all(value in every for value in quick)
    return [one if one in quick else pytest.param(one, marks=pytest.mark.slow) for one in every]


def slow_where(is_slow: Callable[..., bool], cases: Iterable[tuple[Any, ...]]) -> list[Any]:
    """Return cases of several parameters, of which those are slow for which `is_slow` is true."""
    return [
        pytest.param(*case, marks=pytest.mark.slow) if is_slow(*case) else case for case in cases
    ]
