"""Pictures of cameras whose truth is known: in one folder NAME_real, and NAME_mean, the truth.

That is how the sets are laid out whose truth is the mean of many shots of a scene that stood still.
"""

from __future__ import annotations

import functools
import hashlib
from collections.abc import Mapping
from pathlib import Path

import numpy as np
from numpy.typing import NDArray

from priorlab.errors import UsageError
from priorlab.ground.files import check_regular
from priorlab.pictures import arrays
from priorlab.pictures.formats import READ_SUFFIXES
from priorlab.pictures.reading import read

SHOT, TRUTH = "_real", "_mean"
"""Ends of the names of a shot and of its truth."""


def shot_of(truth: NDArray[np.float32], folder: str) -> NDArray[np.float32]:
    """Return the shot of a scene.

    Parameters
    ----------
    truth : array (C, H, W)
        The scene without noise, as it is in the folder.
    folder : str
        With the pairs.

    Raises
    ------
    UsageError
        If the folder has no such pair.

    Examples
    --------
    >>> shot_of(np.zeros((1, 16, 16), np.float32), ".")
    Traceback (most recent call last):
    ...
    priorlab.errors.UsageError: shots=. holds no pair NAME_real and NAME_mean of pictures
    """
    path = _shots(folder).get(arrays.digest(truth))
    if path is None:
        raise UsageError(_why_not(arrays.digest(truth), folder))
    shot = read(path)
    if shot.shape != truth.shape:
        raise UsageError(f"{path} has another size or other channels than its truth")
    return shot


def _why_not(picture: str, folder: str) -> str:
    """Say why a picture, given by its digest, has no shot in a folder."""
    for file in _pictures(folder):
        name = file.stem.removesuffix(TRUTH)
        if not file.stem.endswith((SHOT, TRUTH)) or arrays.digest(read(file)) != picture:
            continue
        if file.stem.endswith(SHOT):
            return f"{file.name} is a shot itself; name the truths, NAME{TRUTH}, with --images"
        return f"shots={folder} holds {file.name}, but no {name}{SHOT} that is its shot"
    return f"shots={folder} holds no NAME{TRUTH} that is this picture"


def is_shot(path: Path, folder: str) -> bool:
    """Return whether a file is a shot in a folder.

    Examples
    --------
    >>> is_shot(Path("pairs/house_real.png"), "pairs"), is_shot(Path("house_real.png"), "pairs")
    (True, False)
    """
    return path.stem.endswith(SHOT) and path.parent.resolve() == Path(folder).resolve()


def digest(folder: str) -> str:
    """Return the SHA-256 over the pairs of a folder: their names and what is in the files."""
    sha = hashlib.sha256()
    for pair in _pairs(folder):
        for path in pair:
            check_regular(path)
            sha.update(f"{path.name} {hashlib.sha256(path.read_bytes()).hexdigest()}\n".encode())
    return sha.hexdigest()


@functools.cache
def _shots(folder: str) -> Mapping[str, Path]:
    """Return the file of each shot, by the digest of its truth."""
    return {arrays.digest(read(truth)): shot for truth, shot in _pairs(folder)}


def _pairs(folder: str) -> list[tuple[Path, Path]]:
    """Return truth and shot of each scene."""
    files = _pictures(folder)
    shots = {path.stem.removesuffix(SHOT): path for path in files if path.stem.endswith(SHOT)}
    pairs = [
        (path, shots[path.stem.removesuffix(TRUTH)])
        for path in files
        if path.stem.endswith(TRUTH) and path.stem.removesuffix(TRUTH) in shots
    ]
    if not pairs:
        raise UsageError(f"shots={folder} holds no pair NAME{SHOT} and NAME{TRUTH} of pictures")
    return pairs


def _pictures(folder: str) -> list[Path]:
    return sorted(p for p in Path(folder).glob("*") if p.suffix.lower() in READ_SUFFIXES)
