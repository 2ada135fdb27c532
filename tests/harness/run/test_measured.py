"""What the priors of a comparison are given: measured once where that is known to suffice."""

from __future__ import annotations

import dataclasses
from typing import ClassVar

import pytest
import torch

from priorlab.harness.run import measured
from priorlab.harness.run.measured import Measured
from priorlab.pictures import datasets
from priorlab.pictures.arrays import to_tensor
from priorlab.tasks.base import Task
from priorlab.tasks.denoising import Denoise
from priorlab.tasks.inpainting import Inpaint

IMAGE = datasets.load("photos").images[0]
CLEAN = to_tensor(IMAGE.read())


@dataclasses.dataclass(frozen=True, kw_only=True)
class Foreign(Denoise):
    name: ClassVar[str] = "foreign"


def same(tasks: list[Task]) -> list[bool]:
    """Return whether each task's second measurement is the object that the first one was."""
    of = Measured()
    first, second = ([of.of(task, IMAGE, CLEAN, seed=1) for task in tasks] for _ in range(2))
    assert [digest for _, digest in first] == [digest for _, digest in second]
    assert all(torch.equal(a.y, b.y) for (a, _), (b, _) in zip(first, second, strict=True))
    return [a is b for (a, _), (b, _) in zip(first, second, strict=True)]


def test_the_core_s_tasks_measure_once_and_those_of_plugins_each_time() -> None:
    assert same([Denoise(), Inpaint(), Foreign()]) == [True, True, False]


def test_other_seeds_and_parameters_are_measured_for_themselves() -> None:
    of = Measured()
    found = [
        of.of(task, IMAGE, CLEAN, seed=seed)[1]
        for task in (Denoise(), Denoise(sigma=0.2))
        for seed in (0, 1)
    ]
    assert len(set(found)) == 4


def test_no_more_is_kept_than_was_settled(monkeypatch: pytest.MonkeyPatch) -> None:
    monkeypatch.setattr(measured, "MOST_VALUES", CLEAN.numel())
    assert same([Denoise(), Inpaint()]) == [False, False]
    assert same([Denoise()]) == [True]
