"""How a camera makes a picture of a scene: mosaic, photons, demosaicking, tone curve, JPEG."""

from __future__ import annotations

import dataclasses
import io
from typing import Any

import numpy as np
import scipy
from numpy.typing import NDArray
from PIL import Image

from priorlab.forward.jpeg import TO_YCBCR

Array = NDArray[np.float64]

GAINS = np.array([2.0, 1.0, 1.6])
"""White balance: what the red, green and blue counts are multiplied by; typical of daylight."""

TO_SRGB = np.array([[1.6, -0.45, -0.15], [-0.2, 1.5, -0.3], [0.0, -0.45, 1.45]])
"""From the camera's colours to those of sRGB; rows sum to one. It amplifies the noise."""

# Filters of H. S. Malvar, L. He, R. Cutler: High-quality linear interpolation for demosaicing of
# Bayer-patterned color images, ICASSP 2004.
_GREEN = np.zeros((5, 5))
_GREEN[2] = [-1, 2, 4, 2, -1]
_GREEN[[0, 1, 3, 4], 2] = [-1, 2, 2, -1]
_IN_ROW = np.zeros((5, 5))  # at a green pixel, from neighbours in its row
_IN_ROW[2] = [-1, 4, 5, 4, -1]
_IN_ROW[[0, 4], 2] = 0.5
_IN_ROW[[1, 1, 3, 3], [1, 3, 1, 3]] = -1
_ACROSS = np.zeros((5, 5))  # red at a blue pixel and the reverse
_ACROSS[[0, 2, 2, 4], [2, 0, 4, 2]] = -1.5
_ACROSS[[1, 1, 3, 3], [1, 3, 1, 3]] = 2
_ACROSS[2, 2] = 6


@dataclasses.dataclass(frozen=True)
class Camera:
    """A camera with a Bayer mosaic (RGGB), or without one for gray pictures.

    Attributes
    ----------
    electrons : float
        What a pixel without a gain counts in white light.
    read_noise : float
        Standard deviation that reading a pixel adds, in electrons.
    smoothing : float
        Standard deviation in pixels of the Gaussian that smooths the picture; 0 for none.
    chroma_smoothing : float
        The same for the colour differences.
    quality : int
        Of the JPEG file, on the scale of the Independent JPEG Group; 0 for none.

    Examples
    --------
    >>> scene = np.full((3, 16, 16), 0.5)
    >>> camera = Camera(electrons=1000, quality=0)
    >>> clean, noisy = camera.develop(scene), camera.develop(scene, np.random.default_rng(0))
    >>> f"{clean.std():.2f} {noisy.std():.2f}"
    '0.00 0.02'
    """

    electrons: float
    read_noise: float = 3.0
    smoothing: float = 0.5
    chroma_smoothing: float = 0.0
    quality: int = 95

    def develop(self, scene: Array, rng: np.random.Generator | None = None) -> Array:
        """Return the picture of a scene.

        Parameters
        ----------
        scene : array of shape (1 or 3, H, W)
            Gray or sRGB, in [0, 1].
        rng : Generator, optional
            Draws the noise. Without it there is none, and no compression either: the mean of many
            pictures.

        Returns
        -------
        array
            Of the same shape, in [0, 1]; of 8 bits where noise was drawn.
        """
        light = _linear(scene)
        colour = len(scene) == 3
        if colour:
            light = np.tensordot(np.linalg.inv(TO_SRGB), light, axes=1).clip(0, 1)
            sites = _sites(scene.shape[1:])
            gains = np.tensordot(GAINS, sites, axes=1)
            raw = self._exposed((light * sites).sum(0) / gains, rng) * gains
            light = np.tensordot(TO_SRGB, _demosaicked(raw.clip(None, 1), sites), axes=1)
        else:
            light = self._exposed(light, rng).clip(None, 1)
        picture = _toned(self._smoothed(light, self.smoothing))
        if colour and self.chroma_smoothing:
            luma = np.tensordot(TO_YCBCR[0], picture, axes=1)
            picture = luma + self._smoothed(picture - luma, self.chroma_smoothing)
        picture = picture.clip(0, 1)
        return picture if rng is None else self._stored(picture)

    def _exposed(self, light: Array, rng: np.random.Generator | None) -> Array:
        """Return what is read of a sensor, in units of `electrons`."""
        if rng is None:
            return light
        counts = rng.poisson(light * self.electrons)
        return (counts + rng.normal(0, self.read_noise, light.shape)) / self.electrons

    def _smoothed(self, planes: Array, width: float) -> Array:
        if not width:
            return planes
        return np.asarray(scipy.ndimage.gaussian_filter(planes, (0, width, width), mode="mirror"))

    def _stored(self, picture: Array) -> Array:
        """Return the picture as a file of 8 bits holds it."""
        levels = np.rint(picture * 255).astype(np.uint8)
        if self.quality:
            pixels: NDArray[Any] = levels[0] if len(levels) == 1 else levels.transpose(1, 2, 0)
            file = io.BytesIO()
            Image.fromarray(pixels).save(file, "JPEG", quality=self.quality)
            decoded = np.asarray(Image.open(file))
            levels = decoded[None] if decoded.ndim == 2 else decoded.transpose(2, 0, 1)
        return levels / 255.0


def _linear(x: Array) -> Array:
    """Return the light of sRGB values (IEC 61966-2-1)."""
    return np.where(x <= 0.04045, x / 12.92, ((x.clip(0) + 0.055) / 1.055) ** 2.4)


def _toned(light: Array) -> Array:
    """Return the sRGB values of light, clipped to [0, 1]."""
    light = light.clip(0, 1)
    return np.where(light <= 0.0031308, 12.92 * light, 1.055 * light ** (1 / 2.4) - 0.055)


def _sites(size: tuple[int, ...]) -> Array:
    """Return where the mosaic lets red, green and blue through: (3, H, W), 0 or 1."""
    sites = np.zeros((3, *size))
    sites[0, ::2, ::2] = sites[1, ::2, 1::2] = sites[1, 1::2, ::2] = sites[2, 1::2, 1::2] = 1
    return sites


def _demosaicked(raw: Array, sites: Array) -> Array:
    """Return the picture (3, H, W) of a mosaic (H, W) by Malvar, He and Cutler's filters."""

    def filtered(kernel: Array) -> Array:
        return np.asarray(scipy.ndimage.convolve(raw, kernel / 8, mode="mirror"))

    green = np.where(sites[1] > 0, raw, filtered(_GREEN))
    row, column, across = filtered(_IN_ROW), filtered(_IN_ROW.T), filtered(_ACROSS)
    red_rows = np.zeros(raw.shape, np.bool_)
    red_rows[::2] = True
    planes = []
    for own, other, in_row in ((0, 2, red_rows), (2, 0, ~red_rows)):
        at_green = np.where(in_row, row, column)
        planes.append(np.where(sites[own] > 0, raw, np.where(sites[other] > 0, across, at_green)))
    return np.stack([planes[0], green, planes[1]])
