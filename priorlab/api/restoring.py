"""Restore one picture, or degrade one."""

from __future__ import annotations

import contextlib
import logging
from collections.abc import Callable, Collection, Iterator
from pathlib import Path

import numpy as np
import torch
from numpy.typing import NDArray

from priorlab import devices, plugins, restoration, specs
from priorlab.api import pictures
from priorlab.api.pictures import PictureSource
from priorlab.errors import UsageError, check_seed
from priorlab.forward.measurement import Measurement
from priorlab.pictures import arrays, extra_pictures, writing
from priorlab.pictures.picture import Picture
from priorlab.priors import Prior
from priorlab.registry import Registry
from priorlab.tasks.base import Task
from priorlab.trace import SILENT, Trace

_log = logging.getLogger("priorlab")


def restore(
    image: PictureSource,
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
        Receives intermediate images.
    registry : Registry, optional
        Where names are looked up; by default all installed plugins.
    say : callable
        Called with one line on what was estimated; by default the log.

    Returns
    -------
    array
        float32 in [0, 1], (H, W) or (H, W, C); for super-resolution larger by its factor.

    Raises
    ------
    UsageError
        If the picture cannot be read, for an unknown name or parameter, or if the prior does not
        support the task, or either fails, or the prior returns something else than an image.

    Examples
    --------
    >>> import numpy as np
    >>> noisy = np.random.default_rng(0).normal(0.5, 0.1, (32, 32)).clip(0, 1)
    >>> restored = restore(noisy, "denoise:sigma=25", "tv")
    >>> restored.shape, bool(restored.std() < noisy.std())
    ((32, 32), True)
    """
    check_seed(seed)
    registry = registry or plugins.load()
    return pictures.to_array(
        _restored(pictures.load(image), task, prior, seed, device, trace, registry, say)
    )


def restore_file(
    source: Path,
    output: Path,
    task: str,
    prior: str | Prior,
    *,
    seed: int = 0,
    device: str = "cpu",
    registry: Registry | None = None,
    say: Callable[[str], object] = _log.info,
) -> None:
    """Restore a file as `restore` does, and write the result and the prior's extra pictures.

    Parameters
    ----------
    source, output : Path
        The degraded picture, and the file to write; extra pictures get names made from it.
    task, prior, seed, device, registry
        As `restore` takes them.
    say : callable
        Called with one line on what was estimated, and one on each file written.

    Raises
    ------
    UsageError
        As `restore` raises it, and if a file cannot be written.

    Examples
    --------
    >>> restore_file(Path("photo.png"), Path("clean.png"), "denoise:sigma=25", "tv", say=print)
    wrote clean.png
    """
    check_seed(seed)
    writing.check_writable(output)
    data = pictures.load(source)
    writing.check_writable(output, channels=len(data))
    registry = registry or plugins.load()
    extra = extra_pictures.PictureCollector()
    pictures.write(output, _restored(data, task, prior, seed, device, extra, registry, say))
    say(f"wrote {output}")
    for found in extra.pictures():
        path = output.with_name(f"{output.stem}-{found.name}.png")
        writing.write(path, arrays.gray_or_rgb(found.image))
        say(f"wrote {path}: {extra_pictures.legend(found.name, found.white)}")


def degrade(
    image: PictureSource,
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
        If the picture cannot be read, or for an unknown name or parameter.

    Examples
    --------
    >>> import numpy as np
    >>> degraded, mask = degrade(np.full((32, 32), 0.5), "inpaint:missing=0.5")
    >>> degraded.shape, sorted(set(mask.ravel().tolist()))
    ((32, 32), [0.0, 1.0])
    """
    check_seed(seed)
    measurement = _measured(image, task, seed, registry or plugins.load())
    mask = _mask(measurement)
    known = None if mask is None else pictures.to_array(mask)
    return pictures.to_array(measurement.y), known


def degrade_file(
    source: Path,
    output: Path,
    task: str = "denoise",
    *,
    seed: int = 0,
    registry: Registry | None = None,
    say: Callable[[str], object] = _log.info,
) -> None:
    """Degrade a file as `degrade` does, and write the result and the mask, if there is one.

    Parameters
    ----------
    source, output : Path
        The clean picture, and the file to write; the mask's name is made from it.
    task, seed, registry
        As `degrade` takes them.
    say : callable
        Called with one line on each file written.

    Raises
    ------
    UsageError
        As `degrade` raises it, and if a file cannot be written.

    Examples
    --------
    >>> degrade_file(Path("photo.png"), Path("holes.png"), "inpaint:missing=0.5", say=print)
    wrote holes.png
    wrote holes-mask.png: restore with --task inpaint:mask=holes-mask.png
    """
    check_seed(seed)
    writing.check_writable(output)
    measurement = _measured(source, task, seed, registry or plugins.load())
    pictures.write(output, measurement.y)
    say(f"wrote {output}")
    mask = _mask(measurement)
    if mask is not None:
        path = output.with_name(f"{output.stem}-mask.png")
        pictures.write(path, mask)
        say(f"wrote {path}: restore with --task inpaint:mask={path}")


def one_prior(prior: str | Prior, registry: Registry) -> Prior:
    """Return the one prior that a spec names, or raise a `UsageError`.

    Examples
    --------
    >>> one_prior("nlm", plugins.load()).name
    'nlm'
    >>> one_prior("tv,nlm", plugins.load())
    Traceback (most recent call last):
    ...
    priorlab.errors.UsageError: expected one prior, not 2: tv,nlm
    """
    if isinstance(prior, Prior):
        return prior
    built = registry.build_priors(prior)
    if len(built) != 1:
        raise UsageError(f"expected one prior, not {len(built)}: {prior}")
    return built[0]


def _restored(
    data: NDArray[np.float32],
    task: str,
    prior: str | Prior,
    seed: int,
    device: str,
    trace: Trace,
    registry: Registry,
    say: Callable[[str], object],
) -> torch.Tensor:
    """Restore a picture (C, H, W); returns a tensor (1, C, H, W)."""
    chosen = one_prior(prior, registry)
    model, typed = _one_task(task, registry)
    found = devices.find(device)
    with _named(model):
        model, notes = model.for_picture(Picture(image=data), typed)
        measurement = model.adopt(torch.from_numpy(data)[None]).to(found)
    for note in notes:
        say(note)
    restored = restoration.attempt(chosen, measurement, seed=seed, trace=trace)
    return measurement.with_known_pixels(restored)


def _measured(image: PictureSource, task: str, seed: int, registry: Registry) -> Measurement:
    clean = torch.from_numpy(pictures.load(image))[None]
    model, typed = _one_task(task, registry)
    with _named(model):
        model = model.for_photograph(typed)
        measurement = model.measure(clean, seed)
    if measurement.y.ndim != 4 or measurement.y.is_complex():
        shape = tuple(measurement.y.shape[1:])
        raise UsageError(f"{model.spec()} does not return a picture: its data have shape {shape}")
    return measurement


@contextlib.contextmanager
def _named(task: Task) -> Iterator[None]:
    """Turn whatever a plugin's task raises into a `UsageError` that names the task."""
    try:
        yield
    except UsageError:
        raise
    except Exception as error:  # the cause stays attached
        raise UsageError(f"{task.spec()} failed: {restoration.reason(error)}") from error


def _mask(measurement: Measurement) -> torch.Tensor | None:
    """Return the mask (1, 1 or C, H, W) of an inpainting task."""
    mask = measurement.operator.known_pixels
    return None if mask is None else mask.expand(1, -1, *measurement.shape[2:])


def _one_task(text: str, registry: Registry) -> tuple[Task, Collection[str]]:
    """Return the one task that a spec names, and the parameters that were typed."""
    built = registry.build_tasks(text)
    if len(built) != 1:
        raise UsageError(f"expected one task, not {len(built)}: {text}")
    return built[0], specs.split(text)[0].fields
