"""Do the statistics of the tables hold what they say? Simulated: there the truth is known.

    python benchmarks/statistics_validation.py -o results/statistics.md

Of runs that are drawn at random it counts how often the 95 % interval holds the true mean, with
one seed and with three; how often some prior is found different from another, or from the best,
though all are equally good; how often a difference of 0.05 dB is called none in practice; and how
often ranks find priors different that are equally good. Without -o the page is printed; --runs
sets how many runs are drawn for each line.
"""

import argparse
import sys
from collections.abc import Callable, Iterator
from pathlib import Path

import numpy as np
import pandas as pd

from priorlab.harness.report import inference, statistics
from priorlab.harness.report.equivalence import MARGIN, is_equivalent
from priorlab.harness.report.inference import Values
from priorlab.harness.report.ranking import critical_difference

IMAGES = (6, 12, 68)
PRIORS = 10
SEEDS = 3
SPREAD = 0.3
"""Standard deviation in dB of a difference from image to image."""
NOISE = 0.1
"""The same from seed to seed of one image."""

Draw = Callable[[np.random.Generator, tuple[int, ...]], Values]

SHAPES: dict[str, Draw] = {
    "normal": lambda rng, shape: rng.normal(size=shape),
    "heavy tails (Student's t, 5 degrees)": lambda rng, shape: (
        rng.standard_t(5, size=shape) / np.sqrt(5 / 3)
    ),
    "skewed (gamma, skewness 1)": lambda rng, shape: (rng.gamma(4, size=shape) - 4) / 2,
}
"""Distributions of a difference over images, of mean 0 and standard deviation 1."""


def coverage(rng: np.random.Generator, runs: int, images: int, seeds: int, draw: Draw) -> float:
    """Return how often the interval holds the true mean; seeds are averaged first."""
    held = 0
    for _ in range(runs):
        values = SPREAD * draw(rng, (images,)) + rng.normal(0, NOISE, (seeds, images)).mean(0)
        found = inference.interval(values)
        assert found is not None
        held += 0.0 in found
    return held / runs


def two_levels(rng: np.random.Generator, runs: int, images: int, draw: Draw) -> float:
    """Return the same where images are resampled, and then the seeds of each (not what we do)."""
    held = 0
    tail = 1 - inference.LEVEL
    for _ in range(runs):
        values = SPREAD * draw(rng, (images, 1)) + rng.normal(0, NOISE, (images, SEEDS))
        chosen = rng.integers(images, size=(1000, images, 1))
        means = values[chosen, rng.integers(SEEDS, size=(1000, images, SEEDS))].mean((1, 2))
        low, high = np.quantile(means, [tail / 2, 1 - tail / 2])
        held += low <= 0.0 <= high
    return held / runs


def tables(rng: np.random.Generator, runs: int, images: int, draw: Draw) -> Iterator[pd.DataFrame]:
    """Yield scores of priors that are equally good: what differs is chance."""
    for _ in range(runs):
        level = rng.normal(28, 3, (images, 1))
        yield pd.DataFrame(level + SPREAD * draw(rng, (images, PRIORS))).rename(columns=str)


def false_differences(found: pd.DataFrame) -> bool:
    """Return whether some prior is found different from the first one."""
    intervals = (one.interval for one in statistics.compare(found, "0").values())
    return any(one is not None and 0.0 not in one for one in intervals)


def false_losers(found: pd.DataFrame) -> bool:
    """Return whether the first prior, as good as any, is not among those that a table has bold."""
    return "0" not in statistics.leaders(found)


def false_equals(rng: np.random.Generator, runs: int, images: int, draw: Draw) -> float:
    """Return how often a true difference of the margin is called none in practice."""
    spread = MARGIN  # small enough that the test has power
    return float(
        np.mean([is_equivalent(MARGIN + spread * draw(rng, (images,))) for _ in range(runs)])
    )


def false_ranks(rng: np.random.Generator, runs: int, blocks: int, priors: int) -> float:
    """Return how often ranks find some two priors different that are equally good."""
    least = critical_difference(priors, blocks)
    scores = rng.random((runs, blocks, priors))
    means = (scores.argsort(-1).argsort(-1) + 1).mean(1)
    return float(np.mean(np.ptp(means, axis=1) >= least))


def page(runs: int) -> Iterator[str]:
    rng = np.random.default_rng(0)
    yield "# Do the statistics hold what they say?\n"
    yield f"Of {runs} simulated runs each. Made by\n"
    yield "```sh\npython benchmarks/statistics_validation.py -o results/statistics.md\n```\n"
    yield (
        f"A difference between two priors varies by {SPREAD:g} dB from image to image and by"
        f" {NOISE:g} dB from seed to seed of an image. The figures themselves are exact to"
        f" {100 * np.sqrt(0.05 * 0.95 / runs):.1f} % (one standard error).\n"
    )
    yield "## How often the 95 % interval holds the true mean\n"
    yield f"| differences over images | images | 1 seed | {SEEDS} seeds | two levels |"
    yield "|---|---:|---:|---:|---:|"
    for name, draw in SHAPES.items():
        for images in IMAGES:
            held = [coverage(rng, runs, images, seeds, draw) for seeds in (1, SEEDS)]
            held.append(two_levels(rng, runs // 4, images, draw))
            yield f"| {name} | {images} | " + " | ".join(f"{100 * h:.1f} %" for h in held) + " |"
    yield (
        f'\n"{SEEDS} seeds": averaged for each image, then images are resampled, as the tables do.'
        f' "Two levels": a plain bootstrap of images and then of their seeds, of {runs // 4} runs;'
        " it is not used.\n"
    )
    yield f"## False positives: {PRIORS} priors that are equally good\n"
    yield (
        "| differences over images | images | some prior found different from a reference |"
        " a prior missing among the bold | 0.05 dB called equal |"
    )
    yield "|---|---:|---:|---:|---:|"
    some = runs // 4
    for name, draw in SHAPES.items():
        for images in IMAGES:
            found = list(tables(rng, some, images, draw))
            rates = [
                float(np.mean([false_differences(table) for table in found])),
                float(np.mean([false_losers(table) for table in found])),
                false_equals(rng, runs, images, draw),
            ]
            yield f"| {name} | {images} | " + " | ".join(f"{100 * r:.1f} %" for r in rates) + " |"
    yield f"\nThe first two columns are of {some} runs.\n"
    yield "## False positives of ranks\n"
    yield "| blocks | priors | some two found different |"
    yield "|---:|---:|---:|"
    for blocks in (5, 10, 30):
        for priors in (3, 10):
            rate = false_ranks(rng, 4 * runs, blocks, priors)
            yield f"| {blocks} | {priors} | {100 * rate:.1f} % |"


def main() -> None:
    parser = argparse.ArgumentParser(description=__doc__.splitlines()[0])
    parser.add_argument("--runs", type=int, default=2000)
    parser.add_argument("-o", "--output", type=Path)
    given = parser.parse_args()
    text = "\n".join(page(given.runs)) + "\n"
    if given.output:
        given.output.write_text(text)
    else:
        sys.stdout.write(text)


if __name__ == "__main__":
    main()
