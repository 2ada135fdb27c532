"""Parameters of which the default suite takes a few; the others are slow."""

from collections.abc import Iterable
from typing import Any

import pytest


def mostly_slow(values: Iterable[Any], *quick: Any) -> list[Any]:
    """Return values to parametrise a test with, of which all but the quick ones are slow."""
    every = list(values)
    assert all(value in every for value in quick)
    return [one if one in quick else pytest.param(one, marks=pytest.mark.slow) for one in every]
