"""Measure whether a sampled uncertainty is true: how often does it cover the picture?

    python benchmarks/posterior_coverage.py ../shared/data/bsds432 --images 4 --side 96
    python benchmarks/posterior_coverage.py ../shared/data/bsds432 --images 2 --side 64 \
        --prior "dip:langevin=1,stop=never" --tasks denoise:sigma=25

prints, for each task, the share of the true pixels within two deviations of the posterior's mean
(95 % for Gaussian errors, if the deviations are right), the root mean square error beside that of
the same prior without samples (the best solver, or the fit that a rule stops) and beside the mean
deviation (0-255), and the rank correlation of error and deviation, which is high where the map
shows where errors are.
Pixels that were measured without noise are left out.
"""

import argparse
import dataclasses
from pathlib import Path

import numpy as np
import torch
from scipy import stats
from training_crops import crops

from priorlab import plugins
from priorlab.priors import Denoiser, Generator, Prior

TASKS = "denoise:sigma=25,inpaint:missing=0.5,deblur:kind=motion,length=15,sigma=7.65"


def without_samples(prior: Denoiser | Generator) -> Prior:
    """Return a prior that does its best with a single image."""
    if isinstance(prior, Generator):
        return dataclasses.replace(prior, langevin=0.0, stop="auto")
    return dataclasses.replace(prior, solver=None)


def main() -> None:
    """Print the table."""
    parser = argparse.ArgumentParser(description=__doc__)
    parser.add_argument("folder", type=Path)
    parser.add_argument("--images", type=int, default=4)
    parser.add_argument("--side", type=int, default=96)
    parser.add_argument("--prior", default="unet:solver=ula")
    parser.add_argument("--tasks", default=TASKS)
    options = parser.parse_args()
    torch.set_num_threads(1)
    registry = plugins.load()
    print("| prior | task | within 2 deviations | error | without samples | deviation | rank |")
    print("|---|---|---|---|---|---|---|")
    for prior in registry.build_priors(options.prior):
        for task in registry.build_tasks(options.tasks):
            errors, plain, deviations = [], [], []
            for clean in crops(options.folder, options.images, options.side):
                measurement = task.measure(clean, 0)
                posterior = prior.posterior(measurement)
                known = measurement.operator.known_pixels
                free = torch.ones_like(clean) if known is None else 1 - known
                free = free.expand_as(clean).bool()
                errors.append((posterior.mean - clean)[free].abs())
                estimate = without_samples(prior).restore(measurement)
                plain.append((estimate - clean)[free])
                deviations.append(posterior.deviation[free])
            error, deviation = (torch.cat(values).numpy() for values in (errors, deviations))
            covered = np.mean(error <= 2 * deviation)
            root = 255 * float(np.sqrt(np.mean(error**2)))
            least = 255 * float(torch.cat(plain).square().mean().sqrt())
            rank = stats.spearmanr(error, deviation).statistic
            print(
                f"| {prior.spec()} | {task.spec()} | {covered:.1%} | {root:.2f} | {least:.2f} |"
                f" {255 * deviation.mean():.2f} | {rank:.2f} |",
                flush=True,
            )


if __name__ == "__main__":
    main()
