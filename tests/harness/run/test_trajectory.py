"""The trajectory of a prior: measured as the metric does."""

import json

import numpy as np
import pytest
import torch
from hypothesis import given, settings
from hypothesis import strategies as st

from priorlab import metrics
from priorlab.harness.run.trajectory import MOST_POINTS, Trajectory
from priorlab.tasks.base import Protocol


def images(count=5, shape=(1, 3, 20, 23), seed=0):
    generator = torch.Generator().manual_seed(seed)
    truth = torch.rand(shape, generator=generator)
    noise = [torch.randn(shape, generator=generator) for _ in range(count)]
    return truth, [truth + (0.2 + 0.1 * i) * one for i, one in enumerate(noise)]


def psnr(image, truth, protocol):
    return metrics.evaluate(image, truth, protocol)["psnr"]


@settings(max_examples=30)
@given(
    order=st.permutations(range(4)),
    channels=st.sampled_from(["rgb", "luma"]),
    crop=st.integers(0, 8),
    gray=st.booleans(),
)
def test_the_peak_is_the_best_by_the_metric(order, channels, crop, gray):
    protocol = Protocol(channels, crop)
    truth, steps = images(4, (1, 1 if gray else 3, 20, 23))
    steps = [steps[i] for i in order]
    seen = Trajectory(truth, protocol)
    for iteration, image in enumerate(steps, start=1):
        seen.see(iteration, 0.5, image)
    values = [psnr(image, truth, protocol) for image in steps]
    facts = seen.facts(values[3], last=4, stop=4)
    assert facts["stop"] == 4
    assert facts["oracle_step"] == 1 + int(np.argmax(values))
    assert facts["oracle_psnr"] == pytest.approx(max(values), abs=1e-4)


def test_the_oracle_is_never_worse_than_what_is_returned():
    truth, (image, *_) = images()
    seen = Trajectory(truth, Protocol())
    seen.see(1, 0.5, image)
    found = {"oracle_psnr": 50.0, "curve": seen.facts(50.0, 9, None)["curve"]}
    assert seen.facts(50.0, 9, None) == {"stop": None, "oracle_step": 9} | found
    assert seen.facts(50.0, 9, 7) == {"stop": 7, "oracle_step": 7} | found


def test_of_several_fits_the_last_one_is_counted():
    truth, steps = images(4)
    seen = Trajectory(truth, Protocol())
    for iteration, image in enumerate((steps[3], steps[2], steps[1], steps[0]), start=1):
        seen.see(iteration, 0.5, image)
    facts = seen.facts(0.0, last=4, stop=3, before=2)
    assert (facts["stop"], facts["oracle_step"]) == (1, 2)
    assert [point[0] for point in json.loads(facts["curve"])] == [-1, 0, 1, 2]
    odd = seen.facts(0.0, last=4, stop=3, before=3)
    assert (odd["stop"], odd["oracle_step"]) == (3, 4), "no fit ends before it begins"


def test_a_failed_metric_leaves_what_was_measured():
    truth, (image, *_) = images()
    seen = Trajectory(truth, Protocol())
    seen.see(1, 0.5, image)
    assert seen.facts(float("nan"), 1, None)["oracle_step"] == 1


def test_an_image_equal_to_the_truth_has_an_infinite_psnr():
    truth, _ = images()
    seen = Trajectory(truth, Protocol())
    seen.see(1, 0.5, truth.clone())
    assert seen.facts(30.0, 1, None)["oracle_psnr"] == float("inf")


def test_what_is_no_image_of_the_right_shape_is_ignored():
    truth, (good, *_) = images()
    seen = Trajectory(truth, Protocol())
    seen.see(1, 0.5, torch.zeros(1, 3, 20, 22))
    assert seen.facts(30.0, 1, None) == {"stop": None}
    seen.see(2, 0.5, torch.full_like(good, torch.nan))
    seen.see(3, 0.5, good)
    assert seen.facts(0.0, 3, None)["oracle_step"] == 3


def test_the_curve_has_each_image_with_its_time():
    truth, steps = images(3)
    seen = Trajectory(truth, Protocol())
    for iteration, image in enumerate(steps, start=1):
        seen.see(iteration, iteration / 4, image)
    points = json.loads(seen.facts(0.0, 3, None)["curve"])
    assert [point[:2] for point in points] == [[1, 0.25], [2, 0.5], [3, 0.75]]
    wanted = [psnr(image, truth, Protocol()) for image in steps]
    assert [point[2] for point in points] == pytest.approx(wanted, abs=1e-3)


def test_a_long_curve_is_thinned_evenly():
    truth, (image, *_) = images(1, (1, 1, 4, 4))
    seen = Trajectory(truth, Protocol())
    for iteration in range(1, 1001):
        seen.see(iteration, 0.0, image)
    steps = [step for step, *_ in json.loads(seen.facts(0.0, 1000, None)["curve"])]
    assert MOST_POINTS / 2 <= len(steps) <= MOST_POINTS
    assert len(set(np.diff(steps))) == 1 and steps[-1] > 990
