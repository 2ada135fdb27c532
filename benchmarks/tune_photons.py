"""Compare two ways to restore photons that were counted behind an operator, on training images.

    OMP_NUM_THREADS=1 python benchmarks/tune_photons.py ../shared/data/bsds432 --priors tv,unet

One is by their likelihood, the other takes them for white noise as strong as theirs is on average
(`Measurement.with_white_noise`), as the core does. A row for each prior and number of photons in
white, a column for each operator: mean PSNR (dB) of either way, and the light that they keep.
"""

import argparse
from pathlib import Path

import numpy as np
import torch
from tune_handcrafted import crops

from priorlab import metrics, plugins
from priorlab.forward.measurement import Measurement
from priorlab.forward.noise import Poisson
from priorlab.tasks.base import Task
from priorlab.tasks.builtin import Deblur, Inpaint, SuperResolution

TASKS = {
    "blur": Deblur(sigma=0),
    "half missing": Inpaint(missing=0.5),
    "half size": SuperResolution(factor=2),
}
SIDE = 96


def counted(task: Task, clean: torch.Tensor, peak: float) -> Measurement:
    """Return the measurement of photons behind the operator of a task."""
    exact = task.measure(clean, seed=0)
    expected = exact.operator.forward(clean).numpy()
    y = torch.from_numpy(Poisson(peak).sample(expected, np.random.default_rng(0))).float()
    return Measurement(y, exact.operator, Poisson(peak), exact.shape)


def main() -> None:
    """Print the table."""
    parser = argparse.ArgumentParser(description=__doc__.splitlines()[0])
    parser.add_argument("folder", type=Path)
    parser.add_argument("--priors", default="tv,tikhonov,wavelet,unet,bm3d,wcrr")
    parser.add_argument("--images", type=int, default=4)
    given = parser.parse_args()
    torch.set_num_threads(1)
    scenes = [scene[..., :SIDE, :SIDE].contiguous() for scene in crops(given.folder, 3)]
    print("| prior | photons | brightness |", " | ".join(TASKS), "|")
    print("|---|---:|---:|" + "---|" * len(TASKS))
    for prior in plugins.load().build_priors(given.priors):
        for peak, brightness in ((3, 1), (3, 0.2), (30, 1), (30, 0.2), (300, 1)):
            cells = []
            for task in TASKS.values():
                rows = []
                for scene in scenes[: given.images]:
                    clean = brightness * scene
                    photons = counted(task, clean, peak)
                    for measurement in (photons, photons.with_white_noise()):
                        settled = prior.settled(measurement)
                        restored = settled.restore(measurement).clamp(0, 1)
                        score = metrics.psnr(restored[0].numpy(), clean[0].numpy())
                        rows.append((score, float(restored.mean() / clean.mean())))
                told = np.array(rows).reshape(-1, 2, 2).mean(0)
                cells.append(", ".join(f"{score:.2f} ({light:.0%})" for score, light in told))
            print(f"| {prior.name} | {peak} | {brightness} |", " | ".join(cells), "|", flush=True)


if __name__ == "__main__":
    main()
