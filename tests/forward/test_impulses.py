"""Salt and pepper as missing pixels."""

import io

import numpy as np
import pytest
import torch
from hypothesis import given, settings
from hypothesis import strategies as st
from PIL import Image, ImageDraw
from sample_pictures import picture

from priorlab.forward import impulses
from priorlab.forward.measurement import Measurement
from priorlab.forward.noise import Gaussian, NoNoise, RandomImpulses, SaltAndPepper
from priorlab.forward.operators import Identity, Mask
from priorlab.pictures.picture import Picture
from priorlab.tasks.denoising import DenoiseImpulse


def hit(clean, amount, seed=0):
    noisy = SaltAndPepper(amount).sample(clean[None], np.random.default_rng(seed))
    return torch.from_numpy(noisy.astype(np.float32))


@settings(max_examples=20)
@given(amount=st.floats(0, 1), seed=st.integers(0, 99), channels=st.sampled_from([1, 3]))
def test_what_is_neither_black_nor_white_is_kept_and_nothing_else_changes(amount, seed, channels):
    y = hit(picture(24, 20, channels).clip(0.1, 0.9), amount, seed)
    noise = SaltAndPepper(amount)
    measurement = Measurement(y, Identity(), noise, tuple(y.shape)).without_outliers()
    kept = measurement.operator.mask.bool()
    between = (y > 0) & (y < 1)
    assert kept[between].all()
    assert torch.equal(measurement.y[kept], y[kept])
    assert (measurement.y[~kept] == 0).all()
    assert isinstance(measurement.noise, NoNoise)


@pytest.mark.parametrize("amount", [0.001, 0.01, 0.02, 0.03, 0.08, 0.16, 0.3, 0.5, 0.7, 1.0])
def test_impulses_are_found_also_at_the_border(amount):
    clean = np.broadcast_to(picture(64, 64, 1).clip(0.05, 0.95), (40, 64, 64))
    y = hit(np.ascontiguousarray(clean), amount)
    extreme = (y == 0) | (y == 1)
    missed = impulses.reliable_pixels(y, amount) & extreme
    assert missed.sum() <= 1e-4 * extreme.sum() + 1
    border = torch.ones(64, 64, dtype=torch.bool)
    border[1:-1, 1:-1] = False
    assert missed[..., border].sum() <= 1


@pytest.mark.parametrize("amount", [0.1, 0.3, 0.5])
def test_black_and_white_areas_of_the_picture_are_kept(amount):
    clean = np.full((1, 64, 64), 0.5, np.float32)
    clean[:, :32, :32], clean[:, 32:, 32:] = 0, 1
    y = hit(clean, amount)
    kept = impulses.reliable_pixels(y, amount)
    for area, value in ((slice(4, 26), 0), (slice(38, 60), 1)):
        same = y[0, 0, area, area] == value
        assert kept[0, 0, area, area][same].float().mean() > 0.97


def test_only_salt_and_pepper_that_is_seen_directly_stands_out():
    y = torch.zeros(1, 1, 16, 16)
    mask = torch.ones(1, 1, 16, 16)
    shape = (1, 1, 16, 16)
    assert Measurement(y, Identity(), SaltAndPepper(0.2), shape).has_outliers
    for operator, noise in ((Identity(), Gaussian(0.2)), (Mask(mask), SaltAndPepper(0.2))):
        measurement = Measurement(y, operator, noise, shape)
        assert not measurement.has_outliers
        assert measurement.without_outliers() is measurement


def psnr(x, clean):
    return -10 * np.log10(np.square(np.asarray(x, np.float64) - clean).mean())


def as_jpeg(values):
    file = io.BytesIO()
    levels = np.rint(255 * values).astype(np.uint8).transpose(1, 2, 0)
    Image.fromarray(levels).save(file, "JPEG", quality=90, subsampling=0)
    return np.asarray(Image.open(file), np.float32).transpose(2, 0, 1) / 255


def resized(values):
    planes = [Image.fromarray(plane).resize((108, 108), Image.BICUBIC) for plane in values]
    return np.stack([np.asarray(plane) for plane in planes]).clip(0, 1)


def hot(values):
    rng = np.random.default_rng(0)
    where = rng.random(values.shape[1:]) < 0.004
    return np.where(where, (values + 0.3 + 0.3 * rng.random(values.shape)).clip(0, 1), values)


def salt_and_pepper(values, amount=0.1):
    return hit(values, amount)[0].numpy()


CLEAN = picture(120, 120, 3).clip(0.05, 0.95)
HURT = {
    "stored as JPEG": (CLEAN, as_jpeg(salt_and_pepper(CLEAN)), 0.1),
    "resized": (resized(CLEAN), resized(salt_and_pepper(CLEAN, 0.03)), 0.05),
    "any value": (CLEAN, RandomImpulses(0.15).sample(CLEAN, np.random.default_rng(0)), 0.15),
    "hot pixels": (CLEAN, hot(CLEAN), 0.004),
}


@pytest.mark.parametrize("how", HURT)
def test_impulses_of_any_value_are_found(how):
    clean, hurt, amount = HURT[how]
    shown = Picture(image=hurt.astype(np.float32))
    task, notes = DenoiseImpulse().for_picture(shown, typed=())
    assert task.values == "any"
    assert task.amount == pytest.approx(amount, rel=0.5, abs=0.004)
    assert f"estimated amount = {task.amount:.3f}" in notes[0] and "not exactly 0" in notes[1]
    measurement = task.adopt(torch.from_numpy(shown.image)[None])
    mended = measurement.without_outliers().initial_guess()[0]
    assert psnr(mended, clean) > psnr(hurt, clean) + 8


