"""Two runs side by side: what is paired, what is said of a difference, and what is not compared."""

import numpy as np
import pandas as pd
import pytest

from priorlab.harness.report import equivalence, pairing, pairing_sheets
from priorlab.harness.report.inference import interval
from priorlab.harness.results import csv_files, schema

NOISE = 0.02 * np.sin(7 * np.arange(12))


def rows(prior="tv", gain=0.0, images=12, seeds=(0,), **facts):
    """Rows of a run; the PSNR of an image is `gain` above a level of its own."""
    found = []
    for index in range(images):
        gained = gain[index] if isinstance(gain, np.ndarray) else gain
        for seed in seeds:
            cell = {"prior": prior, "task": "denoise", "image": f"{index:02}", "seed": seed}
            scores = {"psnr": 25 + index % 5 + gained, "ssim": 0.8, "seconds": 0.5}
            where = {"machine": "this", "device": "cpu", "threads": 1, "slots": 1}
            found.append(cell | scores | where | {"status": "ok", "measurement": "m"} | facts)
    return pd.DataFrame(found)


def compared(first, second, metrics=("psnr",), lower=()):
    first, second = (schema.frame(pd.concat(part)) for part in (first, second))
    return pairing.pair(first, second, list(metrics), lower)


def only(found):
    (one,) = found.compared
    return one


@pytest.mark.parametrize(
    ("gain", "images", "verdict"),
    [
        (0.0, 12, "same"),
        (NOISE, 12, "equal"),
        (0.02 + NOISE / 10, 12, "equal"),  # separable from 0, and no difference in practice
        (0.3 + NOISE, 12, "better"),
        (-0.3 + NOISE, 12, "worse"),
        (20 * NOISE, 12, "inconclusive"),
        (0.3 + NOISE, 5, "inconclusive"),
        (NOISE / 100, 5, "inconclusive"),
    ],
)
def test_the_verdict(gain, images, verdict):
    change = only(compared([rows(images=images)], [rows(gain=gain, images=images)])).changes
    assert change["psnr"].verdict == verdict
    assert change["psnr"].images == images
    assert change["psnr"].difference == pytest.approx(
        np.mean(np.zeros(images) + gain[:images]) if isinstance(gain, np.ndarray) else gain
    )


def test_equivalence_is_two_one_sided_tests_at_5_percent():
    rng = np.random.default_rng(0)
    for _ in range(50):
        values = rng.normal(0.01, 0.05, 12)
        held = interval(values, 0.9)
        assert equivalence.is_equivalent(values) == (held.low > -0.05 and held.high < 0.05)


def test_a_metric_of_which_less_is_better_and_one_without_a_margin():
    first, second = rows(lpips=0.2), rows(lpips=0.2)
    second["lpips"] += 0.001 + NOISE / 1000
    one = only(compared([first], [second], ["psnr", "lpips"], ["lpips"]))
    assert one.changes["lpips"].verdict == "worse"


def test_intervals_and_p_are_adjusted_for_the_number_of_priors():
    alone = compared([rows()], [rows(gain=0.1 * NOISE + 0.01)])
    many = [rows(name) for name in ("tv", "nlm", "dip")]
    others = [rows("tv", 0.1 * NOISE + 0.01), rows("nlm", NOISE), rows("dip", -NOISE)]
    found = {one.prior: one.changes["psnr"] for one in compared(many, others).compared}
    single = only(alone).changes["psnr"]
    assert found["tv"].p == pytest.approx(3 * single.p)
    assert found["tv"].interval.low < single.interval.low
    unchanged = compared([*many, rows("unet")], [*others, rows("unet")])
    same = {one.prior: one.changes["psnr"] for one in unchanged.compared}
    assert same["tv"] == found["tv"], "what is the same to the last digit is no comparison"


def test_priors_with_other_parameters_are_paired_by_name_where_that_is_clear():
    first = [rows("dip:iterations=100"), rows("tv:weight=0.1"), rows("tv:weight=0.2")]
    second = [rows("dip:iterations=200", 1.0), rows("tv:weight=0.3")]
    found = compared(first, second)
    assert [(one.prior, one.other) for one in found.compared] == [
        ("dip:iterations=100", "dip:iterations=200")
    ]
    assert found.only_first == ["prior tv:weight=0.1, tv:weight=0.2"]
    assert found.only_second == ["prior tv:weight=0.3"]


def test_seeds_of_an_image_are_averaged_and_only_common_ones_count():
    first, second = rows(seeds=(0, 1)), rows(seeds=(1, 2))
    second.loc[second["seed"] == 2, "psnr"] += 10
    found = compared([first], [second])
    assert only(found).changes["psnr"].verdict == "same"
    assert (found.only_first, found.only_second) == (["seed 0"], ["seed 2"])


def test_what_failed_in_one_run_is_said_and_not_compared():
    second = rows(gain=0.3 + NOISE)
    second.loc[3, ["status", "psnr"]] = ["crashed", np.nan]
    one = only(compared([rows()], [second]))
    assert one.changes["psnr"].images == 11
    assert one.remarks == ["1 crashed in the second run only"]
    second["status"] = "failed"
    assert only(compared([rows()], [second])).changes == {}


@pytest.mark.parametrize(
    ("facts", "said"),
    [
        ({}, ""),
        ({"machine": "that"}, "that, not this"),
        ({"threads": 2}, "2 threads, not 1 thread"),
        ({"slots": 2}, "2 cells at a time, not 1"),
    ],
)
def test_seconds_compare_only_on_one_machine(facts, said):
    one = only(compared([rows()], [rows(**facts)]))
    assert one.times_differ == said
    (sheet,) = pairing_sheets.sheets([one], full=True)
    assert sheet.lines[0][-1].text == "0.5 -> 0.5" + " !" * bool(said)
    assert any("do not compare" in note for note in sheet.notes) == bool(said)


def test_other_measurements_are_said():
    one = only(compared([rows()], [rows(measurement="n")]))
    assert one.remarks == ["not the same data: other images, or the noise was drawn anew"]


def test_a_run_without_any_row_has_nothing_in_common_with_another():
    head = next(iter(csv_files.parts(schema.frame(rows())))).splitlines()[0]
    none, some = schema.frame(csv_files.read(f"{head}\n")), schema.frame(rows())
    for first, second in ((some, none), (none, some), (none, none)):
        found = pairing.pair(first, second, ["psnr"])
        assert not found.compared


def test_what_differs_by_rounding_is_the_same():
    assert only(compared([rows()], [rows(gain=1e-14 * NOISE)])).changes["psnr"].verdict == "same"
    ssim = [rows(ssim=0.8), rows(ssim=0.8 + 3e-8)]
    assert only(compared(ssim[:1], ssim[1:], ["ssim"])).changes["ssim"].verdict == "same"
