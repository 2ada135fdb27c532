"""Masks as people draw them, and as programs write them."""

from pathlib import Path

import numpy as np
import pytest
import tifffile
import torch
from numpy.typing import NDArray
from PIL import Image
from sample_pictures import photo, save
from scipy import ndimage

import priorlab
from priorlab.errors import UsageError
from priorlab.pictures import writing
from priorlab.pictures.picture import Picture
from priorlab.tasks import mask_files
from priorlab.tasks.inpainting import Inpaint

Values = NDArray[np.float32]
SIZE = (64, 80)


def scene() -> Values:
    """Return a picture without any flat part."""
    rows, columns = np.mgrid[: SIZE[0], : SIZE[1]]
    waves = [np.sin(rows / (7 + k)) * np.cos(columns / (9 - k)) for k in range(3)]
    return (0.5 + 0.4 * np.stack(waves)).astype(np.float32)


def soft_stroke() -> Values:
    """Return how far a stroke with a soft edge covers each pixel."""
    hard = np.zeros(SIZE, np.float32)
    hard[20:24, 10:70] = hard[30:60, 40:43] = 1
    return ndimage.gaussian_filter(hard, 0.6)


COVER = soft_stroke()
SCRATCHED = (scene() * (1 - COVER) + 0.9 * COVER).astype(np.float32)


def saved(path: Path, *planes: Values, **options: int) -> str:
    levels = np.rint(255 * np.stack(planes, axis=-1)).astype(np.uint8)
    Image.fromarray(levels.squeeze()).save(path, **options)
    return str(path)


def drawn(colour: tuple[float, float, float], under: Values) -> list[Values]:
    return [under[k] * (1 - COVER) + colour[k] * COVER for k in range(3)]


ONES = np.ones(SIZE, np.float32)
WAYS = {
    "black on white": (ONES - COVER,),
    "white on black": (COVER,),
    "gray on black": (COVER * 0.5,),
    "erased from a copy": (*SCRATCHED, ONES - COVER),
    "erased from a white layer": (ONES, ONES, ONES, ONES - COVER),
    "white on a transparent layer": (ONES, ONES, ONES, COVER),
    "red on a transparent layer": (ONES, 0 * ONES, 0 * ONES, COVER),
    "red at half opacity on a transparent layer": (ONES, 0 * ONES, 0 * ONES, COVER / 2),
    "gray with opacity": (ONES, ONES - COVER),
    "red on white": (ONES, ONES - COVER, ONES - COVER),
    "green on black": (0 * ONES, COVER, 0 * ONES),
}


@pytest.mark.parametrize("way", WAYS)
def test_however_it_is_drawn_it_means_the_same(way: str, tmp_path: Path) -> None:
    path = saved(tmp_path / "mask.png", *WAYS[way])
    found = mask_files.read(path, SIZE, SCRATCHED)
    missing = ~found.known
    assert missing[COVER > 0.06].all() and not missing[COVER < 0.04].any()
    assert found.note.startswith(f"{100 * missing.mean():.1f} % missing: ")


@pytest.mark.parametrize("suffix", ["png", "jpg"])
@pytest.mark.parametrize("colour", [(1, 0, 0), (0, 1, 0), (1, 1, 1), (0, 0, 0)])
def test_strokes_on_a_copy(colour: tuple[float, float, float], suffix: str, tmp_path: Path) -> None:
    wide = ndimage.binary_dilation(COVER > 0.01, iterations=2)
    copy = np.where(wide, np.array(colour)[:, None, None], SCRATCHED)
    path = saved(tmp_path / f"mask.{suffix}", *copy)
    missing = ~mask_files.read(path, SIZE, SCRATCHED).known
    assert missing[wide].all()
    assert not missing[~ndimage.binary_dilation(wide, iterations=8)].any()
    if suffix == "png":
        assert np.array_equal(missing, wide)


def test_strokes_in_the_colour_of_the_scratch(tmp_path: Path) -> None:
    wide = ndimage.binary_dilation(COVER > 0.01, iterations=2)
    path = saved(tmp_path / "mask.png", *np.where(wide, 0.9, SCRATCHED))
    assert np.array_equal(~mask_files.read(path, SIZE, SCRATCHED).known, wide)


def test_strokes_on_a_copy_of_a_page_with_text(tmp_path: Path) -> None:
    page = np.ones((1, *SIZE), np.float32)
    page[0, 4::8, 5:75:2] = 0  # text
    stroke = np.zeros(SIZE, bool)
    stroke[31:34, 20:60] = True
    path = saved(tmp_path / "mask.png", np.where(stroke, 0, page[0]))
    missing = ~mask_files.read(path, SIZE, page).known
    assert np.array_equal(missing, stroke)


