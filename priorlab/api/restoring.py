"""Restore one picture."""

from __future__ import annotations

import contextlib
import dataclasses
import logging
import re
from collections.abc import Callable, Iterable, Iterator
from pathlib import Path

import numpy as np
import torch
from numpy.typing import NDArray
from typing_extensions import override

from priorlab import restoration
from priorlab.api import pictures
from priorlab.api.catalogue import load_for
from priorlab.api.one import named, one_prior, one_task
from priorlab.api.pictures import PictureSource
from priorlab.api.spared import Spared, beside, check_spared, files_read, pictures_read
from priorlab.api.time_left import TimeLeft
from priorlab.api.transparency import hidden_again, with_holes_opaque
from priorlab.errors import UsageError, check_seed
from priorlab.forward.measurement import Measurement
from priorlab.ground import blas_threads, devices
from priorlab.harness.run.progress import for_pictures, in_notebook
from priorlab.pictures import arrays, beyond_white, extra_pictures, hidden, mosaics, writing
from priorlab.pictures.bars import Part
from priorlab.pictures.picture import EIGHT_BITS, Picture
from priorlab.priors import Prior
from priorlab.registry import Registry
from priorlab.solvers.cut_off import shifted_back
from priorlab.solvers.exposure import finely_rounded
from priorlab.trace import SILENT, FramedTrace, Trace
from priorlab.trace import check as check_trace
from priorlab.trials import surroundings

_log = logging.getLogger("priorlab")

Step = Callable[[int, int], None]
"""Receives the iteration and the number of iterations, 0 if that is not known."""


def restore(
    image: PictureSource,
    task: str = "denoise",
    prior: str | Prior = "",
    *,
    seed: int = 0,
    device: str = "cpu",
    trace: Trace = SILENT,
    registry: Registry | None = None,
    say: Callable[[str], object] = _log.info,
) -> NDArray[np.float32]:
    """Restore a picture that is already degraded: nothing is added to it.

    Threads may call it; it then restores one picture after the other.

    Parameters
    ----------
    image : path, array, tensor or image of Pillow
        The degraded picture, (H, W) or (H, W, C), at least 16 x 16.
    task : str
        How it came to be degraded, such as ``"denoise:sigma=25"``. `denoise` without a sigma
        estimates it.
    prior : str or Prior
        To be named, such as ``"tv"`` or ``"dip:iterations=3000"``.
    seed : int
        Seed of the prior's randomness.
    device : str
        Torch device, such as "cpu" or "cuda".
    trace : Trace
        Receives intermediate images. Without one, a notebook shows how far an iterative prior is.
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
    seed = check_seed(seed)
    check_trace(trace)
    if isinstance(prior, str) and not prior.strip():
        raise UsageError("name a prior, as in prior='tv'")
    registry = registry or load_for(priors=[prior], tasks=[task])
    with _shown_in_notebook(trace) as listener:
        restored, _ = _restored(
            pictures.load(image), task, prior, seed, device, listener, registry, say
        )
    return pictures.to_array(restored)


def restore_file(
    source: Path,
    output: Path,
    task: str,
    prior: str | Prior,
    *,
    seed: int = 0,
    device: str = "cpu",
    overwrite: bool = False,
    spared: Spared | None = None,
    stem: str = "",
    registry: Registry | None = None,
    say: Callable[[str], object] = _log.info,
    step: Step | None = None,
) -> None:
    """Restore a file as `restore` does, and write the result and the prior's extra pictures.

    What the file says of its picture is kept, as far as the format of the output holds it: bits,
    opacity, EXIF, ICC profile, resolution.

    Parameters
    ----------
    source, output : Path
        The degraded picture, and the file to write; extra pictures get names made from it.
    task, prior, seed, device, registry
        As `restore` takes them.
    overwrite : bool
        Whether the output may be the source itself.
    spared : mapping of Path to str, optional
        What extra pictures may not replace, besides what is read here: see `priorlab.api.spared`.
    stem : str
        What the names of extra pictures begin with; by default that of the output.
    say : callable
        Called with one line on what was estimated, and one on each file written.
    step : callable, optional
        Called by iterative priors with the iteration and their number, 0 if that is not known.

    Raises
    ------
    UsageError
        As `restore` raises it, and if a file cannot be written.

    Examples
    --------
    >>> restore_file(Path("photo.png"), Path("clean.png"), "denoise:sigma=25", "tv", say=print)
    wrote clean.png
    """
    seed = check_seed(seed)
    writing.check_writable(output)
    writing.check_replaces(source, output, overwrite)
    picture = pictures.load(source)
    writing.check_writable(output, channels=len(picture.image))
    registry = registry or load_for(priors=[prior], tasks=[task])
    files = files_read([one_prior(prior, registry), one_task(task, registry)[0]])
    check_spared(output, files)
    read = {**(spared or {}), **files, **pictures_read([source])}
    extra = _Followed(step, lambda name: check_spared(beside(output, name, stem), read))
    restored, measurement = _restored(picture, task, prior, seed, device, extra, registry, say)
    like, filled = with_holes_opaque(picture, measurement)
    for note in (*filled, *pictures.write(output, restored, like=like)):
        say(note)
    say(f"wrote {output}")
    for found in extra.pictures():
        path = beside(output, found.name, stem)
        writing.write(path, arrays.gray_or_rgb(found.image))
        say(f"wrote {path}: {extra_pictures.legend(found.name, found.white)}")


class _Followed(extra_pictures.PictureCollector):
    """Keeps a prior's extra pictures that may be written, and passes on how far it is."""

    def __init__(
        self, step: Step | None, check: Callable[[str], object] = lambda name: None
    ) -> None:
        super().__init__()
        self._step, self._check = step, check

    @override
    def picture(self, name: str, image: torch.Tensor) -> None:
        if re.fullmatch(extra_pictures.NAME, str(name)):  # others are left out in any case
            self._check(name)
        super().picture(name, image)

    @override
    def report(
        self,
        iteration: int,
        total: int,
        image: torch.Tensor,
        *,
        output: torch.Tensor | None = None,
        **values: float,
    ) -> None:
        if self._step:
            self._step(iteration, total)


