"""The trajectory of a prior: measured as the metric does, cheaply, and whatever is reported."""

import time

import numpy as np
import pytest
import torch
from hypothesis import given, settings
from hypothesis import strategies as st

from priorlab import metrics
from priorlab.harness.run.trajectory import Trajectory
from priorlab.tasks.base import Protocol


def images(count=5, shape=(1, 3, 20, 23), seed=0):
    generator = torch.Generator().manual_seed(seed)
    truth = torch.rand(shape, generator=generator)
    noise = [torch.randn(shape, generator=generator) for _ in range(count)]
    return truth, [truth + (0.2 + 0.1 * i) * one for i, one in enumerate(noise)]


def psnr(image, truth, protocol):
    return metrics.evaluate(image, truth, protocol)["psnr"]


@settings(deadline=None, max_examples=30)
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
    trajectory = Trajectory(truth, protocol)
    for iteration, image in enumerate(steps, start=1):
        trajectory.spent = 0.0  # measure every one
        trajectory.see(iteration, image)
    trajectory.returned(4)
    values = [psnr(image, truth, protocol) for image in steps]
    facts = trajectory.facts(values[3])
    assert facts["stop"] == 4
    assert facts["oracle_step"] == 1 + int(np.argmax(values))
    assert facts["oracle_psnr"] == pytest.approx(max(values), abs=1e-4)


def test_the_oracle_is_never_worse_than_what_is_returned():
    truth, (image, *_) = images()
    trajectory = Trajectory(truth, Protocol())
    trajectory.see(1, image)
    trajectory.see(9, image)
    assert trajectory.facts(50.0) == {"stop": None, "oracle_step": 9, "oracle_psnr": 50.0}
    trajectory.returned(7)
    assert trajectory.facts(50.0) == {"stop": 7, "oracle_step": 7, "oracle_psnr": 50.0}


def test_a_failed_metric_leaves_what_was_measured():
    truth, (image, *_) = images()
    trajectory = Trajectory(truth, Protocol())
    trajectory.see(1, image)
    assert trajectory.facts(float("nan"))["oracle_step"] == 1


def test_an_image_equal_to_the_truth_has_an_infinite_psnr():
    truth, _ = images()
    trajectory = Trajectory(truth, Protocol())
    trajectory.see(1, truth.clone())
    assert trajectory.facts(30.0)["oracle_psnr"] == float("inf")


@pytest.mark.parametrize("image", [None, "text", torch.rand(1, 3, 20, 22), torch.rand(3, 20, 23)])
def test_what_is_no_image_of_the_right_shape_is_ignored(image):
    truth, (good, *_) = images()
    trajectory = Trajectory(truth, Protocol())
    trajectory.see(1, image)
    assert trajectory.facts(30.0) == {"stop": None}
    trajectory.spent = 0.0
    trajectory.see(2, torch.full_like(good, torch.nan))
    trajectory.spent = 0.0
    trajectory.see(3, good)
    assert trajectory.facts(0.0)["oracle_step"] == 3


def test_what_is_reported_is_left_as_it_is():
    truth, (image, *_) = images()
    before, image = image.clone(), image.requires_grad_()
    Trajectory(truth, Protocol("luma", 2)).see(1, image)
    assert torch.equal(image, before)
    assert image.grad_fn is None


def test_steps_shorter_than_measuring_are_sampled():
    truth, (image, *_) = images(1, (1, 3, 256, 256))
    trajectory = Trajectory(truth, Protocol())
    start, steps = time.perf_counter(), 0
    while time.perf_counter() - start < 0.5:
        steps += 1
        trajectory.see(steps, image)
    assert trajectory.spent < 0.2 * 0.5


def test_long_steps_are_all_measured():
    truth, steps = images(4)
    trajectory = Trajectory(truth, Protocol())
    trajectory.see(1, steps[3])
    for iteration, image in enumerate(steps[2::-1], start=2):
        time.sleep(11 * trajectory.spent)  # the first measurement may be slow
        trajectory.see(iteration, image)
    assert trajectory.facts(0.0)["oracle_step"] == 4
