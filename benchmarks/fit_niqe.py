"""Fit the statistics that the metric `niqe` compares pictures with, and write them with a card.

    python benchmarks/fit_niqe.py ../shared/data/bsds432

fits them to all photographs of the folder but every 20th, in gray. The card has the mean score of
those that were held out, and of the same with noise, blur and JPEG.
"""

import argparse
import io
from collections.abc import Iterator
from pathlib import Path

import numpy as np
from PIL import Image
from scipy import ndimage

from priorlab.training.photographs import Photographs
from priorlab_metrics import niqe
from priorlab_metrics.natural_statistics import features

SHARP = 0.75
"""Patches with at least this share of the sharpest one's sharpness count: what is out of focus says
nothing of quality."""

LEVELS = {"noise": (5, 10, 25, 50), "blur": (0.5, 1, 2, 4), "JPEG": (80, 40, 20, 10)}
"""Standard deviation (0-255), standard deviation in pixels, quality: each from good to bad."""


def fit(photographs: Photographs) -> int:
    """Write mean and covariance of the features of the sharp patches; return how many those are."""
    sharp = []
    for image in photographs.shown:
        found, sharpness = features(gray(image))
        sharp.append(found[sharpness >= SHARP * sharpness.max()])
    rows = np.concatenate(sharp)
    mean, covariance = rows.mean(0), np.cov(rows, rowvar=False)
    np.savez_compressed(niqe.STATISTICS, mean=mean, covariance=covariance)
    return len(rows)


def check(photographs: Photographs) -> Iterator[str]:
    """Yield the table of what photographs score that were held out."""
    yield "| photographs held out | mean NIQE | worse than one level less |"
    yield "|---|---:|---:|"
    pictures = [gray(image) for image in photographs.held_out]
    clean = np.array([score(picture) for picture in pictures])
    yield f"| as they are | {clean.mean():.2f} | |"
    for kind, levels in LEVELS.items():
        before = clean
        for level in levels:
            found = np.array([score(degraded(one, kind, level)) for one in pictures])
            worse = f"{int((found > before).sum())} of {len(found)}"
            yield f"| {kind} {level} | {found.mean():.2f} | {worse} |"
            before = found


def gray(image: np.ndarray) -> np.ndarray:
    """Return an image (3, H, W) of bytes as gray, on the 0-255 scale."""
    return np.asarray(Image.fromarray(np.moveaxis(image, 0, 2)).convert("L"), np.float64)


def degraded(picture: np.ndarray, kind: str, level: float) -> np.ndarray:
    """Return a picture with a defect."""
    if kind == "noise":
        return picture + np.random.default_rng(0).normal(0, level, picture.shape)
    if kind == "blur":
        return ndimage.gaussian_filter(picture, level)
    buffer = io.BytesIO()
    Image.fromarray(picture.astype(np.uint8)).save(buffer, "JPEG", quality=level)
    return np.asarray(Image.open(buffer), np.float64)


def score(picture: np.ndarray) -> float:
    """Return the metric of a picture on the 0-255 scale."""
    return niqe.distance((picture[None] / 255).clip(0, 1).astype(np.float32))


def main() -> None:
    """Write both files."""
    parser = argparse.ArgumentParser(description=__doc__)
    parser.add_argument("folder", type=Path)
    folder = parser.parse_args().folder
    photographs = Photographs.read(folder, least=2 * niqe.PATCH)
    facts = {"command": f"python benchmarks/fit_niqe.py {folder}"}
    facts |= {"patches": str(fit(photographs)), **photographs.facts}
    rows = [f"| {key.replace('_', ' ')} | {value} |" for key, value in facts.items()]
    lines = [f"# {niqe.STATISTICS.name}", "", "| | |", "|---|---|", *rows, "", *check(photographs)]
    niqe.STATISTICS.with_suffix(".md").write_text("\n".join([*lines, ""]))


if __name__ == "__main__":
    main()
