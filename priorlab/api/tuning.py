"""Search the best parameters of a prior on training images, for each kind of degradation.

Only parameters that declare where to search are tuned; see `priorlab.components.parameter`. The
search is Optuna's (T. Akiba, S. Sano, T. Yanase, T. Ohta, M. Koyama: Optuna, KDD 2019): the
tree-structured Parzen estimator of J. Bergstra, R. Bardenet, Y. Bengio, B. Kegl, NIPS 2011.
"""

from __future__ import annotations

import dataclasses
import hashlib
import operator
import typing
from collections.abc import Callable, Iterator, Mapping, Sequence
from pathlib import Path
from typing import TYPE_CHECKING, Any, cast

import numpy as np
import torch

from priorlab import metrics, plugins, restoration, tuned_parameters
from priorlab.components import given_kind
from priorlab.errors import UsageError, check_seed, counted
from priorlab.forward.degradation import NOISE, kind_of
from priorlab.forward.jpeg import TO_YCBCR
from priorlab.forward.measurement import Measurement
from priorlab.harness.report.statistics import PSNR_CAP
from priorlab.harness.run.given import plain
from priorlab.harness.run.selection import dataset_of
from priorlab.pictures import arrays, datasets
from priorlab.pictures.datasets import Dataset
from priorlab.pictures.known_sets import known_sets
from priorlab.priors import Prior
from priorlab.registry import Registry
from priorlab.solvers.exposure import finely_rounded
from priorlab.solvers.plug_and_play.settings import SolverSettings
from priorlab.tasks.base import Task

if TYPE_CHECKING:
    from optuna import Trial

PICTURES = 12
"""Most pictures of the training set that are used: at equal distances, half of them held out."""

SIDE = 160
"""Side in pixels of the part of each that is used: its centre."""

GAIN = 0.02
"""Decibels that tuned parameters must gain on pictures that the search did not see."""

LUMA = TO_YCBCR[0].astype(np.float32)

_SOLVER = {field.name for field in dataclasses.fields(SolverSettings)}


@dataclasses.dataclass(frozen=True)
class Tuned:
    """What a search found for one kind of degradation; means of the PSNR in dB, as in tables.

    Attributes
    ----------
    prior, kind : str
    tasks : tuple of str
        The tasks of that kind.
    values : mapping
        The best parameters, as users type them.
    today : tuple of str
        The specs of what the prior restores such data with now: more than one if something is
        tuned for gray pictures alone, and the prior's name if nothing is tuned.
    psnr, today_psnr, default_psnr : float
        On the pictures of the search, with these, as today, and with the parameters at their
        defaults.
    held_out, today_held_out, default_held_out : float
        The same on pictures that the search did not see.
    curve : tuple
        Each setting that was tried, with its mean PSNR.
    data : str
        SHA-256 over the pictures that were used.
    """

    prior: str
    kind: str
    tasks: tuple[str, ...]
    values: Mapping[str, Any]
    today: tuple[str, ...]
    psnr: float
    today_psnr: float
    default_psnr: float
    held_out: float
    today_held_out: float
    default_held_out: float
    curve: tuple[tuple[Mapping[str, Any], float], ...]
    data: str

    @property
    def adopted(self) -> bool:
        """Whether the values are worth more than what serves today, and more than the defaults.

        Also on pictures not seen before.
        """
        return self._gains(self.today_psnr, self.today_held_out) and self._gains(
            self.default_psnr, self.default_held_out
        )

    def _gains(self, seen: float, unseen: float) -> bool:
        return self.psnr > seen and self.held_out - unseen >= GAIN

    def record(self, command: str) -> str:
        """Return what the search did, as Markdown, with the command that did it."""
        spelled = tuned_parameters.spelled
        reached = {"the defaults": (self.default_psnr, self.default_held_out)}
        stays = "the defaults stay"
        if self.today != (self.prior,):
            today = " and ".join(f"`{spec}`" for spec in self.today)
            reached[f"tuned today: {today}"] = (self.today_psnr, self.today_held_out)
            stays = "what is tuned today stays"
        reached[f"best: `{spelled(self.values)}`"] = (self.psnr, self.held_out)
        lines = [
            f"## {self.prior}: {self.kind}",
            "",
            f"    {command}",
            "",
            f"Tasks {', '.join(self.tasks)}; data SHA-256 {self.data[:16]}:"
            f" {'adopted' if self.adopted else stays}. Mean PSNR in dB:",
            "",
            "| | pictures of the search | others |",
            "|---|---:|---:|",
            *(f"| {name} | {one:.2f} | {other:.2f} |" for name, (one, other) in reached.items()),
            "",
            "| setting | PSNR |",
            "|---|---:|",
            *(f"| {spelled(given)} | {psnr:.3f} |" for given, psnr in self.curve),
            "",
        ]
        return "\n".join(lines)


