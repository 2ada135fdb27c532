"""How the ``epll`` prior cleans patches: they become likely under its mixture."""

from __future__ import annotations

import dataclasses
from functools import lru_cache
from pathlib import Path

import torch
from torch import Tensor
from torch.nn.functional import avg_pool2d, fold

from priorlab_handcrafted.patches.mixture import SIZE, cosine_basis, read_mixture
from priorlab_handcrafted.shared.mirroring import mirror

COUPLED = 28
"""Number of low-frequency coefficients whose correlations determine the likely component."""
DOUBT = 0.25
"""Share of the noise variance that is added to a pixel's expected squared error."""
CHUNK = 8192
"""Approximate number of patches in a band."""


@dataclasses.dataclass(frozen=True)
class Stage:
    """What an iteration needs to know of K components under its noise level."""

    forms: Tensor
    """Coefficients (F, K) of the log-likelihood in the features of `_features`."""
    constants: Tensor
    """Its constant terms (K,)."""
    gains: Tensor
    """Factors (K, D) of the Wiener filters in the directions of `Spectra`."""
    certainty: Tensor
    """One over the expected squared error of each pixel (K, SIZE^2)."""
    directions: Tensor
    """Eigenvectors (K, D, D) of the covariances, in columns."""
    basis: Tensor
    """Pixels to coefficients (SIZE^2, D)."""


@dataclasses.dataclass(frozen=True)
class Spectra:
    """The eigenvectors of a mixture, from which a `Stage` for any noise level is cheap to make."""

    log_weights: Tensor
    """Log probabilities (K,)."""
    variances: Tensor
    """Eigenvalues (K, D) of the covariances."""
    directions: Tensor
    """Eigenvectors (K, D, D), in columns."""
    pixel_shares: Tensor
    """Squares (K, SIZE^2, D) of the eigenvectors' pixels."""
    low_variances: Tensor
    """Eigenvalues (K, COUPLED) of the covariances of low frequencies."""
    low_directions: Tensor
    """Eigenvectors (K, COUPLED, COUPLED) of these."""
    high_variances: Tensor
    """Variances (K, D - COUPLED) of the other coefficients."""
    basis: Tensor
    """Pixels to coefficients (SIZE^2, D)."""

    def stage(self, noise: float) -> Stage:
        """Return what an iteration needs if its noise has this variance."""
        low, high = self.low_variances + noise, self.high_variances + noise
        rows, columns = torch.triu_indices(COUPLED, COUPLED)
        couplings = (self.low_directions / low[:, None]) @ self.low_directions.mT
        couplings = couplings[:, rows, columns] * (2 - (rows == columns).to(low))
        gains = self.variances / (self.variances + noise)
        error = noise * (self.pixel_shares @ gains[:, :, None])[..., 0]
        return Stage(
            forms=-0.5 * torch.cat([couplings, 1 / high], 1).T.contiguous(),
            constants=self.log_weights - 0.5 * (low.log().sum(1) + high.log().sum(1)),
            gains=gains,
            certainty=1 / (error + DOUBT * noise),
            directions=self.directions,
            basis=self.basis,
        )


@lru_cache(maxsize=4)
def load_spectra(path: Path, modified: int, device: torch.device) -> Spectra:
    """Read a mixture once per file, time of change and device."""
    mixture, basis = read_mixture(path), cosine_basis()
    covariances = mixture.factors @ mixture.factors.mT
    variances, directions = torch.linalg.eigh(covariances)
    low_variances, low_directions = torch.linalg.eigh(covariances[:, :COUPLED, :COUPLED])
    tensors = (
        mixture.weights.log(),
        variances,
        directions,
        (basis.double() @ directions).square(),
        low_variances,
        low_directions,
        covariances.diagonal(dim1=1, dim2=2)[:, COUPLED:],
        basis,
    )
    return Spectra(*(tensor.to(device, torch.float32) for tensor in tensors))


