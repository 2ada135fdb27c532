"""What a prior may see: the data, the operator and the noise model, but never the clean image."""

from __future__ import annotations

import dataclasses

import torch
from torch import Tensor

from priorlab.forward.noise import Gaussian, Noise, NoNoise
from priorlab.forward.operators import LinearOperator, Mask, Shape


@dataclasses.dataclass(frozen=True)
class Measurement:
    """A degraded image ``y ~ noise(A x)`` together with ``A`` and the noise model.

    Attributes
    ----------
    y : Tensor
        The measured data (B, ...), float or complex, in the shape that ``operator.forward``
        returns. Not clipped: noisy values may leave [0, 1].
    operator : LinearOperator
        ``A``.
    noise : Noise
        The noise model, with its data fidelity ``E = -log p(y | A x)``.
    shape : tuple of int
        Shape (B, C, H, W) of the image to recover. It may be larger than the picture: see
        `LinearOperator.frame`.
    brightest, darkest : float
        The largest and the least value of the image: 1 and 0, unless a prior is shown a dark
        picture brighter than it is, or one of little contrast with more; see
        `priorlab.solvers.exposure`.

    Examples
    --------
    >>> mask = torch.ones(1, 1, 16, 16)
    >>> mask[..., 4:8, 4:8] = 0
    >>> y = 0.5 * mask
    >>> measurement = Measurement(y, Mask(mask), NoNoise(), (1, 1, 16, 16))
    >>> torch.equal(measurement.initial_guess(), torch.full((1, 1, 16, 16), 0.5))
    True
    """

    y: Tensor
    operator: LinearOperator
    noise: Noise
    shape: Shape
    brightest: float = 1.0
    darkest: float = 0.0

    def initial_guess(self) -> Tensor:
        """Return the image that uses no prior: `y` itself, interpolated where pixels are missing.

        Clipped to [`darkest`, `brightest`]; see `LinearOperator.initial_guess`.
        """
        return self.clipped(self.operator.initial_guess(self.y, self.shape))

    def clipped(self, image: Tensor) -> Tensor:
        """Return an image cut off at `darkest` and `brightest`."""
        return image.clamp(self.darkest, self.brightest)

    @property
    def frame_shape(self) -> tuple[int, ...]:
        """Shape of the part of the image that the picture shows; see `LinearOperator.frame`."""
        return tuple(self.operator.frame(torch.empty(()).expand(self.shape)).shape)

    def with_known_pixels(self, image: Tensor) -> Tensor:
        """Return an image with the pixels that were measured without noise as they are.

        Examples
        --------
        >>> mask = torch.tensor([[[[1.0, 0.0]]]])
        >>> measurement = Measurement(0.5 * mask, Mask(mask), NoNoise(), (1, 1, 1, 2))
        >>> measurement.with_known_pixels(torch.ones(1, 1, 1, 2))
        tensor([[[[0.5000, 1.0000]]]])
        """
        known = self.operator.known_pixels
        if known is None or not self.noise.is_exact:
            return image
        return torch.where(known.bool(), self.y, image)

    def image(self, index: int) -> Measurement:
        """Return the measurement of one image of the batch."""
        shape = (1, *self.shape[1:])
        return dataclasses.replace(self, y=self.y[index : index + 1], shape=shape)

    def repeated(self, count: int) -> Measurement:
        """Return the measurement of a batch of `count` images, each of which is this one.

        Examples
        --------
        >>> mask = torch.tensor([[[[1.0, 0.0]]]])
        >>> Measurement(0.5 * mask, Mask(mask), NoNoise(), (1, 1, 1, 2)).repeated(3).shape
        (3, 1, 1, 2)
        """
        shape = (count * self.shape[0], *self.shape[1:])
        return dataclasses.replace(self, y=torch.cat([self.y] * count), shape=shape)

    def to(self, device: torch.device | str) -> Measurement:
        """Return the same measurement with its tensors on `device`."""
        return dataclasses.replace(self, y=self.y.to(device), operator=self.operator.to(device))

    @property
    def counts_behind_operator(self) -> bool:
        """Whether the data are photons that were counted after the image was, say, blurred."""
        return self.noise.counts_light and not self.operator.is_identity

    def with_white_noise(self) -> Measurement:
        """Return the measurement of one image with its photon noise as white Gaussian noise.

        It is as strong as theirs is on average, which the data tell. No transform makes the noise
        white where the operator is to stay linear. And what minimises the likelihood of few photons
        together with an energy is too dark: with ``energy(c x) = c energy(x)`` it lacks
        ``energy(x)`` of light, in the units of the likelihood, and a few steps of plug-and-play
        lack as much.

        Examples
        --------
        >>> from priorlab.forward.noise import Poisson
        >>> mask = torch.tensor([[[[1.0, 0.0, 1.0]]]])
        >>> y = torch.tensor([[[[0.3, 0.0, 0.1]]]])
        >>> white = Measurement(y, Mask(mask), Poisson(20.0), (1, 1, 1, 3)).with_white_noise()
        >>> round(white.noise.level, 3)
        0.1
        """
        if not self.counts_behind_operator:
            return self
        variance, known = self.noise.variance(self.y), self.operator.known_pixels
        if known is not None:
            variance = variance[known.expand_as(variance) > 0]
        mean = float(variance.double().mean()) if variance.numel() else 0.0
        # Where no photon was counted the picture is black, whatever the level.
        return dataclasses.replace(self, noise=Gaussian(mean**0.5 or self.noise.level))

    @property
    def has_outliers(self) -> bool:
        """Whether some pixels were replaced by values that carry no information about the image.

        At least some of them can then be detected; see `without_outliers`.
        """
        return self.operator.is_identity and self.noise.has_outliers

    def without_outliers(self) -> Measurement:
        """Return the measurement of one image with its outliers, if any, as missing pixels.

        The other pixels are then free of noise. If no pixel is reliable, all are missing.
        """
        if not self.has_outliers:
            return self
        known = self.noise.reliable_pixels(self.y).to(self.y.dtype)
        return dataclasses.replace(self, y=self.y * known, operator=Mask(known), noise=NoNoise())
