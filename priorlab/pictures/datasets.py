"""Datasets: where the clean images of a comparison come from.

A dataset is named (`photos`, a known test set, one that a plugin offers) or is simply a folder
or a file of the user's. Nothing is ever downloaded. A dataset holds paths and digests, not
pixels, so that any number of images takes little memory.
"""

from __future__ import annotations

import dataclasses
from collections.abc import Callable, Mapping, Sequence
from pathlib import Path

from priorlab.errors import UsageError, kind, printable, said, unknown
from priorlab.ground.files import exists, expanded, is_folder
from priorlab.pictures import arrays, image_files
from priorlab.pictures.formats import split_frame
from priorlab.pictures.image_files import ImageFile
from priorlab.pictures.known_sets import DATA_VARIABLE, KnownSet, digest_of, known_sets


@dataclasses.dataclass(frozen=True)
class Dataset:
    """Images to compare priors on.

    Attributes
    ----------
    name : str
        The dataset's name, or that of the folder or file.
    images : tuple of ImageFile
        At least one, in natural order: 2 before 10.
    problems : tuple of str
        One sentence for each image file that cannot be used, to be shown to the user.
    notes : tuple of str
        What was guessed of the images or chosen among them, to be shown to the user.
    """

    name: str
    images: tuple[ImageFile, ...]
    problems: tuple[str, ...] = ()
    notes: tuple[str, ...] = ()

    @property
    def digest(self) -> str:
        """SHA-256 over the images' digests; file names, formats and order do not matter."""
        return digest_of(image.digest for image in self.images)

    @property
    def remarks(self) -> tuple[str, ...]:
        """The notes, and what was left out or changed in reading each image."""
        return (*self.notes, *image_files.notes_on(self.images))


@dataclasses.dataclass(frozen=True)
class DatasetSource:
    """A named dataset, as the hook `priorlab_datasets` returns it.

    Attributes
    ----------
    name : str
        Small letters, digits and hyphens.
    doc : str
        One line: what the images are, and who made them.
    folder : Path or callable
        The folder, or a function that returns it; the function may raise a `UsageError` that
        says how to get the images.
    digest : str
        The expected `Dataset.digest`, or empty: anything goes.
    """

    name: str
    doc: str
    folder: Path | Callable[[], Path]
    digest: str = ""

    def load(self) -> Dataset:
        """Read the images.

        Raises
        ------
        UsageError
            If they are not there, or are not the images that the name stands for.
        """
        try:
            folder = Path(self.folder() if callable(self.folder) else self.folder)
        except UsageError:
            raise
        except Exception as error:  # a plugin may raise anything
            problem = f"{kind(error)}: {said(error)}"
            raise UsageError(f"the dataset {self.name} cannot be loaded: {problem}") from error
        dataset = dataclasses.replace(_load_folder(folder), name=self.name)
        if self.digest and dataset.digest != self.digest:
            public = known_sets().get(self.name)
            raise UsageError(
                f"{folder} does not hold exactly the images known as {self.name};"
                " name the folder itself to use what it holds"
                + (stored_as_rgb(dataset, public, missing(dataset, public)) if public else "")
            )
        return dataset


def load(text: str, sources: Mapping[str, DatasetSource] | None = None) -> Dataset:
    """Load a dataset.

    Parameters
    ----------
    text : str
        The name of a dataset, or else the path of a folder (its images, not those of its
        subfolders) or of a single image; ``scan.tif[1]`` is the second one of a file of several.
        Write ``./photos`` for a folder whose name is also that of a dataset.
    sources : mapping of str to DatasetSource, optional
        The datasets that have a name; by default those that priorlab knows.

    Returns
    -------
    Dataset
        Every image has been read once.

    Raises
    ------
    UsageError
        For an unknown name, a path that does not exist, or when there is no usable image.

    Examples
    --------
    >>> [image.name for image in load("photos").images][:3]
    ['astronaut', 'camera', 'chelsea']
    """
    if sources is None:
        sources = {source.name: source for source in BUILTIN_DATASETS}
    if text in sources:
        return _rather_than_a_folder(sources[text].load(), text)
    path = expanded(text)
    if text and is_folder(path):
        return _load_folder(path)
    if text and exists(split_frame(path)[0]):
        return _of_file(path)
    if is_name(text):
        raise unknown("dataset", text, sources)
    raise UsageError(f"dataset {text}: there is no such folder or file")


