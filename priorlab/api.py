"""The Python interface: `restore` a picture, `degrade` one, `bench` priors against each other."""

from __future__ import annotations

import dataclasses
import itertools
import logging
from collections.abc import Callable, Sequence
from pathlib import Path
from typing import TYPE_CHECKING, Any, TypeVar

import numpy as np
import torch
from numpy.typing import NDArray

from priorlab import plugins, specs
from priorlab.errors import Unsupported, UsageError, check_seed, unknown
from priorlab.forward.measurement import Measurement
from priorlab.pictures import arrays, reading
from priorlab.priors import Prior
from priorlab.randomness import seeded
from priorlab.registry import Registry
from priorlab.tasks.base import Task
from priorlab.trace import SILENT, Trace

if TYPE_CHECKING:
    import pandas as pd

    from priorlab.pictures.datasets import Dataset

C = TypeVar("C", bound=specs.Component)
Picture = str | Path | NDArray[Any]
"""A file, or an array (H, W) or (H, W, C): float in [0, 1], 8-bit or 16-bit."""

_log = logging.getLogger("priorlab")


def restore(
    image: Picture,
    task: str,
    prior: str | Prior,
    *,
    seed: int = 0,
    device: str = "cpu",
    trace: Trace = SILENT,
    registry: Registry | None = None,
    say: Callable[[str], object] = _log.info,
) -> NDArray[np.float32]:
    """Restore a picture that is already degraded: nothing is added to it.

    Parameters
    ----------
    image : path or array
        The degraded picture, (H, W) or (H, W, C), at least 16 x 16.
    task : str
        How it came to be degraded, such as ``"denoise:sigma=25"``. `denoise` without a sigma
        estimates it.
    prior : str or Prior
        Such as ``"tv"`` or ``"dip:iterations=3000"``.
    seed : int
        Seed of the prior's randomness.
    device : str
        Torch device, such as "cpu" or "cuda".
    trace : Trace
        Is told of intermediate images.
    registry : Registry, optional
        Where names are looked up; by default all installed plugins.
    say : callable
        Is told in one line what was estimated; by default the log.

    Returns
    -------
    array
        float32 in [0, 1], (H, W) or (H, W, C); for super-resolution larger by its factor.

    Raises
    ------
    UsageError
        For what cannot be read, an unknown name or parameter, or a prior that does not support
        the task, fails, or returns something else than an image.
    """
    check_seed(seed)
    registry = registry or plugins.load()
    data = load_picture(image)
    chosen = one_prior(prior, registry)
    model, note = task_for_picture(task, data, registry)
    if note:
        say(note)
    measurement = model.adopt(torch.from_numpy(data)[None]).to(torch_device(device))
    return to_picture(restore_measurement(chosen, measurement, seed=seed, trace=trace))


def degrade(
    image: Picture,
    task: str = "denoise",
    *,
    seed: int = 0,
    registry: Registry | None = None,
) -> tuple[NDArray[np.float32], NDArray[np.float32] | None]:
    """Degrade a picture as `bench` does, with the boundary conditions of a real photograph.

    Parameters
    ----------
    image : path or array
        The clean picture, (H, W) or (H, W, C).
    task : str
        Such as ``"denoise:sigma=25"``.
    seed : int
        Seed of the noise, mask and kernel.
    registry : Registry, optional
        Where names are looked up; by default all installed plugins.

    Returns
    -------
    degraded : array
        float32, not clipped: noise may leave [0, 1].
    mask : array or None
        For inpainting (H, W): 1 where a pixel is known, 0 where it is missing.

    Raises
    ------
    UsageError
        For what cannot be read or an unknown name or parameter.
    """
    check_seed(seed)
    registry = registry or plugins.load()
    clean = torch.from_numpy(load_picture(image))[None]
    model = _one_task(task, registry).for_photograph(specs.split(task)[0].fields)
    measurement = model.measure(clean, seed)
    if measurement.y.ndim != 4 or measurement.y.is_complex():
        shape = tuple(measurement.y.shape[1:])
        raise UsageError(f"{model.spec()} does not return a picture: its data have shape {shape}")
    mask = getattr(measurement.operator, "mask", None)
    known = None if mask is None else mask.broadcast_to(measurement.shape)[0, 0].numpy()
    return _to_layout(measurement.y), known


