"""Train the estimate of the noise of colour pictures, and show what it gains.

    python benchmarks/tune_colour_noise.py simulate DATASET OUT.npz [--repeats 18] [--first 0]
    python benchmarks/tune_colour_noise.py train OUT.npz [OUT.npz ...]
    python benchmarks/tune_colour_noise.py gains DATASET [--prior dct]

`simulate` makes parts of colour pictures of photographs, with white noise, clean, as a camera takes
them, with noise that was enlarged with the picture, and with the grain of film. Of the cameras more
than half take out a part of their noise by themselves, in brightness and in colours, and some
sharpen what is left: real ones do so in ways that nobody tells, and their noise is uneven and
coarse. It records what priorlab.pictures.noise_networks is told of each channel, and the PSNR that
the sliding DCT reaches with several multiples of the noise. `train` fits networks such that the
levels that they return cost as little PSNR as possible, reports on photographs that were held out
(whose number is divisible by four), and writes their mean into the package. `gains` restores
pictures of these, told nothing, and told the best of several levels.
"""

from __future__ import annotations

import argparse
import dataclasses
import multiprocessing
import time
from pathlib import Path

import numpy as np
import torch
from scipy import ndimage
from tune_gray_noise import lost, part, psnr, sliding_dct, store, texture
from tune_noise import enlarged, kept, resized, rounded, stored

import priorlab
from priorlab.forward.camera import Camera
from priorlab.forward.jpeg import TO_YCBCR
from priorlab.forward.real_noise import WHITE, RealNoise
from priorlab.pictures import flat_blocks, noise_networks, noise_profile, reading
from priorlab.pictures.picture import Picture
from priorlab.solvers import stabilised

KINDS = ("white", "clean", "camera", "enlarged", "film")
SHARES = (0.15, 0.2, 0.5, 0.15)
SIDES = (128, 160, 192, 256)
SOFT, SOFT_ZOOMS = 12, (2, 3, 4, 6)
"""After so many repeats it is cameras alone that have so many pixels that a scene is soft in all of
them; ..."""

FILM = 16
"""... and after so many scans of film."""

TEXTURES, SMOOTHING, SHARPENING = 0.08, 0.6, 0.4
"""Shares of the pictures that are textures, and of cameras that smooth, and sharpen then."""

MULTIPLES = np.array([0, 0.4, 0.55, 0.75, 1, 1.35, 1.9, 3.2])
"""Of the noise at half size: the levels that are tried, and between which is interpolated."""

KNOTS = np.log(MULTIPLES.clip(0.2))

LEAST_NOISE = 1 / 255
"""Those are multiples of this, where there is less noise."""

HIDDEN, STEPS, NETWORKS = 24, 6000, 3

TOO_HIGH = 1.5
"""What levels cost that are too high counts so many times: texture is lost, noise only stays."""

MOST = 55.0
"""A PSNR in dB above which nobody cares."""


def simulated(path: Path, seed: int) -> tuple[np.ndarray, np.ndarray, int]:
    """Return the truth and the noisy picture (3, H, W), and the kind of noise."""
    rng = np.random.default_rng([int.from_bytes(path.name.encode()), seed, 9])
    if seed < SOFT:
        kind = int(rng.choice(len(SHARES), p=SHARES))
    else:
        kind = KINDS.index("camera" if seed < FILM else "film")
    zooms = {"camera": [0.5, 0.67, 1, 1.4, 2, 2.5, 3], "enlarged": [0.5, 0.67, 1]}
    usual = SOFT_ZOOMS if SOFT <= seed < FILM else zooms.get(KINDS[kind], [0.5, 0.67, 1, 1.4, 2])
    zoom = float(rng.choice(usual))
    scene = resized(reading.read(path), zoom, rng)
    if rng.random() < TEXTURES:
        tint = rng.uniform(-0.2, 0.2, (3, 1, 1))
        scene = (texture(rng) * rng.uniform(0.7, 1, (3, 1, 1)) + tint).clip(0.01, 0.99)
    scene = part(scene, int(rng.choice(SIDES)), rng)
    if KINDS[kind] == "white":
        sigma = np.exp(rng.uniform(np.log(1), np.log(60))) / 255
        noisy = scene + rng.normal(0, sigma, scene.shape)
        return scene, rounded(noisy) if rng.random() < 0.7 else noisy, kind
    if KINDS[kind] == "clean":
        if rng.random() < 0.4:
            width = float(rng.choice([0.5, 0.7, 1]))
            scene = ndimage.gaussian_filter(scene, (0, width, width))
        return scene, kept(scene, rng), kind
    if KINDS[kind] == "enlarged":
        return *enlarged(scene, rng), kind
    if KINDS[kind] == "film":
        return scene, kept(filmed(scene, rng), rng), kind
    return *photographed(scene, rng), kind


