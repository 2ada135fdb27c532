"""Training of the ``unet`` prior: noisy/clean pairs made on the fly from a folder of photographs.

The run is a pure function of (images, channels, steps, seed) on one kind of machine: every step
draws its crops and its noise from a generator seeded with (seed, step), so an interrupted run
continues exactly where it stopped, and nothing depends on how often it was interrupted.
"""

from __future__ import annotations

import math
import os
import time
from collections.abc import Callable, Iterator
from contextlib import contextmanager
from pathlib import Path
from typing import Any

import numpy as np
import torch

from priorlab.errors import UsageError
from priorlab.pictures.writing import check_writable
from priorlab.precision import bf16_is_fast
from priorlab_learned.networks.unet_network import MULTIPLE, UNetNetwork
from priorlab_learned.networks.weights_file import write_weights
from priorlab_learned.training.memory import freed_memory_kept
from priorlab_learned.training.photographs import (
    Array,
    data_digest,
    decode,
    draw_batch,
    image_paths,
)

Report = Callable[[int, int, float], None]

LEARNING_RATE = 1e-3
WARM_UP = 0.05
"""Fraction of the steps over which the learning rate rises to its maximum."""
HOLD_OUT_EVERY = 20
"""Every 20th image of the folder is held out: used only for the final measurement."""
REPORT_EVERY = 50
CHECKPOINT_EVERY = 500