def bench(
    priors: Sequence[str | Prior] | str | None = None,
    tasks: Sequence[str | Task] | str = ("denoise", "inpaint"),
    dataset: str | Path = "photos",
    seeds: Sequence[int] = (0,),
    *,
    images: Sequence[str] | str | None = None,
    out: str | Path = "results",
    name: str | None = None,
    slots: int | None = None,
    threads: int = 1,
    timeout_s: float = 1800.0,
    device: str = "cpu",
    plugin_files: Sequence[str | Path] = (),
    plugin_folders: Sequence[str | Path] = (),
) -> pd.DataFrame:
    """Run every prior on every task, image and seed, and return a row for each.

    What the results folder already holds is not computed again.

    Parameters
    ----------
    priors : sequence of str or Prior, optional
        Specs such as ``"tv"``; by default every installed prior with its defaults, but for
        those that are only run when named.
    tasks : sequence of str or Task
        Specs such as ``"denoise:sigma=15|25|50"``.
    dataset : str or path
        A named image set or a folder of images.
    seeds : sequence of int
        One measurement of each image for each.
    images : sequence of str, optional
        Names of the dataset's images to use, without suffix; by default all.
    out : path
        The results folder: a store that all runs share, and a folder for each run.
    name : str, optional
        Name of the run; by default made from the grid.
    slots : int, optional
        Cells at the same time; by default one per core.
    threads : int
        Threads of each.
    timeout_s : float
        Seconds after which a cell is given up.
    device : str
        Torch device.
    plugin_files, plugin_folders : sequence of path
        Plugins besides the installed ones.

    Returns
    -------
    DataFrame
        With at least the columns ``prior, task, image, seed, status, psnr, ssim, seconds``.

    Raises
    ------
    UsageError
        For an unknown name or parameter, or a dataset that cannot be read.
    KeyboardInterrupt
        After Ctrl-C; the cells finished until then are kept and not computed again.
    """
    from priorlab.harness.run.bench import run

    registry = plugins.load(plugin_files, plugin_folders)
    done = run(
        select_priors(priors, registry),
        select_tasks(tasks, registry),
        select_images(load_dataset(str(dataset), registry), images),
        [int(seed) if isinstance(seed, np.integer) else seed for seed in seeds],
        registry=registry,
        out=Path(out),
        name=name,
        slots=slots,
        threads=threads,
        timeout_s=timeout_s,
        device=device,
        plugin_files=plugin_files,
        plugin_folders=plugin_folders,
    )
    if done.interrupted:
        raise KeyboardInterrupt
    return done.rows


def select_priors(chosen: Sequence[str | Prior] | str | None, registry: Registry) -> list[Prior]:
    """Build the priors of a comparison; None stands for all that are run by default."""
    if chosen is None:
        return [kind() for kind in registry.priors.values() if kind.by_default]
    return _selected(chosen, registry.build_priors)


def load_dataset(text: str, registry: Registry) -> Dataset:
    """Load a dataset by its name or path; the registry explains a name that it does not know."""
    from priorlab.pictures import datasets

    if datasets.is_name(text):
        registry.find("datasets", text)
    return datasets.load(text, registry.datasets)


def select_images(dataset: Dataset, names: Sequence[str] | str | None) -> Dataset:
    """Return the dataset with only the named images, in its own order; None stands for all.

    Raises
    ------
    UsageError
        For an unknown name, with a suggestion, or none at all.
    """
    if names is None:
        return dataset
    items = names.split(",") if isinstance(names, str) else names
    chosen = {name.strip() for name in items if name.strip()}
    known = [image.name for image in dataset.images]
    for name in sorted(chosen.difference(known)):
        error = unknown(f"image of {dataset.name}", name, known)
        unread = f"; {dataset.problems[0]}" if dataset.problems else ""
        raise UsageError(f"{error}{unread}")
    if not chosen:
        raise UsageError("expected the name of at least one image")
    left = tuple(image for image in dataset.images if image.name in chosen)
    return dataclasses.replace(dataset, images=left, problems=())


def select_tasks(chosen: Sequence[str | Task] | str, registry: Registry) -> list[Task]:
    """Build the tasks of a comparison."""
    return _selected(chosen, registry.build_tasks)


