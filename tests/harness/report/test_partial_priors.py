"""Priors that restored some of the images only: compared on these, and what is not is said."""

import pandas as pd
import pytest

from priorlab.harness.report import notes, tables

PSNR = {"degraded": [25, 20, 15, 10, 5, 4], "tv": [26, 21, 16, 11, 6, 5], "odd": [24, 21, 14] * 2}


def rows(lost="", images=()):
    """Rows of three priors, one of which fails on some images."""
    found = []
    for prior, scores in PSNR.items():
        for index, psnr in enumerate(scores):
            cell = {"prior": prior, "task": "denoise", "image": str(index), "seed": 0}
            good = prior != lost or index not in images
            facts = {"psnr": float(psnr), "ssim": 0.5, "seconds": 0.1} if good else {}
            found.append(cell | facts | {"status": "ok" if good else "failed"})
    return pd.DataFrame(found)


def said(table, reference=None):
    return tables.render(table, reference=reference)


@pytest.mark.parametrize("images", [(), (0, 1), (4, 5)])
def test_who_fails_on_easy_images_does_no_harm_by_it(images):
    assert notes.below_input(rows("tv", images)) == []


@pytest.mark.parametrize("images", [(), (3, 4, 5)])
def test_who_fails_on_hard_images_is_not_excused(images):
    table = rows("odd", images)
    assert notes.below_input(table) == ([] if not images else ["odd"])
    assert ("Below degraded, the input itself: odd." in said(table)) == bool(images)


def test_rounding_is_no_harm():
    table = rows()
    table.loc[table["prior"] == "tv", "psnr"] = table["psnr"][:6].to_numpy() - 1e-9
    assert notes.below_input(table) == []


def test_a_reference_without_a_result_is_said():
    nothing = "tv has no result here: nothing is compared with it."
    assert nothing not in said(rows("tv", range(5)), "tv")
    assert nothing in said(rows("tv", range(6)), "tv")
    assert nothing not in said(rows("tv", range(6)))
