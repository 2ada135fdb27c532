"""Restore pictures of cameras whose truth is known, told nothing, and tabulate the PSNR.

    python benchmarks/real_noise.py FOLDER [--priors bm3d,unet] [--gray] [--looks OUT]

FOLDER holds pairs NAME_real.png and NAME_mean.png, as the set of J. Xu, L. Zhang, D. Zhang, X.
Feng: Multi-channel weighted nuclear norm minimization for real color image denoising (ICCV 2017)
does. PSNR over all channels and pixels, without rounding. `--gray` makes them gray first; `--looks`
writes the restored pictures.
"""

from __future__ import annotations

import argparse
from pathlib import Path

import numpy as np

import priorlab
from priorlab.forward.jpeg import TO_YCBCR
from priorlab.pictures import reading, writing


def psnr(image: np.ndarray, truth: np.ndarray) -> float:
    return float(-10 * np.log10(np.mean((image.astype(np.float64).clip(0, 1) - truth) ** 2)))


def main() -> None:
    parser = argparse.ArgumentParser(description=__doc__.splitlines()[0])
    parser.add_argument("folder", type=Path)
    parser.add_argument("--priors", default="bm3d,unet")
    parser.add_argument("--gray", action="store_true")
    parser.add_argument("--looks", type=Path)
    options = parser.parse_args()
    names = options.priors.split(",")
    rows = []
    print(f"| picture | noisy | {' | '.join(names)} | what was said |")
    print(f"|---|{'---:|' * (len(names) + 1)}---|")
    for path in sorted(options.folder.glob("*_real.*")):
        truth = reading.read(path.with_name(path.name.replace("_real", "_mean")))
        seen, picture = reading.read(path), path
        if options.gray:
            truth, seen = (
                np.tensordot(TO_YCBCR[0], image, axes=1)[None] for image in (truth, seen)
            )
            seen = (np.rint(255 * seen) / 255).astype(np.float32)
            picture = seen[0]
        said: list[str] = []
        row = [psnr(seen, truth)]
        for name in names:
            restored = priorlab.restore(picture, "denoise", name, say=said.append)
            image = restored.transpose(2, 0, 1) if restored.ndim == 3 else restored[None]
            row.append(psnr(image, truth))
            if options.looks:
                options.looks.mkdir(parents=True, exist_ok=True)
                writing.write(options.looks / f"{path.stem}-{name}.png", image)
        rows.append(row)
        figures = " | ".join(f"{value:.2f}" for value in row)
        print(f"| {path.stem.removesuffix('_real')} | {figures} | {said[0]} |", flush=True)
    means = np.mean(rows, axis=0)
    print(f"| mean | {' | '.join(f'{value:.2f}' for value in means)} | |")


if __name__ == "__main__":
    main()
