"""Every prior restores as well as golden.toml says, and better than doing nothing."""

import functools
import math

import pytest
from golden import FILE, Case, by_case, cases, crop, kept, psnr, read, text
from mostly_slow import mostly_slow
from support import WORSE

CASES = cases()
RECORDED = by_case(read())
MARGIN = 0.3
"""By how many dB a prior may be worse than `degraded` without a reason."""


SECONDS = {"dip": "denoise", "wnnm:reach=5,step=6,steps=6": "denoise-poisson"}
"""What takes seconds: the default suite leaves it out, and CI does it afterwards."""


def parameters(chosen: list[Case]) -> pytest.MarkDecorator:
    ids = [f"{case.spec}-{case.task}-{case.picture}" for case in chosen]
    quick = [case for case in chosen if SECONDS.get(case.spec) != case.task]
    return pytest.mark.parametrize("case", mostly_slow(chosen, *quick), ids=ids)


def check(case: Case) -> None:
    value = case.psnr()
    assert value == pytest.approx(RECORDED[case], abs=case.tolerance), (
        f"{RECORDED[case]:.3f} dB became {value:.3f}; if that is meant, run: "
        f"python tests/golden.py {case.prior}"
    )


@parameters([case for case in CASES if not case.slow])
def test_the_figure_is_what_it_was(case: Case) -> None:
    check(case)


@pytest.mark.slow
@pytest.mark.timeout(600)
@parameters([case for case in CASES if case.slow])
def test_the_figure_that_takes_long_is_what_it_was(case: Case) -> None:
    check(case)


def test_each_figure_is_recorded_and_no_other() -> None:
    assert set(RECORDED) == set(CASES)


def test_the_file_is_written_as_it_is_read() -> None:
    assert text(RECORDED) == FILE.read_text(encoding="utf-8")


def test_rewriting_keeps_what_is_within_the_tolerance() -> None:
    case = Case("tv", "denoise", "camera")
    assert kept(case, 30.019, {case: 30.0}) == 30.0
    assert kept(case, 30.021, {case: 30.0}) == 30.021
    assert kept(case, 30.021, {}) == 30.021


@functools.cache
def degraded(task: str, picture: str, side: int) -> float:
    return psnr("degraded", task, crop(picture, side))


def shortfalls() -> dict[tuple[str, str], float]:
    """Return by how many dB each prior is worse than `degraded` on each task, at worst."""
    worst: dict[tuple[str, str], float] = {}
    for case in RECORDED:
        key = (case.spec, case.task)
        shortfall = degraded(case.task, case.picture, case.side) - RECORDED[case]
        worst[key] = max(worst.get(key, -math.inf), shortfall)
    return worst


def test_a_prior_worse_than_the_degraded_picture_has_a_reason() -> None:
    worse = {key: round(by, 2) for key, by in shortfalls().items() if by > MARGIN}
    excused = {(prior, task) for prior, tasks in WORSE.items() for task in tasks}
    assert set(worse) == excused, worse
