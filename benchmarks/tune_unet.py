"""How much of the change that `unet` predicts to make where noise is weak.

Run: python benchmarks/tune_unet.py ../shared/data/bsds432

Of the photographs that its training holds out (every 20th), as they are and at half size, the
middle 128x128 pixels; gains over the noisy picture in dB, mean and worst, for several `FADE`.
"""

import argparse
from pathlib import Path

import numpy as np
import torch

from priorlab.training.photographs import Photographs, halved
from priorlab_learned.unet import UNet, share_of_change

LEVELS = (0.1, 0.3, 0.5, 0.7, 1, 1.5, 2, 3, 5, 15)
FADES = (0, 0.3, 0.4, 0.5, 0.7, 1)
SIDE = 128


def main() -> None:
    parser = argparse.ArgumentParser(description=__doc__)
    parser.add_argument("dataset", type=Path)
    torch.set_num_threads(1)
    images = Photographs.read(parser.parse_args().dataset, SIDE).held_out
    pictures = [middle(image) for image in [*images, *map(halved, images)]]
    table("gray", [picture.mean(1, keepdim=True) for picture in pictures])
    table("colour", pictures)


def table(name: str, clean: list[torch.Tensor]) -> None:
    """Print the gains for a kind of pictures."""
    print(name.ljust(6), *(f"FADE={fade}".rjust(14) for fade in FADES))
    for level in LEVELS:
        gains = np.array([gains_of(image, level, seed) for seed, image in enumerate(clean)])
        figures = zip(gains.mean(0), gains.min(0), strict=True)
        texts = (f"{mean:+.3f} {worst:+.3f}" for mean, worst in figures)
        print(f"{level:6}", *(text.rjust(14) for text in texts), flush=True)


def middle(image: np.ndarray) -> torch.Tensor:
    """Return the middle of an image (3, H, W), as (1, 3, SIDE, SIDE) in [0, 1]."""
    top, left = ((size - SIDE) // 2 for size in image.shape[1:])
    part = image[None, :, top : top + SIDE, left : left + SIDE]
    return torch.from_numpy(part.astype(np.float32) / 255)


def gains_of(clean: torch.Tensor, level: float, seed: int) -> list[float]:
    """Return the gain in dB for each of the `FADES`."""
    noise = np.random.default_rng(seed).standard_normal(clean.shape, np.float32)
    noise = torch.from_numpy(noise) * (level / 255)
    share = share_of_change(level / 255)
    change = (UNet().denoise(clean + noise, level / 255) - clean - noise) / share
    gains = []
    for fade in FADES:
        left = noise + change * share_of_change(level, fade)
        gains.append(10 * float(torch.log10(noise.square().mean() / left.square().mean())))
    return gains


if __name__ == "__main__":
    main()
