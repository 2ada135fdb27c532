"""The statistics of a comparison, against scipy, cases computed by hand, and properties."""

import numpy as np
import pandas as pd
import pytest
from hypothesis import given, settings
from hypothesis import strategies as st
from scipy import stats

from priorlab.harness.report import inference, statistics
from priorlab.harness.report.inference import Interval


def table(**columns: list[float]) -> pd.DataFrame:
    """Scores per image: a column for each prior."""
    return pd.DataFrame(columns, dtype=float)


def rows(*cells: tuple[str, str, int, str, float]) -> pd.DataFrame:
    return pd.DataFrame(cells, columns=["prior", "image", "seed", "status", "psnr"])


decibels = st.lists(st.floats(15, 45), min_size=6, max_size=12)


def test_seeds_are_averaged_before_images() -> None:
    found = statistics.scores(
        rows(
            ("tv", "a", 0, "ok", 20.0),
            ("tv", "a", 1, "ok", 30.0),
            ("tv", "b", 0, "ok", 40.0),
            ("tv", "b", 1, "ok", 42.0),
        ),
        "psnr",
    )
    assert found["tv"].to_dict() == {"a": 25.0, "b": 41.0}


def test_an_image_with_a_failed_or_missing_seed_is_not_covered() -> None:
    found = statistics.scores(
        rows(
            ("tv", "a", 0, "ok", 20.0),
            ("tv", "a", 1, "crashed", 99.0),
            ("tv", "b", 0, "ok", 40.0),
            ("tv", "b", 1, "ok", 40.0),
            ("dip", "a", 0, "ok", 20.0),
            ("dip", "a", 1, "ok", 20.0),
            ("dip", "b", 0, "ok", 40.0),
        ),
        "psnr",
    )
    assert np.isnan(found.loc["a", "tv"]) and found.loc["b", "tv"] == 40.0
    assert np.isnan(found.loc["b", "dip"])
    assert statistics.complete(found) == []
    assert statistics.best(found) is None
    assert statistics.leaders(found) == frozenset()


def test_an_identical_image_counts_as_a_hundred_decibels() -> None:
    found = statistics.scores(rows(("tv", "a", 0, "ok", float("inf"))), "psnr")
    assert found.loc["a", "tv"] == statistics.PSNR_CAP == 100.0


@pytest.mark.parametrize("n", [400, inference.MANY + 1])
def test_interval_is_the_percentile_bootstrap_for_many_images(n: int) -> None:
    values = np.random.default_rng(0).gamma(2.0, size=n)
    found = inference.interval(values)
    peer = stats.bootstrap(
        (values,), np.mean, method="percentile", n_resamples=10_000, random_state=1
    ).confidence_interval
    assert found is not None
    assert found.low == pytest.approx(peer.low, abs=0.015)
    assert found.high == pytest.approx(peer.high, abs=0.015)


def test_interval_of_one_image_is_none() -> None:
    assert inference.interval(np.array([30.0])) is None
    assert inference.interval(np.array([])) is None


@pytest.mark.parametrize("n", [3, 5, 12])
def test_interval_holds_the_mean_as_often_as_it_says(n: int) -> None:
    rng = np.random.default_rng(n)
    held = 0
    for _ in range(200):
        found = inference.interval(rng.normal(30, 2, n))
        assert found is not None
        held += 30.0 in found
    assert 0.90 < held / 200 < 0.995  # 0.95 give or take 3 standard errors


@pytest.mark.parametrize("seed", range(5))
def test_interval_is_at_each_end_at_least_as_wide_as_student_s(seed: int) -> None:
    values = np.random.default_rng(seed).gamma(1.0, size=12)
    found = inference.interval(values)
    low, high = stats.t.interval(0.95, 11, values.mean(), stats.sem(values))
    assert found is not None
    assert found.low <= low + 1e-12 and found.high >= high - 1e-12
    assert found.high > high + 1e-3, "the bootstrap sees that they are skewed"


