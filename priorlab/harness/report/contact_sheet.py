"""Contact sheets: one picture, clean, degraded and as every prior restored it.

Below each picture stands an enlarged part of it, the same for all: the one on which the
restorations disagree most, chosen by that rule and not by eye.
"""

from __future__ import annotations

import math
import re
from collections.abc import Sequence
from dataclasses import dataclass

import numpy as np
from numpy.typing import NDArray
from PIL import Image, ImageDraw, ImageFont

Picture = NDArray[np.float32]
"""Of shape (C, H, W) in [0, 1], C is 1 or 3."""
Font = ImageFont.FreeTypeFont | ImageFont.ImageFont
Box = tuple[int, int, int, int]
"""Left, top, right, bottom in pixels."""

SHEET = 2000
"""Sides that a sheet should not exceed, in pixels; only dozens of priors make it higher."""
MARGIN = 14
WIDEST, NARROWEST = 480, 150
"""Limits of the width of a panel."""
SMALL = 400
"""Smaller pictures are enlarged up to this size."""
INK, FAINT, EMPTY = (20, 20, 20), (100, 100, 100), (238, 238, 238)
FRAME = (255, 214, 0)
"""Of the part; with dark edges, so that it shows on every picture."""


@dataclass(frozen=True)
class Panel:
    """One picture of a sheet.

    Attributes
    ----------
    label : str
        Such as the spec of a prior.
    image : array of shape (C, H, W), or None
        In [0, 1]. None if there is none, because a prior failed.
    detail : str
        A second line, such as "29.97 dB / 0.851", or why there is no image.
    """

    label: str
    image: Picture | None
    detail: str = ""


def comparison(
    clean: Picture, degraded: Panel, restored: Sequence[Panel], title: str = ""
) -> Image.Image:
    """Return a contact sheet.

    Parameters
    ----------
    clean : array of shape (C, H, W)
        The true picture.
    degraded : Panel
        What was measured; of another size than `clean`, it is enlarged pixel by pixel.
    restored : sequence of Panel
        A panel for every prior, in the order in which they are to appear.
    title : str
        One line above, such as the task and the name of the picture.

    Returns
    -------
    Image
        RGB, at most about 2000 x 2000 pixels, to be saved as PNG.

    Raises
    ------
    ValueError
        If a restored picture has another shape than the clean one.
    """
    for panel in restored:
        if panel.image is not None and panel.image.shape != clean.shape:
            raise ValueError(f"{panel.label} is {panel.image.shape}, not {clean.shape}")
    height, width = clean.shape[1:]
    panels = [Panel("clean", clean), degraded, *restored]
    layout = _Layout.fit(width, height, len(panels))
    part = telling_part(
        clean,
        [panel.image for panel in restored if panel.image is not None],
        layout.crop,
    )
    drawn = [_draw_panel(panel, (width, height), part, layout) for panel in panels]
    return _arrange(drawn, layout, title)


