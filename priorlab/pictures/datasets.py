"""Datasets: where the clean images of a comparison come from.

A dataset is named (`photos`, a known test set, one that a plugin offers) or is simply a folder
or a file of the user's. Nothing is ever downloaded. A dataset holds paths and digests, not
pixels, so that any number of images takes little memory.
"""

from __future__ import annotations

import dataclasses
import hashlib
import os
from collections.abc import Callable, Mapping
from pathlib import Path

from priorlab.errors import UsageError, kind, printable, said, unknown
from priorlab.files import exists, expanded, is_folder
from priorlab.pictures import image_files
from priorlab.pictures.image_files import ImageFile

DATA_VARIABLE = "PRIORLAB_DATA"
"""Environment variable: the folder whose subfolders are the known test sets."""


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
        What was guessed of the images, to be shown to the user.
    """

    name: str
    images: tuple[ImageFile, ...]
    problems: tuple[str, ...] = ()
    notes: tuple[str, ...] = ()

    @property
    def digest(self) -> str:
        """SHA-256 over the images' digests; file names, formats and order do not matter."""
        digests = sorted(image.digest for image in self.images)
        return hashlib.sha256("\n".join(digests).encode()).hexdigest()


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
            raise UsageError(
                f"{folder} does not hold exactly the images known as {self.name};"
                " name the folder itself to use what it holds"
            )
        return dataset


def load(text: str, sources: Mapping[str, DatasetSource] | None = None) -> Dataset:
    """Load a dataset.

    Parameters
    ----------
    text : str
        The name of a dataset, or else the path of a folder (its images, not those of its
        subfolders) or of a single image. Write ``./photos`` for a folder whose name is also
        that of a dataset.
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
        return sources[text].load()
    path = expanded(text)
    if text and is_folder(path):
        return _load_folder(path)
    if text and exists(path):
        return _of_file(path)
    if is_name(text):
        raise unknown("dataset", text, sources)
    raise UsageError(f"dataset {text}: there is no such folder or file")


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
    names = {source.digest: source.name for source in BUILTIN_DATASETS if source.digest}
    return names.get(dataset.digest, "")


def _known(name: str, doc: str, digest: str = "") -> DatasetSource:
    """Describe a test set of the literature, which the user puts in place."""

    def folder() -> Path:
        data = os.environ.get(DATA_VARIABLE, "")
        found = Path(data).expanduser() / name
        if data and found.is_dir():
            return found
        looked = f"; there is no {found}" if data else ""
        raise UsageError(
            f"dataset {name} does not come with priorlab: put its images into a folder {name}"
            f" and set {DATA_VARIABLE} to the folder above it{looked}"
        )

    return DatasetSource(name, doc, folder, digest)


BUILTIN_DATASETS = (
    DatasetSource(
        "photos",
        "Six free photographs of 256x256 pixels that come with priorlab, four in colour.",
        Path(__file__).parents[1] / "photos",
    ),
    _known(
        "set12",
        "12 gray images, the usual small test set of denoising (Zhang 2017).",
        "038ba30239faa53d99dc14d2f4b16f510882c977606fe570e955a877b7e0bc5b",
    ),
    _known(
        "bsd68",
        "68 gray test images of the Berkeley segmentation set (Roth, Black 2009).",
        "6b73a365314334f102947385a6eda50c0663ccb8e632dc6e5fa28509f2995139",
    ),
    _known(
        "cbsd68",
        "The 68 images of bsd68 in colour.",
        "3427f4d3ff4b9da89143caa647a9935f6935352502801f70bf90bdb474b52c3d",
    ),
    _known(
        "set5",
        "5 colour images, a test set of super-resolution (Bevilacqua 2012).",
        "0f7e0b92f22a84b5f1bdc4a073aaf9786122ec7e0eb182b61239f14b34de9f3c",
    ),
    # JPEG files, which libraries decode to slightly different pixels: no digest to expect.
    _known("bsds432", "432 images of the Berkeley set BSDS500 without those of bsd68: training."),
)
"""The datasets that priorlab knows; only `photos` comes with it.

The digests are those of the PNG copies with which priorlab's tables were made.
"""
