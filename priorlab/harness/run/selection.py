"""What a run compares: the priors, tasks, metrics and images that its settings name."""

from __future__ import annotations

import dataclasses
import itertools
import re
from collections.abc import Callable, Collection, Iterator, Sequence
from pathlib import Path
from typing import TypeVar

from priorlab import specs
from priorlab.components import Component, file_digest
from priorlab.errors import UsageError, counted, printable, unknown
from priorlab.ground.files import composed
from priorlab.harness.run.chosen_metrics import ChosenMetric, choose
from priorlab.harness.run.settings import RunSettings
from priorlab.pictures import datasets
from priorlab.pictures.datasets import Dataset
from priorlab.pictures.known_sets import known_sets
from priorlab.priors import Prior
from priorlab.registry import Registry
from priorlab.suites.published import PublishedFile
from priorlab.tasks.base import Task

C = TypeVar("C", bound=Component)


@dataclasses.dataclass(frozen=True)
class Selection:
    """The axes of a grid; each component stands in it once.

    Attributes
    ----------
    priors : list of Prior
    tasks : list of Task
    metrics : dict of str to ChosenMetric
        By name; PSNR and SSIM come first.
    dataset : Dataset
        With the chosen images only.
    seeds : list of int
    notes : tuple of str
        Of what was named more than once, how often and how much it is.
    """

    priors: list[Prior]
    tasks: list[Task]
    metrics: dict[str, ChosenMetric]
    dataset: Dataset
    seeds: list[int]
    notes: tuple[str, ...] = ()

    @property
    def components(self) -> list[tuple[str, Component]]:
        """All priors and tasks, each with its kind: "priors" or "tasks"."""
        priors = (("priors", prior) for prior in self.priors)
        return [*priors, *(("tasks", task) for task in self.tasks)]

    @property
    def components_with_metrics(self) -> list[tuple[str, Component]]:
        """The same with the metrics that have parameters: what another machine is to find."""
        sources = (metric.source for metric in self.metrics.values())
        return [*self.components, *(("metrics", source) for source in sources if source)]


def select(settings: RunSettings, registry: Registry) -> Selection:
    """Build what the settings of a run name.

    Raises
    ------
    UsageError
        For an unknown name or parameter, or a dataset that cannot be read.

    Examples
    --------
    >>> from priorlab import plugins
    >>> settings = RunSettings(priors=("tv", "nlm"), tasks=("denoise:sigma=15|25",), dataset=".")
    >>> found = select(settings, plugins.load())
    >>> len(found.priors), len(found.tasks), [image.name for image in found.dataset.images]
    (2, 2, ['photo'])
    """
    if settings.priors is None:
        priors = [kind() for kind in registry.default_priors()]
    else:
        priors = _built(settings.priors, registry.build_priors)
    tasks = _built(settings.tasks, registry.build_tasks)
    seeds = list(dict.fromkeys(settings.seeds))
    dataset = settings.dataset
    if isinstance(dataset, str):
        dataset = dataset_of(dataset, registry)
    if settings.public_set:
        dataset = _of_public_set(dataset, settings.public_set, settings.images)
    for prior in (*priors, *tasks):
        _check_files(prior, settings.files)
    dataset = _test_images(_only(dataset, settings.images), tasks)
    metrics = choose(settings.metrics, registry)
    named = {
        "priors": (_count(settings.priors or priors), len(priors)),
        "tasks": (_count(settings.tasks), len(tasks)),
        "seeds": (len(settings.seeds), len(seeds)),
    }
    notes = (
        f"{n} {axis} are named, {k} of them different" for axis, (n, k) in named.items() if n > k
    )
    return Selection(priors, tasks, metrics, dataset, seeds, tuple(notes))


def dataset_of(text: str, registry: Registry) -> Dataset:
    """Load the dataset that a name, a full name or a path stands for.

    Raises
    ------
    UsageError
        For a name that is unknown or that two plugins claim, or what `datasets.load` refuses.

    Examples
    --------
    >>> from priorlab import plugins
    >>> dataset_of("priorlab/photos", plugins.load()).name
    'photos'
    """
    if datasets.is_name(text) or ("datasets", text) in registry.conflicts:
        registry.find("datasets", text)
    return datasets.load(registry.known_as("datasets", text), registry.datasets)


def _built(chosen: Sequence[str | C], build: Callable[[str], list[C]]) -> list[C]:
    """Build what is given as text, keep what is built, and drop what comes twice."""
    parts = (build(item) if isinstance(item, str) else [item] for item in chosen)
    built = list(dict.fromkeys(itertools.chain.from_iterable(parts)))
    for spec in (component.spec() for component in built):
        if printable(spec) != spec:
            raise UsageError(f"{printable(spec)}: the name of a file is not UTF-8; rename it")
    return built


