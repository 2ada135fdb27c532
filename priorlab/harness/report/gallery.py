"""The pictures of a run: for each task a contact sheet of its most typical image."""

from __future__ import annotations

from pathlib import Path
from typing import Any

import numpy as np
import pandas as pd
from PIL.Image import Image

from priorlab.errors import UsageError
from priorlab.harness.report import statistics
from priorlab.harness.report.contact_sheet import Tile, draw_contact_sheet
from priorlab.harness.results.folder import RunFolder
from priorlab.harness.results.names import safe_name
from priorlab.pictures import reading


def write(folder: RunFolder, rows: pd.DataFrame) -> list[Path]:
    """Draw a sheet for each task of which some image is restored, and return the files.

    Parameters
    ----------
    folder : RunFolder
        With the images of the run.
    rows : DataFrame
        A row per prior x task x image x seed.

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
        shown = cells[cells["image"] == image]
        done = shown[shown["status"] == "ok"]
        if done.empty:
            continue
        shown = shown[shown["seed"] == done["seed"].min()]
        # What does not apply to the task is named below the table; here it would take room.
        shown = shown[shown["status"] != "unsupported"]
        best_first = table.mean().sort_values(ascending=False, kind="stable").index
        file = folder.path / f"{safe_name(str(task))}.png"
        try:
            _sheet(folder, shown, list(best_first), f"{task}, {image}").save(file)
        except OSError as error:
            raise UsageError(f"cannot write {file}: {error.strerror or error}") from None
        files.append(file)
    return files


def _sheet(folder: RunFolder, rows: pd.DataFrame, order: list[str], title: str) -> Image:
    """Return the sheet of one image: `rows` has a row per prior."""
    order += [prior for prior in rows["prior"] if prior not in order]
    rows = rows.sort_values("prior", key=lambda names: names.map(order.index))
    tiles = [_tile(folder, row) for _, row in rows.iterrows()]
    shape = next(tile.image.shape for tile in tiles if tile.image is not None)
    first = rows.iloc[0]
    place = folder.place(first["task"], first["image"])
    # What a task cuts off at the right and bottom, no prior restores.
    clean = reading.read(place / "_clean.png")[:, : shape[1], : shape[2]]
    y = reading.read(place / f"_measured{folder.seed(first['seed'])}.png")
    # A prior that returns the measurement itself needs no second tile.
    same = [tile for tile in tiles if tile.image is not None and np.array_equal(tile.image, y)]
    measured = Tile("measured", y, same[0].detail if same else "")
    restored = [tile for tile in tiles if all(tile is not other for other in same)]
    return draw_contact_sheet(clean, measured, restored, title)


def _tile(folder: RunFolder, row: pd.Series[Any]) -> Tile:
    if row["status"] != "ok":
        return Tile(row["prior"], None, row["status"])
    name = f"{safe_name(row['prior'])}{folder.seed(row['seed'])}.png"
    picture = reading.read(folder.place(row["task"], row["image"]) / name)
    return Tile(row["prior"], picture, f"{row['psnr']:.2f} dB / {row['ssim']:.3f}")
