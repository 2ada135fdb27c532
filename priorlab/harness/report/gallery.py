"""The pictures of a run: for each task a contact sheet of its most typical image."""

from __future__ import annotations

import io
from collections.abc import Callable
from pathlib import Path
from typing import Any

import numpy as np
import pandas as pd
from numpy.typing import NDArray
from PIL.Image import Image

from priorlab.errors import UsageError
from priorlab.ground.files import write_atomically
from priorlab.harness.report import statistics
from priorlab.harness.report.contact_sheet import Tile, draw_contact_sheet
from priorlab.harness.results.folder import RunFolder
from priorlab.harness.results.names import safe_name
from priorlab.harness.results.schema import LABELS
from priorlab.harness.results.shown import cell_file, cell_folder, seed_suffix
from priorlab.pictures import reading, writing


def write(
    folder: RunFolder, rows: pd.DataFrame, say: Callable[[str], None] = lambda text: None
) -> list[Path]:
    """Draw a sheet for each task of which some image is restored, and return the files.

    Parameters
    ----------
    folder : RunFolder
        With the images of the run.
    rows : DataFrame
        A row per prior x task x image x seed.
    say : callable
        Told of each sheet that cannot be drawn, because pictures are lost or damaged.

    Raises
    ------
    UsageError
        If a file cannot be written.
    """
    files = []
    for task, cells in rows.groupby("task", sort=False):
        table = statistics.scores(cells, "psnr")
        if table.empty:
            continue
        image = statistics.typical_image(table)
        shown = statistics.first_seed(cells[cells["image"] == image])
        if shown.empty:
            continue
        # What does not apply to the task is named below the table; here it would take room.
        shown = shown[shown["status"] != "unsupported"]
        best_first = table.mean().sort_values(ascending=False, kind="stable").index
        file = folder.path / f"{safe_name(str(task))}.png"
        try:
            sheet = _sheet(folder, shown, list(best_first), f"{task}, {image}")
        except _Unreadable as error:
            say(f"no contact sheet of {task}: {error}")
            continue
        buffer = io.BytesIO()
        sheet.save(buffer, format="PNG", compress_level=writing.COMPRESS_LEVEL)
        write_atomically(file, buffer.getvalue())
        files.append(file)
    return files


def _sheet(folder: RunFolder, rows: pd.DataFrame, order: list[str], title: str) -> Image:
    """Return the sheet of one image: `rows` has a row per prior."""
    order += [prior for prior in rows["prior"] if prior not in order]
    rows = rows.sort_values("prior", key=lambda names: names.map(order.index))
    tiles = [_tile(folder, row) for _, row in rows.iterrows()]
    shapes = [tile.image.shape for tile in tiles if tile.image is not None]
    if not shapes:
        raise _Unreadable("none of its pictures can be read")
    shape = shapes[0]
    first = rows.iloc[0]
    place = folder.pictures / cell_folder({"task": first["task"], "image": first["image"]})
    # What a task cuts off at the right and bottom, no prior restores.
    clean = _read(place / "_clean.png")[:, : shape[1], : shape[2]]
    y = _read(place / f"_measured{seed_suffix(first['seed'])}.png")
    # A prior that returns the measurement itself needs no second tile.
    same = [tile for tile in tiles if tile.image is not None and np.array_equal(tile.image, y)]
    measured = Tile("measured", y, same[0].detail if same else "")
    restored = [tile for tile in tiles if all(tile is not other for other in same)]
    try:
        return draw_contact_sheet(clean, measured, restored, title)
    except ValueError as error:  # a file holds another picture than that of this run
        raise _Unreadable(str(error)) from None


def _tile(folder: RunFolder, row: pd.Series[Any]) -> Tile:
    if row["status"] != "ok":
        return Tile(row["prior"], None, row["status"])
    try:
        labels = {column.name: row[column.name] for column in LABELS}
        picture = _read(folder.pictures / cell_folder(labels) / cell_file(labels))
    except _Unreadable:
        return Tile(row["prior"], None, "picture damaged")
    return Tile(row["prior"], picture, f"{row['psnr']:.2f} dB / {row['ssim']:.3f}")


class _Unreadable(Exception):
    """A picture is lost or damaged, which matters to the sheet alone."""


def _read(path: Path) -> NDArray[np.float32]:
    try:
        return reading.read(path)
    except UsageError as error:
        raise _Unreadable(str(error)) from None