def telling_part(clean: Picture, restored: Sequence[Picture], size: tuple[int, int]) -> Box:
    """Return the part of the picture on which the restorations disagree most.

    They disagree on a pixel by the distance between the quartiles of their values.

    Parameters
    ----------
    clean : array of shape (C, H, W)
        The true picture.
    restored : sequence of array of shape (C, H, W)
        At least two are needed to disagree; of one, the part with the largest error is taken,
        of none, the part in which the clean picture varies most.
    size : tuple of int
        Width and height of the part.

    Returns
    -------
    tuple of int
        Left, top, right, bottom.
    """
    # Of large pictures every n-th pixel tells enough.
    step = max(1, math.isqrt(clean.shape[1] * clean.shape[2] // 2**18))
    thin = [image[:, ::step, ::step].mean(axis=0) for image in restored]
    true = clean[:, ::step, ::step].mean(axis=0)
    if len(thin) > 1:
        # Between the quartiles, so that a single prior that went astray does not decide.
        low, high = np.quantile(np.stack(thin), [0.25, 0.75], axis=0, method="nearest")
        telling = (high - low) ** 2
    elif thin:
        telling = (thin[0] - true) ** 2
    else:
        telling = (true - true.mean()) ** 2
    sums = telling.astype(np.float64).cumsum(axis=0).cumsum(axis=1)
    sums = np.pad(sums, ((1, 0), (1, 0)))
    width, height = (max(1, side // step) for side in size)
    within = sums[height:, width:] - sums[:-height, width:]
    within = within - sums[height:, :-width] + sums[:-height, :-width]
    row, column = np.unravel_index(int(within.argmax()), within.shape)
    left = min(int(column) * step, clean.shape[2] - size[0])
    top = min(int(row) * step, clean.shape[1] - size[1])
    return left, top, left + size[0], top + size[1]


@dataclass(frozen=True)
class _Layout:
    """How a sheet is divided, in pixels.

    Attributes
    ----------
    columns : int
        Panels beside each other.
    width : int
        Of a panel.
    picture : tuple of int
        Width and height at which the whole picture is shown.
    crop : tuple of int
        Width and height of the part that is enlarged, in pixels of the picture.
    zoom : int
        How many times it is enlarged.
    font : int
        Size of the labels.
    """

    columns: int
    width: int
    picture: tuple[int, int]
    crop: tuple[int, int]
    zoom: int
    font: int

    @classmethod
    def fit(cls, width: int, height: int, count: int) -> _Layout:
        """Return the layout with the largest panels that keep the sheet within `SHEET`."""
        layouts = [cls._of(width, height, columns) for columns in range(1, count + 1)]
        legible = [one for one in layouts if one.room >= NARROWEST]
        heights = {one: math.ceil(count / one.columns) * one.height for one in legible}
        fitting = [one for one in legible if heights[one] <= SHEET]
        if not fitting:
            return legible[-1]
        # Of equally large panels the squarest sheet.
        return min(
            fitting,
            key=lambda one: (-one.picture[0], abs(heights[one] - one.columns * one.width)),
        )

    @classmethod
    def _of(cls, width: int, height: int, columns: int) -> _Layout:
        room = cls._room(columns)
        small = min(room, SMALL)
        if max(width, height) <= small:  # enlarged by a whole factor, pixel by pixel
            scale = float(small // max(width, height))
        else:
            scale = min(1.0, room / width, 1.5 * room / height)
        shown = (max(1, round(width * scale)), max(1, round(height * scale)))
        panel = max(min(room, NARROWEST), shown[0])
        zoom = max(1, round(panel / min(width, max(8, min(width // 4, 120)))))
        crop = (min(width, panel // zoom), min(height, max(1, panel * 3 // 4 // zoom)))
        font = 17 if panel >= 300 else 15 if panel >= 200 else 13
        return cls(columns, panel, shown, crop, zoom, font)

    @staticmethod
    def _room(columns: int) -> int:
        return min(WIDEST, (SHEET - MARGIN) // columns - MARGIN)

    @property
    def room(self) -> int:
        """Width that a panel may have."""
        return self._room(self.columns)

    @property
    def part(self) -> tuple[int, int]:
        """Width and height at which the enlarged part is shown."""
        return self.crop[0] * self.zoom, self.crop[1] * self.zoom

    @property
    def height(self) -> int:
        """Height of a panel with a label of two lines and a detail."""
        return self.picture[1] + self.part[1] + 4 * (self.font + 4) + 2 * MARGIN


def _draw_panel(panel: Panel, size: tuple[int, int], part: Box, layout: _Layout) -> Image.Image:
    """Draw picture, part, label and detail below each other."""
    label = _wrap(panel.label, font := ImageFont.load_default(layout.font), layout.width)
    detail = _wrap(panel.detail, small := ImageFont.load_default(layout.font - 1), layout.width)
    line = layout.font + 4
    top = layout.picture[1] + MARGIN // 2
    text_top = top + layout.part[1] + MARGIN // 2
    height = text_top + line * (len(label) + len(detail))
    drawn = Image.new("RGB", (layout.width, height), "white")
    pen = ImageDraw.Draw(drawn)
    left = (layout.width - layout.picture[0]) // 2
    if panel.image is None:
        room = (0, 0, layout.width - 1, top + layout.part[1] - 1)
        pen.rectangle(room, fill=EMPTY)
        pen.line((room[0], room[1], room[2], room[3]), fill=FAINT)
        pen.line((room[0], room[3], room[2], room[1]), fill=FAINT)
    else:
        picture = _picture(panel.image)
        if picture.size != size:
            picture = picture.resize(size, Image.Resampling.NEAREST)
        drawn.paste(_scaled(picture, layout.picture), (left, 0))
        scale = layout.picture[0] / size[0], layout.picture[1] / size[1]
        outline = [round(end * scale[i % 2]) for i, end in enumerate(part)]
        _frame(pen, (left + outline[0], outline[1], left + outline[2], outline[3]))
        edge = (layout.width - layout.part[0]) // 2
        drawn.paste(_scaled(picture.crop(part), layout.part), (edge, top))
        _frame(pen, (edge, top, edge + layout.part[0], top + layout.part[1]))
    y = text_top
    for text, its_font, ink in [(t, font, INK) for t in label] + [
        (t, small, FAINT) for t in detail
    ]:
        pen.text((layout.width / 2, y), text, fill=ink, font=its_font, anchor="ma")
        y += line
    return drawn


def _frame(pen: ImageDraw.ImageDraw, box: Box) -> None:
    left, top, right, bottom = box
    pen.rectangle((left, top, right - 1, bottom - 1), outline=INK, width=4)
    pen.rectangle((left + 1, top + 1, right - 2, bottom - 2), outline=FRAME, width=2)


def _arrange(drawn: Sequence[Image.Image], layout: _Layout, title: str) -> Image.Image:
    """Set panels in rows, each as high as its highest panel, under the title."""
    count = math.ceil(len(drawn) / layout.columns)
    columns = math.ceil(len(drawn) / count)  # as even as possible: no row with a lone panel
    rows = [drawn[i : i + columns] for i in range(0, len(drawn), columns)]
    width = MARGIN + columns * (layout.width + MARGIN)
    font = ImageFont.load_default(layout.font + 1)
    lines = _wrap(title, font, width - 2 * MARGIN)
    top = MARGIN + len(lines) * (layout.font + 5) + (MARGIN // 2 if lines else 0)
    height = top + sum(max(panel.height for panel in row) + MARGIN for row in rows)
    sheet = Image.new("RGB", (width, height), "white")
    pen = ImageDraw.Draw(sheet)
    for i, text in enumerate(lines):
        pen.text((MARGIN, MARGIN + i * (layout.font + 5)), text, fill=INK, font=font)
    for row in rows:
        for i, panel in enumerate(row):
            sheet.paste(panel, (MARGIN + i * (layout.width + MARGIN), top))
        top += max(panel.height for panel in row) + MARGIN
    return sheet


def _picture(image: Picture) -> Image.Image:
    """Return an array as an RGB picture of 8 bits."""
    levels = np.rint(np.clip(image, 0, 1) * 255).astype(np.uint8)
    return Image.fromarray(np.broadcast_to(levels, (3, *levels.shape[1:])).transpose(1, 2, 0))


def _scaled(picture: Image.Image, size: tuple[int, int]) -> Image.Image:
    """Enlarge pixel by pixel, since every other way would restore; shrink without aliasing."""
    larger = size[0] >= picture.width
    return picture.resize(size, Image.Resampling.NEAREST if larger else Image.Resampling.LANCZOS)


def _wrap(text: str, font: Font, width: int) -> list[str]:
    """Break a text into lines of at most `width` pixels: after a comma or blank where possible,
    else after another mark, else anywhere.
    """
    lines = [""]

    def add(piece: str, splits: Sequence[str]) -> None:
        if font.getlength((lines[-1] + piece).rstrip()) <= width:
            lines[-1] += piece
        elif lines[-1] and font.getlength(piece.rstrip()) <= width:
            lines.append(piece)
        elif splits:
            for part in re.findall(splits[0], piece):
                add(part, splits[1:])
        else:
            lines.append(piece)

    add(" ".join(text.split()), (r"[^\s,]*[\s,]|[^\s,]+", r"[^:=/_-]*[:=/_-]|[^:=/_-]+", "."))
    return [line.strip() for line in lines if line.strip()]
