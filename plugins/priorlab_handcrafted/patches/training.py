"""Training of the ``epll`` prior: a Gaussian mixture is fitted to patches of photographs.

Stepwise expectation maximisation (O. Cappe, E. Moulines: On-line expectation-maximization
algorithm for latent data models, Journal of the Royal Statistical Society B 71(3), 2009): each
step draws fresh patches and moves the sufficient statistics a little towards theirs. The run is
a pure function of (images, steps, seed) on one kind of machine.
"""

from __future__ import annotations

import dataclasses
import math
import time
from pathlib import Path
from typing import ClassVar

import numpy as np
import torch
from torch import Tensor
from torch.nn.functional import normalize, threshold
from typing_extensions import override

from priorlab.components import parameter
from priorlab.pictures.writing import check_writable
from priorlab.training import Progress, Report, Trainer
from priorlab.training.card import write_card
from priorlab.training.checkpoints import Checkpoint
from priorlab.training.photographs import Array, Photographs, gray
from priorlab_handcrafted.patches.mixture import SIZE, Mixture, cosine_basis, write_mixture

COMPONENTS = 200
BATCH = 32768
"""Patches that a step draws."""
CHUNK = 4096
FORGETTING = 0.7
"""Step t replaces the share ``(t + 2)^-FORGETTING`` of the statistics."""
FLOOR = (0.25 / 255) ** 2
"""Variance added in every direction: less than that of rounding to 8 bits."""
PSEUDO_COUNT = 64
"""Imagined patches with uncorrelated coefficients; without them a rare component collapses."""
NO_SHARE = 1e-6
ENERGY_BANDS = 10
REPORT_EVERY = 25
CHECKPOINT_EVERY = 100
"""A multiple of `REPORT_EVERY`."""


@dataclasses.dataclass(frozen=True, kw_only=True)
class EpllTraining(Trainer):
    """The mixture of the ``epll`` prior, from a folder of photographs.

    200 zero-mean Gaussians of the 63 cosine coefficients of 8x8 luma patches, their mean left
    out; 32768 patches in each step, mirrored and transposed at random. The loss is the mean
    negative log-likelihood of a new patch, in nats. One thread.

    Examples
    --------
    >>> EpllTraining().command(Path("photos"), Path("mixture.safetensors"))
    'priorlab train epll --dataset photos --steps 800 --seed 0 -o mixture.safetensors'
    """

    name: ClassVar[str] = "epll"

    steps: int = parameter(800, "steps of the expectation maximisation", low=1)

    @override
    def train(self, dataset: Path, output: Path, report: Report) -> dict[str, str]:
        """Fit the mixture; see `priorlab.training.Trainer.train`."""
        check_writable(output, [".safetensors"])
        photographs = Photographs.read(dataset, SIZE)
        settings = {"steps": str(self.steps), "seed": str(self.seed), **photographs.facts}
        settings["torch"] = str(torch.__version__)
        checkpoint = Checkpoint(output, settings)
        source = Patches(photographs.shown)
        threads = torch.get_num_threads()
        torch.set_num_threads(1)
        try:
            mixture, curve, seconds = _fit(source, self.steps, self.seed, checkpoint, report)
        finally:
            torch.set_num_threads(threads)
        provenance = {"command": self.command(dataset, output), **settings}
        provenance["patches"] = str(self.steps * BATCH)
        provenance["loss"] = f"{curve[-1][1]:.3f}"
        if photographs.held_out:
            seen = Patches(photographs.held_out).draw(self.seed, 0)
            provenance["held_out_loss"] = f"{_expect(mixture, seen)[2]:.3f}"
        provenance["cpu_minutes"] = f"{seconds / 60:.1f}"
        write_mixture(output, mixture, provenance)
        write_card(output, provenance, curve)
        checkpoint.remove()
        return provenance


class Patches:
    """The luma patches of photographs, as cosine coefficients without the mean."""

    def __init__(self, photographs: list[Array]) -> None:
        planes = [gray(image)[0] for image in photographs]
        self.count = len(planes)
        self._pixels = np.concatenate([plane.ravel() for plane in planes])
        self._shapes = np.array([plane.shape for plane in planes])
        self._starts = np.cumsum([0] + [plane.size for plane in planes[:-1]])
        self._basis = cosine_basis()

    def draw(self, seed: int, step: int) -> Tensor:
        """Return the patches of a step: float32 (BATCH, SIZE^2 - 1)."""
        rng = np.random.default_rng([seed, step])
        area = (self._shapes - SIZE + 1).prod(1)
        chosen = rng.choice(self.count, BATCH, p=area / area.sum())
        height, width = self._shapes[chosen].T
        top, left = rng.integers(height - SIZE + 1), rng.integers(width - SIZE + 1)
        # Strides of both signs and in either order mirror and transpose the patches.
        mirrored, transposed = rng.random((2, BATCH)) < 0.5, rng.random(BATCH) < 0.5
        first, second = np.where(mirrored, -1, 1) * (width, np.ones_like(width))
        corner = self._starts[chosen] + (top + mirrored[0] * (SIZE - 1)) * width
        corner += left + mirrored[1] * (SIZE - 1)
        first, second = np.where(transposed, (second, first), (first, second))
        steps = np.arange(SIZE)[:, None]
        rows = corner[:, None, None] + steps * first[:, None, None]
        index = rows + steps.T * second[:, None, None]
        pixels = self._pixels[index].reshape(BATCH, -1).astype(np.float32) / np.float32(255)
        return torch.from_numpy(pixels) @ self._basis


