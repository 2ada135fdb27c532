"""What data sets, engines and trainings must do."""

from __future__ import annotations

import tempfile
from pathlib import Path

from PIL import Image

from priorlab import plugins
from priorlab.conformance.checks import Check, Failed, Skipped
from priorlab.conformance.component_checks import PARAMETERS
from priorlab.conformance.scenes import scene
from priorlab.engines import Engine
from priorlab.errors import UsageError
from priorlab.harness.run import bench
from priorlab.harness.run.settings import settle
from priorlab.pictures.datasets import Dataset, DatasetSource


def _loaded(source: DatasetSource) -> Dataset:
    try:
        return source.load()
    except UsageError as error:  # it says how to get the images
        raise Skipped(str(error)) from None


def images(source: DatasetSource) -> None:
    """All of its files are pictures that can be read, and it has one at least."""
    found = _loaded(source)
    if found.problems:
        raise Failed("; ".join(found.problems))
    if not found.images:
        raise Failed("it holds no image")


def duplicates(source: DatasetSource) -> None:
    """No picture is in it twice."""
    seen: dict[str, str] = {}
    for image in _loaded(source).images:
        if image.digest in seen:
            raise Failed(f"{image.name} and {seen[image.digest]} have the same pixels")
        seen[image.digest] = image.name


def determinism(source: DatasetSource) -> None:
    """Loaded again, it holds the same pictures."""
    if _loaded(source).digest != _loaded(source).digest:
        raise Failed("loaded again, it holds other pictures; its name stands for the same always")


def usable(engine: Engine) -> None:
    """`check` returns, or raises a UsageError that says what is missing."""
    try:
        engine.check()
    except UsageError as error:
        raise Skipped(str(error)) from None


def rows(engine: Engine) -> None:
    """A run with it gives the images that a run with the engine `local` gives."""
    usable(engine)
    with tempfile.TemporaryDirectory() as folder:
        pictures = Path(folder, "pictures")
        pictures.mkdir()
        for number in range(2):
            pixels = (255 * scene(1, 32 + number, 32)[0, 0]).byte().numpy()
            Image.fromarray(pixels).save(pictures / f"{number}.png")
        given = {"priors": ["tv"], "tasks": ["denoise"], "dataset": pictures}
        here, there = (
            bench.run(
                settle({**given, "out": Path(folder, name), "engine": chosen}), plugins.load()
            ).rows
            for name, chosen in (("here", "local"), ("there", engine))
        )
    columns = ["image", "status", "psnr"]
    if not here[columns].equals(there[columns]):
        raise Failed(
            f"the rows differ from those of the engine local:\n{there[columns].to_string()}"
        )


OF_DATASETS = (
    Check("images", images, 300.0),
    Check("duplicates", duplicates, 300.0),
    Check("determinism", determinism, 300.0),
)
OF_ENGINES = (PARAMETERS, Check("usable", usable, 300.0), Check("rows", rows, 300.0))
OF_TRAINERS = (PARAMETERS,)