def photographed(scene: np.ndarray, rng: np.random.Generator) -> tuple[np.ndarray, np.ndarray]:
    """Return what a camera makes of a scene: without noise, and with."""
    camera = Camera(
        electrons=float(np.exp(rng.uniform(np.log(100), np.log(10_000)))),
        read_noise=float(rng.uniform(0, 6)),
        smoothing=float(rng.choice([0, 0.3, 0.5, 0.7, 0.9, 1.2])),
        chroma_smoothing=float(rng.choice([0, 0, 1, 2, 3])),
        quality=int(rng.choice([0, 80, 90, 95, 98])),
    )
    truth = camera.develop(scene)
    if rng.random() >= SMOOTHING:
        return truth, camera.develop(scene, rng)
    noisy = dataclasses.replace(camera, quality=0).develop(scene, rng)
    noisy = smoothed(noisy, truth, rng)
    if rng.random() < SHARPENING:
        amount, width = rng.uniform(0.2, 1), rng.uniform(0.6, 1.5)
        truth, noisy = (sharpened(image, amount, width) for image in (truth, noisy))
    if camera.quality:
        return truth, stored(noisy, "jpeg", quality=camera.quality)
    return truth, rounded(noisy)


def smoothed(noisy: np.ndarray, truth: np.ndarray, rng: np.random.Generator) -> np.ndarray:
    """Return a noisy picture from whose brightness and colours a part of the noise was taken."""
    planes, clean = (np.tensordot(TO_YCBCR, image, axes=1) for image in (noisy, truth))
    planes[:1] = denoised(planes[:1], clean[:1], rng.uniform(0.3, 1.5), rng.uniform(0.3, 1))
    if rng.random() < 0.7:
        strength, share = rng.uniform(0.5, 2), rng.uniform(0.3, 1)
        small, ideal = (
            np.stack([flat_blocks.halved(plane) for plane in image[1:]])
            for image in (planes, clean)
        )
        taken = small - denoised(small, ideal, strength, share)
        height, width = planes.shape[1:]
        factors = (1, height / taken.shape[1], width / taken.shape[2])
        planes[1:] -= ndimage.zoom(taken, factors, order=1, mode="nearest", grid_mode=True)
    return np.tensordot(np.linalg.inv(TO_YCBCR), planes, axes=1).clip(0, 1)


def denoised(planes: np.ndarray, clean: np.ndarray, strength: float, share: float) -> np.ndarray:
    """Return planes (C, H, W) mixed with what the sliding DCT makes of them."""
    sigma = float(strength * (planes - clean).std()) + 1e-4
    y = torch.from_numpy(planes.astype(np.float32))[:, None]
    restored = sliding_dct().denoise(y, sigma)[:, 0].numpy().astype(float)
    return np.asarray(share * restored + (1 - share) * planes)


def filmed(scene: np.ndarray, rng: np.random.Generator) -> np.ndarray:
    """Return a scan of a scene (C, H, W) on film: grain that is coarse, and alike in all colours.

    How much so is drawn by chance, as is how the grain depends on brightness.
    """
    level = np.exp(rng.uniform(np.log(2), np.log(25))) / 255
    width, shared = rng.uniform(0.4, 1.6), rng.uniform(0, 1)
    layers = rng.normal(size=(len(scene) + 1, *scene.shape[1:]))
    layers = ndimage.gaussian_filter(layers, (0, width, width))
    layers /= layers.std()
    grain = shared**0.5 * layers[:1] + (1 - shared) ** 0.5 * layers[1:]
    return np.asarray(scene + level * grain * (1 + rng.uniform(-1, 1) * (scene - 0.5)))


def sharpened(image: np.ndarray, amount: float, width: float) -> np.ndarray:
    """Return an image whose difference from its own blur is exaggerated (unsharp masking)."""
    blurred = ndimage.gaussian_filter(image, (0, width, width))
    return np.asarray((image + amount * (image - blurred)).clip(0, 1))


def record(job: tuple[int, Path, int]) -> np.ndarray | None:
    """Return what is told of each channel, PSNR by level, noise at half size and at a pixel."""
    number, path, seed = job
    torch.set_num_threads(1)
    truth, noisy, kind = simulated(path, seed)
    told = noise_profile.observed(Picture(image=noisy.astype(np.float32)))
    if any(one is None for one in told):
        return None
    error = noisy - truth
    pixel, half = error.std((1, 2)), half_size(error)
    curve = [psnr(one, truth) for one in at_levels(noisy, error, MULTIPLES)]
    return np.concatenate([*told, curve, half, pixel, [kind, number]])


