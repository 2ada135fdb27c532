"""The public image sets: what each is, where it is published, and how its images are recognised."""

from __future__ import annotations

import functools
import hashlib
import os
import tomllib
from collections.abc import Iterable, Mapping
from dataclasses import dataclass, field
from pathlib import Path

from priorlab.ground.files import is_folder

DATA_VARIABLE = "PRIORLAB_DATA"
"""Environment variable: the folder whose subfolders are the known test sets."""


@dataclass(frozen=True)
class KnownSet:
    """A set of `known_sets.toml`.

    Attributes
    ----------
    name : str
    doc : str
        One line: what the images are, and who made them.
    published : str
        Where, as the end of a sentence that begins with "published".
    licence : str
        What its authors allow, where they say it.
    images : mapping of str to str
        For each image the SHA-256 of its pixels; empty where they are not known.
    """

    name: str
    doc: str
    published: str
    licence: str = ""
    images: Mapping[str, str] = field(default_factory=dict)

    @property
    def digest(self) -> str:
        """What `Dataset.digest` is for exactly these images, or empty where they are not known."""
        return digest_of(self.images.values()) if self.images else ""

    @property
    def folder(self) -> Path | None:
        """Its folder below that of `DATA_VARIABLE`, if it is there."""
        data = os.environ.get(DATA_VARIABLE, "")
        path = Path(data).expanduser() / self.name
        return path if data and is_folder(path) else None


def digest_of(digests: Iterable[str]) -> str:
    """Return the SHA-256 over the digests of images, in whatever order they are.

    Examples
    --------
    >>> digest_of(["b", "a"]) == digest_of(["a", "b"])
    True
    """
    return hashlib.sha256("\n".join(sorted(digests)).encode()).hexdigest()


@functools.cache
def known_sets() -> Mapping[str, KnownSet]:
    """Return all of them by name.

    Examples
    --------
    >>> len(known_sets()["set12"].images)
    12
    """
    text = Path(__file__).with_suffix(".toml").read_text("utf-8")
    return {name: KnownSet(name, **facts) for name, facts in tomllib.loads(text).items()}