@given(decibels, st.randoms(use_true_random=False))
@settings(max_examples=20)
def test_the_order_of_images_does_not_matter(values: list[float], random: object) -> None:
    shuffled = list(values)
    random.shuffle(shuffled)  # type: ignore[attr-defined]
    assert inference.interval(np.array(values)) == inference.interval(np.array(shuffled))


@given(decibels, st.data())
@settings(max_examples=20)
def test_a_method_better_on_every_image_is_separable(values: list[float], data: st.DataObject):
    gains = data.draw(
        st.lists(st.floats(1.0, 2.0), min_size=len(values), max_size=len(values)), label="gains"
    )
    better = [value + gain for value, gain in zip(values, gains, strict=True)]
    assert statistics.leaders(table(tv=values, unet=better)) == {"unet"}


@given(decibels)
@settings(max_examples=20)
def test_identical_methods_both_lead(values: list[float]) -> None:
    worse = [value - 5 for value in values]
    found = statistics.leaders(table(tv=values, twin=values, worse=worse))
    assert found == {"tv", "twin"}


def test_rounding_separates_nothing() -> None:
    values = np.linspace(20, 30, 8)
    assert statistics.leaders(table(tv=values, twin=values + 1e-9)) == {"tv", "twin"}


def test_a_small_mean_gain_with_large_spread_is_not_separable() -> None:
    gains = np.array([3.0, -2.5, 2.0, -1.5, 1.0, -0.5])
    assert statistics.leaders(table(tv=np.full(6, 30.0), unet=30 + gains)) == {"tv", "unet"}


def test_false_alarms_stay_rare_with_many_equal_methods() -> None:
    """Of equal methods, the family is found different from the reference in about 5 % of runs."""
    rng = np.random.default_rng(0)
    alarms = 0
    for _ in range(40):
        scores = pd.DataFrame(rng.normal(30, 1, (12, 5)), columns=list("abcde"))
        found = statistics.compare(scores, "a").values()
        alarms += any(c.interval is not None and 0.0 not in c.interval for c in found)
    assert alarms <= 7


def test_nothing_is_told_apart_on_one_image_or_with_one_method() -> None:
    assert statistics.leaders(table(tv=[20.0], unet=[30.0])) == frozenset()
    assert statistics.leaders(table(tv=[20.0, 30.0])) == frozenset()


def test_only_complete_methods_lead() -> None:
    found = statistics.leaders(
        table(
            tv=[20, 21, 22, 23, 24, 25],
            dip=[40, 41, 42, 43, 44, np.nan],
            unet=[30, 31, 32, 33, 34, 35],
        )
    )
    assert found == {"unet"}


def test_compare_by_hand() -> None:
    scores = table(ref=[10, 20, 30, 40], a=[11, 22, 30, 39], gone=[np.nan] * 4)
    found = statistics.compare(scores, "ref")
    assert set(found) == {"a"}
    assert found["a"].images == 4
    assert found["a"].difference == pytest.approx(0.5)
    assert found["a"].wins == pytest.approx(2.5 / 4)


def test_comparison_uses_the_images_that_both_restored() -> None:
    scores = table(ref=[10, 20, 30], a=[15, np.nan, 35])
    found = statistics.compare(scores, "ref")["a"]
    assert (found.images, found.difference) == (2, 5.0)


@pytest.mark.parametrize("n", [3, 15, 50, 80])
def test_wilcoxon_is_scipys(n: int) -> None:
    differences = np.random.default_rng(3).normal(0.4, 1, n)
    assert inference.wilcoxon(differences) == pytest.approx(stats.wilcoxon(differences).pvalue)


def test_wilcoxon_with_ties_counts_all_signs() -> None:
    values = np.array([1.0, 1.0, -1.0, 2.0, 2.0, -3.0, 4.0])
    ranks = stats.rankdata(np.abs(values))
    signs = np.array(np.meshgrid(*[[0, 1]] * 7)).reshape(7, -1).T
    sums = signs @ ranks
    found = ranks[values > 0].sum()
    p = 2 * min((sums <= found).mean(), (sums >= found).mean())
    assert inference.wilcoxon(values) == pytest.approx(min(1, p))
    assert inference.wilcoxon(np.zeros(5)) == 1.0
    assert inference.wilcoxon(np.ones(5)) == pytest.approx(2**-4)


