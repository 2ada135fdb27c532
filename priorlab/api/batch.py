"""Restore many pictures, with one prior or several, and do nothing twice."""

from __future__ import annotations

import logging
from collections.abc import Callable, Iterable, Sequence
from pathlib import Path

from priorlab.api.catalogue import load_for
from priorlab.api.record import Record
from priorlab.api.work import Restored, Work, make_folder
from priorlab.errors import UsageError
from priorlab.harness.run.progress import Progress, for_pictures, in_notebook
from priorlab.pictures import writing
from priorlab.pictures.collection import collect
from priorlab.registry import Registry

_log = logging.getLogger("priorlab")


def restore_files(
    pictures: Iterable[str | Path] | str | Path,
    output: str | Path,
    task: str = "denoise",
    priors: str | Sequence[str] = "",
    *,
    seed: int = 0,
    device: str = "cpu",
    overwrite: bool = False,
    registry: Registry | None = None,
    say: Callable[[str], object] = _log.info,
    progress: Progress | None = None,
) -> Restored:
    """Restore files, folders and patterns of files, as `restore_file` does each.

    In a folder a record is kept beside the results of what each depends on: the picture, the task,
    the prior, the seed, and the code that restored it. A result that is there and depends on the
    same is not made again. With several priors each has a result of its own, such as
    ``photo-tv.png``, and a contact sheet shows them side by side, ``photo-sheet.png``.

    Parameters
    ----------
    pictures : iterable of path, or path
        See `priorlab.pictures.collection.collect`.
    output : path
        A folder, which is made if there is none; for a single file the file to write.
    task, seed, device, registry
        As `restore_file` takes them.
    priors : str or sequence of str
        To be named, such as ``"tv"``, ``"tv,bm3d,unet"`` or ``["tv", "dip:iterations=3000"]``.
    overwrite : bool
        Whether files may be replaced that this function did not write, or that were changed since,
        among them the pictures themselves. A file to write that was named is always replaced,
        unless it is the picture.
    say : callable
        Called with a line on each file that was written and on what was estimated, which begins
        with the name of the picture, and with a last line on all of them, also after Ctrl-C.
    progress : Progress, optional
        Called with what is being done; by default a notebook shows it.

    Returns
    -------
    Restored
        What was written, skipped and failed.

    Raises
    ------
    UsageError
        If nothing can be restored, because of a wrong name, task or path; and if a single file
        cannot be restored by a single prior.

    Examples
    --------
    >>> done = restore_files(["*.png"], Path("out"), "denoise:sigma=25", "tv", say=print)
    photo.png: wrote out/photo.png
    restored 1
    >>> done = restore_files(["*.png"], Path("out"), "denoise:sigma=25", "tv", say=print)
    restored 0, skipped 1, done before
    """
    several = [priors] if isinstance(priors, str) else priors
    if not several or several == [""]:
        raise UsageError("name a prior, as in priors='tv'")
    found = collect(pictures, output, overwrite=overwrite)
    registry = registry or load_for(priors=several, tasks=[task])
    work = Work(task, priors, seed, device, registry, say)
    work.overwrite = overwrite
    if found.to_file:
        writing.check_writable(found.folder / found.pictures[0].place)
    else:
        make_folder(found.folder)
        work.record = Record(found.folder)
    shown = for_pictures() if in_notebook() else Progress()
    return work.run(found, progress or shown)