def half_size(error: np.ndarray) -> np.ndarray:
    """Return the level of each channel's noise (3, H, W) as it is at half size, or nearly none."""
    halves = [2 * flat_blocks.halved(plane).std() for plane in error]
    return np.maximum(halves, LEAST_NOISE)


def at_levels(noisy: np.ndarray, error: np.ndarray, multiples: np.ndarray) -> list[np.ndarray]:
    """Return what the sliding DCT makes of a picture with each multiple of its noise."""
    dct, y = sliding_dct(), torch.from_numpy(noisy.astype(np.float32))[None]
    base = half_size(error)
    fine = float(error.std() / np.sqrt(np.mean(base**2)))
    grain = min(max(fine, 0.3), 0.99 * WHITE) if fine < WHITE else 1.0
    found = []
    for multiple in multiples:
        restored = y
        if multiple:
            levels = tuple(float(level) for level in np.minimum(multiple * base, 0.4))
            restored = stabilised.denoise(dct.denoise, y, RealNoise(levels, grain))
        found.append(restored[0].numpy().clip(0, 1))
    return found


def simulate(folder: Path, out: Path, first: int, repeats: int) -> None:
    seeds = range(first, first + repeats)
    jobs = [(n, path, seed) for seed in seeds for n, path in enumerate(sorted(folder.iterdir()))]
    rows, saved = [], time.monotonic()
    with multiprocessing.get_context("spawn").Pool(2) as pool:
        for done, row in enumerate(pool.imap(record, jobs, chunksize=4), start=1):
            rows += [] if row is None else [row]
            if time.monotonic() > saved + 60 or done == len(jobs):
                np.savez_compressed(out, rows=np.array(rows))
                print(f"{done} of {len(jobs)}", flush=True)
                saved = time.monotonic()


def train(files: list[Path]) -> None:
    rows = np.concatenate([np.load(file)["rows"] for file in files])
    tail = len(MULTIPLES) + 8
    told = rows[:, :-tail].reshape(len(rows), 3, -1)
    curves = rows[:, -tail:-8].clip(max=MOST)
    half, pixel = rows[:, -8:-5], rows[:, -5:-2]
    kind, number = rows[:, -2].astype(int), rows[:, -1].astype(int)
    held_out = number % 4 == 0
    mean, scale = told[~held_out].mean((0, 1)), told[~held_out].std((0, 1)) + 1e-3
    inputs = torch.tensor(((told - mean) / scale).clip(-3, 3), dtype=torch.float32)
    reference = torch.tensor(told[:, :, -1:], dtype=torch.float32)
    losses = torch.tensor(curves.max(1, keepdims=True) - curves, dtype=torch.float32)
    noise = torch.tensor(np.log(half), dtype=torch.float32)
    fine = torch.tensor(np.log(np.maximum(pixel, 0.3 / 255)), dtype=torch.float32)
    is_noisy = torch.from_numpy(kind != KINDS.index("clean"))
    chosen = torch.from_numpy(np.flatnonzero(~held_out))
    data = [inputs, reference, losses, noise, fine, is_noisy]
    networks = [fitted([one[chosen] for one in data], seed) for seed in range(NETWORKS)]
    with torch.no_grad():
        output = torch.stack([one(inputs) for one in networks]).mean(0) + reference
        cost = lost((output[:, :, 0] - noise).mean(1), losses, KNOTS).numpy()
    print(
        "| pictures | held out | best gain | with the levels found | lost, 95 % less than | most |"
    )
    print("|---|---:|---:|---:|---:|---:|")
    for k, name in enumerate(KINDS):
        at = held_out & (kind == k)
        best = (curves[at].max(1) - curves[at, 0]).mean()
        print(
            f"| {name} | {at.sum()} | {best:.2f} | {best - cost[at].mean():.2f} | "
            f"{np.quantile(cost[at], 0.95):.2f} | {cost[at].max():.2f} |"
        )
    store(noise_networks.COLOURS, networks, mean, scale)


