"""What is to be done to many pictures, and under which names its files are written."""

from __future__ import annotations

import dataclasses
from collections import Counter
from collections.abc import Sequence
from pathlib import Path

from priorlab.harness.results.names import safe_name
from priorlab.pictures.collection import Found
from priorlab.priors import Prior


@dataclasses.dataclass(frozen=True)
class Job:
    """One picture with one prior.

    Attributes
    ----------
    picture : Found
    prior : Prior
    place : Path
        Where the result goes, below the output folder.
    stem : str
        What the names of pictures beside it begin with.
    """

    picture: Found
    prior: Prior
    place: Path
    stem: str


@dataclasses.dataclass(frozen=True)
class Group:
    """The jobs on one picture, one for each prior.

    Attributes
    ----------
    picture : Found
    jobs : tuple of Job
    sheet : Path or None
        Where the contact sheet of several goes, below the output folder.
    """

    picture: Found
    jobs: tuple[Job, ...]
    sheet: Path | None


def groups(pictures: Sequence[Found], priors: Sequence[Prior]) -> list[Group]:
    """Return the jobs on each picture; with several priors the results get their names."""
    stems = _stems([picture.place for picture in pictures])
    return [_group(picture, priors, stems[picture.place]) for picture in pictures]


def _group(picture: Found, priors: Sequence[Prior], stem: str) -> Group:
    place = picture.place
    if len(priors) == 1:
        return Group(picture, (Job(picture, priors[0], place, stem),), None)
    jobs = []
    for prior in priors:
        name = safe_name(prior.spec())
        result = place.with_name(f"{place.stem}-{name}{place.suffix}")
        jobs.append(Job(picture, prior, result, f"{stem}-{name}"))
    return Group(picture, tuple(jobs), place.with_name(f"{stem}-sheet.png"))


def _stems(places: Sequence[Path]) -> dict[Path, str]:
    """Return for each result what the names of PNG files beside it begin with, none twice.

    Examples
    --------
    >>> list(_stems([Path("a.png"), Path("a.jpg"), Path("b.jpg")]).values())
    ['a', 'a.jpg', 'b']
    """
    count = Counter(place.with_suffix("") for place in places)
    short = (place.suffix == ".png" or count[place.with_suffix("")] == 1 for place in places)
    return {
        place: place.stem if is_short else place.name
        for place, is_short in zip(places, short, strict=True)
    }