def tune(
    priors: Sequence[str] | str,
    tasks: str,
    dataset: str | Path,
    budget: int = 40,
    *,
    seed: int = 0,
    report: Callable[[str], None] = lambda line: None,
    registry: Registry | None = None,
) -> Iterator[Tuned]:
    """Search the parameters of priors, the same number of settings for each.

    Names and pictures are checked at once; then each result is there as soon as it is found.

    Parameters
    ----------
    priors : sequence of str or str
        Names, such as ``"tv"``.
    tasks : str
        Specs, such as ``"inpaint:missing=0.5|0.8,deblur"``; each kind of degradation among them is
        tuned by itself.
    dataset : str or path
        Training images: none of them may be of a set that tables report.
    budget : int
        How many settings are tried for each prior and kind.
    seed : int
        The only randomness of the search.
    report : callable
        Told in a line how far it is.
    registry : Registry, optional
        Where names are looked up; by default all installed plugins.

    Raises
    ------
    UsageError
        For an unknown name, a prior without a parameter to search, test images, or where Optuna
        is not installed.
    """
    registry = registry or plugins.load()
    seed = check_seed(seed)
    _check_budget(budget)
    built_tasks = registry.build_tasks(tasks)
    chosen = registry.build_priors(priors)
    for prior in chosen:
        if prior != type(prior)():
            raise UsageError(f"{prior.spec()}: name a prior without parameters; they are searched")
    pictures = training_pictures(dataset_of(plain("dataset", dataset), registry))
    by_kind = _by_kind(built_tasks, pictures[0])
    for prior in chosen:
        if not any(_searched(type(prior), kind) for kind in by_kind):
            raise UsageError(
                f"{prior.name} declares no parameter with a range to search that matters for"
                f" {' and '.join(by_kind)}"
            )

    def found() -> Iterator[Tuned]:
        for prior in chosen:
            for kind, of_kind in by_kind.items():
                if _searched(type(prior), kind):
                    yield _search(prior, kind, of_kind, pictures, budget, seed, report)
                else:
                    report(f"{prior.name}, {kind}: nothing to search")

    return found()


def _check_budget(budget: int) -> None:
    try:
        whole = operator.index(budget)
    except TypeError:
        raise UsageError(f"budget={budget!r} is not a whole number") from None
    if whole < 1:
        raise UsageError(f"budget={whole} is too small; the least is 1")