@pytest.mark.parametrize("quality", [50, 75, 95])
def test_jpeg_scatters_the_edge(quality: int, tmp_path: Path) -> None:
    path = saved(tmp_path / "mask.jpg", ONES - COVER, quality=quality)
    found = mask_files.read(path, SIZE, SCRATCHED)
    assert COVER[found.known].max() < 0.12
    assert found.missing < 0.2
    assert ("grown by 1 pixel" in found.note) == (quality == 50)


def test_the_mask_grows_by_what_is_typed(tmp_path: Path) -> None:
    path = saved(tmp_path / "mask.png", (COVER < 0.5).astype(np.float32))
    sizes = [(~mask_files.read(path, SIZE, grow=grow).known).sum() for grow in (-1, 0, 1, 2)]
    assert sizes[0] == sizes[1] == (COVER >= 0.5).sum()
    assert sizes[1] < sizes[2] < sizes[3]


@pytest.mark.parametrize("missing", [0.001, 0.5, 0.8, 0.97])
def test_what_degrade_writes_is_read_back_exactly(missing: float, tmp_path: Path) -> None:
    writing.write(tmp_path / "clean.png", scene())
    degraded, known = priorlab.degrade(tmp_path / "clean.png", f"inpaint:missing={missing}")
    assert known is not None
    writing.write(tmp_path / "holes.png", degraded.transpose(2, 0, 1))
    writing.write(tmp_path / "mask.png", known[None])
    said: list[str] = []
    restored = priorlab.restore(
        tmp_path / "holes.png", f"inpaint:mask={tmp_path / 'mask.png'}", "linear", say=said.append
    )
    assert f"{100 * (1 - known.mean()):.1f} % missing: what is black" in said[0]
    assert np.array_equal(restored[known > 0], degraded[known > 0])
    assert np.abs(restored - scene().transpose(1, 2, 0)).mean() < 0.1
    # Without the picture, as in a comparison, nothing is turned round.
    again = mask_files.read(str(tmp_path / "mask.png"), SIZE).known
    assert np.array_equal(again, known > 0)


def test_known_pixels_stay_as_they_are(tmp_path: Path) -> None:
    path = saved(tmp_path / "mask.png", ONES - COVER)
    restored = priorlab.restore(SCRATCHED.transpose(1, 2, 0), f"inpaint:mask={path}", "tv")
    known = mask_files.read(path, SIZE, SCRATCHED).known
    assert np.array_equal(restored[known], SCRATCHED.transpose(1, 2, 0)[known])


def test_the_other_part_is_said_and_can_be_chosen(tmp_path: Path) -> None:
    mostly_black = (COVER > 0.5).astype(np.float32)
    path = saved(tmp_path / "mask.png", mostly_black)
    found = mask_files.read(path, SIZE, SCRATCHED)
    assert "what is white in" in found.note and "add holes=black" in found.note
    black = mask_files.read(path, SIZE, SCRATCHED, holes="black")
    assert black.sure and np.array_equal(black.known, ~found.known)


def own_mask(clear: Values, path: Path) -> Picture:
    saved(path, *SCRATCHED, ONES - clear)
    return Picture(image=SCRATCHED, path=path, opacity=ONES - clear)


def test_a_transparent_picture_is_its_own_mask(tmp_path: Path) -> None:
    picture = own_mask(COVER, tmp_path / "erased.png")
    task, notes = Inpaint().for_picture(picture, typed=())
    known = task.adopt(torch.from_numpy(SCRATCHED)[None]).operator.known_pixels
    assert known is not None and not known[0, 0].numpy()[COVER > 0.06].any()
    assert "what is transparent" in notes[0] and "% missing" in notes[0]


def test_much_is_missing_only_where_that_is_confirmed(tmp_path: Path) -> None:
    clear = ONES.copy()
    clear[:20] = 0
    picture = own_mask(clear, tmp_path / "erased.png")
    with pytest.raises(UsageError, match=r"68\.8 % missing: .*add holes=transparent"):
        Inpaint().for_picture(picture, typed=())
    task, _ = Inpaint(holes="transparent").for_picture(picture, typed={"holes"})
    assert task._reading(SIZE).missing == pytest.approx(0.6875)
    # The copy shows what the picture shows where it is opaque, so that is not what is missing.
    with pytest.raises(UsageError, match="what is transparent"):
        Inpaint(mask=str(picture.path)).for_picture(picture, typed={"mask"})


