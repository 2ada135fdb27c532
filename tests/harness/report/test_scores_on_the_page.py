"""Scores without a finite value: as in the tables, whatever the metric is."""

import math

import pytest

from priorlab.harness.report.formats import Sheet, TextCell, TextColumn
from priorlab.harness.report.page import contents, sortable_tables


@pytest.mark.parametrize(
    ("value", "metric", "shown"),
    [
        (math.inf, "psnr", 100.0),
        (131.0, "psnr", 100.0),
        (31.25, "psnr", 31.25),
        (-math.inf, "psnr", None),
        (math.inf, "ratio", None),
        (-math.inf, "ratio", None),
        (131.0, "ratio", 131.0),
        (math.nan, "psnr", None),
        (None, "psnr", None),
    ],
)
def test_only_psnr_has_a_cap(value, metric, shown):
    assert contents._score(value, metric) == shown


def test_infinite_values_of_a_table_are_sorted_as_such():
    column = TextColumn("ratio")
    for text, value in {"inf": "Infinity", "-inf": "-Infinity", "1.5": "1.5"}.items():
        assert sortable_tables._sorted_by(column, TextCell(text)) == f' data-value="{value}"'
    assert sortable_tables._sorted_by(column, TextCell("-")) == ""


def test_remarks_have_room_of_their_own():
    columns = [TextColumn("prior", numeric=False), TextColumn("remarks", numeric=False)]
    text = sortable_tables.sheets({"t": Sheet("t", columns, [[TextCell("tv"), TextCell("a")]], [])})
    assert '<td class="remarks">a</td>' in text