def _selected(chosen: Sequence[str | C] | str, build: Callable[[str], list[C]]) -> list[C]:
    """Build what is given as text, keep what is built, drop what comes twice."""
    items = [chosen] if isinstance(chosen, str) else chosen
    built = [build(item) if isinstance(item, str) else [item] for item in items]
    return list(dict.fromkeys(itertools.chain.from_iterable(built)))


def one_prior(prior: str | Prior, registry: Registry) -> Prior:
    """Return the one prior that a spec names."""
    if isinstance(prior, Prior):
        return prior
    built = registry.build_priors(prior)
    if len(built) != 1:
        raise UsageError(f"expected one prior, not {len(built)}: {prior}")
    return built[0]


def task_for_picture(text: str, data: NDArray[np.float32], registry: Registry) -> tuple[Task, str]:
    """Return the task that fits a picture with an unknown history, and a note on what was guessed.

    Parameters
    ----------
    text : str
        The task as typed.
    data : array of shape (C, H, W)
        The degraded picture.
    registry : Registry
        Where the name is looked up.

    Returns
    -------
    task : Task
    note : str
        One line on the estimate, or empty; see `Task.for_picture`.
    """
    return _one_task(text, registry).for_picture(data, specs.split(text)[0].fields)


def restore_measurement(
    prior: Prior, measurement: Measurement, *, seed: int, trace: Trace
) -> torch.Tensor:
    """Run a prior on a measurement, or say in a `UsageError` why it cannot."""
    from priorlab.harness.run import cell

    if reason := prior.unsupported(measurement):
        raise UsageError(f"{prior.spec()} does not support this: {reason}")
    try:
        prior.prepare(measurement.y.device, measurement.shape[1])
        with seeded(seed, measurement.y.device):
            restored = cell.checked(prior.restore(measurement, trace, seed), measurement.shape)
    except UsageError:
        raise
    except Unsupported as error:
        raise UsageError(f"{prior.spec()} does not support this: {error}") from None
    except Exception as error:  # a plugin may raise anything; the cause stays attached
        raise UsageError(f"{prior.spec()} failed: {cell.failure(error)['message']}") from error
    return arrays.to_tensor(restored)


def torch_device(name: str) -> torch.device:
    """Return a device that exists here, or raise a `UsageError`."""
    try:
        device = torch.device(name)
        torch.empty(1, device=device)
    except (RuntimeError, AssertionError) as error:
        reason = str(error).splitlines()[0]
        raise UsageError(f"device {name!r} cannot be used here: {reason}") from None
    return device


def load_picture(image: Picture) -> NDArray[np.float32]:
    """Return a file or array as float32 (C, H, W) in [0, 1], or raise a `UsageError`."""
    if isinstance(image, str | Path):
        data, where = reading.read(image), str(image)
    else:
        data, where = arrays.from_user(np.asarray(image)), "the array"
    if min(data.shape[1:]) < arrays.SMALLEST_SIDE:
        height, width = data.shape[1:]
        least = f"{arrays.SMALLEST_SIDE}x{arrays.SMALLEST_SIDE}"
        raise UsageError(f"{where} is {width}x{height} pixels; the least is {least}")
    return data


def planes(picture: NDArray[Any]) -> NDArray[np.float32]:
    """Return an array (H, W) or (H, W, C) as (C, H, W), the layout of files and metrics."""
    array = np.asarray(picture, dtype=np.float32)
    return np.ascontiguousarray(array[None] if array.ndim == 2 else array.transpose(2, 0, 1))


def to_picture(image: torch.Tensor) -> NDArray[np.float32]:
    """Return a tensor (1, C, H, W) as an array (H, W) or (H, W, C), clipped to [0, 1]."""
    return _to_layout(image.clamp(0, 1))


def _to_layout(image: torch.Tensor) -> NDArray[np.float32]:
    return arrays.to_user(arrays.from_tensor(image))


def _one_task(text: str, registry: Registry) -> Task:
    """Return the one task that a spec names."""
    built = registry.build_tasks(text)
    if len(built) != 1:
        raise UsageError(f"expected one task, not {len(built)}: {text}")
    return built[0]