def test_the_opacity_of_a_file_that_pillow_cannot_read_counts(tmp_path: Path) -> None:
    path = tmp_path / "mask.tif"
    layer = np.stack([ONES, ONES, ONES, COVER], axis=-1)
    tifffile.imwrite(path, layer, photometric="rgb", extrasamples=["unassalpha"])
    as_png = saved(tmp_path / "mask.png", ONES, ONES, ONES, COVER)
    found, other = (mask_files.read(str(mask), SIZE, SCRATCHED) for mask in (path, as_png))
    assert np.array_equal(found.known, other.known) and 0.01 < found.missing < 0.2


@pytest.mark.parametrize("picture", [Picture(image=scene()), Picture(image=scene(), opacity=ONES)])
def test_a_mask_is_needed(picture: Picture) -> None:
    with pytest.raises(UsageError, match="needs mask=FILE"):
        Inpaint().for_picture(picture, typed=())


NOISE = np.random.default_rng(0).random((3, *SIZE)).astype(np.float32)


@pytest.mark.parametrize(
    ("planes", "message"),
    [
        ((ONES,), "all white"),
        ((0 * ONES,), "all black"),
        ((ONES, ONES, ONES, 0 * ONES), "transparent throughout"),
        (tuple(SCRATCHED), "is the picture itself"),
        (tuple(NOISE), "neither black and white"),
        ((0.95 + 0.05 * NOISE[0],), "marks nothing"),
    ],
)
def test_what_is_no_mask(planes: tuple[Values, ...], message: str, tmp_path: Path) -> None:
    path = saved(tmp_path / "mask.png", *planes)
    picture = np.rint(SCRATCHED * 255).astype(np.float32) / 255
    with pytest.raises(UsageError, match=message):
        mask_files.read(path, SIZE, picture)


@pytest.mark.parametrize(
    ("planes", "holes"),
    [
        ((ONES - COVER,), "transparent"),
        ((ONES, ONES, ONES, COVER), "black"),
        (tuple(NOISE), "black"),
    ],
)
def test_a_choice_that_the_mask_does_not_have(
    planes: tuple[Values, ...], holes: str, tmp_path: Path
) -> None:
    path = saved(tmp_path / "mask.png", *planes)
    with pytest.raises(UsageError, match="holes="):
        mask_files.read(path, SIZE, SCRATCHED, holes=holes)


def test_what_a_mask_is_asked_without_one() -> None:
    with pytest.raises(UsageError, match="need mask="):
        Inpaint(grow=2).measure(torch.from_numpy(scene())[None], seed=0)


@pytest.mark.parametrize("kind", [bool, np.int64, np.uint8, float])
def test_a_mask_that_numpy_saved_is_one_whatever_its_type(tmp_path, kind):
    known = np.ones(SIZE, bool)
    known[20:24, 10:70] = False
    np.save(tmp_path / "mask.npy", known.astype(kind))
    found = mask_files.read(str(tmp_path / "mask.npy"), SIZE, scene())
    assert np.array_equal(found.known, known)
    assert "what is black in" in found.note


def test_a_mask_is_found_however_its_accents_are_composed(tmp_path):
    stored = tmp_path / "masque\u0301.png"
    stored.touch()
    assert Inpaint(mask=str(tmp_path / "masqu\u00e9.png")).mask == str(stored)


@pytest.mark.parametrize("sigma", [0, 15])
def test_noise_that_stays_in_what_is_known_is_said(sigma, tmp_path):
    image = photo("coffee") + np.random.default_rng(0).normal(0, sigma / 255, (3, 256, 256))
    known = np.ones((1, 256, 256))
    known[:, 60:64], image[:, :, 60:64] = 0, 1
    mask = save(tmp_path / "mask.png", known)
    told = {}
    for typed in ("", ",sigma=15"):
        said = told[typed] = []
        picture = image.clip(0, 1).astype(np.float32).transpose(1, 2, 0)
        priorlab.restore(picture, f"inpaint:mask={mask}{typed}", "linear", say=said.append)
    expected = "no sigma was given: noise of about 15 (0-255 scale) stays; sigma=15 removes it"
    assert [one for one in told[""] if " stays;" in one] == ([expected] if sigma else [])
    assert not any(" stays;" in one for one in told[",sigma=15"])
