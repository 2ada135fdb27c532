"""Sweep a constant of a module, or of a class, on training images; never on a test set.

    python benchmarks/tune_constants.py ../shared/data/bsds432 --priors unet \
        --tasks "denoise-poisson:peak=4|10" --constant "priorlab.forward.noise.MANY_COUNTS=10|25|50"

prints the mean PSNR (dB) of each prior on each task, on centre crops of training images, for each
value that the constant takes.
"""

import argparse
import pkgutil
from collections.abc import Iterator
from pathlib import Path

import numpy as np
import torch
from torch.nn.functional import avg_pool2d
from tune_handcrafted import crops

from priorlab import metrics, plugins
from priorlab.priors import Prior
from priorlab.tasks.base import Task


def values(constant: str) -> Iterator[str]:
    """Give a constant one value after the other, and yield what it now is."""
    place, given = constant.split("=")
    name, key = place.rsplit(".", 1)
    owner = pkgutil.resolve_name(name)
    for value in given.split("|"):
        setattr(owner, key, float(value))
        yield f"{key} = {value}"


def score(prior: Prior, task: Task, photos: list[torch.Tensor]) -> float:
    """Return the mean PSNR of a prior on one task."""
    scores = []
    for clean in photos:
        restored = prior.restore(task.measure(clean, 0)).clamp(0, 1)
        truth = task.truth(clean)[0].numpy()
        scores.append(metrics.evaluate(restored[0].numpy(), truth, task.protocol)["psnr"])
    return float(np.mean(scores))


def main() -> None:
    """Print the sweep as a table: a row for each value."""
    parser = argparse.ArgumentParser(description=__doc__.splitlines()[0])
    parser.add_argument("folder", type=Path)
    parser.add_argument("--priors", required=True)
    parser.add_argument("--tasks", required=True)
    parser.add_argument("--constant", required=True, help="MODULE[.CLASS].NAME=VALUE|VALUE")
    parser.add_argument("--images", type=int, default=4)
    parser.add_argument("--side", type=int, default=96)
    parser.add_argument("--channels", type=int, default=1, choices=(1, 3))
    parser.add_argument(
        "--halved", action="store_true", help="at half the size, without the blocks of JPEG"
    )
    given = parser.parse_args()
    torch.set_num_threads(1)
    registry = plugins.load()
    photos = []
    for photo in crops(given.folder, given.channels)[: given.images]:
        if given.halved:
            photo = (255 * avg_pool2d(photo, 2)).round() / 255
        edge = (photo.shape[-1] - given.side) // 2
        photos.append(photo[..., edge : edge + given.side, edge : edge + given.side].contiguous())
    tasks = registry.build_tasks(given.tasks)
    priors = registry.build_priors(given.priors)
    columns = [f"{prior.spec()}, {task.spec()}" for prior in priors for task in tasks]
    print("| constant |", " | ".join(columns), "|")
    print("|---|" + "---:|" * len(columns), flush=True)
    for value in values(given.constant):
        found = [f"{score(prior, task, photos):.2f}" for prior in priors for task in tasks]
        print(f"| {value} |", " | ".join(found), "|", flush=True)


if __name__ == "__main__":
    main()