def _fit(
    source: Patches, steps: int, seed: int, checkpoint: Checkpoint, report: Report
) -> tuple[Mixture, list[tuple[int, float, None]], float]:
    """Return the mixture, the curve of the loss and the CPU seconds spent."""
    state = checkpoint.load()
    if state is None:
        counts, moments = _first_statistics(source.draw(seed, 0), seed)
        state = {"step": 0, "counts": counts, "moments": moments, "curve": [], "seconds": 0.0}
    counts, moments, before = state["counts"], state["moments"], state["seconds"]
    curve: list[tuple[int, float, None]] = [(step, loss, None) for step, loss in state["curve"]]
    started, losses = time.process_time(), []
    for step in range(state["step"], steps):
        rate = (step + 2) ** -FORGETTING
        mixture = _maximise(counts, moments, BATCH / rate)
        new_counts, new_moments, loss = _expect(mixture, source.draw(seed, step + 1))
        counts += rate * (new_counts - counts)
        moments += rate * (new_moments - moments)
        losses.append(loss)
        if (step + 1) % REPORT_EVERY and step + 1 < steps:
            continue
        curve.append((step + 1, float(np.mean(losses)), None))
        report(Progress(step + 1, steps, curve[-1][1]))
        losses.clear()
        if (step + 1) % CHECKPOINT_EVERY == 0:
            checkpoint.save(
                {
                    "step": step + 1,
                    "counts": counts,
                    "moments": moments,
                    "curve": [[done, loss] for done, loss, _ in curve],
                    "seconds": before + time.process_time() - started,
                }
            )
    final = _maximise(counts, moments, BATCH * (steps + 1) ** FORGETTING)
    return final, curve, before + time.process_time() - started


def _first_statistics(patches: Tensor, seed: int) -> tuple[Tensor, Tensor]:
    """Return statistics to begin with.

    The patches are divided by energy, and those of a band among some patches of the band drawn
    at random: each goes to the one it is most correlated with.
    """
    generator = torch.Generator().manual_seed(seed)
    scaled = patches / patches.std(0)
    order = scaled.norm(dim=1).argsort()
    share = torch.zeros(len(patches), COMPONENTS)
    each = COMPONENTS // ENERGY_BANDS
    for band, members in enumerate(order.chunk(ENERGY_BANDS)):
        rows = normalize(scaled[members], dim=1)
        seeds = rows[torch.randperm(len(rows), generator=generator)[:each]]
        nearest = (rows @ seeds.T).abs().argmax(1)
        share[members, band * each + nearest] = 1
    moments = share.T @ _products(patches)
    return share.mean(0).double(), moments.double() / len(patches)


def _maximise(counts: Tensor, moments: Tensor, patches: float) -> Mixture:
    """Return the mixture of greatest likelihood, given statistics of so many patches."""
    size = SIZE**2 - 1
    rows, columns = torch.triu_indices(size, size)
    covariances = counts.new_empty(COMPONENTS, size, size)
    seen = (counts * patches)[:, None]
    scaled = moments / counts.clamp_min(1e-12)[:, None]
    # The pseudo patches have the component's own variances, so the diagonal stays.
    scaled = torch.where(rows == columns, scaled + FLOOR, scaled * (seen / (seen + PSEUDO_COUNT)))
    covariances[:, rows, columns] = scaled
    covariances[:, columns, rows] = scaled
    weights = (counts * patches + 1) / (patches + COMPONENTS)
    return Mixture(weights, torch.linalg.cholesky(covariances))


def _expect(mixture: Mixture, patches: Tensor) -> tuple[Tensor, Tensor, float]:
    """Return the statistics of patches, and their mean negative log-likelihood."""
    size = patches.shape[1]
    rows, columns = torch.triu_indices(size, size)
    precisions = torch.cholesky_inverse(mixture.factors)[:, rows, columns]
    precisions[:, rows != columns] *= 2
    forms = (-0.5 * precisions).float().T.contiguous()
    half_log_determinants = mixture.factors.diagonal(dim1=1, dim2=2).log().sum(1)
    constant = mixture.weights.log() - half_log_determinants - size / 2 * math.log(2 * math.pi)
    counts, moments, total = torch.zeros_like(mixture.weights), 0, 0.0
    for chunk in patches.split(CHUNK):
        products = _products(chunk)
        scores = products @ forms + constant.float()
        evidence = scores.logsumexp(1, keepdim=True)
        # Shares so small that they are subnormal numbers would slow the product tenfold.
        shares = threshold((scores - evidence).clamp_min_(-20).exp_(), NO_SHARE, 0)
        counts += shares.sum(0)
        moments = moments + (shares.T @ products).double()
        total -= float(evidence.double().sum())
    return counts / len(patches), moments / len(patches), total / len(patches)


def _products(patches: Tensor) -> Tensor:
    """Return the products of all pairs of coefficients, in the order of `triu_indices`."""
    size = patches.shape[1]
    out = patches.new_empty(len(patches), size * (size + 1) // 2)
    start = 0
    for i in range(size):
        torch.mul(patches[:, i : i + 1], patches[:, i:], out=out[:, start : start + size - i])
        start += size - i
    return out
