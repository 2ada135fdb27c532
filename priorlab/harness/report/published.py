"""Figures copied from papers, to be printed among those measured on the same images."""

from __future__ import annotations

import functools
import tomllib
from collections.abc import Sequence
from dataclasses import dataclass
from importlib import resources


@dataclass(frozen=True)
class Published:
    """A figure of `published.toml`: the mean PSNR of a method over a set of gray images."""

    prior: str
    dataset: str
    task: str
    images: int
    psnr: float
    source: str


def figures(dataset: str, task: str, images: int) -> list[Published]:
    """Return what is published for a task on a set of so many gray images.

    Examples
    --------
    >>> [(entry.prior, entry.psnr) for entry in figures("set12", "denoise:sigma=25", 12)]
    [('BM3D', 29.97), ('DnCNN', 30.44)...]
    >>> figures("set12", "denoise:sigma=25", 7)  # not the whole set
    []
    """
    wanted = (dataset.lower(), task, images)
    return [entry for entry in _all() if (entry.dataset, entry.task, entry.images) == wanted]


@functools.cache
def _all() -> Sequence[Published]:
    text = resources.files("priorlab.harness.report").joinpath("published.toml").read_text("utf-8")
    return [Published(**entry) for entry in tomllib.loads(text)["result"]]
