"""Ranks over tasks and data sets: against scipy, against published figures, and on their edges."""

import itertools

import numpy as np
import pandas as pd
import pytest
import statistics_validation
from scipy import stats

from priorlab.errors import UsageError
from priorlab.harness.report import rank_diagram, ranking
from priorlab.harness.report.ranking import Ranking


def rows(means, tasks=("a", "b"), images=3, missing=()):
    """Rows in which each prior has its mean on every task, but for some cells."""
    cells = [
        {"prior": prior, "task": task, "image": f"{image}", "seed": 0, "psnr": mean + image}
        | {"status": "failed" if (prior, task) in missing and image == 1 else "ok"}
        for task in tasks
        for prior, mean in means.items()
        for image in range(images)
    ]
    return pd.DataFrame(cells)


MEANS = {"tv": 28.0, "unet": 30.0, "dip": 29.0, "twin": 28.0}


def test_priors_are_ranked_in_each_block_and_ties_share_their_ranks():
    found = ranking.rank([("set12", rows(MEANS)), ("bsd68", rows(MEANS, tasks="a"))], "psnr")
    assert dict(found.ranks) == {"unet": 1.0, "dip": 2.0, "tv": 3.5, "twin": 3.5}
    assert found.blocks == ["a on set12", "b on set12", "a on bsd68"]
    worst = ranking.rank([("set12", rows(MEANS))], "psnr", higher_is_better=False)
    assert next(iter(worst.ranks)) in ("tv", "twin")


def test_only_complete_priors_are_ranked():
    found = ranking.rank([("set12", rows(MEANS, missing=[("dip", "b")]))], "psnr")
    assert list(found.ranks) == ["unet", "tv", "twin"]
    assert found.left_out == ["dip"]


def test_runs_of_the_same_block_complete_each_other():
    first, second = rows({"tv": 28.0, "dip": 29.0}), rows({"unet": 30.0, "tv": 28.0})
    found = ranking.rank([("set12", first), ("set12", second)], "psnr")
    assert list(found.ranks) == ["unet", "dip", "tv"]


@pytest.mark.parametrize("changed", [{"image": "other"}, {"seed": 7}, {"measurement": "ab"}])
def test_other_evidence_under_the_same_names_is_no_common_block(changed):
    """Such as two folders called `pics`."""
    first = rows({"tv": 28.0}).assign(measurement="cd")
    second = rows({"unet": 30.0}).assign(**{"measurement": "cd"} | changed)
    with pytest.raises(UsageError, match="other images, seeds or measurements of a on pics"):
        ranking.rank([("pics", first), ("pics", second)], "psnr")


@pytest.mark.parametrize(
    ("table", "says"),
    [
        (rows({"tv": 28.0}), "fewer than two priors"),
        (rows(MEANS, tasks="a"), "ranks need two or more tasks or data sets"),
    ],
)
def test_too_little_is_a_sentence(table, says):
    with pytest.raises(UsageError, match=says):
        ranking.rank([("set12", table)], "psnr")


def test_friedman_agrees_with_the_chi_squared_of_scipy():
    ranked = pd.DataFrame(np.random.default_rng(0).random((14, 4))).rank(axis=1)
    chi = stats.friedmanchisquare(*ranked.to_numpy().T).statistic
    by_hand = stats.f.sf(13 * chi / (14 * 3 - chi), 3, 3 * 13)
    assert ranking.friedman(ranked) == pytest.approx(by_hand)


def test_groups_are_the_largest_and_none_lies_in_another():
    ranks = {"a": 1.0, "b": 1.5, "c": 2.6, "d": 2.8, "e": 5.0}
    assert Ranking(ranks, [], 1.4, 0.1).groups == [["a", "b"], ["b", "c", "d"]]
    assert Ranking(ranks, [], 9.0, 0.1).groups == [list("abcde")]
    assert Ranking(ranks, [], 0.1, 0.1).groups == []


@pytest.mark.parametrize("style", rank_diagram.FORMATS)
def test_the_diagram_names_every_prior(style):
    names = [f"prior{i}:weight=$0.{i}_x" for i in range(13)]
    drawn = rank_diagram.draw(
        Ranking(dict(zip(names, range(1, 14), strict=True)), [], 4, 0.1), style
    )
    assert len(drawn) > 2000
    if style == "svg":
        text = drawn.decode()
        assert all(
            f"<!-- {name.replace('$', chr(92) + '$')}" in text or name in text for name in names[7:]
        )


def test_the_validation_finds_what_it_should_on_few_runs():
    rng = np.random.default_rng(1)
    normal = statistics_validation.SHAPES["normal"]
    assert 0.90 < statistics_validation.coverage(rng, 300, 6, 3, normal) < 0.99
    assert statistics_validation.false_equals(rng, 200, 12, normal) < 0.12
    assert statistics_validation.false_ranks(rng, 500, 10, 5) < 0.09
    found = statistics_validation.tables(rng, 10, 6, normal)
    assert sum(map(statistics_validation.false_differences, found)) < 4


def test_two_priors_in_one_order_on_two_tasks_may_be_chance():
    """Of the four orders that equally good priors have on two blocks, two are unanimous."""
    assert ranking.friedman(pd.DataFrame({"tv": [1, 1], "nlm": [2, 2]})) == 0.5


def test_in_few_blocks_no_orders_have_a_smaller_p_than_equal_ones_and_each_p_is_exact():
    orders = [list(one) for one in itertools.permutations(range(1, 5))]
    distances = [sum((i - a) ** 2 for i, a in enumerate(one, 1)) for one in orders]
    for one, distance in zip(orders, distances, strict=True):
        exact = np.mean([other <= distance for other in distances])  # two blocks: Spearman's
        assert ranking.friedman(pd.DataFrame([orders[0], one])) == pytest.approx(exact)


def test_ties_have_their_part_in_the_statistic_of_many_blocks():
    ranked = pd.DataFrame(np.random.default_rng(0).integers(3, size=(20, 4))).rank(axis=1)
    chi = stats.friedmanchisquare(*ranked.to_numpy().T).statistic
    by_hand = stats.f.sf(19 * chi / (20 * 3 - chi), 3, 3 * 19)
    assert ranking.friedman(ranked) == pytest.approx(by_hand)
