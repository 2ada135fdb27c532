"""Contact sheets: one picture, clean if that is known, degraded, and as every prior restored it.

Below each picture is an enlarged part of it, the same for all: the one on which the restorations
disagree most.
"""

from __future__ import annotations

import math
from collections.abc import Sequence
from dataclasses import dataclass

import numpy as np
from PIL import Image, ImageDraw, ImageFont

from priorlab.harness.report.enlarged_part import Box, Picture, enlarged_part
from priorlab.harness.report.tile_layout import MARGIN, Font, TileLayout, wrap

INK, FAINT, EMPTY = (20, 20, 20), (100, 100, 100), (238, 238, 238)
FRAME = (255, 214, 0)
"""Of the part; with dark edges, so that it shows on every picture."""


@dataclass(frozen=True)
class Tile:
    """One picture of a sheet with its label.

    Attributes
    ----------
    label : str
        Such as the spec of a prior.
    image : array of shape (C, H, W), or None
        In [0, 1], C is 1 or 3. None if there is none, because a prior failed.
    detail : str
        A second line, such as "29.97 dB / 0.851", or why there is no image.
    """

    label: str
    image: Picture | None
    detail: str = ""


def draw_contact_sheet(
    clean: Picture | None, degraded: Tile, restored: Sequence[Tile], title: str = ""
) -> Image.Image:
    """Return a contact sheet.

    Parameters
    ----------
    clean : array of shape (C, H, W), or None
        The true picture, C is 1 or 3. None if nobody knows it.
    degraded : Tile
        What was measured; of another size than `clean`, it is enlarged pixel by pixel.
    restored : sequence of Tile
        A tile for every prior, in the order in which they are to appear. At least one has an
        image if there is no clean one.
    title : str
        One line above, such as the task and the name of the picture.

    Returns
    -------
    Image
        RGB, at most about 2000 x 2000 pixels, to be saved as PNG.

    Raises
    ------
    ValueError
        If a restored picture has another shape than the clean one, or than the first.

    Examples
    --------
    >>> clean = np.full((1, 32, 40), 0.5, np.float32)
    >>> restored = [Tile("tv", clean, "30.00 dB"), Tile("bm3d", None, "out of memory")]
    >>> sheet = draw_contact_sheet(clean, Tile("degraded", clean + 0.1), restored)
    >>> sheet.mode, max(sheet.size) <= 2000
    ('RGB', True)
    """
    pictures = [tile.image for tile in restored if tile.image is not None]
    whole = pictures[0] if clean is None else clean
    for tile in restored:
        if tile.image is not None and tile.image.shape != whole.shape:
            raise ValueError(f"{tile.label} is {tile.image.shape}, not {whole.shape}")
    height, width = whole.shape[1:]
    tiles = [*([] if clean is None else [Tile("clean", clean)]), degraded, *restored]
    layout = TileLayout.fit(width, height, len(tiles))
    part = enlarged_part(_reference(clean, degraded.image, whole), pictures, layout.crop)
    drawn = [_draw_tile(tile, (width, height), part, layout) for tile in tiles]
    return _arrange(drawn, layout, title)


def _reference(clean: Picture | None, degraded: Picture | None, whole: Picture) -> Picture:
    """Return what a single restoration is compared with, to find the part: the truth at best."""
    if clean is None and degraded is not None and degraded.shape == whole.shape:
        return degraded
    return whole


def _draw_tile(tile: Tile, size: tuple[int, int], part: Box, layout: TileLayout) -> Image.Image:
    """Draw picture, part, label and detail below each other."""
    large, small = ImageFont.load_default(layout.font), ImageFont.load_default(layout.font - 1)
    texts = [(text, large, INK) for text in wrap(tile.label, large, layout.width)]
    texts += [(text, small, FAINT) for text in wrap(tile.detail, small, layout.width)]
    part_top = layout.picture[1] + MARGIN // 2
    text_top = part_top + layout.part[1] + MARGIN // 2
    drawn = Image.new("RGB", (layout.width, text_top + layout.line * len(texts)), "white")
    if tile.image is None:
        _cross_out(drawn, part_top + layout.part[1])
    else:
        picture = _picture(tile.image)
        if picture.size != size:
            picture = picture.resize(size, Image.Resampling.NEAREST)
        _paste_whole(drawn, picture, part, layout)
        _paste_part(drawn, picture, part, layout, part_top)
    pen = ImageDraw.Draw(drawn)
    for index, (text, font, ink) in enumerate(texts):
        place = (layout.width / 2, text_top + index * layout.line)
        pen.text(place, text, fill=ink, font=font, anchor="ma")
    return drawn


