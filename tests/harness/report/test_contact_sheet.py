"""Contact sheets: bounded, complete, never clipped, and showing the telling part."""

import numpy as np
import pytest
from hypothesis import given, settings
from hypothesis import strategies as st
from PIL import Image, ImageFont

from priorlab.harness.report import contact_sheet, tile_layout
from priorlab.harness.report.contact_sheet import Tile, draw_contact_sheet
from priorlab.harness.report.enlarged_part import Picture, enlarged_part
from priorlab.harness.report.tile_layout import TileLayout, wrap

RNG = np.random.default_rng(0)


def picture(channels: int, height: int, width: int) -> Picture:
    return RNG.random((channels, height, width), dtype=np.float32)


@pytest.mark.parametrize(
    ("shape", "priors"),
    [((1, 16, 16), 1), ((3, 64, 40), 5), ((1, 512, 512), 9), ((3, 40, 300), 30), ((1, 400, 20), 3)],
)
def test_a_sheet_is_bounded(shape: tuple[int, int, int], priors: int) -> None:
    image = picture(*shape)
    sheet = draw_contact_sheet(
        image, Tile("degraded", image), [Tile(f"prior {i}", image) for i in range(priors)]
    )
    assert sheet.mode == "RGB"
    assert sheet.width <= tile_layout.LIMIT and sheet.height <= tile_layout.LIMIT * 1.1
    assert sheet.width >= 150


def test_a_large_picture_is_shrunk() -> None:
    image = picture(1, 1500, 2500)
    sheet = draw_contact_sheet(image, Tile("degraded", image), [])
    assert sheet.width <= tile_layout.LIMIT and sheet.height <= tile_layout.LIMIT


def test_a_degraded_picture_of_another_size_and_a_missing_one_are_shown() -> None:
    image = picture(3, 64, 64)
    sheet = draw_contact_sheet(
        image,
        Tile("degraded", picture(3, 16, 16)),
        [Tile("tv", image), Tile("dip", None, "crashed: out of memory")],
        title="superres:factor=4",
    )
    empty = np.all(np.asarray(sheet) == contact_sheet.EMPTY, axis=-1)
    assert empty.mean() > 0.05


def test_pictures_are_shown_as_they_are() -> None:
    """A small picture is enlarged by a whole factor: its gray levels and no others appear."""
    levels = np.linspace(0, 1, 16 * 16, dtype=np.float32).reshape(1, 16, 16)
    sheet = np.asarray(draw_contact_sheet(levels, Tile("degraded", levels), []))
    block = sheet[60:160, 20:120]
    assert set(np.unique(block)) <= set(np.rint(levels * 255).astype(int).ravel())


def test_the_wrong_shape_is_refused() -> None:
    with pytest.raises(ValueError, match="tv is"):
        draw_contact_sheet(picture(1, 32, 32), Tile("y", None), [Tile("tv", picture(1, 32, 31))])


def test_the_part_is_where_restorations_disagree() -> None:
    clean = picture(1, 100, 120)
    first, second = clean.copy(), clean.copy()
    second[:, 60:70, 80:95] += 0.5
    left, top, right, bottom = enlarged_part(clean, [first, second], (20, 15))
    assert left <= 80 and right >= 95 and top <= 60 and bottom >= 70
    assert (right - left, bottom - top) == (20, 15)


def test_one_prior_gone_astray_does_not_choose_the_part() -> None:
    clean = picture(1, 60, 60)
    restored = [clean + 0.05 * k * (np.arange(60) < 20) for k in range(4)]
    restored[0] = restored[0].copy()
    restored[0][:, 50:, 50:] = 1e3
    left, *_ = enlarged_part(clean, restored, (10, 10))
    assert left < 20


def test_the_part_of_one_restoration_is_where_it_errs() -> None:
    clean = picture(1, 50, 50)
    restored = clean.copy()
    restored[:, 5:9, 30:34] = 0
    left, top, right, bottom = enlarged_part(clean, [restored], (8, 8))
    assert left <= 30 and right >= 34 and top <= 5 and bottom >= 9


@given(st.integers(16, 1600), st.integers(16, 1600), st.integers(1, 3), st.integers(1, 2))
@settings(max_examples=25)
def test_the_part_lies_in_the_picture(height: int, width: int, a: int, count: int) -> None:
    clean = np.zeros((1, height, width), np.float32)
    size = max(1, width // a), max(1, height // (a + 1))
    left, top, right, bottom = enlarged_part(clean, [clean] * count, size)
    assert 0 <= left < right <= width and 0 <= top < bottom <= height
    assert (right - left, bottom - top) == size


@given(st.text(st.sampled_from("abcWM:=,_-/ 0.5"), min_size=1, max_size=120), st.integers(40, 480))
@settings(max_examples=100)
def test_labels_are_never_clipped(text: str, width: int) -> None:
    font = ImageFont.load_default(15)
    lines = wrap(text, font, width)
    assert all(font.getlength(line) <= width for line in lines)
    assert "".join("".join(lines).split()) == "".join(text.split())


def test_labels_break_after_commas_first() -> None:
    font = ImageFont.load_default(15)
    lines = wrap("dip:iterations=3000,learning_rate=0.005", font, 180)
    assert lines == ["dip:iterations=3000,", "learning_rate=0.005"]


@given(st.integers(16, 3000), st.integers(16, 3000), st.integers(2, 60))
@settings(max_examples=100)
def test_every_layout_has_room_for_what_it_shows(width: int, height: int, count: int) -> None:
    layout = TileLayout.fit(width, height, count)
    assert layout.columns * (layout.width + tile_layout.MARGIN) <= tile_layout.LIMIT
    assert max(layout.picture[0], layout.part[0]) <= layout.width
    assert 1 <= layout.crop[0] <= width and 1 <= layout.crop[1] <= height
    assert min(layout.picture) >= 1


def test_a_sheet_is_saved_as_png(tmp_path: object) -> None:
    image = picture(1, 20, 20)
    path = f"{tmp_path}/sheet.png"
    draw_contact_sheet(image, Tile("degraded", image), [Tile("tv", image)]).save(path)
    with Image.open(path) as read:
        assert read.format == "PNG"
