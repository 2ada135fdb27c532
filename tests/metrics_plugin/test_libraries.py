"""Metrics of piq and scikit-image: what they are given, and where they are not defined."""

import numpy as np
import pytest
import torch
from scipy.signal import convolve2d

from priorlab.errors import UsageError
from priorlab.ground import extras
from priorlab_metrics.ciede2000 import CIEDE2000

SIDE = 168


@pytest.fixture(scope="module")
def pair():
    rng = np.random.default_rng(0)
    rows, columns = np.mgrid[:SIDE, :SIDE] / SIDE
    clean = np.stack([0.5 + 0.4 * np.sin(20 * rows), columns, rows * columns])
    restored = clean + rng.normal(0, 0.05, clean.shape)
    return tuple(image.clip(0, 1).astype(np.float32) for image in (restored, clean))


def metric(name):
    pytest.importorskip("piq")
    from priorlab_metrics.fsim import FSIM
    from priorlab_metrics.ms_ssim import MSSSIM

    return {"fsim": FSIM, "ms-ssim": MSSSIM}[name]().metric()


@pytest.mark.parametrize("name", ["fsim", "ms-ssim"])
def test_similarities_are_those_of_piq_and_1_of_equal_pictures(name, pair):
    found = metric(name)
    import piq

    tensors = [torch.from_numpy(image)[None] for image in pair]
    expected = {"fsim": piq.fsim, "ms-ssim": piq.multi_scale_ssim}[name](*tensors)
    assert found.value(*pair) == pytest.approx(float(expected), abs=1e-6)
    assert found.value(pair[1], pair[1]) == pytest.approx(1, abs=1e-5)
    assert 0 < found.value(*pair) < found.value((pair[0] + 2 * pair[1]) / 3, pair[1]) < 1


def test_fsim_of_gray_pictures_is_that_without_colour(pair):
    found = metric("fsim")
    gray = [image[:1] for image in pair]
    assert found.value(*gray) == pytest.approx(
        found.value(*(np.repeat(image, 3, 0) for image in gray)), abs=1e-4
    )
    assert np.isnan(found.value(*np.zeros((2, 4, 32, 32), np.float32)))


def test_ms_ssim_needs_161_rows_and_columns(pair):
    found = metric("ms-ssim")
    for side, defined in ((160, False), (161, True)):
        small = [image[:, :side] for image in pair]
        assert np.isfinite(found.value(*small)) == defined


def test_ms_ssim_of_half_the_contrast_by_hand():
    """Structures are equal: what is left is 2 c / (c^2 + 1), c = 1/2, but for small constants."""
    found = metric("ms-ssim")
    clean = (np.random.default_rng(0).random((1, 176, 176)) > 0.5).astype(np.float32)
    assert found.value(0.25 + clean / 2, clean) == pytest.approx(0.8, abs=0.03)


def test_ms_ssim_is_what_its_paper_defines(pair):
    """Only windows within the image count; torchmetrics, for one, pads at each scale."""
    found, weights = metric("ms-ssim"), (0.0448, 0.2856, 0.3001, 0.2363, 0.1333)
    margins = ((0, 0), (0, 176 - SIDE), (0, 192 - SIDE))  # to sides that can be halved four times
    images = [np.pad(image, margins, "reflect") for image in pair]
    total = []
    for x, y in zip(*(image.astype(float) for image in images), strict=True):
        parts = []
        for scale in range(len(weights)):
            if scale:
                x, y = (a.reshape(len(a) // 2, 2, -1, 2).mean((1, 3)) for a in (x, y))
            structure, whole = similarities(x, y)
            parts.append(structure)
        parts[-1] = whole
        total.append(np.prod([part**weight for part, weight in zip(parts, weights, strict=True)]))
    assert found.value(*images) == pytest.approx(np.mean(total), abs=1e-4)


def similarities(x, y):
    """Return the mean similarity of contrast and structure, and with that of brightness."""
    window = np.exp(-((np.arange(11) - 5) ** 2) / (2 * 1.5**2))
    window = np.outer(window, window) / window.sum() ** 2
    a, b, xy, xx, yy = (convolve2d(one, window, "valid") for one in (x, y, x * y, x * x, y * y))
    structure = (2 * (xy - a * b) + 0.03**2) / (xx - a * a + yy - b * b + 0.03**2)
    whole = structure * (2 * a * b + 0.01**2) / (a * a + b * b + 0.01**2)
    return structure.mean(), whole.mean()


def test_ciede2000_is_of_colour_only_and_known_of_two_colours():
    found = CIEDE2000().metric()
    white, black = np.ones((3, 16, 16), np.float32), np.zeros((3, 16, 16), np.float32)
    assert found.value(white, black) == pytest.approx(100, abs=1e-3)
    assert found.value(white, white) == 0
    half = white.copy()
    half[:, :8] = 0
    assert found.value(half, white) == pytest.approx(50, abs=1e-3)
    assert np.isnan(found.value(white[:1], black[:1]))
    assert not found.higher_is_better


def test_a_library_that_is_absent_is_named_with_what_installs_it(monkeypatch):
    from priorlab_metrics.ms_ssim import MSSSIM

    monkeypatch.setattr(extras.importlib.util, "find_spec", lambda name: None)
    with pytest.raises(UsageError, match=r"ms-ssim needs piq: pip install 'priorlab\[metrics\]'"):
        MSSSIM().metric()
