"""Sweep the settings of plug-and-play on training images; never on a test set.

    python benchmarks/tune_plug_and_play.py ../shared/data/bsds432 --solvers hqs,drs --kinds blur

prints, for each solver and each kind of degradation, the mean PSNR of its defaults, and then of one
setting changed at a time: `--settings steps=8|16,last_level=2` replaces the grid below.
"""

import argparse
import time
from pathlib import Path

import numpy as np
import torch
from training_crops import crops

from priorlab import metrics, plugins
from priorlab.registry import Registry
from priorlab.solvers.plug_and_play.catalogue import ALGORITHMS
from priorlab.tasks.base import Task

TASKS = {
    "missing": "inpaint:missing=0.5|0.8",
    "superres": "superres:factor=2|4",
    "blur": "deblur:kind=motion,length=15,angle=30,sigma=2.55|7.65",
    "noise": "dejpeg:quality=10",
}
"""By the kind of degradation that the defaults depend on; JPEG stands for noise that is neither
Gaussian nor can be made so."""

SETTINGS = "steps=8|16|24,first_level=25|50|75,last_level=1|2|4,data_weight=0.1|0.25|0.5|1"


def report(registry: Registry, spec: str, task: Task, photos: list[torch.Tensor]) -> None:
    """Print the mean PSNR of a prior on one task, and the seconds for each picture."""
    (prior,) = registry.build_priors(spec)
    scores, started = [], time.perf_counter()
    for clean in photos:
        restored = prior.restore(task.measure(clean, 0)).clamp(0, 1)
        truth = task.truth(clean)[0].numpy()
        scores.append(metrics.evaluate(restored[0].numpy(), truth, task.protocol)["psnr"])
    seconds = (time.perf_counter() - started) / len(photos)
    print(f"| {task.spec()} | {spec} | {np.mean(scores):.2f} | {seconds:.1f} |", flush=True)


def changes(settings: str, solver: str) -> list[str]:
    """Return one setting at a time, as typed: nothing, steps=8, steps=16, ..."""
    found = [""]
    for part in settings.split(","):
        key, _, values = part.partition("=")
        if key not in ALGORITHMS[solver].ignores:
            found += [f",{key}={value}" for value in values.split("|")]
    return found


def main() -> None:
    """Print the sweep as the rows of a table."""
    parser = argparse.ArgumentParser(description=__doc__)
    parser.add_argument("folder", type=Path)
    parser.add_argument("--images", type=int, default=4)
    parser.add_argument("--side", type=int, default=96)
    parser.add_argument("--prior", default="unet")
    parser.add_argument("--solvers", default=",".join(ALGORITHMS))
    parser.add_argument("--kinds", default=",".join(TASKS))
    parser.add_argument("--settings", default=SETTINGS)
    options = parser.parse_args()
    torch.set_num_threads(1)
    registry = plugins.load()
    photos = crops(options.folder, options.images, options.side)
    print("| task | prior | PSNR (dB) | seconds |\n|---|---|---|---|")
    for kind in options.kinds.split(","):
        for task in registry.build_tasks(TASKS[kind]):
            for solver in options.solvers.split(","):
                for change in changes(options.settings, solver):
                    spec = f"{options.prior}:solver={solver}{change}"
                    report(registry, spec, task, photos)


if __name__ == "__main__":
    main()