def _cross_out(drawn: Image.Image, height: int) -> None:
    """Fill the place of a picture that there is not."""
    right, bottom = drawn.width - 1, height - 1
    pen = ImageDraw.Draw(drawn)
    pen.rectangle((0, 0, right, bottom), fill=EMPTY)
    pen.line((0, 0, right, bottom), fill=FAINT)
    pen.line((0, bottom, right, 0), fill=FAINT)


def _paste_whole(drawn: Image.Image, picture: Image.Image, part: Box, layout: TileLayout) -> None:
    """Paste the whole picture at the top, with a frame around the part."""
    left = (layout.width - layout.picture[0]) // 2
    drawn.paste(_scaled(picture, layout.picture), (left, 0))
    scale = layout.picture[0] / picture.width, layout.picture[1] / picture.height
    ends = [round(end * scale[i % 2]) for i, end in enumerate(part)]
    _frame(drawn, (left + ends[0], ends[1], left + ends[2], ends[3]))


def _paste_part(
    drawn: Image.Image, picture: Image.Image, part: Box, layout: TileLayout, top: int
) -> None:
    """Paste the enlarged part, framed."""
    left = (layout.width - layout.part[0]) // 2
    drawn.paste(_scaled(picture.crop(part), layout.part), (left, top))
    _frame(drawn, (left, top, left + layout.part[0], top + layout.part[1]))


def _frame(drawn: Image.Image, box: Box) -> None:
    left, top, right, bottom = box
    pen = ImageDraw.Draw(drawn)
    pen.rectangle((left, top, right - 1, bottom - 1), outline=INK, width=4)
    pen.rectangle((left + 1, top + 1, right - 2, bottom - 2), outline=FRAME, width=2)


def _arrange(tiles: Sequence[Image.Image], layout: TileLayout, title: str) -> Image.Image:
    """Set tiles in rows, each as high as its highest tile, under the title."""
    count = math.ceil(len(tiles) / layout.columns)
    columns = math.ceil(len(tiles) / count)  # as even as possible: no row with a lone tile
    rows = [tiles[i : i + columns] for i in range(0, len(tiles), columns)]
    width = MARGIN + columns * (layout.width + MARGIN)
    font: Font = ImageFont.load_default(layout.font + 1)
    lines = wrap(title, font, width - 2 * MARGIN)
    line_height = layout.line + 1
    top = MARGIN + len(lines) * line_height + (MARGIN // 2 if lines else 0)
    height = top + sum(max(tile.height for tile in row) + MARGIN for row in rows)
    sheet = Image.new("RGB", (width, height), "white")
    pen = ImageDraw.Draw(sheet)
    for index, text in enumerate(lines):
        pen.text((MARGIN, MARGIN + index * line_height), text, fill=INK, font=font)
    for row in rows:
        for index, tile in enumerate(row):
            sheet.paste(tile, (MARGIN + index * (layout.width + MARGIN), top))
        top += max(tile.height for tile in row) + MARGIN
    return sheet


def _picture(image: Picture) -> Image.Image:
    """Return an array as an RGB picture of 8 bits."""
    levels = np.rint(np.clip(image, 0, 1) * 255).astype(np.uint8)
    return Image.fromarray(np.broadcast_to(levels, (3, *levels.shape[1:])).transpose(1, 2, 0))


def _scaled(picture: Image.Image, size: tuple[int, int]) -> Image.Image:
    """Enlarge pixel by pixel, since every other way would restore; shrink without aliasing."""
    larger = size[0] >= picture.width
    return picture.resize(size, Image.Resampling.NEAREST if larger else Image.Resampling.LANCZOS)
