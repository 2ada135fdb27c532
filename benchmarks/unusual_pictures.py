"""What the core does for pictures whose values are unusual: cut off, or of little contrast.

    OMP_NUM_THREADS=1 python benchmarks/unusual_pictures.py ../shared/data/bsds432

prints, for pictures of a training set, the mean PSNR (dB) of what goes in, of what comes out
without the core's correction, and with it. Little contrast is compared with all contrast, too.
"""

import argparse
from pathlib import Path

import numpy as np
import torch
from torch import Tensor
from tune_handcrafted import crops

import priorlab
from priorlab import plugins, restoration
from priorlab.api import restoring
from priorlab.solvers import exposure
from priorlab.tasks.builtin import Deblur, Denoise, Inpaint, SuperResolution

SHIFTS = {"dark": (0.15, 0.0), "usual": (1.0, 0.0), "bright": (1.0, 0.4)}
BLACK = 0.3
CONTRASTS = {"all": 1.0, "2048 of 65536 levels": 1 / 32, "256": 1 / 256}


def psnr(image: np.ndarray, truth: np.ndarray) -> float:
    return float(-10 * np.log10(np.square(image - truth).mean()))


def cut_off(photos: list[Tensor], priors: list[str]) -> None:
    """Print the figures of pictures with white noise of sigma 20, stored in 8 bits."""
    print("| sigma 20, 8 bits | prior | input | without the shift | with it |")
    print("|---|---|---:|---:|---:|")
    shift = restoring.shifted_back
    for name, (factor, offset) in SHIFTS.items():
        for prior in priors:
            reached = []
            for photo in photos:
                truth = (factor * photo[0] + offset).clamp(0, 1).numpy().transpose(1, 2, 0)
                noise = np.random.default_rng(0).normal(0, 20 / 255, truth.shape)
                noisy = np.rint(255 * (truth + noise).clip(0, 1)).astype(np.uint8).squeeze()
                found = [psnr(noisy.reshape(truth.shape) / 255, truth)]
                for restoring.shifted_back in (lambda image, *_: image, shift):
                    image = priorlab.restore(noisy, prior=prior).reshape(truth.shape)
                    found.append(psnr(image, truth))
                reached.append(found)
            figures = " | ".join(f"{one:.2f}" for one in np.mean(reached, axis=0))
            print(f"| {name} | {prior} | {figures} |", flush=True)


def little_contrast(photos: list[Tensor], priors: list[str]) -> None:
    """Print the figures of the same pictures with less and less contrast, and as much noise."""
    registry, little = plugins.load(), exposure.LITTLE
    tasks = {
        "noise of 20": lambda scale: Denoise(sigma=20 / 255 * scale),
        "half missing": lambda _: Inpaint(),
        "small, exact": lambda _: SuperResolution(),
        "blur, noise of 2": lambda scale: Deblur(sigma=2 / 255 * scale),
    }
    print("| task | prior | contrast | without a black | with it |\n|---|---|---|---:|---:|")
    for task, made in tasks.items():
        for prior in registry.build_priors(",".join(priors)):
            for name, scale in CONTRASTS.items():
                black, reached = BLACK * (scale < 1), []
                for photo in photos:
                    measurement = made(scale).measure(black + scale * photo, seed=0)
                    measurement = exposure.finely_rounded(measurement, 1 / 256)  # of 16 bits
                    found = []
                    for exposure.LITTLE in (0.0, little):
                        image = restoration.run(prior, measurement)
                        found.append(psnr(((image - black) / scale).numpy(), photo.numpy()))
                    reached.append(found)
                figures = " | ".join(f"{one:.2f}" for one in np.mean(reached, axis=0))
                print(f"| {task} | {prior.spec()} | {name} | {figures} |", flush=True)


def main() -> None:
    parser = argparse.ArgumentParser(description=__doc__.splitlines()[0])
    parser.add_argument("folder", type=Path)
    parser.add_argument("--images", type=int, default=4)
    parser.add_argument("--side", type=int, default=128)
    options = parser.parse_args()
    torch.set_num_threads(1)
    side = slice(options.side)
    photos = [one[..., side, side] for one in crops(options.folder, 3)[: options.images]]
    cut_off(photos, ["unet", "bm3d", "tv"])
    print()
    little_contrast(photos, ["unet", "bm3d", "tv", "wcrr"])


if __name__ == "__main__":
    main()
