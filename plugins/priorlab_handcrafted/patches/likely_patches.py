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
    coupled: int
    """Number of coefficients that `forms` couples."""
    published: bool
    """Whether the likeliest component alone cleans a patch, and all pixels count alike."""


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
    """Eigenvalues (K, L) of the covariances of the L lowest frequencies."""
    low_directions: Tensor
    """Eigenvectors (K, L, L) of these."""
    high_variances: Tensor
    """Variances (K, D - L) of the other coefficients."""
    basis: Tensor
    """Pixels to coefficients (SIZE^2, D)."""

    def stage(self, noise: float, published: bool = False) -> Stage:
        """Return what an iteration needs if its noise has this variance."""
        low, high = self.low_variances + noise, self.high_variances + noise
        coupled = low.shape[1]
        rows, columns = torch.triu_indices(coupled, coupled)
        couplings = (self.low_directions / low[:, None]) @ self.low_directions.mT
        couplings = couplings[:, rows, columns] * (2 - (rows == columns).to(low))
        gains = self.variances / (self.variances + noise)
        error = noise * (self.pixel_shares @ gains[:, :, None])[..., 0]
        return Stage(
            forms=-0.5 * torch.cat([couplings, 1 / high], 1).T.contiguous(),
            constants=self.log_weights - 0.5 * (low.log().sum(1) + high.log().sum(1)),
            gains=gains,
            certainty=torch.ones_like(error) if published else 1 / (error + DOUBT * noise),
            directions=self.directions,
            basis=self.basis,
            coupled=coupled,
            published=published,
        )


@lru_cache(maxsize=4)
def load_spectra(path: Path, modified: int, device: torch.device, coupled: int) -> Spectra:
    """Read a mixture once per file, time of change, device and number of coupled frequencies."""
    mixture, basis = read_mixture(path), cosine_basis()
    covariances = mixture.factors @ mixture.factors.mT
    variances, directions = torch.linalg.eigh(covariances)
    low_variances, low_directions = torch.linalg.eigh(covariances[:, :coupled, :coupled])
    tensors = (
        mixture.weights.log(),
        variances,
        directions,
        (basis.double() @ directions).square(),
        low_variances,
        low_directions,
        covariances.diagonal(dim1=1, dim2=2)[:, coupled:],
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
    then no estimate jumps when rounding changes their order, and all devices agree. In the
    published method the likeliest has all of the weight.
    """
    coefficients = stage.basis.T @ patches.T
    scores = torch.addmm(stage.constants, _features(coefficients, stage.coupled).T, stage.forms)
    if stage.published:
        chosen = scores.argmax(1, keepdim=True)
        share = torch.ones_like(chosen, dtype=scores.dtype)
        cleaned = _filter(coefficients.T.contiguous(), chosen, share, stage)
        return cleaned, stage.certainty[chosen[:, 0]]
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


def _features(coefficients: Tensor, coupled: int) -> Tensor:
    """Return the products of pairs of low frequencies and the squares of the others: (F, N)."""
    size, number = coefficients.shape
    out = coefficients.new_empty(coupled * (coupled - 1) // 2 + size, number)
    start = 0
    for i in range(coupled):
        pairs = out[start : start + coupled - i]
        torch.mul(coefficients[i], coefficients[i:coupled], out=pairs)
        start += coupled - i
    torch.square(coefficients[coupled:], out=out[start:])
    return out


def _filter(coefficients: Tensor, chosen: Tensor, share: Tensor, stage: Stage) -> Tensor:
    """Return the pixels of the mix of Wiener estimates: `share` of those of `chosen`, (N, n)."""
    wanted = chosen.T.flatten()
    order = wanted.argsort(stable=True)
    counts = wanted.bincount(minlength=len(stage.gains))
    groups = [group for group in enumerate(counts.tolist()) if group[1]]
    turned = _multiply(coefficients[order % len(coefficients)], groups, stage.directions)
    turned *= stage.gains[wanted[order]]
    turned = _multiply(turned, groups, stage.directions.mT)
    estimates = torch.empty_like(turned)
    estimates[order] = turned
    mixed, *others = estimates.chunk(share.shape[1])
    mixed.mul_(share[:, :1])
    for index, other in enumerate(others, 1):
        mixed.addcmul_(other, share[:, index : index + 1])
    return mixed @ stage.basis.T


def _multiply(rows: Tensor, groups: list[tuple[int, int]], matrices: Tensor) -> Tensor:
    """Return the rows times the matrix of their group; groups are (matrix, number of rows)."""
    out, start = torch.empty_like(rows), 0
    for index, count in groups:
        members = slice(start, start + count)
        torch.mm(rows[members], matrices[index], out=out[members])
        start += count
    return out
