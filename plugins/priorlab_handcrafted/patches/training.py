"""Training of the ``epll`` prior: a Gaussian mixture is fitted to patches of photographs.

Stepwise expectation maximisation (O. Cappe, E. Moulines: On-line expectation-maximization
algorithm for latent data models, Journal of the Royal Statistical Society B 71(3), 2009): each
step draws fresh patches and moves the sufficient statistics a little towards theirs. The run is
a pure function of (images, steps, seed) on one kind of machine.
"""

from __future__ import annotations

import hashlib
import math
import os
import time
from collections.abc import Callable
from pathlib import Path

import numpy as np
import numpy.typing as npt
import torch
from torch import Tensor
from torch.nn.functional import normalize, threshold

from priorlab.errors import UsageError
from priorlab.pictures import formats, reading, writing
from priorlab_handcrafted.patches.mixture import SIZE, Mixture, cosine_basis, write_mixture

Report = Callable[[int, int, float], None]
Bytes = npt.NDArray[np.uint8]

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


def train(
    dataset: Path,
    output: Path,
    channels: int,
    steps: int,
    seed: int,
    report: Report | None = None,
) -> dict[str, str]:
    """Fit a zero-mean Gaussian mixture to the patches of a folder and write it.

    200 components on the 63 cosine coefficients of 8x8 luma patches, their mean left out; 32768
    patches in each step, mirrored and transposed at random. One thread. A checkpoint
    ``<output>.checkpoint`` is kept next to the output; repeating the same call continues from
    it, and it is removed at the end.

    Parameters
    ----------
    dataset : Path
        Folder of photographs, gray or colour.
    output : Path
        The ``.safetensors`` file to write.
    channels : int
        1: the mixture is of luma patches, and treats each opponent colour by itself.
    steps : int
        Steps of the expectation maximisation, at least 1.
    seed : int
        The only source of randomness.
    report : callable, optional
        Called as ``report(step, steps, loss)`` every 25 steps and at the end. The loss is the
        mean negative log-likelihood of a new patch, in nats.

    Returns
    -------
    dict of str to str
        The provenance, as written into the file's metadata.

    Raises
    ------
    UsageError
        If the folder holds no image or an unusable one, an argument is out of range, the output
        cannot be written, or the checkpoint belongs to another run.
    """
    if channels != 1:
        raise UsageError("epll learns from gray patches only: train it with channels 1")
    if steps < 1:
        raise UsageError(f"steps must be at least 1, not {steps}")
    writing.check_writable(output, [".safetensors"])
    source = Patches(dataset)
    provenance = {
        "command": f"priorlab train epll --dataset {dataset} --channels {channels}"
        f" --steps {steps} --seed {seed} -o {output}",
        "dataset": dataset.resolve().name,
        "data_sha256": source.digest,
        "images": str(source.count),
        "patches": str(steps * BATCH),
        "steps": str(steps),
        "seed": str(seed),
        "code_sha256": hashlib.sha256(Path(__file__).read_bytes()).hexdigest(),
        "torch": str(torch.__version__),
    }
    checkpoint = output.with_name(output.name + ".checkpoint")
    threads = torch.get_num_threads()
    torch.set_num_threads(1)
    try:
        mixture, loss, seconds = _fit(source, provenance, checkpoint, report or _silent)
    finally:
        torch.set_num_threads(threads)
    provenance["loss"] = f"{loss:.3f}"
    provenance["cpu_minutes"] = f"{seconds / 60:.1f}"
    write_mixture(output, mixture, provenance)
    checkpoint.unlink(missing_ok=True)
    return provenance


class Patches:
    """The patches of a folder of photographs, as cosine coefficients without the mean."""

    def __init__(self, dataset: Path) -> None:
        if not dataset.is_dir():
            raise UsageError(f"{dataset} is not a folder of images")
        paths = sorted(
            p for p in dataset.iterdir() if p.is_file() and p.suffix.lower() in formats.SUFFIXES
        )
        if not paths:
            raise UsageError(f"{dataset} holds no image")
        digest = hashlib.sha256()
        planes = []
        for path in paths:
            digest.update(os.fsencode(path.name) + hashlib.sha256(path.read_bytes()).digest())
            planes.append(_luma(path))
        self.digest = digest.hexdigest()
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


def _luma(path: Path) -> Bytes:
    image = reading.read(path)
    if min(image.shape[1:]) < SIZE:
        raise UsageError(f"{path} is smaller than the {SIZE}x{SIZE} patches that training takes")
    weights = np.array([0.299, 0.587, 0.114] if len(image) == 3 else [1], np.float32)
    return np.rint(255 * np.einsum("c,chw->hw", weights, image)).astype(np.uint8)


def _fit(
    source: Patches, settings: dict[str, str], checkpoint: Path, report: Report
) -> tuple[Mixture, float, float]:
    """Return the mixture, the loss over the last steps and the CPU seconds spent."""
    steps, seed = int(settings["steps"]), int(settings["seed"])
    done, counts, moments, before = _resume(checkpoint, settings)
    if counts is None or moments is None:
        counts, moments = _first_statistics(source.draw(seed, 0), seed)
    started, losses, last = time.process_time(), [], math.nan
    for step in range(done, steps):
        rate = (step + 2) ** -FORGETTING
        mixture = _maximise(counts, moments, BATCH / rate)
        new_counts, new_moments, loss = _expect(mixture, source.draw(seed, step + 1))
        counts += rate * (new_counts - counts)
        moments += rate * (new_moments - moments)
        losses.append(loss)
        if (step + 1) % REPORT_EVERY == 0 or step + 1 == steps:
            last = float(np.mean(losses))
            report(step + 1, steps, last)
            losses.clear()
        if (step + 1) % CHECKPOINT_EVERY == 0:
            spent = before + time.process_time() - started
            partial = checkpoint.with_name(checkpoint.name + ".partial")
            torch.save((settings, step + 1, counts, moments, spent), partial)
            partial.replace(checkpoint)
    final = _maximise(counts, moments, BATCH * (steps + 1) ** FORGETTING)
    return final, last, before + time.process_time() - started


def _resume(
    checkpoint: Path, settings: dict[str, str]
) -> tuple[int, Tensor | None, Tensor | None, float]:
    """Return steps done, statistics and CPU seconds of the checkpoint, if there is one."""
    if not checkpoint.exists():
        return 0, None, None, 0.0
    known, done, counts, moments, spent = torch.load(checkpoint, weights_only=True)
    if known != settings:
        raise UsageError(f"{checkpoint} is of another run; remove it or choose another output")
    return done, counts, moments, spent


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


def _silent(step: int, steps: int, loss: float) -> None:
    """Report nothing."""