def fitted(data: list[torch.Tensor], seed: int) -> torch.nn.Sequential:
    """Return a network from what it is told to the logarithms of the level and of a pixel's."""
    inputs, reference, losses, noise, fine, is_noisy = data
    best = torch.tensor(KNOTS).float()[losses.argmin(1)]
    torch.manual_seed(seed)
    network = torch.nn.Sequential(
        torch.nn.Linear(inputs.shape[2], HIDDEN),
        torch.nn.ReLU(),
        torch.nn.Linear(HIDDEN, HIDDEN),
        torch.nn.ReLU(),
        torch.nn.Linear(HIDDEN, 2),
    )
    optimiser = torch.optim.AdamW(network.parameters(), weight_decay=0.3)
    huber = torch.nn.functional.huber_loss
    for step in range(STEPS):
        optimiser.param_groups[0]["lr"] = 5e-3 * (1 - step / STEPS) + 1e-4
        at = torch.randint(len(inputs), (256,))
        shown = inputs[at] + 0.1 * torch.randn(256, 3, inputs.shape[2])
        level, pixel = (network(shown) + reference[at]).unbind(2)
        relative = level - noise[at]
        multiple = relative.mean(1)
        cost = lost(multiple, losses[at], KNOTS)
        cost = torch.where(cost < 6, cost, 6 + (cost - 6) / 5)  # a few do not outweigh the rest
        cost = torch.where(multiple > best[at], TOO_HIGH * cost, cost).mean()
        # The channels' levels are to be in the ratio of their noise.
        real = is_noisy[at]
        cost = cost + huber(relative[real], multiple[real, None].expand(-1, 3), delta=0.3)
        cost = cost + huber(pixel, fine[at], delta=0.3)
        optimiser.zero_grad()
        cost.backward()
        optimiser.step()
    return network


CAMERAS = {
    f"{electrons} electrons, smoothed by {smoothing}{stored_as}": Camera(
        electrons=electrons, smoothing=smoothing, chroma_smoothing=chroma, quality=quality
    )
    for electrons, smoothing, chroma, quality, stored_as in (
        (10_000, 0.5, 0, 95, ", JPEG of 95"),
        (3000, 0.5, 0, 0, ""),
        (3000, 0.5, 0, 95, ", JPEG of 95"),
        (1000, 0.9, 0, 90, ", JPEG of 90"),
        (1000, 0.5, 2, 95, ", colours by 2, JPEG of 95"),
        (300, 0.5, 0, 95, ", JPEG of 95"),
    )
}


def gains(folder: Path, prior: str) -> None:
    """Restore pictures that were held out, told nothing; the best level is that of the DCT."""
    print("| pictures | input, dB | best level, dB | told nothing, dB | least | level found |")
    print("|---|---:|---:|---:|---:|---:|")
    for name in ("white, 1", "white, 2", "white, 5", "white, 15", "clean", *CAMERAS):
        found = []
        for path in sorted(folder.iterdir())[::12]:
            rng = np.random.default_rng(0)
            scene = resized(reading.read(path), 0.67, rng)
            truth, noisy = pictures(name, scene, rng)
            seen = rounded(noisy).astype(np.float32)
            before = psnr(seen, truth)
            level = noise_profile.profile(Picture(image=seen)).noise.level
            restored = priorlab.restore(seen.transpose(1, 2, 0), prior=prior).transpose(2, 0, 1)
            curve = [psnr(one, truth) for one in at_levels(seen, seen - truth, MULTIPLES)]
            found.append((before, max(curve) - before, psnr(restored, truth) - before, level))
        before, most, gain, level = np.transpose(found)
        print(
            f"| {name} | {before.mean():.1f} | {most.mean():.2f} | {gain.mean():.2f} | "
            f"{gain.min():.1f} | {255 * np.median(level):.1f} |",
            flush=True,
        )


def pictures(
    name: str, scene: np.ndarray, rng: np.random.Generator
) -> tuple[np.ndarray, np.ndarray]:
    """Return the truth and the noisy picture that is called so."""
    if name == "clean":
        return scene, scene
    if name.startswith("white"):
        return scene, scene + rng.normal(0, int(name.split()[1]) / 255, scene.shape)
    return CAMERAS[name].develop(scene), CAMERAS[name].develop(scene, rng)


if __name__ == "__main__":
    parser = argparse.ArgumentParser(description=__doc__.splitlines()[0])
    commands = parser.add_subparsers(dest="command", required=True)
    simulating = commands.add_parser("simulate")
    simulating.add_argument("dataset", type=Path)
    simulating.add_argument("out", type=Path)
    simulating.add_argument("--first", type=int, default=0)
    simulating.add_argument("--repeats", type=int, default=18)
    commands.add_parser("train").add_argument("files", type=Path, nargs="+")
    restoring = commands.add_parser("gains")
    restoring.add_argument("dataset", type=Path)
    restoring.add_argument("--prior", default="dct")
    options = parser.parse_args()
    if options.command == "simulate":
        simulate(options.dataset, options.out, options.first, options.repeats)
    elif options.command == "train":
        train(options.files)
    else:
        gains(options.dataset, options.prior)
