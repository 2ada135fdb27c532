"""The suites that come with priorlab, in words."""

from __future__ import annotations

from pathlib import Path

from priorlab.pictures import datasets
from priorlab.suites import describing, shipped


def suites(dataset: str | Path | None = None) -> list[str]:
    """Return each suite in a few lines.

    Parameters
    ----------
    dataset : str or path, optional
        A folder, or the name of a data set: says of which suites it holds the images.

    Raises
    ------
    UsageError
        If the dataset cannot be read.

    Examples
    --------
    >>> print(suites("photos")[-1].splitlines()[1].strip())
    data: set5, 5 images; 5 of them not in photos
    """
    held = None if dataset is None else datasets.load(str(dataset))
    return [describing.summary(suite, held) for suite in shipped.shipped().values()]


def describe_suite(name: str | Path) -> str:
    """Return all that a suite is, of those that come with priorlab or in a file.

    Raises
    ------
    UsageError
        For an unknown name, or a file that is no suite.

    Examples
    --------
    >>> describe_suite("superres-set5").partition(",")[0]
    'superres-set5: Super-resolution of Set5 from bicubic down-sampling'
    """
    return describing.details(shipped.find(name))
