"""Images that are equal under several names: evidence of one image, whatever they are called.

A result of the same prior, task and seed has the same key for two images only if their pixels are
equal. Counted twice, an image would make every interval too narrow and every p too small.
"""

from __future__ import annotations

from collections.abc import Mapping

import pandas as pd

from priorlab.errors import few


def names(rows: pd.DataFrame) -> dict[str, str]:
    """Return for each image that equals an earlier one the name of that one.

    Parameters
    ----------
    rows : DataFrame
        A row per prior x task x image x seed.

    Examples
    --------
    >>> rows = pd.DataFrame({"image": ["house", "copy", "boat"], "key": ["c0ffee", "c0ffee", "ab"]})
    >>> names(rows)
    {'copy': 'house'}
    """
    known = rows.loc[rows["key"] != "", ["key", "image"]]
    found: dict[str, str] = {}
    pairs = known.assign(first=known.groupby("key", sort=False)["image"].transform("first"))
    pairs = pairs.loc[pairs["first"] != pairs["image"], ["image", "first"]].drop_duplicates()
    for image, first in pairs.itertuples(index=False, name=None):
        # Where rows are missing, the first of one key may itself be a copy by another.
        one, other = _root(found, image), _root(found, first)
        if one != other:
            found[one] = other
    return {image: _root(found, image) for image in found}


def merged(rows: pd.DataFrame, copies: Mapping[str, str]) -> pd.DataFrame:
    """Return the rows with one name for equal images, and without those that then come twice.

    Examples
    --------
    >>> rows = pd.DataFrame({"image": ["house", "copy"], "psnr": [30.0, 30.0]})
    >>> rows = rows.assign(prior="tv", task="denoise", seed=0)
    >>> merged(rows, {"copy": "house"})["image"].tolist()
    ['house']
    """
    if not copies:
        return rows
    renamed = rows.assign(image=rows["image"].replace(dict(copies)))
    return renamed.drop_duplicates(["prior", "task", "image", "seed"]).reset_index(drop=True)


def note(copies: Mapping[str, str]) -> str:
    """Say which images count once, naming the first of them; nothing if all are distinct.

    Examples
    --------
    >>> note({"copy": "house"})
    'Equal pixels: copy is house under another name; what is equal counts as one image.'
    """
    if not copies:
        return ""
    listed = few([f"{copy} is {image}" for copy, image in copies.items()])
    return f"Equal pixels: {listed} under another name; what is equal counts as one image."


def _root(found: Mapping[str, str], image: str) -> str:
    while image in found:
        image = found[image]
    return image
