"""A contact sheet of one picture, restored with several priors, to choose from."""

from __future__ import annotations

import io
from collections.abc import Mapping
from pathlib import Path

import numpy as np
from numpy.typing import NDArray

from priorlab.api import pictures
from priorlab.ground.files import write_atomically
from priorlab.harness.report.contact_sheet import Tile, draw_contact_sheet
from priorlab.pictures import arrays


def draw_sheet(source: Path, results: Mapping[str, Path | str], output: Path) -> None:
    """Draw a picture and what the priors made of it, with an enlarged part of each.

    Parameters
    ----------
    source : Path
        The degraded picture.
    results : mapping of str to Path or str
        For each prior the file that it made, or why it made none.
    output : Path
        The PNG file to write.

    Raises
    ------
    UsageError
        If a picture cannot be read, or the sheet cannot be written.

    Examples
    --------
    >>> draw_sheet(Path("photo.png"), {"tv": Path("photo.png"), "dip": "failed"}, Path("sheet.png"))
    >>> pictures.load("sheet.png").image.shape[0]
    3
    """
    tiles = [
        Tile(name, None, made) if isinstance(made, str) else Tile(name, _shown(made))
        for name, made in results.items()
    ]
    sheet = draw_contact_sheet(None, Tile("the picture", _shown(source)), tiles, source.name)
    buffer = io.BytesIO()
    sheet.save(buffer, format="PNG")
    write_atomically(output, buffer.getvalue())


def _shown(path: Path) -> NDArray[np.float32]:
    return arrays.gray_or_rgb(pictures.load(path).on_white())
