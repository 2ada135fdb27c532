"""The settings of a run: what each means, its default, and how a value is settled.

The command line, the file of a suite and `priorlab.bench` all end in a `RunSettings`; nobody
else knows a default.
"""

from __future__ import annotations

import dataclasses
from collections.abc import Mapping, Sequence
from pathlib import Path
from typing import TYPE_CHECKING, Any, ClassVar

from priorlab.errors import UsageError, unknown
from priorlab.harness.run import given
from priorlab.harness.run.cores import usable_cores
from priorlab.harness.run.shards import Shard
from priorlab.pictures.known_sets import KnownSet, known_sets
from priorlab.suites import shipped
from priorlab.suites.published import Published, PublishedFile
from priorlab.suites.reading import Suite

if TYPE_CHECKING:
    from priorlab.engines import Engine
    from priorlab.optional_metrics import OptionalMetric
    from priorlab.pictures.datasets import Dataset
    from priorlab.priors import Prior
    from priorlab.tasks.base import Task


@dataclasses.dataclass(frozen=True, kw_only=True)
class RunSettings:
    """Everything that decides what a run computes and how.

    Attributes
    ----------
    priors : tuple of str or Prior, or None
        Specs such as ``"tv"``, or priors. None stands for every installed prior with its
        defaults, except for those that run only when named.
    tasks : tuple of str or Task
        Specs such as ``"denoise:sigma=15|25|50"``, or tasks.
    metrics : tuple of str or OptionalMetric, or None
        Specs such as ``"lpips:backbone=FILE"``, or metrics: columns beside PSNR and SSIM, which
        every run has. None stands for every `Metric` that plugins provide.
    dataset : str or Dataset
        The name of an image set, a folder of images, or the image set itself.
    images : tuple of str, or None
        Names of the images to use, without suffix, each text one name or several with commas
        between them; None stands for all.
    seeds : tuple of int
        Each seed gives one more measurement of each image.
    out : Path
        The results folder: a store that all runs in it share, and a folder for each run.
    name : str or None
        Name of the run; None makes it from the grid, so that the same command finds it again.
    slots : int or None
        Cells that are computed at the same time; None stands for one per core, and for one on an
        accelerator.
    threads : int
        Threads for each of them.
    timeout_s : float
        Seconds after which a cell is given up.
    memory_mb : float or None
        MB (10^6 bytes) that the processes of a cell may take together; one that takes more is
        ended. None sets no limit.
    device : str
        Torch device.
    overwrite : {"missing", "failed", "all"}
        Which cells are computed: those of which nothing is known; those that failed, crashed or
        took too long before, too; or all of them, whatever is known.
    retry : int
        How often a cell that fails, crashes or takes too long is tried again within the run.
    shard : Shard or None
        The part of the grid to compute; its store and its folder are in a folder of its own
        within `out`.
    timing : {"shared", "exclusive"}
        Exclusive: one cell at a time with all cores, each several times, the priors taking turns;
        rows have the median. What was not timed so is computed again.
    repeats : int
        How often each cell is restored for that.
    batch : int
        Priors that gain from it also restore so many copies of each measurement at once, which
        is reported as images per second; 1 for none. Rows without it are computed again.
    engine : str or Engine
        The spec of what places the cells: ``"local"`` is this machine.
    plugin_files, plugin_folders : tuple of str
        Plugins to load in addition to the installed ones.
    title, source : str
        Printed above the tables: what they show, and whose protocol it is.
    notes : tuple of str
        Further lines above the tables.
    public_set : str
        The public set whose images the dataset must hold, by content; they are called as in it.
        Empty: any images will do.
    published : tuple of Published
        Figures to stand beside those that are measured.
    files : tuple of PublishedFile
        Files that priors or tasks name, which must be the published ones.
    """

    OVERWRITE: ClassVar[tuple[str, ...]] = ("missing", "failed", "all")
    TIMING: ClassVar[tuple[str, ...]] = ("shared", "exclusive")

    priors: tuple[str | Prior, ...] | None = None
    tasks: tuple[str | Task, ...] = ("denoise", "inpaint")
    metrics: tuple[str | OptionalMetric, ...] | None = None
    dataset: str | Dataset = "photos"
    images: tuple[str, ...] | None = None
    seeds: tuple[int, ...] = (0,)
    out: Path = Path("results")
    name: str | None = None
    slots: int | None = None
    threads: int = 1
    timeout_s: float = 1800.0
    memory_mb: float | None = None
    device: str = "cpu"
    overwrite: str = "failed"
    retry: int = 0
    shard: Shard | None = None
    timing: str = "shared"
    repeats: int = 3
    batch: int = 1
    engine: str | Engine = "local"
    plugin_files: tuple[str, ...] = ()
    plugin_folders: tuple[str, ...] = ()
    title: str = ""
    source: str = ""
    notes: tuple[str, ...] = ()
    public_set: str = ""
    published: tuple[Published, ...] = ()
    files: tuple[PublishedFile, ...] = ()

    def __post_init__(self) -> None:
        for name, least in {"slots": 1, "threads": 1, "repeats": 1, "retry": 0, "batch": 1}.items():
            value = getattr(self, name)
            if value is not None and value < least:
                raise UsageError(f"{name}={value} is too small; the least is {least}")
        for name, choices in {"overwrite": self.OVERWRITE, "timing": self.TIMING}.items():
            if getattr(self, name) not in choices:
                raise unknown(f"value of {name}", str(getattr(self, name)), choices)
        if self.exclusive and self.slots not in (None, 1):
            raise UsageError(f"timing=exclusive has one cell at a time, not slots={self.slots}")
        if self.memory_mb is not None and not self.memory_mb > 0:
            raise UsageError(f"memory_mb={self.memory_mb:g} is not a number of MB above 0")
        if not self.timeout_s > 0:
            raise UsageError(f"timeout_s={self.timeout_s:g} is not a number of seconds above 0")

    @property
    def exclusive(self) -> bool:
        """Whether each cell has the machine to itself."""
        return self.timing == "exclusive"


