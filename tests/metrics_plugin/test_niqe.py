"""NIQE: its fits find the laws that samples were drawn from, and defects cost."""

import numpy as np
import pytest
from sample_pictures import PHOTOS
from scipy import ndimage, stats

from priorlab.pictures import reading
from priorlab_metrics.natural_statistics import PATCH, asymmetric_fit, features
from priorlab_metrics.niqe import NIQE, distance


@pytest.fixture(scope="module")
def photo():
    return reading.read(PHOTOS["camera"])


def worse(photo, defect):
    """Return the scores of a photograph at levels of a defect, from none to much."""
    return [distance(defect(photo, level).clip(0, 1).astype(np.float32)) for level in range(4)]


def noisy(photo, level):
    return photo + np.random.default_rng(0).normal(0, 0.04 * level, photo.shape)


def blurred(photo, level):
    return ndimage.gaussian_filter(photo, (0, level, level))


def blocky(photo, level):
    """Blocks of 8 x 8 pixels towards their mean, as strong compression leaves them."""
    rows, columns = (length // 8 * 8 for length in photo.shape[1:])
    part = photo[:, :rows, :columns].astype(float)
    mean = part.reshape(-1, rows // 8, 8, columns // 8, 8).mean((2, 4)).repeat(8, 1).repeat(8, 2)
    return part + (mean - part) * level / 3.5


@pytest.mark.parametrize("defect", [noisy, blurred, blocky])
def test_the_stronger_a_defect_the_worse(photo, defect):
    scores = worse(photo, defect)
    assert scores == sorted(scores)
    assert scores[-1] > 1.5 * scores[0]


@pytest.mark.parametrize("shape", [0.6, 1, 2, 4])
@pytest.mark.parametrize(("left", "right"), [(1, 1), (0.5, 2)])
def test_a_fit_finds_shape_and_widths(shape, left, right):
    rng = np.random.default_rng(0)
    sizes = np.abs(stats.gennorm(shape).rvs(400_000, random_state=rng))
    # A side is as likely as it is wide.
    sides = rng.random(sizes.size) < left / (left + right)
    found = asymmetric_fit(np.where(sides, -left * sizes, right * sizes))
    assert found == pytest.approx((shape, left, right), rel=0.05)


def test_a_fit_of_samples_without_two_sides_is_finite():
    for values in (np.zeros(9), np.ones(9), -np.ones(9)):
        assert np.isfinite(asymmetric_fit(values)).all()


def test_features_are_of_whole_patches_and_know_which_are_sharp():
    rng = np.random.default_rng(0)
    scene = rng.normal(128, 30, (PATCH + 20, 2 * PATCH + 50))
    scene[:, :PATCH] = ndimage.gaussian_filter(scene[:, :PATCH], 3)
    found, sharpness = features(scene)
    assert found.shape == (2, 36)
    assert sharpness[0] < 0.5 * sharpness[1]
    cut, _ = features(scene[:PATCH, : 2 * PATCH])
    assert np.array_equal(found, cut)


def test_a_gray_picture_scores_the_same_as_colour(photo):
    colour = np.repeat(photo[:1], 3, 0)
    assert distance(colour) == pytest.approx(distance(photo[:1]), rel=1e-3)


def test_what_is_too_small_has_no_score(photo):
    assert np.isnan(distance(photo[:1, :PATCH, : 2 * PATCH - 1]))
    assert np.isfinite(distance(photo[:1, :PATCH, : 2 * PATCH]))
    assert np.isnan(distance(np.zeros((4, 200, 200), np.float32)))
    assert np.isfinite(distance(np.zeros((1, 200, 200), np.float32)))


def test_the_true_picture_plays_no_part(photo):
    metric = NIQE().metric()
    assert metric.value(photo, photo) == metric.value(photo, photo * 0) == distance(photo)