def _count(chosen: Sequence[str | C]) -> int:
    """Return how many components are named, those that are equal counted each time.

    Examples
    --------
    >>> _count(["tv,tv:weight=0.1|0.2", "tv"])
    4
    """
    texts = [item for item in chosen if isinstance(item, str)]
    named = sum(len([*spec.expand()]) for text in texts for spec in specs.split(text))
    return named + len(chosen) - len(texts)


def _of_public_set(dataset: Dataset, name: str, images: Sequence[str] | None) -> Dataset:
    """Return the images of a public set that a dataset holds, or raise a `UsageError`."""
    public = known_sets()[name]
    asked = None
    if images is not None and public.images:
        asked = list(_names(images, public.images))
        if strange := [one for one in asked if one not in public.images]:
            raise unknown(f"image of {name}", strange[0], public.images)
    if lost := datasets.missing(dataset, public, asked):
        total = len(public.images if asked is None else asked)
        which = ", ".join(lost[:MOST_NAMED]) + ", ..." * (len(lost) > MOST_NAMED)
        raise UsageError(
            f"{dataset.name} does not hold {len(lost)} of the {total} images of {name} that are"
            f" needed ({which}); published {public.published}"
            + datasets.stored_as_rgb(dataset, public, lost)
        )
    found = datasets.only(dataset, public)
    if spare := len(dataset.images) - len(found.images):
        what = counted(spare, "image is", "images are")
        text = f"{what} left out of {dataset.name}: not of {name}, or there twice"
        found = dataclasses.replace(found, notes=(*found.notes, text))
    return found


MOST_NAMED = 5
"""So many missing images are named."""


def _check_files(component: Component, files: Sequence[PublishedFile]) -> None:
    """Raise a `UsageError` where a file has the name of a published one, but is another."""
    contents = {file.name: file for file in files if file.sha256}
    for key in component.file_parameters():
        path = getattr(component, key)
        known = contents.get(Path(path).name)
        if known and file_digest(type(component), key, path) != known.sha256:
            raise UsageError(
                f"{path} is not the {known.name} published {known.published}: its SHA-256 is not"
                f" {known.sha256}"
            )


def _only(dataset: Dataset, names: Sequence[str] | None) -> Dataset:
    """Return the dataset with only the named images, in its own order; None stands for all."""
    if names is None:
        return dataset
    known = [image.name for image in dataset.images]
    stored = {composed(name): name for name in known}
    named = _names(names, {*known, *stored})
    chosen = {name if name in known else stored.get(composed(name), name) for name in named}
    for name in sorted(chosen.difference(known)):
        error = unknown(f"image of {dataset.name}", name, known)
        of_it = re.compile(rf"(?:^|/){re.escape(name)}[. ]")
        problems = [*filter(of_it.search, dataset.problems), *dataset.problems]
        raise UsageError("; ".join((str(error), *problems[:1])))
    if not chosen:
        raise UsageError("expected the name of at least one image")
    left = tuple(image for image in dataset.images if image.name in chosen)
    return dataclasses.replace(dataset, images=left, problems=())


def _test_images(dataset: Dataset, tasks: Sequence[Task]) -> Dataset:
    """Return the dataset without what no task may degrade, and a note on each that some may not."""
    kept = {task: {i for i in dataset.images if task.is_test_image(i.path)} for task in tasks}
    notes = [
        f"{task.spec()}: {counted(left, 'picture is', 'pictures are')} no test image of this task"
        for task, images in kept.items()
        if (left := len(dataset.images) - len(images))
    ]
    images = tuple(i for i in dataset.images if any(i in some for some in kept.values()))
    return dataclasses.replace(dataset, images=images, notes=(*dataset.notes, *notes))


def _names(texts: Sequence[str], known: Collection[str]) -> Iterator[str]:
    """Yield the names of images that texts hold, with commas between them.

    Where a name has commas itself, the longest that is known is taken.

    Examples
    --------
    >>> list(_names(["house, x,y,boat"], ["house", "x,y"]))
    ['house', 'x,y', 'boat']
    """
    most = max((name.count(",") for name in known), default=0) + 1
    for text in texts:
        parts = text.split(",")
        while parts:
            lengths = range(min(most, len(parts)), 0, -1)
            joined = ((length, ",".join(parts[:length]).strip()) for length in lengths)
            length, name = next((one for one in joined if one[1] in known), (1, parts[0].strip()))
            if name:
                yield name
            parts = parts[length:]