class _Told(FramedTrace):
    """Passes all reports on as they are, and says what a prior notes."""

    def __init__(self, trace: Trace, shape: tuple[int, ...], say: Callable[[str], object]) -> None:
        super().__init__(trace, shape, lambda image: image)
        self._say = say

    @override
    def note(self, text: str) -> None:
        self._say(text)

    @override
    def picture(self, name: str, image: torch.Tensor) -> None:
        try:
            super().picture(name, image)
        except UsageError as error:  # what was restored is not lost for the name of an extra
            self._say(f"{name} is not written: {error}")


@contextlib.contextmanager
def _shown_in_notebook(trace: Trace) -> Iterator[Trace]:
    """Show in a notebook how far a restoration is, if nobody listens to it."""
    if trace is not SILENT or not in_notebook():
        yield trace
        return
    progress, clock = for_pictures(), TimeLeft([("picture", Path())])

    def step(iteration: int, total: int) -> None:
        share = iteration / total if total else 0.0
        progress.working(0, f"step {iteration}", share, clock.seconds_left(share))

    progress.started(1, 0, 1)
    try:
        yield _Followed(step)
    finally:
        progress.ended()


@blas_threads.one()
def _restored(
    picture: Picture,
    task: str,
    prior: str | Prior,
    seed: int,
    device: str,
    trace: Trace,
    registry: Registry,
    say: Callable[[str], object],
) -> tuple[torch.Tensor, Measurement]:
    """Restore a picture; returns a tensor (1, C, H, W) and what it was restored from.

    A gray picture that is stored as RGB is restored as a gray one: what knows colours would take
    its noise, which is alike in all of them, for a part of the scene. Under clear pixels of one
    colour the picture goes on while it is restored; they have that colour again afterwards.
    """
    _say_all((*picture.notes, *beyond_white.lines(picture.image)), say)
    channels = len(picture.image)
    if arrays.is_gray(picture.image):
        say("red, green and blue are the same in it: restored as a gray picture")
        picture = dataclasses.replace(picture, image=picture.image[:1])
    if mosaics.is_mosaic(picture.image):
        say(mosaics.LINE)
    chosen = one_prior(prior, registry)
    model, typed = one_task(task, registry)
    found = devices.find(device)
    with named(model):
        model, notes = model.for_picture(picture, typed)
        _say_all(notes, say)  # at once: what follows may take minutes
        shown = model.noise_in(picture)
        whole, part = picture, model.part_of(picture)
        if part is not None:
            picture = _cut(picture, part)
            say(_restoring_part(part))
        clear = hidden.hidden(picture)
        seen = picture.image if clear is None else hidden.continued(picture.image, clear)
        y = torch.from_numpy(seen)[None]
        unseen = hidden.clear_pixels(picture)
        adopted = model.adopt(y) if unseen is None else model.adopt_cut_out(y, unseen)
        measurement = adopted.to(found)
        found_out = model.pictures(measurement)
        _say_all(model.doubts(measurement, unseen), say)
    if shown is not None:
        noise, text = shown
        measurement = dataclasses.replace(measurement, noise=noise)
        say(text)
    measurement = finely_rounded(measurement, picture.quantum / EIGHT_BITS)
    for name, image in found_out.items():
        trace.picture(name, image.cpu())
    told = _Told(trace, measurement.shape, say)
    # For the next prior, and for whoever called.
    with surroundings.settings_kept(), surroundings.streams_kept():
        restored = restoration.attempt(chosen, measurement, seed=seed, trace=told)
    restored = shifted_back(restored, measurement, picture.quantum)
    if clear is not None:
        restored = hidden_again(restored, picture.image, clear, measurement)
    if part is not None:
        within, restored = restored, torch.from_numpy(whole.image)[None].to(restored).clamp(0, 1)
        restored[..., part[0], part[1]] = within
    return restored.expand(-1, max(channels, restored.shape[1]), -1, -1), measurement


def _say_all(notes: Iterable[str], say: Callable[[str], object]) -> None:
    for note in notes:
        say(note)


def _cut(picture: Picture, part: Part) -> Picture:
    opacity = None if picture.opacity is None else picture.opacity[part]
    return dataclasses.replace(picture, image=picture.image[:, *part], opacity=opacity)


def _restoring_part(part: Part) -> str:
    """Return the line that says which part of a picture is restored."""
    rows, columns = part
    size = f"{columns.stop - columns.start}x{rows.stop - rows.start}"
    return (
        f"restoring the {size} pixels between bars of one colour, which were added later and stay"
    )
