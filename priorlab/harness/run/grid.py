"""The grid of a comparison: its cells, each with the key under which its result is stored."""

from __future__ import annotations

import dataclasses
import hashlib
import itertools
from collections.abc import Callable, Iterable, Mapping, Sequence
from typing import Any

import numpy as np
import torch

from priorlab.components import Component
from priorlab.errors import UsageError, check_seed
from priorlab.ground.escaping import without_home
from priorlab.harness.results.names import safe_name
from priorlab.harness.run import keys
from priorlab.pictures.datasets import Dataset
from priorlab.pictures.image_files import ImageFile
from priorlab.priors import Prior
from priorlab.registry import Registry
from priorlab.sources.digest import digest
from priorlab.tasks.base import Task


@dataclasses.dataclass(frozen=True, slots=True)
class Cell:
    """One prior on one task, image and seed.

    Attributes
    ----------
    key : str
        SHA-256 of everything that the restored image can depend on; see
        `priorlab.harness.run.keys`.
    pair : tuple of str
        Prior and task, as specs: cells of one pair take equally long per pixel.
    """

    prior: Prior
    task: Task
    image: ImageFile
    seed: int
    key: str
    pair: tuple[str, str]

    @property
    def labels(self) -> dict[str, Any]:
        """What names the cell in a table: prior, task, image, seed."""
        prior, task = self.pair
        return {"prior": prior, "task": task, "image": self.image.name, "seed": self.seed}

    @property
    def batched(self) -> bool:
        """Whether its prior says that it gains from batches."""
        try:
            return self.prior.batched is True
        except (Exception, SystemExit):  # a plugin's own code, which is not to end the run
            return False

    @property
    def pixels(self) -> int:
        """Size of the clean image."""
        return self.image.height * self.image.width

    @property
    def megapixels(self) -> float:
        """The same in millions."""
        return self.pixels / 1e6


def cells(
    priors: Sequence[Prior],
    tasks: Sequence[Task],
    images: Sequence[ImageFile],
    seeds: Sequence[int],
    *,
    registry: Registry,
    device: str,
    digest_of: Callable[[frozenset[str]], str] = digest,
) -> list[Cell]:
    """Return the cells of a grid, in the order of its tables.

    `digest_of` is as `keys.identity` has it.

    Raises
    ------
    UsageError
        For an empty axis, a bad seed or device, a file parameter that cannot be read or that fits
        none of the images, such as a mask of another size, or a component that is not in the
        registry (a child process could not build it).
    """
    for axis, values in {"priors": priors, "tasks": tasks, "seeds": seeds}.items():
        if not values:
            raise UsageError(f"the grid has no {axis}; name at least one")
    for seed in seeds:
        check_seed(seed)
    for kind, components in {"priors": priors, "tasks": tasks}.items():
        for component in components:
            _check_installed(kind, component, registry)
    of_task = {task: _test_images(task, images) for task in tasks}
    for task, chosen_images in of_task.items():
        _check_files(task, chosen_images)
    setting = keys.canonical(keys.setting(device))
    chosen = {prior: _written("priors", prior, registry, digest_of) for prior in priors}
    found = []
    for task in dict.fromkeys(tasks):
        task_identity, task_spec = _written("tasks", task, registry, digest_of)
        for prior, (identity, spec) in chosen.items():
            pair = (spec, task_spec)
            for image, seed in itertools.product(of_task[task], dict.fromkeys(seeds)):
                key = keys.key_of_texts(identity, task_identity, image.digest, seed, setting)
                found.append(Cell(prior, task, image, seed, key, pair))
    return found


def _test_images(task: Task, images: Sequence[ImageFile]) -> list[ImageFile]:
    """Return the images that a task may degrade, or raise a `UsageError` if it may none."""
    if found := [image for image in images if task.is_test_image(image.path)]:
        return found
    raise UsageError(f"{task.spec()}: none of the pictures is a test image of this task")


def _written(
    kind: str,
    component: Component,
    registry: Registry,
    digest_of: Callable[[frozenset[str]], str],
) -> tuple[str, str]:
    """Return the identity of a component as it enters keys, and its spec as rows name it."""
    identity = keys.canonical(keys.identity(kind, component, registry, digest_of))
    return identity, without_home(component.spec())


def _check_installed(kind: str, component: Component, registry: Registry) -> None:
    """Raise a `UsageError` unless a component, and those within it, are in the registry."""
    for part_kind, part in keys.parts(kind, component):
        if registry.find(part_kind, part.name) is not type(part):
            raise UsageError(
                f"{type(part).__name__} is not the {part_kind[:-1]} that is installed as"
                f" {part.name!r}; put it in a file and name that as a plugin file"
            )


def _check_files(task: Task, images: Sequence[ImageFile]) -> None:
    """Raise a `UsageError` if what a task's file holds is wrong for every image."""
    if not task.file_parameters():
        return
    problem = None
    shapes = dict.fromkeys((1, image.channels, image.height, image.width) for image in images)
    for shape in shapes:
        try:
            scene = task.scene(torch.empty(()).expand(shape))
            task.operator((1, *scene.shape[1:]), np.random.default_rng(0))
            return
        except UsageError as error:
            problem = problem or error
        except Exception:  # a plugin may raise anything: its rows will say what
            return
    if problem:
        raise problem


def run_name(tasks: Sequence[Task], dataset: Dataset, grid: Iterable[Mapping[str, Any]]) -> str:
    """Return the default name of a run: the same command gives the same name.

    Examples
    --------
    >>> from priorlab import plugins
    >>> tasks = plugins.load().build_tasks("denoise:sigma=25,inpaint")
    >>> name = run_name(tasks, Dataset("set12", []), [{"prior": "tv", "image": "01"}])
    >>> name.rpartition("-")[0]  # some digits of a digest of the cells follow
    'denoise+inpaint-set12'
    """
    names = "+".join(dict.fromkeys(task.name for task in tasks))
    if len(names) > 30:
        names = f"{len(tasks)}-tasks"
    labels = hashlib.sha256(b"[")  # the canonical text of all labels, piece by piece
    for index, cell in enumerate(grid):
        labels.update(f"{',' * (index > 0)}{keys.canonical(dict(cell))}".encode())
    labels.update(b"]")
    return safe_name(f"{names}-{dataset.name}")[:60] + f"-{labels.hexdigest()[:8]}"
