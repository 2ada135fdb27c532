"""A small crop of a photograph, what is measured of it, and how far an image is from it."""

import numpy as np
import torch
from skimage import data
from torch import Tensor

from priorlab.forward.measurement import Measurement
from priorlab.forward.noise import Noise
from priorlab.forward.operators import LinearOperator


def picture(size: int = 48, channels: int = 3) -> Tensor:
    """Return a crop, of shape (1, channels, size, size)."""
    crop = data.astronaut()[40 : 40 + size, 200 : 200 + size, :channels] / 255
    return torch.from_numpy(crop.transpose(2, 0, 1).copy()).float()[None]


def measure(clean: Tensor, operator: LinearOperator, noise: Noise) -> Measurement:
    """Return a measurement of each image of a batch, all with the same noise."""
    u = operator.forward(clean).double().numpy()
    y = np.stack([noise.sample(image, np.random.default_rng(0)) for image in u])
    return Measurement(torch.from_numpy(y).float(), operator, noise, tuple(clean.shape))


def error(image: Tensor, clean: Tensor) -> float:
    """Return the mean squared error."""
    return float((image - clean).square().mean())
