"""Print what fits gain where the core takes back what they removed beyond the noise.

    OMP_NUM_THREADS=1 python benchmarks/tune_noise_limit.py ../shared/data/bsds432

PSNR in dB of the noisy data, and of what each prior makes of them by itself and within the noise
(`priorlab.solvers.noise_limit.within_noise`): means over the centres of training pictures.
"""

import argparse
from pathlib import Path

import numpy as np
import torch
from training_crops import crops

from priorlab import metrics, plugins, restoration

TASKS = "denoise:sigma=1|3|10|25,denoise-poisson:peak=3000"


def main() -> None:
    """Print a row for each task."""
    parser = argparse.ArgumentParser(description=__doc__.splitlines()[0])
    parser.add_argument("dataset", type=Path)
    parser.add_argument("--priors", default="dip,siren,zs-n2n,noise2fast")
    parser.add_argument("--tasks", default=TASKS)
    parser.add_argument("--images", type=int, default=4)
    parser.add_argument("--side", type=int, default=96)
    given = parser.parse_args()
    registry = plugins.load()
    priors, tasks = registry.build_priors(given.priors), registry.build_tasks(given.tasks)
    pictures = crops(given.dataset, given.images, given.side, channels=3)
    print(f"| task | data | {' | '.join(prior.spec() for prior in priors)} |")
    print(f"|---|---:|{'---:|' * len(priors)}")
    for task in tasks:
        cells = []
        measured = [(clean, task.measure(clean, seed=0)) for clean in pictures]
        for prior in priors:
            if prior.unsupported(measured[0][1]):
                cells.append("")
                continue
            alone, within = [], []
            for clean, measurement in measured:
                settled = prior.settled(measurement)
                alone.append(psnr(settled.restore(measurement).clamp(0, 1), clean))
                within.append(psnr(restoration.run(prior, measurement), clean))
            cells.append(f"{np.mean(alone):.2f}, {np.mean(within):.2f}")
        data = np.mean([psnr(one.initial_guess().clamp(0, 1), clean) for clean, one in measured])
        print(f"| {task.spec()} | {data:.2f} | {' | '.join(cells)} |", flush=True)


def psnr(image: torch.Tensor, clean: torch.Tensor) -> float:
    """Return the PSNR of an image (1, C, H, W)."""
    return metrics.psnr(image[0].numpy(), clean[0].numpy())


if __name__ == "__main__":
    main()
