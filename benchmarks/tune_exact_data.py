"""Sweep `REACHED` of `priorlab.solvers.exact_data` on training images; never on a test set.

    OMP_NUM_THREADS=1 python benchmarks/tune_exact_data.py ../shared/data/bsds432

prints, for operators that are easy to invert and others that are not, what agreeing with exact data
makes of pictures: the mean PSNR (dB) and how far the worst image is from its data, in gray levels.
The data are rounded to 8 bits, and the images before are those of a prior, so brightened that
parts are saturated.
"""

import argparse
from collections.abc import Callable
from pathlib import Path

import numpy as np
import torch
from tune_handcrafted import crops

from priorlab import plugins
from priorlab.forward.measurement import Measurement
from priorlab.forward.noise import NoNoise
from priorlab.forward.operators import LinearOperator
from priorlab.priors import Prior
from priorlab.solvers import exact_data
from priorlab.tasks.base import Task
from priorlab.tasks.builtin import Deblur, Inpaint, SuperResolution

VALUES = (0.03, 0.1, 0.13, 0.16, 0.2, 1.0)
BRIGHTER = 1.3
"""Factor by which the training images are brightened, and then cut off at white."""

Shape = tuple[int, ...]


def of(task: Task, shape: Shape) -> LinearOperator:
    """Return the operator of a task."""
    return task.operator(shape, np.random.default_rng(0))


def composed(first: Task, then: Task) -> Callable[[Shape], LinearOperator]:
    """Return what makes an operator of two: that of `first`, and on its data that of `then`."""

    def made(shape: Shape) -> LinearOperator:
        inner = of(first, shape)
        return of(then, tuple(inner.forward(torch.zeros(shape)).shape)) @ inner

    return made


class Means(LinearOperator):
    """Means of four by four pixels."""

    def forward(self, x: torch.Tensor) -> torch.Tensor:
        return 4 * torch.nn.functional.avg_pool2d(x, 4)

    def adjoint(self, y: torch.Tensor) -> torch.Tensor:
        return y.repeat_interleave(4, -1).repeat_interleave(4, -2) / 4


SMALL, BLUR, HOLES = SuperResolution(factor=2), Deblur(sigma=0), Inpaint(missing=0.3)
CASES: dict[str, Callable[[Shape], LinearOperator]] = {
    "means of pixels": lambda shape: Means(),
    "small, with holes": composed(SMALL, HOLES),
    "small, of holes": composed(HOLES, SMALL),
    "small, twice": composed(SMALL, SMALL),
    "small, of a blur": composed(BLUR, SMALL),
    "blur": lambda shape: of(BLUR, shape),
    "motion": lambda shape: of(Deblur(kind="motion", length=9, sigma=0), shape),
    "blur, with holes": composed(BLUR, HOLES),
}


def main() -> None:
    """Print a row for each operator."""
    parser = argparse.ArgumentParser(description=__doc__.splitlines()[0])
    parser.add_argument("folder", type=Path)
    parser.add_argument("--prior", default="tikhonov")
    parser.add_argument("--images", type=int, default=6)
    parser.add_argument("--side", type=int, default=96)
    given = parser.parse_args()
    torch.set_num_threads(1)
    (prior,) = plugins.load().build_priors(given.prior)
    photos = [
        (BRIGHTER * photo[..., : given.side, : given.side]).clamp(0, 1).contiguous()
        for channels in (1, 3)
        for photo in crops(given.folder, channels)[: given.images // 2]
    ]
    print("| exact data | before |", " | ".join(f"REACHED={value}" for value in VALUES), "|")
    print("|---|" + "---:|" * (1 + len(VALUES)), flush=True)
    for name, operator_of in CASES.items():
        found = np.array([psnr_and_miss(prior, photo, operator_of) for photo in photos])
        means, worst = found[..., 0].mean(0), found[..., 1].max(0)
        row = [f"{one:.2f}, {miss:.1f}" for one, miss in zip(means, worst, strict=True)]
        print(f"| {name} |", " | ".join(row), "|", flush=True)


def psnr_and_miss(
    prior: Prior, clean: torch.Tensor, operator_of: Callable[[Shape], LinearOperator]
) -> list[tuple[float, float]]:
    """Return them for what the prior restores, and then for each value."""
    operator = operator_of(tuple(clean.shape))
    y = (255 * operator.forward(clean)).round() / 255
    measurement = Measurement(y, operator, NoNoise(), tuple(clean.shape))
    before = measurement.clipped(prior.settled(measurement).restore(measurement))
    images = [before]
    for value in VALUES:
        exact_data.REACHED = value
        images.append(exact_data.agreeing(before, measurement))
    return [
        (
            float(-10 * (image - clean).square().mean().log10()),
            float(255 * (operator.forward(image) - y).abs().max()),
        )
        for image in images
    ]


if __name__ == "__main__":
    main()
