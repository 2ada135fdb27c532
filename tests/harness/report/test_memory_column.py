"""The memory that a prior takes, as a column for who asks for it."""

import pandas as pd
import pytest

from priorlab.harness.report import figures, tables


def rows():
    cell = {"task": "denoise", "seed": 0, "status": "ok", "psnr": 30.0, "ssim": 0.9, "seconds": 1.0}
    peaks = {"tv": [3.14159, 2.0, 2.0], "dip": [100.0, 1234.5, None], "old": [None] * 3}
    return pd.DataFrame(
        cell | {"prior": prior, "image": str(index), "peak_mb": peak}
        for prior, values in peaks.items()
        for index, peak in enumerate(values)
    )


@pytest.mark.parametrize("pivot", [False, True])
def test_the_column_has_the_most_over_images(pivot):
    text = tables.render(rows(), columns=["peak_mb", "psnr"], pivot=pivot)
    lines = [[cell.strip() for cell in line.split("|")[1:3]] for line in text.splitlines()]
    found = dict(cells for cells in lines if len(cells) == 2)
    assert (found["tv"], found["dip"]) == ("3.1", "1234")
    assert found["old"] in ("-", "")
    assert "MB: the most, over images, by which the memory of the prior's processes grew" in text


def test_it_is_there_only_for_who_asks():
    assert "MB" not in tables.render(rows())
    assert "peak_mb" in tables.render(rows(), "csv").splitlines()[0].split(",")


def test_a_pivot_begins_with_the_least():
    found = tables.render(rows(), "csv", columns=["peak_mb"], pivot=True).splitlines()
    assert [line.partition(",")[0] for line in found] == ["prior", "tv", "dip", "old"]


def test_small_and_large_amounts():
    shown = [figures.written(value, "peak_mb") for value in (0.123, 99.4, 123.4, 12345.6)]
    assert shown == ["0.12", "99", "123", "12346"]
