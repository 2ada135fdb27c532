"""A metric that fails costs its own value only; what a prior keeps is of no use to it."""

import math
import re

import campaign
import pytest

METRICS = campaign.module("metrics")


def look(chosen):
    """Return what a run says of each metric, and of the prior that keeps a mean."""

    def make(folder):
        rows = campaign.metrics(list(chosen), folder, timeout_s=3, seeds=(0, 1, 2))
        assert rows["status"].eq("ok").all(), rows["message"].tolist()
        rows["output"] = rows["output"].astype(str)
        return rows[["prior", "seed", "message", "output", "psnr", *chosen]].to_dict("records")

    return make


@pytest.fixture(scope="module")
def quick(once):
    return once("quick-metrics", look(METRICS.QUICK))


@pytest.fixture(scope="module")
def slow(once):
    return once("slow-metrics", look(METRICS.SLOW))


def check(rows, name, expected, line):
    valued, pattern = expected
    values = [row[name] for row in rows]
    says = [part for row in rows for part in row["message"].split("; ") if f" {name} " in part]
    does = getattr(METRICS, name.removeprefix("m-")).__doc__ or name.removeprefix("m-")
    line("Metrics", name, does.partition(":")[0], "a value" if valued else pattern, f"{says[:1]}")
    if valued:
        assert not says
        if name != "m-nan":
            # Each value is of its own images, not of those before.
            assert values == [row["m-good"] for row in rows]
            assert len({*values}) == 3, "of three measurements"
    else:
        assert len(says) == len(rows)
        assert all(math.isnan(value) for value in values)
        assert all(re.search(pattern, said) for said in says), says


@pytest.mark.slow
@pytest.mark.parametrize("name", METRICS.QUICK)
def test_a_metric_that_fails_costs_its_own_value_only(name, quick, line):
    check(quick, name, METRICS.QUICK[name], line)


@pytest.mark.slow
@pytest.mark.timeout(900)
@pytest.mark.parametrize("name", METRICS.SLOW)
def test_a_metric_that_ends_its_process_costs_its_own_value_only(name, slow, line):
    check(slow, name, METRICS.SLOW[name], line)


@pytest.mark.slow
def test_nothing_is_kept_from_one_seed_to_the_next(quick, line):
    of = {name: [r["output"] for r in quick if r["prior"] == name] for name in PRIORS}
    line("Metrics", PRIORS[0], "averages over seeds", "ok, no gain", "ok")
    assert of[PRIORS[0]] == of[PRIORS[1]]


PRIORS = ("keeps-a-mean", "keeps-nothing")