def train(
    dataset: Path,
    output: Path,
    channels: int,
    steps: int,
    seed: int,
    report: Report | None = None,
) -> dict[str, str]:
    """Train a denoising network and write its weights with their provenance.

    64x64 crops, batch 16, random flips and quarter turns, noise level uniform in [0, 55]/255,
    L1 loss, AdamW with a one-cycle (linear up, cosine down) learning rate of at most 1e-3,
    bfloat16 convolutions where the CPU has them. One thread: next to another busy process a
    second OpenMP thread costs more than it gains.

    A checkpoint ``<output>.checkpoint`` is written next to the output every 500 steps; repeating
    the same call continues from it, and it is removed at the end.

    Parameters
    ----------
    dataset : Path
        Folder of photographs, each at least 64x64.
    output : Path
        The ``.safetensors`` file to write.
    channels : int
        1 for a gray network, 3 for a colour one.
    steps : int
        Optimisation steps (batches), at least 1.
    seed : int
        Seed of the initial weights, the crops and the noise.
    report : callable, optional
        Called as ``report(step, steps, mean_loss)`` every 50 steps and at the end.

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
    if channels not in (1, 3):
        raise UsageError(f"channels must be 1 (gray) or 3 (colour), not {channels}")
    if steps < 1:
        raise UsageError(f"steps must be at least 1, not {steps}")
    check_writable(output, [".safetensors"])
    paths = image_paths(dataset)
    digest = data_digest(paths)
    images = [decode(path, channels) for path in paths]
    held_out = images[HOLD_OUT_EVERY - 1 :: HOLD_OUT_EVERY]
    kept = [image for i, image in enumerate(images) if i % HOLD_OUT_EVERY != HOLD_OUT_EVERY - 1]

    provenance = {
        "command": f"priorlab train unet --dataset {dataset} --channels {channels}"
        f" --steps {steps} --seed {seed} -o {output}",
        "channels": str(channels),
        "steps": str(steps),
        "seed": str(seed),
        "images": str(len(kept)),
        "images_held_out": str(len(held_out)),
        "data_sha256": digest,
        "precision": "bfloat16" if bf16_is_fast(torch.device("cpu")) else "float32",
        "torch": str(torch.__version__),
    }
    with _one_thread(), freed_memory_kept():
        network, cpu_seconds = _optimise(
            kept, output.with_name(output.name + ".checkpoint"), provenance, report or _silent
        )
        state = {name: tensor.half() for name, tensor in network.state_dict().items()}
        # Measured as shipped: with the weights rounded to half precision.
        network.load_state_dict(state)
        provenance["cpu_minutes"] = f"{cpu_seconds / 60:.1f}"
        for level in (15, 25, 50) if held_out else ():
            psnr = _mean_psnr(network, held_out, level / 255, seed)
            provenance[f"held_out_psnr_sigma{level}"] = f"{psnr:.3f}"
    write_weights(output, state, provenance)
    output.with_name(output.name + ".checkpoint").unlink(missing_ok=True)
    return provenance


def learning_rate(step: int, steps: int) -> float:
    """Return the one-cycle learning rate of a step: linear warm-up, then a cosine to zero."""
    rise = max(1.0, WARM_UP * steps)
    if step < rise:
        return LEARNING_RATE * (step + 1) / rise
    return LEARNING_RATE * 0.5 * (1 + math.cos(math.pi * (step - rise) / max(1.0, steps - rise)))


def _optimise(
    images: list[Array], checkpoint: Path, settings: dict[str, str], report: Report
) -> tuple[UNetNetwork, float]:
    """Run the optimisation, from the checkpoint if it is of the same run."""
    steps, seed, channels = (int(settings[key]) for key in ("steps", "seed", "channels"))
    torch.manual_seed(seed)
    network = UNetNetwork(channels).to(memory_format=torch.channels_last)  # type: ignore[call-overload]
    optimiser = torch.optim.AdamW(network.parameters(), LEARNING_RATE, weight_decay=1e-4)
    done, cpu_before = _resume(checkpoint, settings, network, optimiser)
    started = time.process_time()
    losses: list[float] = []
    for step in range(done, steps):
        for group in optimiser.param_groups:
            group["lr"] = learning_rate(step, steps)
        clean, noise, sigma = draw_batch(images, np.random.default_rng([seed, step]))
        with torch.autocast("cpu", torch.bfloat16, enabled=settings["precision"] == "bfloat16"):
            estimate = network(clean + noise, sigma)
        loss = (estimate - clean).abs().mean()
        optimiser.zero_grad(set_to_none=True)
        loss.backward()
        torch.nn.utils.clip_grad_norm_(network.parameters(), 0.1)
        optimiser.step()
        losses.append(loss.item())
        if (step + 1) % REPORT_EVERY == 0 or step + 1 == steps:
            report(step + 1, steps, float(np.mean(losses)))
            losses.clear()
        if (step + 1) % CHECKPOINT_EVERY == 0:
            spent = cpu_before + time.process_time() - started
            _save(checkpoint, settings, network, optimiser, step + 1, spent)
    return network, cpu_before + time.process_time() - started


@torch.no_grad()
def _mean_psnr(network: UNetNetwork, images: list[Array], sigma: float, seed: int) -> float:
    """Return the mean PSNR in dB over images cropped to a size the network accepts."""
    values = []
    for index, image in enumerate(images):
        height, width = (size - size % MULTIPLE for size in image.shape[1:])
        clean = torch.from_numpy(image[None, :, :height, :width].astype(np.float32) / 255)
        rng = np.random.default_rng([seed, index])
        noise = torch.from_numpy(rng.standard_normal(clean.shape, np.float32) * np.float32(sigma))
        estimate = network(clean + noise, torch.tensor([sigma])).clamp(0, 1)
        values.append(-10 * math.log10(float((estimate - clean).square().mean())))
    return float(np.mean(values))


def _save(
    checkpoint: Path,
    settings: dict[str, str],
    network: UNetNetwork,
    optimiser: torch.optim.Optimizer,
    step: int,
    cpu_seconds: float,
) -> None:
    content = {
        "settings": settings,
        "network": network.state_dict(),
        "optimiser": optimiser.state_dict(),
        "step": step,
        "cpu_seconds": cpu_seconds,
    }
    partial = checkpoint.with_name(checkpoint.name + ".partial")
    torch.save(content, partial)
    os.replace(partial, checkpoint)


def _resume(
    checkpoint: Path,
    settings: dict[str, str],
    network: UNetNetwork,
    optimiser: torch.optim.Optimizer,
) -> tuple[int, float]:
    """Load the checkpoint if there is one; return (steps done, CPU seconds spent)."""
    if not checkpoint.exists():
        return 0, 0.0
    content: dict[str, Any] = torch.load(checkpoint, weights_only=True)
    for key, value in settings.items():
        if key != "command" and content["settings"][key] != value:
            raise UsageError(
                f"{checkpoint} is of another run ({key} {content['settings'][key]}, not {value});"
                " remove it or choose another output"
            )
    network.load_state_dict(content["network"])
    optimiser.load_state_dict(content["optimiser"])
    return int(content["step"]), float(content["cpu_seconds"])


@contextmanager
def _one_thread() -> Iterator[None]:
    """Compute on one thread."""
    threads = torch.get_num_threads()
    torch.set_num_threads(1)
    try:
        yield
    finally:
        torch.set_num_threads(threads)


def _silent(step: int, steps: int, loss: float) -> None:
    """Report nothing."""
