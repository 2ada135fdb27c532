"""Training data: photographs decoded once, noisy/clean crops drawn from them for each step."""

from __future__ import annotations

import hashlib
import os
from pathlib import Path

import numpy as np
import numpy.typing as npt
import torch
from PIL import Image
from torch import Tensor

from priorlab.errors import UsageError

Array = npt.NDArray[np.uint8]

CROP = 64
BATCH = 16
SIGMA_MAX = 55 / 255
SUFFIXES = (".png", ".jpg", ".jpeg", ".bmp", ".tif", ".tiff")


def image_paths(dataset: Path) -> list[Path]:
    """Return the image files of a folder by name, or raise a `UsageError` if there is none."""
    if not dataset.is_dir():
        raise UsageError(f"{dataset} is not a folder of images")
    files = (path for path in dataset.iterdir() if path.is_file())
    paths = sorted(path for path in files if path.suffix.lower() in SUFFIXES)
    if not paths:
        raise UsageError(f"{dataset} holds no image ({', '.join(SUFFIXES)})")
    return paths


def data_digest(paths: list[Path]) -> str:
    """Return the SHA-256 over the names and contents of the files, in the order given."""
    digest = hashlib.sha256()
    for path in paths:
        digest.update(os.fsencode(path.name) + b"\0" + hashlib.sha256(path.read_bytes()).digest())
    return digest.hexdigest()


def decode(path: Path, channels: int) -> Array:
    """Return the image as uint8 (C, H, W); gray is the ITU-R 601 luma."""
    try:
        with Image.open(path) as image:
            if image.mode[0] in "IF":  # converting would clip, not scale
                raise UsageError(f"{path} has more than 8 bits; training takes 8-bit images")
            pixels = np.asarray(image.convert("L" if channels == 1 else "RGB"))
    except OSError as error:
        raise UsageError(f"{path} is not a readable image: {error}") from None
    if min(pixels.shape[:2]) < CROP:
        raise UsageError(f"{path} is smaller than the {CROP}x{CROP} crops that training takes")
    return np.ascontiguousarray(pixels.reshape(*pixels.shape[:2], channels).transpose(2, 0, 1))


def draw_batch(images: list[Array], rng: np.random.Generator) -> tuple[Tensor, Tensor, Tensor]:
    """Draw clean crops (B, C, 64, 64) in [0, 1], their noise, and the noise levels (B,)."""
    crops = []
    for index in rng.integers(len(images), size=BATCH):
        image = images[index]
        top = rng.integers(image.shape[1] - CROP + 1)
        left = rng.integers(image.shape[2] - CROP + 1)
        crop = np.rot90(
            image[:, top : top + CROP, left : left + CROP], int(rng.integers(4)), (1, 2)
        )
        crops.append(crop[:, :, ::-1] if rng.integers(2) else crop)
    clean = np.stack(crops).astype(np.float32) / 255
    sigma = rng.uniform(0, SIGMA_MAX, BATCH).astype(np.float32)
    noise = rng.standard_normal(clean.shape, np.float32) * sigma[:, None, None, None]
    return torch.from_numpy(clean), torch.from_numpy(noise), torch.from_numpy(sigma)
