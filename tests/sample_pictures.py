"""Small pictures: made on the spot, or cut from the photographs that come with priorlab."""

import numpy as np
import torch
from PIL import Image

from priorlab.pictures import datasets, reading
from priorlab.pictures.picture import Picture

PHOTOS = {image.name: image.path for image in datasets.load("photos").images}
"""The files of the photographs."""


def picture(height, width, channels=1, seed=0):
    """Return a natural-looking float32 picture (C, H, W): shapes on a gradient."""
    rng = np.random.default_rng(seed)
    rows, columns = np.mgrid[:height, :width]
    image = np.stack([0.2 + 0.5 * (rows + columns) / (height + width)] * channels)
    for _ in range(6):
        centre, radius = rng.random(2) * (height, width), rng.uniform(0.1, 0.3) * height
        disk = (rows - centre[0]) ** 2 + (columns - centre[1]) ** 2 < radius**2
        image[:, disk] = rng.random((channels, 1))
    return image.astype(np.float32)


def photo(name):
    """Return a bundled photograph (C, 256, 256) in float64."""
    return reading.read(PHOTOS[name]).astype(np.float64)


def photo_crop(name, channels=1, side=96):
    """Return a square of a bundled photograph as a tensor (1, channels, side, side)."""
    image = reading.read(PHOTOS[name])
    inside = slice(128 - side // 2, 128 + side // 2)
    return torch.from_numpy(np.ascontiguousarray(image[:channels, inside, inside]))[None]


def noisy_picture(height, width, channels, sigma):
    """Return a `picture`, and a tensor (1, C, H, W) of it with white noise."""
    clean = picture(height, width, channels)
    noise = np.random.default_rng(0).standard_normal(clean.shape)
    return clean, torch.from_numpy((clean + sigma * noise)[None].astype(np.float32))


def psnr(restored, clean):
    """Return the PSNR in dB of a tensor (1, C, H, W), which is clipped to [0, 1]."""
    return float(-10 * (restored.clamp(0, 1) - torch.as_tensor(clean)).square().mean().log10())


def planes(pixels):
    """Return the picture (C, H, W) in [0, 1] that integer pixels (H, W) or (H, W, C) stand for."""
    scaled = pixels.astype(np.float32) / np.float32(np.iinfo(pixels.dtype).max)
    return np.atleast_3d(scaled).transpose(2, 0, 1)


def stored(image):
    """Return a picture (C, H, W), clipped, as a file of 8 bits holds it."""
    return Picture(image=(np.rint(image.clip(0, 1) * 255) / 255).astype(np.float32))


def save(path, image):
    """Write a picture (C, H, W) as an 8-bit file and return its path."""
    path.parent.mkdir(parents=True, exist_ok=True)
    pixels = np.rint(image * 255).astype(np.uint8).transpose(1, 2, 0)
    Image.fromarray(pixels[..., 0] if pixels.shape[2] == 1 else pixels).save(path)
    return path
