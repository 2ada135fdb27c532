"""Show why an untrained network restores images: it fits structure before noise."""

from __future__ import annotations

import dataclasses
import logging
from collections.abc import Callable
from pathlib import Path

from priorlab import plugins
from priorlab.api import pictures
from priorlab.api.one import one_prior
from priorlab.api.spared import check_spared, files_read
from priorlab.errors import check_seed
from priorlab.explain import findings, fits
from priorlab.explain.fits import Progress
from priorlab.pictures import writing
from priorlab.priors import Prior
from priorlab.registry import Registry

_log = logging.getLogger("priorlab")


def explain(
    prior: str | Prior,
    image: Path,
    output: Path,
    *,
    iterations: int | None = None,
    seed: int = 0,
    device: str = "cpu",
    registry: Registry | None = None,
    say: Callable[[str], object] = _log.info,
    progress: Progress = lambda target, step, steps: None,
) -> list[str]:
    """Draw how a network fits a picture before its noise.

    Parameters
    ----------
    prior : str or Prior
        A prior that fits a network, such as ``"dip"``.
    image : Path
        The picture.
    output : Path
        The chart to write; a table of its curves gets the same name with the suffix .csv.
    iterations : int, optional
        Steps of each of five fits; by default those of the prior.
    seed : int
        The only source of randomness.
    device : str
        Torch device.
    registry : Registry, optional
        Where the prior is looked up; by default all installed plugins.
    say : callable
        Called with one line if the picture was cropped.
    progress : callable
        Called with the target of a fit, its step and the number of steps.

    Returns
    -------
    list of str
        What the curves show, a sentence each, and which files were written.

    Raises
    ------
    UsageError
        If the prior fits no network or fails, or a file cannot be read or written.

    Examples
    --------
    >>> small = "dip:depth=2,channels=4"
    >>> said = explain(small, Path("photo.png"), Path("curves.png"), iterations=3)
    >>> print(said[0])
    After 3 steps the network's output has a PSNR of ... dB to the picture, ...
    >>> print(said[-1])
    wrote curves.png and curves.csv
    """
    writing.check_writable(output)
    writing.check_writable(findings.table_of(output), (".csv",))
    findings.check_own(findings.table_of(output))
    seed = check_seed(seed)
    writing.check_replaces(image, output)
    registry = registry or plugins.load()
    chosen = findings.generator(one_prior(prior, registry), registry)
    check_spared(output, files_read([chosen]))
    if iterations:
        chosen = dataclasses.replace(chosen, iterations=iterations)
    picture, note = fits.prepare(pictures.load(image).on_white())
    if note:
        say(note)
    found = fits.run(chosen, picture, seed=seed, device=device, progress=progress)
    table = findings.write(found, output)
    return [*findings.sentences(found), f"wrote {output} and {table}"]
