"""Draw the figures of `docs/what-is-a-prior.md` from the code on that page.

    python docs/figures/make_figures.py                   (make docs-figures)

The Python blocks are run in their order. Where a picture follows a block, it shows what the block
left in `shown`: pictures by what is written below them, with their PSNR to the truth. The figures
of all pictures are in `figures.json`, and tests compare the page with it.
"""

from __future__ import annotations

import json
import re
from collections.abc import Iterator
from pathlib import Path
from typing import Any

import numpy as np
from numpy.typing import NDArray
from PIL import Image, ImageDraw, ImageFont

FOLDER = Path(__file__).parent
PAGE = FOLDER.parent / "what-is-a-prior.md"

ZOOM = 2
GAP, BELOW = 10, 46
"""Pixels between pictures, and those for the two lines below each."""
QUALITY = 80


def draw_all() -> None:
    """Run the page, write its figures and what is to be read from them."""
    numbers: dict[str, dict[str, float]] = {}
    space: dict[str, Any] = {}
    for code, name in blocks(PAGE.read_text("utf-8")):
        exec(compile(code, PAGE.name, "exec"), space)
        if name:
            with np.errstate(divide="ignore"):  # the truth itself
                scores = {key: float(space["psnr"](x)) for key, x in space["shown"].items()}
            numbers[name] = {key: round(x, 2) for key, x in scores.items() if np.isfinite(x)}
            sheet = strip(space["shown"], numbers[name])
            sheet.save(FOLDER / f"{name}.webp", quality=QUALITY, method=6)
            print(f"wrote {name}.webp: {', '.join(space['shown'])}", flush=True)
    text = json.dumps(numbers, indent=1, ensure_ascii=False)
    (FOLDER / "figures.json").write_text(text + "\n", "utf-8")


def blocks(page: str) -> Iterator[tuple[str, str]]:
    """Yield each Python block with the name of the figure right below it, if there is one."""
    pattern = r"```python\n(.*?)```\n(?:\n!\[[^]]*\]\(figures/([a-z]+)\.webp\))?"
    for block in re.finditer(pattern, page, flags=re.DOTALL):
        yield block[1], block[2] or ""


def strip(shown: dict[str, NDArray[Any]], scores: dict[str, float]) -> Image.Image:
    """Return pictures side by side, each with its name and its PSNR below it."""
    tiles = [_enlarged(picture) for picture in shown.values()]
    width, height = tiles[0].size
    sheet = Image.new("RGB", (len(tiles) * (width + GAP) - GAP, height + BELOW), "white")
    pen, font = ImageDraw.Draw(sheet), ImageFont.load_default(17)
    for index, (name, tile) in enumerate(zip(shown, tiles, strict=True)):
        left = index * (width + GAP)
        sheet.paste(tile, (left, 0))
        score = f"{scores[name]:.1f} dB" if name in scores else ""
        for line, text in enumerate((name, score)):
            pen.text((left, height + 3 + 21 * line), text, "black", font)
    return sheet


def _enlarged(picture: NDArray[Any]) -> Image.Image:
    whole = Image.fromarray(np.rint(255 * picture.clip(0, 1)).astype(np.uint8))
    return whole.resize((ZOOM * whole.width, ZOOM * whole.height), Image.Resampling.NEAREST)


if __name__ == "__main__":
    draw_all()