@pytest.mark.parametrize("amount", [0.02, 0.1, 0.3, 0.6])
def test_exact_salt_and_pepper_is_known_for_what_it_is(amount):
    shown = Picture(image=salt_and_pepper(CLEAN, amount))
    task, notes = DenoiseImpulse().for_picture(shown, typed=())
    assert task.values == "extreme" and len(notes) == 1
    assert task.amount == pytest.approx(amount, rel=0.05)


def text(paper=240, ink=20):
    page = Image.new("L", (200, 160), paper)
    for top in range(4, 150, 12):
        ImageDraw.Draw(page).text((4, top), "The quick brown fox jumps over the dog", fill=ink)
    return np.asarray(page.convert("RGB"), np.float32).transpose(2, 0, 1) / 255


@pytest.mark.parametrize("amount", [0.01, 0.05])
def test_salt_and_pepper_on_text_is_known_for_what_it_is(amount):
    clean = text()
    hurt = salt_and_pepper(clean, amount)
    task, _ = DenoiseImpulse().for_picture(Picture(image=hurt), typed=())
    assert task.values == "extreme" and task.amount == pytest.approx(amount, rel=0.15)
    task, _ = DenoiseImpulse().for_picture(Picture(image=as_jpeg(hurt)), typed=())
    assert task.values == "any"


def test_what_is_typed_stays():
    shown = Picture(image=as_jpeg(salt_and_pepper(CLEAN)))
    task, notes = DenoiseImpulse(amount=0.3).for_picture(shown, typed={"amount", "values"})
    assert task == DenoiseImpulse(amount=0.3) and not notes


def test_black_areas_are_no_impulses():
    values = CLEAN.copy()
    values[:, :50] = 0
    task, _ = DenoiseImpulse().for_picture(Picture(image=salt_and_pepper(values)), typed=())
    assert task.values == "extreme" and task.amount == pytest.approx(0.1, rel=0.35)


def impulses_of(image):
    """Return which values of a picture count as impulses, the notes and the doubts on them."""
    shown = Picture(image=image.astype(np.float32))
    task, notes = DenoiseImpulse().for_picture(shown, typed=())
    measurement = task.adopt(torch.from_numpy(shown.image)[None])
    hit = ~task.noise.reliable_pixels(measurement.y)
    return hit[0].numpy(), notes, task.doubts(measurement, None)


@pytest.mark.parametrize("stored", [np.asarray, as_jpeg])
def test_letters_are_no_impulses(stored):
    hit, notes, doubts = impulses_of(stored(text()))
    assert hit.mean() < 1e-3 and doubts == ()
    assert "as letters and lines do" in notes[1] and "values=any" in notes[1]


def test_salt_on_white_paper_does_not_cost_the_page():
    clean = text(paper=255)
    hit, _, doubts = impulses_of(clean)
    assert hit[clean == 1].mean() < 0.1
    assert "hang together" in doubts[0] and "may become worse" in doubts[0]
    hurt = salt_and_pepper(clean, 0.1)
    hit, _, _ = impulses_of(hurt)
    assert hit[(hurt == 0) & (clean == 1)].mean() > 0.99
    assert hit[clean == 1].mean() < 0.2


def test_black_and_white_parts_of_a_clean_picture_are_doubted():
    clean = (1.6 * picture(120, 120, 3) - 0.3).clip(0, 1)
    clean[:, ::9, 30:90], clean[:, 4::9, 30:60] = 1, 0  # thin lines
    hit, _, doubts = impulses_of(clean)
    assert hit.mean() > 0.01 and "hang together" in doubts[0]


@pytest.mark.parametrize("how", HURT)
def test_impulses_are_not_doubted(how):
    assert impulses_of(HURT[how][1])[2] == ()
    assert impulses_of(salt_and_pepper(CLEAN, 0.3))[2] == ()


def test_what_is_clear_does_not_count_as_hanging_together():
    hurt = salt_and_pepper(CLEAN, 0.05)
    clear = np.zeros(hurt.shape[1:], np.bool_)
    clear[::2, 10:50] = True
    hurt[:, clear] = np.where(np.arange(clear.sum()) // 7 % 2, 0, 1)
    y = torch.from_numpy(hurt)[None]
    task = DenoiseImpulse(amount=0.05)
    assert impulses.hangs_together(~task.noise.reliable_pixels(y))
    assert task.doubts(task.adopt(y), clear) == ()


def test_what_is_nearly_black_or_white_all_around_is_no_impulse():
    """Clean photographs have 0 and 255 in dark and bright parts, among values near them."""
    rng = np.random.default_rng(0)
    dark, bright = (rng.integers(0, 8, (1, 64, 64)) / 255 for _ in range(2))
    clean = np.concatenate([dark, 1 - bright], axis=-1).astype(np.float32)
    assert ((clean == 0) | (clean == 1)).mean() > 0.1
    hit, _, doubts = impulses_of(clean)
    assert hit.mean() <= 1e-3 and doubts == ()
    hurt = salt_and_pepper(clean, 0.01)
    hit, _, _ = impulses_of(hurt)
    assert hit[abs(hurt - clean) > 0.5].all() and not hit[hurt == clean].any()


def test_where_impulses_are_rare_small_lights_are_none():
    clean = np.full((1, 96, 96), 0.5, np.float32)
    for row, column in np.random.default_rng(0).integers(4, 88, (12, 2)):
        clean[:, row : row + 2, column : column + 2] = 1  # as reflections and lamps are
    y = torch.from_numpy(salt_and_pepper(clean, 0.005))[None]
    hit = ~impulses.reliable_pixels(y, amount=0.005)[0].numpy()
    assert not hit[(clean == 1) & (y[0].numpy() == 1)].any()
    assert hit[y[0].numpy() != clean].mean() > 0.95
