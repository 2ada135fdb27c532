"""Sweep the settings of plug-and-play on training images; never on a test set.

    python benchmarks/tune_plug_and_play.py ../shared/data/bsds432 --images 8

prints the mean PSNR of each setting for each task and prior, one setting varied at a time.
"""

import argparse
import dataclasses
from pathlib import Path

import numpy as np
import torch

from priorlab import metrics, plugins
from priorlab.pictures import reading

TASKS = "inpaint:missing=0.5,inpaint:kind=text,superres:factor=4,deblur,denoise-impulse:amount=0.3"
GRID = {
    "steps": (8, 16, 24, 40),
    "first_level": (25 / 255, 50 / 255, 75 / 255),
    "last_level": (0.5 / 255, 1 / 255, 2 / 255),
    "data_weight": (0.1, 0.23, 0.5, 1.0),
}


def crops(folder: Path, count: int, side: int = 192) -> list[torch.Tensor]:
    """Return gray centre crops of `count` images spread evenly over the folder."""
    paths = sorted(folder.glob("*.jpg"))
    result = []
    for path in paths[:: len(paths) // count][:count]:
        image = reading.read(path).mean(axis=0, keepdims=True)
        top, left = (image.shape[1] - side) // 2, (image.shape[2] - side) // 2
        result.append(torch.from_numpy(image[:, top : top + side, left : left + side])[None])
    return result


def main() -> None:
    """Print the sweep."""
    parser = argparse.ArgumentParser(description=__doc__)
    parser.add_argument("folder", type=Path)
    parser.add_argument("--images", type=int, default=8)
    parser.add_argument("--priors", default="unet,wavelet")
    parser.add_argument("--tasks", default=TASKS)
    parser.add_argument("--settings", default=",".join(GRID))
    options = parser.parse_args()
    torch.set_num_threads(1)
    registry = plugins.load()
    photos = crops(options.folder, options.images)
    for prior in registry.build_priors(options.priors):
        for task in registry.build_tasks(options.tasks):
            for key in options.settings.split(","):
                for value in GRID[key]:
                    changed = dataclasses.replace(prior, **{key: value})
                    scores = []
                    for clean in photos:
                        measurement = task.measure(clean, 0)
                        restored = changed.restore(measurement).clamp(0, 1)
                        truth = task.truth(clean)
                        scores.append(
                            metrics.evaluate(restored[0].numpy(), truth[0].numpy(), task.protocol)[
                                "psnr"
                            ]
                        )
                    print(
                        f"{prior.name:8} {task.spec():28} {key}={value:<8.4g} "
                        f"{np.mean(scores):.2f} dB",
                        flush=True,
                    )


if __name__ == "__main__":
    main()