def average_patches(
    x: Tensor, smooth: Tensor, stage: Stage, stride: int, offset: tuple[int, int]
) -> Tensor:
    """Clean the patches of a plane (H, W) on a grid and average them where they overlap.

    Their means are those of `smooth`, their deviations from it those of `x`.
    """
    # No further beyond the border than needed: mirrored noise looks like a pattern.
    top, left = (stride - 1 - start for start in offset)
    wider = (top, stride - 1), (left, stride - 1)
    padded, means = mirror(x[None], *wider)[0], mirror(smooth[None], *wider)
    means = avg_pool2d(means, SIZE, stride)[0]
    down, across = ((size - SIZE) // stride + 1 for size in padded.shape)
    total, weight = torch.zeros_like(padded), torch.zeros_like(padded)
    width = (across - 1) * stride + SIZE
    step = max(1, CHUNK // across)
    for first in range(0, down, step):
        count = min(step, down - first)
        height = (count - 1) * stride + SIZE
        band = padded[first * stride : first * stride + height]
        patches = band.unfold(0, SIZE, stride).unfold(1, SIZE, stride).reshape(-1, SIZE**2)
        cleaned, certainty = _clean(patches, stage)
        cleaned += means[first : first + count].reshape(-1, 1)
        for image, values in ((total, cleaned.mul_(certainty)), (weight, certainty)):
            sums = fold(values.T[None], (height, width), SIZE, stride=stride)[0, 0]
            image[first * stride : first * stride + height, :width] += sums
    place = slice(top, top + x.shape[0]), slice(left, left + x.shape[1])
    return total[place] / weight[place]


def _clean(patches: Tensor, stage: Stage) -> tuple[Tensor, Tensor]:
    """Return patches (N, SIZE^2) without noise and mean, and how certain each pixel is.

    The two likeliest components are mixed, each with its likelihood less that of the third:
    then no estimate jumps when rounding changes their order, and all devices agree.
    """
    coefficients = stage.basis.T @ patches.T
    scores = torch.addmm(stage.constants, _features(coefficients).T, stage.forms)
    best = scores.topk(3, dim=1)
    likelihood = (best.values - best.values[:, :1]).exp_()
    share = likelihood[:, :2] - likelihood[:, 2:]
    # If all three are equally likely nothing is left: then the first is taken.
    share[:, 0] += torch.finfo(share.dtype).tiny
    share /= share.sum(1, keepdim=True)
    chosen = best.indices[:, :2]
    cleaned = _filter(coefficients.T.contiguous(), chosen, share, stage)
    first, second = chosen.unbind(1)
    certainty = stage.certainty[first] * share[:, :1]
    return cleaned, certainty.addcmul_(stage.certainty[second], share[:, 1:])


def _features(coefficients: Tensor) -> Tensor:
    """Return the products of pairs of low frequencies and the squares of the others: (F, N)."""
    size, number = coefficients.shape
    out = coefficients.new_empty(COUPLED * (COUPLED - 1) // 2 + size, number)
    start = 0
    for i in range(COUPLED):
        pairs = out[start : start + COUPLED - i]
        torch.mul(coefficients[i], coefficients[i:COUPLED], out=pairs)
        start += COUPLED - i
    torch.square(coefficients[COUPLED:], out=out[start:])
    return out


def _filter(coefficients: Tensor, chosen: Tensor, share: Tensor, stage: Stage) -> Tensor:
    """Return the pixels of the mix of Wiener estimates: `share` of those of `chosen`, (N, 2)."""
    wanted = chosen.T.flatten()
    order = wanted.argsort(stable=True)
    counts = wanted.bincount(minlength=len(stage.gains))
    groups = [group for group in enumerate(counts.tolist()) if group[1]]
    turned = _multiply(coefficients[order % len(coefficients)], groups, stage.directions)
    turned *= stage.gains[wanted[order]]
    turned = _multiply(turned, groups, stage.directions.mT)
    estimates = torch.empty_like(turned)
    estimates[order] = turned
    first, second = estimates.chunk(2)
    return (first.mul_(share[:, :1]).addcmul_(second, share[:, 1:])) @ stage.basis.T


def _multiply(rows: Tensor, groups: list[tuple[int, int]], matrices: Tensor) -> Tensor:
    """Return the rows times the matrix of their group; groups are (matrix, number of rows)."""
    out, start = torch.empty_like(rows), 0
    for index, count in groups:
        members = slice(start, start + count)
        torch.mm(rows[members], matrices[index], out=out[members])
        start += count
    return out