def training_pictures(dataset: Dataset) -> list[torch.Tensor]:
    """Return the centres (1, C, H, W) of some pictures of a training set, every second one gray.

    Raises
    ------
    UsageError
        If one of its pictures is of a set that tables report.
    """
    tested = _test_images()
    for image in dataset.images:
        if name := tested.get(image.digest) or tested.get(datasets.gray_digest(image)):
            said = (
                f"{dataset.name}: {image.name} is an image of {name}, which tables report;"
                " tune on other images, such as those of BSDS432"
            )
            raise UsageError("; ".join((said, *dataset.notes)))  # a folder may have been meant
    count = len(dataset.images)
    if count < 2:
        raise UsageError(
            f"{dataset.name} has {counted(count, 'picture')}; tuning holds half of them out"
        )
    places = np.unique(np.linspace(0, count - 1, min(PICTURES, count)).astype(int))
    pictures = []
    for index, place in enumerate(places):
        image = dataset.images[place].read()
        if len(image) == 3 and index % 4 >= 2:  # gray and colour, in the search and held out
            image = np.einsum("c,chw->hw", LUMA, image)[None]
        top, left = ((max(size - SIDE, 0)) // 2 for size in image.shape[1:])
        part = image[:, top : top + SIDE, left : left + SIDE]
        pictures.append(arrays.to_tensor(np.ascontiguousarray(part)))
    return pictures


def _test_images() -> dict[str, str]:
    """Return the set of each image that tables report, by its digest."""
    known = {digest: name for name, one in known_sets().items() for digest in one.images.values()}
    bundled = datasets.load("photos").images
    return known | {image.digest: "the bundled photos" for image in bundled}


def _by_kind(tasks: Sequence[Task], picture: torch.Tensor) -> dict[str, list[Task]]:
    kinds: dict[str, list[Task]] = {}
    for task in tasks:
        kinds.setdefault(kind_of(task.measure(picture, seed=0)), []).append(task)
    return kinds


def _searched(prior: type[Prior], kind: str) -> dict[str, dataclasses.Field[Any]]:
    """Return the parameters to search; noise alone is no matter of the solver's settings."""
    return {
        field.name: field
        for field in dataclasses.fields(prior)
        if field.metadata.get("search") and not (kind == NOISE and field.name in _SOLVER)
    }


def _search(
    prior: Prior,
    kind: str,
    tasks: Sequence[Task],
    pictures: Sequence[torch.Tensor],
    budget: int,
    seed: int,
    report: Callable[[str], None],
) -> Tuned:
    """Search the parameters of one prior for one kind of degradation."""
    try:
        import optuna
    except ImportError:
        raise UsageError("tuning needs Optuna: pip install 'priorlab[tune]'") from None
    optuna.logging.set_verbosity(optuna.logging.ERROR)
    fields = _searched(type(prior), kind)
    measured = [
        [
            (task, finely_rounded(task.measure(picture, seed=0)), task.truth(picture))
            for task in tasks
        ]
        for picture in pictures
    ]
    seen = [case for of_picture in measured[::2] for case in of_picture]
    unseen = [case for of_picture in measured[1::2] for case in of_picture]
    of_defaults = [_mean_psnr(_plain(prior), cases) for cases in (seen, unseen)]
    today = tuple(sorted({prior.settled(data).spec() for _, data, _ in seen + unseen}))
    of_today = of_defaults
    if today != (prior.name,):
        of_today = [_mean_psnr(prior, cases) for cases in (seen, unseen)]
    curve: list[tuple[Mapping[str, Any], float]] = []

    def objective(trial: Trial) -> float:
        given = {name: _suggested(trial, type(prior), field) for name, field in fields.items()}
        try:
            built = _plain(cast(Prior, tuned_parameters.parsed(type(prior), given)))
        except UsageError:  # settings that exclude each other
            raise optuna.TrialPruned from None
        psnr = _mean_psnr(built, seen)
        curve.append((given, psnr))
        best = max(found for _, found in curve)
        report(f"{prior.name}, {kind}: {len(curve)} of {budget}, {of_today[0]:.2f} -> {best:.2f}")
        return psnr

    sampler = optuna.samplers.TPESampler(seed=seed % 2**32, multivariate=True)  # it takes 32 bits
    study = optuna.create_study(direction="maximize", sampler=sampler)
    study.optimize(objective, n_trials=budget)
    if not curve:
        raise UsageError(f"{prior.name}: none of {budget} settings could be tried")
    values, psnr = max(curve, key=lambda pair: pair[1])
    best = _plain(cast(Prior, tuned_parameters.parsed(type(prior), values)))
    digest = hashlib.sha256(b"".join(picture.numpy().tobytes() for picture in pictures))
    return Tuned(
        prior=prior.name,
        kind=kind,
        tasks=tuple(task.spec() for task in tasks),
        values=values,
        today=today,
        psnr=psnr,
        today_psnr=of_today[0],
        default_psnr=of_defaults[0],
        held_out=_mean_psnr(best, unseen),
        today_held_out=of_today[1],
        default_held_out=of_defaults[1],
        curve=tuple(curve),
        data=digest.hexdigest(),
    )


def _plain(prior: Prior) -> Prior:
    """Return the prior with what its parameters are: at their defaults, too, nothing is tuned."""
    return dataclasses.replace(prior, tuned=False)


def _suggested(trial: Trial, prior: type[Prior], field: dataclasses.Field[Any]) -> Any:
    """Return a value to try, as users type it: floats of three digits."""
    search = field.metadata["search"]
    if isinstance(search[0], str):
        return trial.suggest_categorical(field.name, list(search))
    low, high = search
    if given_kind(typing.get_type_hints(prior)[field.name]) is int:
        return trial.suggest_int(field.name, int(low), int(high))
    value = float(f"{trial.suggest_float(field.name, low, high, log=low > 0):.3g}")
    return min(max(value, low), high)  # which rounding may have left


def _mean_psnr(prior: Prior, cases: Sequence[tuple[Task, Measurement, torch.Tensor]]) -> float:
    """Return the mean PSNR of a prior in dB."""
    found = []
    for task, measurement, truth in cases:
        restored = restoration.attempt(prior, measurement)[0].numpy()
        psnr = metrics.evaluate(restored, truth[0].numpy(), task.protocol)["psnr"]
        found.append(min(psnr, PSNR_CAP))  # else one blank page, restored exactly, decides all
    return float(np.mean(found))
