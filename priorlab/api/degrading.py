"""Degrade one picture."""

from __future__ import annotations

import logging
from collections.abc import Callable
from pathlib import Path

import numpy as np
import torch
from numpy.typing import NDArray

from priorlab.api import pictures
from priorlab.api.catalogue import load_for
from priorlab.api.one import named, one_task
from priorlab.api.pictures import PictureSource
from priorlab.api.spared import beside, check_spared, files_read, pictures_read
from priorlab.errors import UsageError, check_seed
from priorlab.forward.measurement import Measurement
from priorlab.pictures import writing
from priorlab.pictures.picture import Picture
from priorlab.registry import Registry

_log = logging.getLogger("priorlab")


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
    image : path, array, tensor or image of Pillow
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
    seed = check_seed(seed)
    picture = pictures.load(image)
    measurement = _measured(picture, task, seed, registry or load_for(tasks=[task]))
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

    What the file says of its picture is kept, as `restore_file` keeps it.

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
    seed = check_seed(seed)
    writing.check_writable(output)
    writing.check_replaces(source, output)
    picture = pictures.load(source)
    registry = registry or load_for(tasks=[task])
    read = files_read([one_task(task, registry)[0]]) | pictures_read([source])
    check_spared(output, read)
    measurement = _measured(picture, task, seed, registry)
    mask, place = _mask(measurement), beside(output, "mask")
    if mask is not None:
        check_spared(place, read)
    height, width = measurement.frame_shape[2:]
    if (height, width) != picture.image.shape[1:]:
        say(f"{source} is cropped to {width}x{height} pixels")
    for note in (*picture.notes, *pictures.write(output, measurement.y, like=picture)):
        say(note)
    if output.suffix.lower() in (".jpg", ".jpeg"):
        say(
            f"{output} is compressed once more, by JPEG; .png and .tif files hold what {task} makes"
        )
    say(f"wrote {output}")
    if mask is not None:
        pictures.write(place, mask)
        say(f"wrote {place}: restore with --task inpaint:mask={place}")


def _measured(picture: Picture, task: str, seed: int, registry: Registry) -> Measurement:
    clean = torch.from_numpy(picture.image)[None]
    model, typed = one_task(task, registry)
    with named(model):
        model = model.for_photograph(typed)
        measurement = model.measure(clean, seed)
    if measurement.y.ndim != 4 or measurement.y.is_complex():
        shape = tuple(measurement.y.shape[1:])
        raise UsageError(f"{model.spec()} does not return a picture: its data have shape {shape}")
    return measurement


def _mask(measurement: Measurement) -> torch.Tensor | None:
    """Return the mask (1, 1 or C, H, W) of an inpainting task."""
    mask = measurement.operator.known_pixels
    return None if mask is None else mask.expand(1, -1, *measurement.shape[2:])