def test_holm_by_hand() -> None:
    assert inference.holm([0.01, 0.04, 0.03]) == pytest.approx([0.03, 0.06, 0.06])
    assert inference.holm([0.5, 0.9]) == pytest.approx([1.0, 1.0])
    assert inference.holm([]) == []


def test_interval_membership_includes_the_ends() -> None:
    assert 0.0 in Interval(0.0, 1.0)
    assert 1.1 not in Interval(0.0, 1.0)


def test_the_typical_image_is_the_middle_one_of_those_all_restored() -> None:
    scores = pd.DataFrame(
        {"tv": [10.0, 30.0, 20.0, 40.0], "unet": [11.0, 31.0, 21.0, np.nan]},
        index=["easy", "hard", "middle", "gap"],
    )
    assert statistics.typical_image(scores) == "middle"


def test_intervals_step_down_as_holm_does() -> None:
    """What is plainly worse leaves the family, and the rest is judged at a milder level."""
    base = np.linspace(20, 40, 6)
    near = base - np.array([0.3, 1.0, 1.5, 2.5, 0.1, 3.6])
    level = {k: inference.interval(near - base, 1 - 0.05 / k) for k in (1, 2)}
    assert level[1] is not None and level[2] is not None
    assert 0.0 not in level[1] and 0.0 in level[2], "a case in which the step matters"
    far = base - 10 - 0.1 * np.arange(6)
    assert statistics.leaders(table(best=base, near=near, far=far)) == {"best"}
    assert (
        statistics.compare(table(best=base, near=near, far=far), "best")["near"].interval
        == level[1]
    )


def test_an_incomplete_method_does_not_change_who_leads() -> None:
    base = np.linspace(20, 40, 6)
    near = base - np.array([0.3, 1.0, 1.5, 2.5, 0.1, 3.6])
    gap = np.array([20, 50, *[np.nan] * 4])
    whole, more = table(best=base, near=near), table(best=base, near=near, gap=gap)
    assert statistics.leaders(more) == statistics.leaders(whole)
    found = [statistics.compare(scores, "best")["near"] for scores in (whole, more)]
    assert found[0] == found[1]


def test_lower_may_be_better() -> None:
    low, high = np.linspace(0.1, 0.2, 8), np.linspace(0.3, 0.4, 8)
    scores = table(near=low, far=high, gap=[*low[:-1], np.nan])
    ranks = statistics.ranks(scores, higher_is_better=False)
    assert ranks == {"near": 1, "far": 2} == dict(reversed(statistics.ranks(-scores).items()))
    assert statistics.best(scores) == "far"
    assert statistics.best(scores, higher_is_better=False) == "near"
    assert statistics.leaders(scores, higher_is_better=False) == {"near"}
    found = statistics.compare(scores, "near", higher_is_better=False)["far"]
    assert (found.wins, found.difference) == (0, pytest.approx(0.2))
    assert statistics.compare(scores, "near")["far"].wins == 1


def test_small_differences_of_a_small_metric_are_no_ties() -> None:
    small = np.linspace(1e-5, 2e-5, 8)
    found = statistics.compare(table(a=small, b=small * 1.01), "a", higher_is_better=False)["b"]
    assert found.wins == 0
    assert statistics.leaders(table(a=small, b=small * 1.01), higher_is_better=False) == {"a"}


def test_an_infinite_value_of_another_metric_is_missing() -> None:
    cells = rows(("tv", "a", 0, "ok", 1.0), ("tv", "b", 0, "ok", float("inf")))
    found = statistics.scores(cells.rename(columns={"psnr": "ratio"}), "ratio")
    assert found.loc["a", "tv"] == 1.0 and np.isnan(found.loc["b", "tv"])