def settle(typed: Mapping[str, Any], suite: str | Path | None = None) -> RunSettings:
    """Return the settings of a run: what was typed, else what a suite says, else the defaults.

    Parameters
    ----------
    typed : mapping
        Fields of `RunSettings`; those that are None were not typed. A text stands for a list of
        one.
    suite : str or path, optional
        The name of a suite that comes with priorlab, or a file as `priorlab.suites.reading`
        describes it.

    Raises
    ------
    UsageError
        For a suite that cannot be read, data or files of a suite that are not there, a value that
        is out of range, or repeats without the timing that has them.

    Examples
    --------
    >>> settings = settle({"tasks": "denoise:sigma=25", "threads": None})
    >>> settings.tasks, settings.threads
    (('denoise:sigma=25',), 1)
    """
    chosen = {name: value for name, value in typed.items() if value is not None}
    asked = _of_suite(shipped.find(suite), chosen) | chosen if suite else chosen
    plain = {name: given.plain(name, value) for name, value in asked.items()}
    if plain.get("timing") == "exclusive":
        plain.setdefault("threads", usable_cores())
    elif chosen.get("repeats"):
        raise UsageError("repeats belong to timing=exclusive; otherwise a cell is restored once")
    if shard := plain.get("shard"):
        plain["out"] = plain.get("out", RunSettings.out) / shard.folder
    return RunSettings(**plain)


def _of_suite(suite: Suite, typed: Mapping[str, Any]) -> dict[str, Any]:
    """Return what a suite says of the settings, once all that it needs is known to be there."""
    said = suite.settings()
    public = known_sets().get(suite.dataset)
    if public:
        said["public_set"] = public.name
        if not public.images:
            unchecked = f"Nothing tells whether these are the images of {public.name}."
            said["notes"] = (*said.get("notes", ()), unchecked)
    if "images" in typed:  # figures of other images
        said.pop("published", None)
    if "dataset" not in typed:
        _check_data(suite, public)
    for kind in {"priors", "tasks"}.difference(typed):
        _check_files(suite, kind, said.get(kind, ()))
    folder = _folder(typed.get("dataset", public.folder if public else suite.dataset))
    for entry in ("tasks", "published"):
        if entry in said:
            said[entry] = tuple(_placed(part, folder) for part in said[entry])
    return said


def _check_data(suite: Suite, public: KnownSet | None) -> None:
    """Raise a `UsageError` if nobody says where the images are."""
    if not suite.dataset:
        named = f" with the images {', '.join(suite.images)}" if suite.images else ""
        raise UsageError(f"{suite.name} names no dataset: add --dataset FOLDER{named}")
    if public and public.folder is None:
        raise UsageError(
            f"the suite {suite.name} needs {public.name}, published {public.published}:"
            " add --dataset FOLDER"
        )


def _check_files(suite: Suite, kind: str, specs: Sequence[str]) -> None:
    """Raise a `UsageError` if a file that the specs of a suite name is not there."""
    for file in suite.files:
        if any(map(file.missing_for, specs)):
            raise UsageError(
                f"the suite {suite.name} needs the file {file.name} in the current folder,"
                f" published {file.published}; or add --{kind} with its path"
            )


def _folder(dataset: Any) -> str:
    """Return the folder of a dataset as a spec names it; empty where there is none."""
    text = str(dataset) if isinstance(dataset, str | Path) else ""
    return f'"{text}"' if {",", "|"} & {*text} else text


def _placed(part: str | Published, folder: str) -> Any:
    """Return the spec of a task, or a figure of it, with the dataset's folder in its place."""
    if isinstance(part, str):
        return part.replace("{dataset}", folder)
    return dataclasses.replace(part, task=part.task.replace("{dataset}", folder))
