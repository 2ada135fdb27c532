"""Throughput: priors that gain from batches restore copies of a measurement at once as well."""

import json

import pytest
import torch
from harness.run import pretend
from sample_pictures import picture
from support import TASKS

from priorlab.errors import UsageError
from priorlab.harness.results.schema import Outcome
from priorlab.harness.run.plan import plan
from priorlab.harness.run.settings import RunSettings
from priorlab.pictures import arrays

CROWDS = "together,good,unsure,crowd-exits,crowd-hangs,crowd-allocates,crowd-mixes,crowd-raises"


@pytest.fixture(scope="module")
def crowds(tmp_path_factory, compare):
    """One run with batches of four: the run, and its rows by prior."""
    out = tmp_path_factory.mktemp("results")
    with pytest.MonkeyPatch.context() as patch:
        patch.setenv("FAKES_LOG", str(tmp_path_factory.mktemp("log") / "calls.txt"))
        limits = {"timeout_s": 2, "memory_mb": 250}
        run = compare(CROWDS, out, images=("tiny0",), batch=4, slots=2, **limits)
    return run, run.rows.set_index("prior")


@pytest.mark.slow
def test_a_batch_that_takes_as_long_as_one_image_gives_as_many_times_the_throughput(crowds):
    row = crowds[1].loc["together"]
    assert row["batch"] == 4 and row["message"] == ""
    assert 2.5 < row["throughput"] * row["seconds"] < 6, "4, unless the machine is busy"


@pytest.mark.slow
@pytest.mark.parametrize("prior", ["good", "unsure"])
def test_a_prior_that_gains_nothing_is_not_asked(crowds, prior):
    row = crowds[1].loc[prior].isna()
    assert row["batch"] and row["throughput"]
    assert crowds[1].loc[prior, "message"] == ""


@pytest.mark.slow
@pytest.mark.parametrize(
    ("prior", "message"),
    [
        ("crowd-exits", "crashed: the process exited with status 7"),
        ("crowd-hangs", "timeout: no result after 2 s; the process was ended"),
        ("crowd-allocates", "crashed: it took more than 250 MB of memory; the process was ended"),
        ("crowd-mixes", "of 4 images at once, one is not what it is alone (by "),
        ("crowd-raises", "failed: RuntimeError: the prior"),
    ],
)
def test_a_batch_that_fails_costs_the_throughput_and_no_more(crowds, prior, message):
    row = crowds[1].loc[prior]
    assert row["status"] == "ok" and row["psnr"] == crowds[1].loc["together", "psnr"]
    assert row["batch"] == 4 and not row["throughput"] > 0
    assert row["message"].startswith(f"no throughput: {message}")


@pytest.mark.slow
def test_the_tables_show_it(crowds):
    text = (crowds[0].folder / "table.md").read_text()
    assert "| images/s |" in text and "for 4 copies of an image at once" in text
    assert "1 without throughput: crashed: the process exited with status 7" in text
    assert json.loads((crowds[0].folder / "run.json").read_text())["batch"] == 4
    failures = (crowds[0].folder / "failures.txt").read_text()
    assert failures.count("RuntimeError: the prior\ngave up") == 1


def test_what_is_known_without_it_is_computed_again(left):
    known = Outcome("ok", batch=4, throughput=9.0)
    found = left(good=Outcome("ok"), together=known)
    assert found() == found(batch=1) == found(batch=4) == 0
    assert found(batch=8) == 1
    assert left(good=Outcome("ok"), together=Outcome("unsupported"))(batch=8) == 0
    failed = left(good=Outcome("ok"), together=Outcome("ok", batch=4))
    assert (failed(batch=4), failed(batch=4, overwrite="missing")) == (1, 0)


@pytest.mark.parametrize("task", TASKS)
def test_a_measurement_of_any_task_can_be_repeated(task):
    one = TASKS[task]().measure(arrays.to_tensor(picture(32, 24, 3)), seed=0)
    batch = one.repeated(3)
    guess = batch.initial_guess()
    assert guess.shape == batch.shape == (3, *one.shape[1:])
    assert torch.equal(guess, one.initial_guess().expand(batch.shape))
    assert batch.operator.forward(guess).shape == batch.y.shape


def test_exclusive_timing_has_the_median_of_it(compare, using, tmp_path):
    rates = iter([9.0, 1.0, 3.0])
    using(answer=lambda cell: pretend.result(cell, batch=4, throughput=next(rates)))
    typed = {"timing": "exclusive", "batch": 4, "images": ("tiny0",)}
    assert compare("together", tmp_path, **typed).rows["throughput"].tolist() == [3.0]


def test_a_run_whose_priors_gain_nothing_says_so(settings, registry, tmp_path):
    text = plan(settings("good", tmp_path, batch=4), registry).text()
    assert "batch=4 measures nothing: none of these priors gains from a batch" in text
    assert "batch" not in plan(settings("good,together", tmp_path, batch=4), registry).text()


def test_a_batch_has_at_least_one_image():
    with pytest.raises(UsageError, match="batch=0 is too small; the least is 1"):
        RunSettings(batch=0)
