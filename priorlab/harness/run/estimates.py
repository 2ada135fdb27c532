"""How long cells take, judged by earlier ones."""

from __future__ import annotations

import bisect
import statistics
from collections import deque
from collections.abc import Iterable, Mapping

from priorlab.harness.run.grid import Cell

Pair = tuple[str, str]
"""Prior and task, as specs."""

MEMORY = 50
"""An estimate is the median of so many of the latest cells."""


class _Recent:
    """The latest of some numbers, and their median."""

    def __init__(self) -> None:
        self._values: deque[float] = deque(maxlen=MEMORY)
        self._sorted: list[float] = []

    def add(self, value: float) -> None:
        """Add one, and forget the oldest if there are more than `MEMORY`."""
        if len(self._values) == MEMORY:
            del self._sorted[bisect.bisect_left(self._sorted, self._values[0])]
        self._values.append(value)
        bisect.insort(self._sorted, value)

    @property
    def median(self) -> float:
        """The middle one."""
        return statistics.median(self._sorted)


class Estimates:
    """How long a cell takes, judged by earlier cells of the same prior, per megapixel."""

    def __init__(self, known: Mapping[Pair, float] | None = None) -> None:
        """Start from seconds per megapixel by (prior, task), as `Store.rates` returns them."""
        self._own: dict[Pair, _Recent] = {}
        self._of_prior: dict[str, _Recent] = {}
        self._changed: set[str] = set()
        for pair, rate in (known or {}).items():
            self._add(pair, rate)

    def learn(self, cell: Cell, seconds: float) -> None:
        """Remember how long a cell took."""
        self._add(cell.pair, seconds / cell.megapixels)

    def _add(self, pair: Pair, rate: float) -> None:
        self._own.setdefault(pair, _Recent()).add(rate)
        self._of_prior.setdefault(pair[0], _Recent()).add(rate)
        self._changed.add(pair[0])

    def changed(self) -> set[str]:
        """Return the priors of which something was learned since this was called last."""
        changed, self._changed = self._changed, set()
        return changed

    def rate(self, pair: Pair) -> float | None:
        """Return seconds per megapixel, of the same task or else of others; None if unknown."""
        rates = self._own.get(pair) or self._of_prior.get(pair[0])
        return rates.median if rates else None

    def seconds(self, cell: Cell) -> float | None:
        """Return the estimate of a cell; None if unknown."""
        rate = self.rate(cell.pair)
        return None if rate is None else rate * cell.megapixels

    def total(self, cells: Iterable[Cell]) -> tuple[float, int]:
        """Return the sum of the estimates, and the number of cells that have none."""
        counts: dict[Pair, int] = {}
        pixels: dict[Pair, int] = {}
        for cell in cells:
            counts[cell.pair] = counts.get(cell.pair, 0) + 1
            pixels[cell.pair] = pixels.get(cell.pair, 0) + cell.pixels
        rates = {pair: self.rate(pair) for pair in counts}
        seconds = (rate * pixels[pair] / 1e6 for pair, rate in rates.items() if rate is not None)
        return sum(seconds), sum(counts[pair] for pair, rate in rates.items() if rate is None)
