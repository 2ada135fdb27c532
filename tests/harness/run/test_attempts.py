"""Cells that are computed again: within a run, by a later run, or for a median of their time."""

import pytest
from harness.run import pretend

from priorlab.errors import UsageError
from priorlab.harness.results.schema import Outcome
from priorlab.harness.run import grid
from priorlab.harness.run.attempts import Attempts
from priorlab.harness.run.estimates import Estimates
from priorlab.harness.run.schedule import Job, Schedule
from priorlab.harness.run.settings import RunSettings, settle


@pytest.fixture
def cells(registry, dataset):
    return grid.cells(
        registry.build_priors("good,slow"),
        registry.build_tasks("denoise"),
        dataset.images[:2],
        [0],
        registry=registry,
        device="cpu",
    )


def computed(cells, results, retries=0, repeats=0):
    """Hand out cells, have `results(job)` say what comes of each, and return what is kept."""
    said, order, kept = [], [], {}
    schedule = Schedule(cells, Estimates())
    attempts = Attempts(schedule, retries, repeats, said.append)
    while job := schedule.take():
        order.append((job.cell.prior.name, job.cell.image.name))
        if result := attempts.settle(job, results(job)):
            kept[order[-1]] = result
    return order, kept, said


def test_priors_take_turns_and_the_median_is_kept(cells):
    seconds = iter([9.0, 1.0, 3.0, 4.0, 2.0, 5.0] * 2)
    order, kept, _ = computed(
        cells, lambda _: {"status": "ok", "seconds": next(seconds), "peak_mb": 1.0}, repeats=3
    )
    assert order == [
        *[("good", "tiny0"), ("slow", "tiny0")] * 3,
        *[("good", "tiny1"), ("slow", "tiny1")] * 3,
    ]
    assert kept["good", "tiny0"] == {"status": "ok", "seconds": 3.0, "peak_mb": 1.0, "repeats": 3}
    assert kept["slow", "tiny1"]["seconds"] == 4.0


def test_turns_end_though_one_prior_has_less_to_do(cells):
    order, kept, _ = computed(cells[1:], lambda _: {"status": "ok", "seconds": 1.0}, repeats=2)
    assert order.count(("good", "tiny1")) == order.count(("slow", "tiny0")) == 2
    assert len(kept) == 3 and ("good", "tiny0") not in kept


def test_the_time_left_counts_the_repeats(cells):
    schedule = Schedule(cells, Estimates({cell.pair: 1.0 for cell in cells}))
    once = schedule.seconds(Estimates())
    Attempts(schedule, 0, 3, print)
    assert schedule.seconds(Estimates()) == pytest.approx(3 * once)


def test_what_fails_is_not_repeated_and_tried_again_as_often_as_asked(cells):
    failed = {"status": "crashed", "message": "boom"}
    order, kept, said = computed(cells[:1], lambda _: failed, retries=2, repeats=5)
    assert len(order) == 3 and list(kept.values()) == [failed]
    assert said == ["tried again: crashed: good · denoise:sigma=25 · tiny0 · seed 0: boom"] * 2
    unsupported = {"status": "unsupported", "message": "no"}
    assert len(computed(cells[:1], lambda _: unsupported, retries=2, repeats=5)[0]) == 1


def test_only_metrics_are_never_repeated(cells):
    schedule = Schedule([], Estimates(), [Job(cells[0], "digest")])
    attempts = Attempts(schedule, 3, 3, print)
    failed = {"status": "failed", "message": ""}
    assert attempts.settle(schedule.take(), failed) is failed and not len(schedule)


def test_a_cell_that_fails_at_times_succeeds_when_it_is_tried_again(compare, using, tmp_path):
    answers = iter([{"status": "failed", "message": "no luck", "pictures": {}, "output": ""}, {}])
    using(answer=lambda cell: pretend.result(cell, **next(answers)))
    run = compare("good", tmp_path, images=("tiny0",), retry=1)
    assert run.rows["status"].tolist() == ["ok"] and not list(answers)


def test_what_is_computed_again_is_for_the_user_to_say(left):
    found = left(good=Outcome("crashed"), slow=Outcome("unsupported"))
    assert found() == found(overwrite="failed") == 1
    assert (found(overwrite="missing"), found(overwrite="all")) == (0, 2)


@pytest.mark.slow
def test_exclusive_timing_restores_again_what_was_not_timed_so(left):
    timed = Outcome("ok", slots=1, threads=4, repeats=3)
    found = left(good=timed, slow=Outcome("ok", slots=1, threads=4))
    assert found() == 0
    typed = {"timing": "exclusive", "threads": 4}
    assert found(**typed) == found(**typed, repeats=2) == 1
    assert found(**typed, repeats=4) == found(timing="exclusive", threads=2) == 2
    assert left(good=Outcome("unsupported"), slow=timed)(**typed) == 0


def test_rows_of_exclusive_timing_have_the_median_and_say_so(compare, using, tmp_path):
    order, seconds = [], iter([9.0, 1.0, 3.0, 4.0, 2.0, 5.0])

    def answer(cell):
        order.append(cell.prior.name)
        return pretend.result(cell, seconds=next(seconds))

    using(answer=answer)
    rows = compare("good,stops", tmp_path, images=("tiny0",), timing="exclusive").rows
    assert order == ["good", "stops"] * 3
    assert rows["seconds"].tolist() == [3.0, 4.0]
    assert rows["repeats"].tolist() == [3, 3] and rows["slots"].tolist() == [1, 1]
    note = next(tmp_path.glob("*/table.md")).read_text()
    assert "median of 3 repeats" in note and "1 cell at a time" in note


def test_exclusive_timing_has_all_cores_unless_told_otherwise(monkeypatch):
    monkeypatch.setattr("priorlab.harness.run.settings.usable_cores", lambda: 7)
    assert settle({"timing": "exclusive"}).threads == 7
    assert settle({"timing": "exclusive", "threads": 2}).threads == 2
    assert settle({}).threads == 1


@pytest.mark.parametrize(
    ("typed", "says"),
    [
        ({"overwrite": "fail"}, "unknown value of overwrite 'fail'; did you mean 'failed'"),
        ({"timing": "alone"}, "unknown value of timing 'alone'"),
        ({"retry": -1}, "retry=-1 is too small; the least is 0"),
        ({"repeats": 0}, "repeats=0 is too small; the least is 1"),
        ({"timing": "exclusive", "slots": 2}, "exclusive has one cell at a time, not slots=2"),
    ],
)
def test_wrong_settings_are_one_sentence(typed, says):
    with pytest.raises(UsageError, match=says):
        RunSettings(**typed)
