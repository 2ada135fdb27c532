"""Shards: the parts of a grid that the jobs of an array compute, each without the others.

Which part a cell falls to follows from its key alone: the same cell stays in the same part when
priors, images or seeds are added, and equal cells are never in two.
"""

from __future__ import annotations

import dataclasses
import re
from typing import Any

from priorlab.errors import UsageError


@dataclasses.dataclass(frozen=True)
class Shard:
    """Part `number`, counted from 1, of so many.

    Examples
    --------
    >>> shard = Shard(3, 16)
    >>> str(shard), shard.folder
    ('3/16', 'shard-03-of-16')
    >>> sum(Shard(number, 2).holds("c0ffee" + "0" * 58) for number in (1, 2))
    1
    """

    number: int
    of: int

    def __post_init__(self) -> None:
        if not 1 <= self.number <= self.of:
            raise UsageError(f"shard {self} does not exist; {self.of} parts are 1 to {self.of}")

    def __str__(self) -> str:
        return f"{self.number}/{self.of}"

    @property
    def folder(self) -> str:
        """The name of the folder, within the results folder, that has its store and its runs."""
        return f"shard-{self.number:0{len(str(self.of))}d}-of-{self.of}"

    @property
    def note(self) -> str:
        """What a reader of its table must know."""
        return (
            f"Part {self.number} of {self.of}: only the cells that fall to this part are here, and"
            " no prior has all of its images. Merge the parts before you compare."
        )

    def holds(self, key: str) -> bool:
        """Return whether the cell of a key belongs to it."""
        return int(key[:16], 16) % self.of == self.number - 1


def read(given: Any) -> Shard:
    """Return the shard that a text such as ``3/16`` names.

    Examples
    --------
    >>> read("3/16")
    Shard(number=3, of=16)
    """
    if isinstance(given, Shard):
        return given
    found = re.fullmatch(r"\s*(\d+)\s*/\s*(\d+)\s*", str(given), re.ASCII)
    if not found or int(found[2]) < 1:
        raise UsageError(f"shard {str(given)!r} is not a part such as 3/16, the third of sixteen")
    return Shard(int(found[1]), int(found[2]))
