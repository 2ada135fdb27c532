"""What a plugin offers to `priorlab train`: a training that makes a weights file."""

from __future__ import annotations

import dataclasses
from collections.abc import Callable
from pathlib import Path
from typing import Protocol


class Training(Protocol):
    """The function behind a `Trainer`."""

    def __call__(
        self,
        dataset: Path,
        output: Path,
        channels: int,
        steps: int,
        seed: int,
        report: Callable[[int, int, float], None],
    ) -> dict[str, str]:
        """Train on a folder of images and write the weights with their provenance.

        Parameters
        ----------
        dataset : Path
            Folder of clean training images.
        output : Path
            Weights file to write; a training that was interrupted goes on from a file next to it.
        channels : int
            1 for gray, 3 for colour.
        steps : int
            Number of optimiser steps.
        seed : int
            The only source of randomness.
        report : callable
            Called with ``(step, steps, loss)`` now and then.

        Returns
        -------
        dict of str to str
            The provenance that was written into the file.
        """


@dataclasses.dataclass(frozen=True)
class Trainer:
    """A named training."""

    name: str
    doc: str
    train: Training
