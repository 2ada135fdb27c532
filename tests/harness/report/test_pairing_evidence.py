"""What two runs are compared by: the same images and seeds on both sides, and it is said which."""

import numpy as np
import pytest
from harness.report.test_pairing import compared, only, rows
from mostly_slow import mostly_slow
from rich.console import Console

from priorlab import api
from priorlab.harness.report import pairing_sheets


def test_a_seed_without_a_value_in_one_run_counts_in_neither():
    first, second = (rows(seeds=(0, 1), lpips=0.2) for _ in range(2))
    for table in (first, second):
        table.loc[table["seed"] == 1, "lpips"] = 0.6
    second.loc[3, "lpips"] = np.nan  # seed 1 of the second image
    change = only(compared([first], [second], ["lpips"], ["lpips"])).changes["lpips"]
    assert change.verdict == "same"
    assert change.images == 12
    second.loc[2, "lpips"] = np.inf  # and seed 0 of it
    change = only(compared([first], [second], ["lpips"], ["lpips"])).changes["lpips"]
    assert (change.verdict, change.images) == ("same", 11)


def test_images_and_seeds_are_said():
    second = [rows(seeds=(1, 2)), rows("nlm", images=4, seeds=(1, 2))]
    found = compared([rows(seeds=(0, 1)), rows("nlm", seeds=(0, 1, 2))], second)
    (sheet,) = pairing_sheets.sheets(found.compared, full=True)
    assert sheet.notes == [
        "tv: compared on 12 images, seed 1.",
        "nlm: compared on 4 images, seeds 1, 2.",
    ]
    second[1]["status"] = "failed"
    failed = compared([rows("nlm", seeds=(1,))], second[1:])
    assert only(failed).evidence == ""


@pytest.mark.parametrize("names", [("00", "01"), ("01", "00")])
def test_equal_images_count_once_whatever_they_are_called(names):
    first, second = rows(), rows(gain=0.3)
    for table, copy in zip((first, second), names, strict=True):
        table["key"] = table["image"]
        table.loc[:1, "key"] = "copied"
        table.loc[table["image"] == copy, "image"] = "copy"
        first.loc[:1, "psnr"] = 25.0
    found = compared([first], [second])
    assert only(found).changes["psnr"].images == 11
    assert "copy" in found.remark


@pytest.fixture(scope="module")
def two(tmp_path_factory):
    """The same run twice, of the second of which facts can be changed."""
    from harness.report import sample_run

    out = tmp_path_factory.mktemp("two")
    return [sample_run.make(out, name).folder for name in ("one", "other")]


@pytest.mark.parametrize("width", mostly_slow([60, 80, 120, 200], 60, 120))
def test_a_narrow_terminal_gets_fewer_columns_and_no_line_is_cut(two, width):
    console = Console(width=width, record=True, file=open("/dev/null", "w"))  # noqa: SIM115
    console.print(api.compare(*two).terminal(width))
    text = console.export_text()
    assert "…" not in text
    assert all(len(line.rstrip()) <= width for line in text.splitlines())
    assert "verdict" in text and "same" in text
    assert ("but with --format md" in text) == (width < 120)


def test_another_protocol_or_definition_of_a_metric_is_said(two, tmp_path):
    import json
    import shutil

    changed = tmp_path / "changed"
    shutil.copytree(two[1], changed)
    info = json.loads((changed / "run.json").read_text())
    info["tasks"] = dict.fromkeys(info["tasks"], "on all channels")
    (changed / "run.json").write_text(json.dumps(info))
    assert "protocol" not in api.compare(two[0], changed).markdown(), "the same in other words"
    info["tasks"]["denoise:sigma=25"] = "on the luma"
    info["metrics"]["ssim"] = "other windows"
    (changed / "run.json").write_text(json.dumps(info))
    text = api.compare(two[0], changed).markdown()
    said = "protocol of denoise:sigma=25: metrics on the luma; in A: on all channels (RGB)"
    assert f"Changed from A to B: {said}; what ssim means." in text
