"""Print the sweeps by which the defaults of the handcrafted priors were chosen.

    python benchmarks/tune_handcrafted.py ../shared/data/bsds432 --priors "tv:weight=0.5|0.75|1"

Uses training images only: the centre 256 x 256 of every 54th file in alphabetical order, gray
unless said otherwise. Each line is one setting; each column the mean PSNR (dB) of one task.
"""

import argparse
import importlib
import time
from collections.abc import Iterator
from pathlib import Path

import numpy as np
import torch

from priorlab import metrics, plugins
from priorlab.forward.jpeg import TO_YCBCR
from priorlab.pictures import reading

EVERY = 54
SIZE = 256
TASKS = (
    "denoise:sigma=15|25|50,denoise-poisson,denoise-impulse,"
    "inpaint:missing=0.5|0.8,inpaint:sigma=10,superres:factor=2|4,deblur"
)


def crops(folder: Path, channels: int) -> list[torch.Tensor]:
    """Return the centre crops, float32 (1, C, SIZE, SIZE)."""
    chosen = sorted(folder.iterdir())[::EVERY]
    result = []
    for path in chosen:
        image = reading.read(path)
        if channels == 1 and image.shape[0] == 3:
            image = np.einsum("c,chw->hw", TO_YCBCR[0].astype(np.float32), image)[None]
        top, left = ((size - SIZE) // 2 for size in image.shape[1:])
        image = image[:, top : top + SIZE, left : left + SIZE]
        result.append(torch.from_numpy(np.ascontiguousarray(image))[None])
    return result


def constants(given: str | None) -> Iterator[str]:
    """Give a constant of a module one value after the other, and yield what it now is."""
    if given is None:
        yield ""
        return
    place, values = given.split("=")
    module, name = place.rsplit(".", 1)
    for value in values.split("|"):
        target = vars(importlib.import_module(f"priorlab_handcrafted.{module}"))
        key: str | int = name
        if "[" in name:
            table, index = name.rstrip("]").split("[")
            target, key = target[table], int(index)
        target[key] = type(target[key])(value)
        yield f", {name} = {value}"


def main() -> None:
    parser = argparse.ArgumentParser(description=__doc__.splitlines()[0])
    parser.add_argument("--plugin", action="append", default=[], help="a file with more priors")
    parser.add_argument("folder", type=Path, help="training images")
    parser.add_argument("--priors", required=True, help="a spec, with sweeps")
    parser.add_argument("--channels", type=int, choices=(1, 3), default=1)
    parser.add_argument("--tasks", default=TASKS)
    parser.add_argument(
        "--constant",
        help="of a prior's module, such as bm3d.KAISER=1|2 or nonlocal_means.SECOND_WIDTH[3]=0.5;"
        " not one that a compiled loop uses",
    )
    given = parser.parse_args()
    registry = plugins.load(given.plugin)
    tasks = registry.build_tasks(given.tasks)
    clean = crops(given.folder, given.channels)
    print("| setting | " + " | ".join(task.spec() for task in tasks) + " | mean | CPU s |")
    print("|---|" + "---|" * (len(tasks) + 2))
    priors = registry.build_priors(given.priors)
    for prior, label in ((p, label) for label in constants(given.constant) for p in priors):
        start, means = time.process_time(), []
        for task in tasks:
            values = []
            for image in clean:
                restored = prior.restore(task.measure(image, seed=0)).clamp(0, 1)
                truth = task.truth(image)[0].numpy()
                scores = metrics.evaluate(restored[0].numpy(), truth, task.protocol)
                values.append(scores["psnr"])
            means.append(float(np.mean(values)))
        cells = " | ".join(f"{value:.2f}" for value in (*means, float(np.mean(means))))
        print(
            f"| {prior.spec()}{label} | {cells} | {time.process_time() - start:.0f} |", flush=True
        )


if __name__ == "__main__":
    main()
