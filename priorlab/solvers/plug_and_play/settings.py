"""What users choose of plug-and-play, and what it is where they do not."""

from __future__ import annotations

import dataclasses
from typing import Any

from priorlab.components import PER_GRAY_LEVEL, parameter
from priorlab.errors import UsageError
from priorlab.forward.degradation import (
    BLUR,
    MISSING,
    NOISE,
    OTHER_NOISE,
    OTHER_OPERATOR,
    SUPERRES,
)
from priorlab.solvers.plug_and_play.algorithm import Algorithm, Defaults
from priorlab.solvers.plug_and_play.catalogue import ALGORITHMS

LEVEL: Any = {
    "unit": "0-255",
    "low": 0.01 * PER_GRAY_LEVEL,
    "high": 1,
    "scale": PER_GRAY_LEVEL,
}


def _range(field: str) -> str:
    """Say between what the automatic values of a setting lie."""
    found = [
        getattr(algorithm.defaults[kind], field)
        for algorithm in ALGORITHMS.values()
        for kind in algorithm.defaults
        if field not in algorithm.ignores
    ]
    return f"auto: tuned for solver and degradation, {min(found):g} to {max(found):g}"


BEST = {
    NOISE: "hqs",
    MISSING: "drs",
    SUPERRES: "drs",
    BLUR: "hqs",
    OTHER_OPERATOR: "hqs",
    OTHER_NOISE: "hqs",
}
"""The solver for each kind of degradation where none is chosen."""


def _best() -> str:
    """Say what is chosen for what."""
    by_name: dict[str, list[str]] = {}
    for kind, name in BEST.items():
        by_name.setdefault(name, []).append(kind)
    return ", ".join(f"{name} for {' and '.join(kinds)}" for name, kinds in by_name.items())


@dataclasses.dataclass(frozen=True, kw_only=True)
class SolverSettings:
    """How a denoiser is used; results/tuning-plug-and-play.md has the sweeps behind `auto`."""

    solver: str | None = parameter(
        None,
        "how the denoiser serves tasks other than denoising: by splitting (hqs, admm, drs, red),"
        " by the data's gradient (pgd, fista), or by drawing images (diffpir, ascent, ula; ula"
        f" returns their mean, with its uncertainty); auto: {_best()}",
        choices=tuple(ALGORITHMS),
        search=("hqs", "admm", "drs"),
    )
    steps: int | None = parameter(None, f"calls of the denoiser; {_range('steps')}", low=1)
    first_level: float | None = parameter(
        None,
        "noise level of the first call, or that of the noisiest pixels if it is higher;"
        f" {_range('first_level')}",
        search=(10, 100),
        **LEVEL,
    )
    last_level: float | None = parameter(
        None,
        "noise level of the last call, or that of the least noisy pixels if it is higher;"
        f" {_range('last_level')}, where there is noise alone no more than that,"
        " and more than that where few pixels of noisy data are known",
        search=(0.5, 10),
        **LEVEL,
    )
    data_weight: float | None = parameter(
        None,
        "weight of the data step relative to the denoiser's (lambda): the higher, the more the"
        f" denoiser counts; {_range('data_weight')}; not of pgd and fista",
        low=1e-6,
        search=(0.02, 5),
    )


def check_settings(name: str, settings: SolverSettings) -> None:
    """Raise a `UsageError` for a setting that the solver has no use for.

    And a `TypeError` where a prior means something else by a setting's name.

    Examples
    --------
    >>> check_settings("unet", SolverSettings(solver="pgd", data_weight=1.0))
    Traceback (most recent call last):
    ...
    priorlab.errors.UsageError: unet: data_weight= has no meaning with solver=pgd: its step is ...
    """
    fields = type(settings).__dataclass_fields__
    for one in dataclasses.fields(SolverSettings):
        if fields[one.name].metadata.get("doc") != one.metadata["doc"]:
            raise TypeError(
                f"{name}: {one.name} is a setting of the solver ({one.metadata['doc']}); give yours"
                " another name, or that one another default by"
                f" priorlab.components.with_default(Denoiser, {one.name!r}, ...)"
            )
    ignored = ALGORITHMS[settings.solver].ignores if settings.solver else {}
    for field, reason in ignored.items():
        if getattr(settings, field) is not None:
            raise UsageError(
                f"{name}: {field}= has no meaning with solver={settings.solver}: {reason}"
            )
    first, last = settings.first_level, settings.last_level
    if first is not None and last is not None and first < last:
        first, last = first / PER_GRAY_LEVEL, last / PER_GRAY_LEVEL
        raise UsageError(f"{name}: first_level={first:g} is below last_level={last:g}; levels fall")


def algorithm_for(settings: SolverSettings, kind: str) -> Algorithm:
    """Return the algorithm that is chosen, or the best one for a kind of degradation."""
    return ALGORITHMS[settings.solver or BEST[kind]]


def values_for(settings: SolverSettings, kind: str) -> Defaults:
    """Return the settings for a kind of degradation, levels on the [0, 1] scale.

    Examples
    --------
    >>> values = values_for(SolverSettings(steps=5, first_level=0.5), "blur")
    >>> values.steps, values.first_level
    (5, 0.5)
    """
    auto = algorithm_for(settings, kind).defaults[kind]
    first, last = settings.first_level, settings.last_level
    if last is None:
        last = auto.last_level * PER_GRAY_LEVEL
        last = last if first is None else min(last, first)
    if first is None:
        first = max(auto.first_level * PER_GRAY_LEVEL, last)
    weight = auto.data_weight if settings.data_weight is None else settings.data_weight
    return Defaults(settings.steps or auto.steps, first, last, weight)
