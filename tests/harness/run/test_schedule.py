"""The order of the cells, and the estimates of the time that is left."""

import dataclasses
import random
import time

import pytest

from priorlab.harness.run import grid, remaining
from priorlab.harness.run.estimates import Estimates
from priorlab.harness.run.remaining import RemainingTime
from priorlab.harness.run.schedule import Job, Schedule

TASK = "denoise:sigma=25"


@pytest.fixture
def cells(registry, dataset):
    """For `good` and `slow` an image of 1 megapixel and one of 4."""
    sizes = [(1000, 1000), (2000, 2000)]
    images = [
        dataclasses.replace(image, height=height, width=width)
        for image, (height, width) in zip(dataset.images, sizes, strict=False)
    ]
    return grid.cells(
        registry.build_priors("good,slow"),
        registry.build_tasks("denoise"),
        images,
        [0],
        registry=registry,
        device="cpu",
    )


def order(plan):
    taken = []
    while job := plan.take():
        taken.append((job.cell.prior.name, job.cell.megapixels))
    return taken


def test_the_longest_cell_comes_first(cells):
    estimates = Estimates({("good", TASK): 1.0, ("slow", TASK): 3.0})
    expected = [("slow", 4.0), ("good", 4.0), ("slow", 1.0), ("good", 1.0)]
    assert order(Schedule(cells, estimates)) == expected


def test_what_was_never_timed_is_tried_first_on_a_small_image(cells):
    plan = Schedule(cells, Estimates({("good", TASK): 1.0}))
    assert order(plan) == [("slow", 1.0), ("good", 4.0), ("good", 1.0), ("slow", 4.0)]
    plan = Schedule(cells, Estimates())
    assert [plan.take().cell.prior.name for _ in range(2)] == ["good", "slow"]
    plan.estimates.learn(cells[0], 0.1)
    plan.estimates.learn(cells[2], 50.0)
    assert order(plan) == [("slow", 4.0), ("good", 4.0)]


def test_every_cell_is_handed_out_once(cells):
    assert sorted(order(Schedule(cells, Estimates()))) == sorted(
        (cell.prior.name, cell.megapixels) for cell in cells
    )


def test_what_is_only_to_be_scored_comes_before_all_else(cells):
    stored = Job(cells[3], "digest")
    plan = Schedule(cells[:1], Estimates(), [stored])
    assert len(plan) == 2
    assert [plan.take() for _ in range(3)] == [stored, Job(cells[0]), None]
    plan.restore_after_all(stored.cell)
    assert [plan.take(), plan.take()] == [Job(cells[3]), None]


def test_other_tasks_of_a_prior_serve_as_an_estimate(cells):
    estimates = Estimates({("good", "inpaint"): 2.0, ("good", "deblur"): 4.0})
    assert estimates.seconds(cells[1]) == 12.0
    assert estimates.total(cells) == (15.0, 2)
    estimates.learn(cells[0], 5.0)
    assert estimates.seconds(cells[1]) == 20.0


def test_the_time_left(cells, monkeypatch):
    now = [100.0]
    monkeypatch.setattr(remaining.time, "monotonic", lambda: now[0])
    plan = Schedule(cells, Estimates({("good", TASK): 1.0}))
    time_left = RemainingTime(plan, slots=2)
    assert time_left.seconds_left() is None, "nobody knows how long slow takes"

    slow = plan.take().cell
    time_left.step(0, slow, 0, 0)
    now[0] += 10
    assert time_left.seconds_left() is None
    time_left.step(0, slow, 1, 4)
    # slow: 30 s left of 40 for 1 megapixel, then 160 s; good: 1 + 4 s
    assert time_left.seconds_left() == pytest.approx((30 + 160 + 5) / 2)

    now[0] += 10
    plan.estimates.learn(slow, 20.0)
    time_left.finished(slow)
    assert time_left.seconds_left() == pytest.approx((80 + 5) / 2)
    order(plan)
    assert time_left.seconds_left() == 0


def many(cells, count, seed=0):
    """Cells of both priors, and of tasks that exist in name only, of a few sizes."""
    draw = random.Random(seed)
    found = []
    for index in range(count):
        cell = draw.choice(cells)
        side = draw.choice((100, 200, 300))
        image = dataclasses.replace(cell.image, height=side, width=side, name=str(index))
        pair = (cell.pair[0], draw.choice("abc"))
        found.append(dataclasses.replace(cell, image=image, pair=pair))
    return found


@pytest.mark.parametrize("seed", range(5))
def test_order_and_sum_are_those_of_looking_at_every_cell(cells, seed):
    """Whatever is learned on the way; nothing is looked at twice to find out."""
    draw = random.Random(seed)
    given = many(cells, 200, seed)
    estimates = Estimates({("good", "a"): 1.0, ("slow", "b"): 3.0})
    plan = Schedule(given, estimates)
    left = {cell.image.name: cell for cell in given}
    nothing = Estimates()
    while job := plan.take():
        longest = max(estimates.seconds(cell) for cell in left.values())
        assert estimates.seconds(job.cell) == pytest.approx(longest)
        del left[job.cell.image.name]
        if draw.random() < 0.1:
            plan.restore_after_all(job.cell)
            left[job.cell.image.name] = job.cell
        if draw.random() < 0.5:
            estimates.learn(job.cell, draw.random())
        expected = sum(estimates.seconds(cell) for cell in left.values())
        assert plan.seconds(nothing) == pytest.approx(expected)
        assert len(plan) == len(left)
    assert not left and plan.seconds(nothing) == 0


def test_the_cost_of_a_cell_does_not_grow_with_their_number(cells):
    """At 20,000 cells each took 2 ms when the sums were made anew; now 20 us."""
    given = many(cells, 20_000)
    start = time.perf_counter()
    plan = Schedule(given, Estimates())
    left = RemainingTime(plan, slots=1)
    while job := plan.take():
        left.step(0, job.cell, 0, 0)
        left.finished(job.cell)
        plan.estimates.learn(job.cell, 0.01)
        left.seconds_left()
    assert time.perf_counter() - start < 10
