"""Print what kernels leave of training pictures that they blurred, and of others.

    python benchmarks/tune_blurs.py ../shared/data/bsds432

shows where the bounds of `priorlab.forward.kernel_evidence` lie: what is left, over the standard
deviation of the picture (`CONTRADICTED`), and the share of the sharp image that is black or white
where the picture shows neither (`AMISS`), which right kernels ask for, too, where there is more
noise than `QUIET`. Each row is of 24 gray pictures; noise has sigma 1, or what the row says. Then
what is left of the edges of bars above and below a picture, black and white ones, that were blurred
with it or put there afterwards, over the most that a kernel may leave (`SHARPER`).
"""

import argparse
import dataclasses
import itertools
from pathlib import Path

import numpy as np
import torch
from training_crops import crops

from priorlab.forward import kernel_evidence
from priorlab.forward.convolution import Convolution
from priorlab.pictures import bars
from priorlab.tasks.builtin import Deblur
from priorlab.tasks.deblurring import AROUND_EDGE

PICTURES, SIDE, SIGMA = 24, 256, 1 / 255

ROUND, WIDE, MOTION, ACROSS = (
    Deblur(sigma=SIGMA, boundary="unknown", **one)
    for one in (
        {"width": 2},
        {"width": 4},
        {"kind": "motion", "length": 9},
        {"kind": "motion", "length": 9, "angle": 90},
    )
)

CASES = {
    "right: Gaussian, 2 pixels": (ROUND, ROUND),
    "right: Gaussian, 4 pixels": (WIDE, WIDE),
    "right: motion of 9 pixels": (MOTION, MOTION),
    "right: motion, sigma 1.5": (dataclasses.replace(MOTION, sigma=1.5 / 255), MOTION),
    "right: motion, sigma 3": (dataclasses.replace(MOTION, sigma=3 / 255), MOTION),
    "right: motion, sigma 6": (dataclasses.replace(MOTION, sigma=6 / 255), MOTION),
    "right: Gaussian, sigma 6": (dataclasses.replace(ROUND, sigma=6 / 255), ROUND),
    "sharp, told as a Gaussian": (None, ROUND),
    "sharp, told as a motion": (None, MOTION),
    "Gaussian, told twice as wide": (ROUND, WIDE),
    "motion, told across": (MOTION, ACROSS),
}
"""What blurred a picture, and what is told."""


def kernel(task: Deblur, shape: tuple[int, ...]) -> np.ndarray:
    """Return what a task blurs by."""
    operator = task.operator(shape, np.random.default_rng(0))
    assert isinstance(operator, Convolution)
    return operator.kernel.numpy()


BAR = 24
"""Rows of a bar."""


def with_bars(image: torch.Tensor, colour: float) -> torch.Tensor:
    """Return an image with bars above and below it."""
    return torch.nn.functional.pad(image, (0, 0, BAR, BAR), value=colour)


def edges_left(
    task: Deblur, pictures: list[torch.Tensor], colour: float, *, before: bool
) -> list[float]:
    """Return what a kernel leaves of the edges of bars, over the most that it may."""
    lefts = []
    for seed, clean in enumerate(pictures):
        if before:
            picture = task.measure(with_bars(clean, colour), seed).y
        else:
            picture = with_bars(task.measure(clean, seed).y, colour)
        by = kernel(task, clean.shape)
        lost = (clean.shape[2] + 2 * BAR - picture.shape[2]) // 2  # the frame of an unknown border
        rows = slice(BAR - lost, picture.shape[2] - BAR + lost)
        image = picture[0].numpy()
        around = max(AROUND_EDGE, *by.shape)
        for edge in bars.edges(image, (rows, slice(0, image.shape[2])), around):
            shown = torch.from_numpy(edge.copy())[None]
            most = kernel_evidence.most_left(shown, task.sigma)
            lefts.append(kernel_evidence.misfit(shown, by)[0] / most)
    return lefts


def main() -> None:
    """Print a row for each case: the least, the median and the greatest of both."""
    parser = argparse.ArgumentParser(description=__doc__.splitlines()[0])
    parser.add_argument("dataset", type=Path)
    pictures = crops(parser.parse_args().dataset, PICTURES, SIDE)
    torch.set_num_threads(1)
    print("| case | left: least, median, most | amiss: least, median, most | doubted |")
    print("|---|---:|---:|---:|")
    for name, (blur, told) in CASES.items():
        lefts, shares, doubted = [], [], 0
        for seed, clean in enumerate(pictures):
            picture = blur.measure(clean, seed).y if blur else clean
            by = kernel(told, clean.shape)
            left, amiss = kernel_evidence.misfit(picture, by)
            lefts.append(left / float(picture.std()))
            shares.append(amiss)
            sigma = blur.sigma if blur else SIGMA
            doubted += kernel_evidence.contradicts(picture, by, sigma)
        columns = [
            f"{min(all_):.3f}, {np.median(all_):.3f}, {max(all_):.3f}" for all_ in (lefts, shares)
        ]
        print(
            f"| {name} | {columns[0]} | {columns[1]} | {doubted} of {len(pictures)} |", flush=True
        )
    print("\n| bars | left, over the most: least, median, most |\n|---|---:|")
    for name, (blur, _) in CASES.items():
        if not blur or not name.startswith("right"):
            continue
        for colour, before in itertools.product((0.0, 1.0), (True, False)):
            lefts = edges_left(blur, pictures, colour, before=before)
            when = "blurred with it" if before else "added"
            figures = f"{min(lefts):.2f}, {np.median(lefts):.2f}, {max(lefts):.2f}"
            shade = "white" if colour else "black"
            print(f"| {name.removeprefix('right: ')}, {shade}, {when} | {figures} |", flush=True)


if __name__ == "__main__":
    main()