def _rather_than_a_folder(dataset: Dataset, text: str) -> Dataset:
    """Return a dataset that has a name, with a note if other images lie in a folder called so."""
    folder = expanded(text)
    if not is_folder(folder) or any(
        folder.resolve() == image.path.resolve().parent for image in dataset.images
    ):
        return dataset
    note = f"{text} is the data set of that name; write ./{text} for the folder {text} here"
    return dataclasses.replace(dataset, notes=(*dataset.notes, note))


def is_name(text: str) -> bool:
    """Return whether a text can only be the name of a dataset, since it looks like no path.

    Examples
    --------
    >>> is_name("set12"), is_name("./set12"), is_name("photo.png")
    (True, False, False)
    """
    path = expanded(text)
    return path.name == text and not path.suffix and not (text and exists(path))


def _of_file(path: Path) -> Dataset:
    """Read a single image."""
    name = printable(path.stem)
    images, notes = image_files.on_one_scale([image_files.describe(name, path)])
    return Dataset(name, images, notes=notes)


def _load_folder(folder: Path) -> Dataset:
    """Read every file of a folder that has an image's suffix."""
    images, problems, notes = image_files.of_folder(folder)
    return Dataset(printable(folder.resolve().name), images, problems, notes)


def known(dataset: Dataset) -> str:
    """Return the name of the public set whose images a dataset holds, by content, or "".

    Examples
    --------
    >>> known(load("photos"))
    ''
    """
    names = {known_set.digest: known_set.name for known_set in known_sets().values()}
    return names.get(dataset.digest, "")


def missing(dataset: Dataset, known_set: KnownSet, names: Sequence[str] | None = None) -> list[str]:
    """Return the names of a public set's images that a dataset does not hold, by content.

    Parameters
    ----------
    dataset : Dataset
    known_set : KnownSet
    names : sequence of str, optional
        The images of the set that are asked for; by default all.

    Examples
    --------
    >>> missing(load("photos"), known_sets()["set5"], ["baby", "bird"])
    ['baby', 'bird']
    """
    held = {image.digest for image in dataset.images}
    asked = known_set.images if names is None else names
    return [name for name in asked if known_set.images.get(name, "") not in held]


def stored_as_rgb(dataset: Dataset, known_set: KnownSet, lost: Sequence[str]) -> str:
    """Return what is to be added where images are missing since they are gray, stored as RGB.

    Such files are other data, of three channels, to every prior: they do not count as the set's.
    """
    wanted = {known_set.images[name] for name in lost if name in known_set.images}
    held = {gray_digest(image) for image in dataset.images} & wanted
    if not held:
        return ""
    them = "one of them" if len(held) == 1 else f"{len(held)} of them"
    return f"; it holds {them} stored as RGB with three equal channels: save as gray files"


def gray_digest(image: ImageFile) -> str:
    """Return the digest of a gray image that is stored as RGB, as one of one channel, or "".

    Examples
    --------
    >>> [gray_digest(image) for image in load("photos").images[:2]]
    ['', '']
    """
    if image.channels != 3:
        return ""
    rgb = image.read()
    return arrays.digest(rgb[:1]) if arrays.is_gray(rgb) else ""


def only(dataset: Dataset, known_set: KnownSet) -> Dataset:
    """Return the images of a public set that a dataset holds, called as they are in the set.

    Where the digests of the set are not known, the dataset is returned as it is.
    """
    if not known_set.images:
        return dataset
    held = {image.digest: image for image in dataset.images}
    found = [
        dataclasses.replace(held[digest], name=name)
        for name, digest in known_set.images.items()
        if digest in held
    ]
    return dataclasses.replace(dataset, images=tuple(found), problems=())


def _known(known_set: KnownSet) -> DatasetSource:
    """Describe a test set of the literature, which the user puts in place."""

    def folder() -> Path:
        if found := known_set.folder:
            return found
        raise UsageError(
            f"dataset {known_set.name} does not come with priorlab (published"
            f" {known_set.published}): put its images into a folder {known_set.name} and set"
            f" {DATA_VARIABLE} to the folder above it"
        )

    return DatasetSource(known_set.name, known_set.doc, folder, known_set.digest)


BUILTIN_DATASETS = (
    DatasetSource(
        "photos",
        "Six free photographs of 256x256 pixels that come with priorlab, four in colour.",
        Path(__file__).parents[1] / "photos",
    ),
    *map(_known, known_sets().values()),
)
"""The datasets that priorlab knows; only `photos` comes with it."""
