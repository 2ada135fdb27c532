"""Train the estimate of the noise of gray pictures, and show what it gains.

    python benchmarks/tune_gray_noise.py simulate DATASET OUT.npz [--repeats 28]
    python benchmarks/tune_gray_noise.py train OUT.npz
    python benchmarks/tune_gray_noise.py gains DATASET
    python benchmarks/tune_gray_noise.py files DATASET

`simulate` makes gray pictures of photographs, with white noise, clean, as a gray and as a colour
camera takes them, and with noise that was enlarged with the picture; it records what
priorlab.pictures.noise_networks is told of each, and the PSNR that the sliding DCT reaches with
each of several levels. `train` fits networks such that the level that they return costs as little
PSNR as possible, reports on photographs that were held out (whose number is divisible by four), and
writes their mean into the package. `gains` restores pictures of these, told nothing, and told the
best of several levels; `files` restores JPEG files, of colours too, with several margins by which
the pixels have to show more noise than the coefficients (noise_profile.ABOVE).
"""

from __future__ import annotations

import argparse
import dataclasses
import functools
import itertools
import math
import multiprocessing
import tempfile
from pathlib import Path

import numpy as np
import torch
from scipy import ndimage
from tune_noise import SIZE, enlarged, kept, resized, rounded, save_noisy, stored

import priorlab
from priorlab import plugins
from priorlab.forward.camera import Camera
from priorlab.forward.jpeg import TO_YCBCR
from priorlab.forward.real_noise import WHITE, RealNoise
from priorlab.pictures import flat_blocks, noise_networks, noise_profile, reading
from priorlab.pictures.picture import Picture
from priorlab.priors import Denoiser
from priorlab.solvers import stabilised

KINDS = ("white", "clean", "gray camera", "colour camera", "enlarged")
SHARES = (0.18, 0.18, 0.25, 0.24, 0.15)
WHOLE, PARTS = 12, (96, 128, 160, 192, 256)
"""After so many repeats it is parts of pictures, with fewer blocks to see: squares of these ..."""

TEXTURES = 20
"""... and after so many textures all over, drawn by chance: photographs have too few ..."""

SMOOTHED = 22
"""... and after so many pictures of cameras that take noise out by themselves: what is left of it
is uneven, and coarser."""

GRID = np.array([0, 0.7, 1, 1.4, 2, 2.8, 4, 5.6, 8, 11, 16, 22, 32, 45, 64, 90]) / 255
"""The levels that are tried."""

KNOTS = np.log(np.maximum(GRID, 0.35 / 255))

HIDDEN, STEPS, NETWORKS = 24, 8000, 3

TOO_HIGH = 1.5
"""What a level costs that is too high counts so many times: texture is lost, noise only stays."""

MOST = 55.0
"""A PSNR in dB above which nobody cares: with 46, as for colours, a clean picture loses more."""


def simulated(path: Path, seed: int) -> tuple[np.ndarray, np.ndarray, int]:
    """Return the truth and the noisy picture (1, H, W), and the kind of noise."""
    rng = np.random.default_rng([int.from_bytes(path.name.encode()), seed, 5])
    kind = int(rng.choice(len(KINDS), p=SHARES))
    if seed >= SMOOTHED:
        kind = KINDS.index(str(rng.choice(["gray camera", "colour camera"])))
    scene = scene_of(path, seed, KINDS[kind], rng)
    gray = brightness(scene)
    if KINDS[kind] == "white":
        sigma = np.exp(rng.uniform(np.log(1.5), np.log(60))) / 255
        noisy = gray + rng.normal(0, sigma, gray.shape)
        return gray, rounded(noisy) if rng.random() < 0.7 else noisy, kind
    if KINDS[kind] == "clean":
        if rng.random() < 0.4:
            width = float(rng.choice([0.5, 0.7, 1]))
            gray = ndimage.gaussian_filter(gray, (0, width, width))
        return gray, kept(gray, rng), kind
    if KINDS[kind] == "enlarged":
        return *enlarged(gray, rng), kind
    return *photographed(scene if KINDS[kind] == "colour camera" else gray, seed, rng), kind


def scene_of(path: Path, seed: int, kind: str, rng: np.random.Generator) -> np.ndarray:
    """Return a photograph (3, H, W) at some size, or a part of one, or a texture."""
    zooms = [0.5, 0.67, 1, 1.4, 2, 2.5] if "camera" in kind else [0.5, 0.67, 1, 1.4, 2]
    if kind == "enlarged":
        zooms = [0.5, 0.67, 1]
    if TEXTURES <= seed < SMOOTHED:
        scene = np.repeat(texture(rng), 3, axis=0)
    else:
        scene = resized(reading.read(path), float(rng.choice(zooms)), rng)
    if seed < WHOLE or (seed >= SMOOTHED and rng.random() >= 0.5):
        return scene
    return part(scene, int(rng.choice(PARTS)), rng)


def photographed(
    scene: np.ndarray, seed: int, rng: np.random.Generator
) -> tuple[np.ndarray, np.ndarray]:
    """Return what a camera makes of a scene (1 or 3, H, W), in gray: without noise, and with."""
    camera = Camera(
        electrons=float(np.exp(rng.uniform(np.log(100), np.log(5000)))),
        read_noise=float(rng.uniform(0, 6)),
        smoothing=float(rng.choice([0, 0.3, 0.5, 0.7, 0.9, 1.2])),
        chroma_smoothing=float(rng.choice([0, 1, 2, 3])),
        quality=int(rng.choice([0, 0, 80, 90, 95, 98])),
    )
    truth = camera.develop(scene)
    smooths = seed >= SMOOTHED
    noisy = smoothed(camera, scene, truth, rng) if smooths else camera.develop(scene, rng)
    if len(scene) == 1:
        return truth, noisy
    return brightness(truth), rounded(brightness(noisy))


def smoothed(
    camera: Camera, scene: np.ndarray, truth: np.ndarray, rng: np.random.Generator
) -> np.ndarray:
    """Return the picture of a camera that takes out a part of its noise before it stores it."""
    noisy = dataclasses.replace(camera, quality=0).develop(scene, rng)
    sigma = rng.uniform(0.5, 1.5) * (noisy - truth).std()
    restored = sliding_dct().denoise(torch.from_numpy(noisy.astype(np.float32))[None], float(sigma))
    share = rng.uniform(0.3, 1)
    mixed = share * restored[0].numpy().astype(float) + (1 - share) * noisy
    return stored(mixed, "jpeg", quality=camera.quality) if camera.quality else rounded(mixed)


def texture(rng: np.random.Generator) -> np.ndarray:
    """Return a texture (1, H, W) as a lens shows it, between black and white."""
    share = rng.random()
    image = share * leaves(rng) + (1 - share) * cloth(rng)
    image = ndimage.gaussian_filter(image, rng.uniform(0.3, 1))
    deviation, light = np.exp(rng.uniform(np.log(4), np.log(60))) / 255, rng.uniform(0.3, 0.7)
    return (light + image * deviation / image.std()).clip(0.01, 0.99)[None]


def leaves(rng: np.random.Generator) -> np.ndarray:
    """Return dead leaves (H, W): discs that hide each other, as stones and bushes do.

    A. B. Lee, D. Mumford, J. Huang: Occlusion models for natural images, International Journal of
    Computer Vision 41, 2001.
    """
    image = np.zeros(SIZE)
    least, most = sorted(rng.uniform(1.5, 14, 2))
    rows, columns = np.ogrid[-16:17, -16:17]
    distance = np.hypot(rows, columns)
    for _ in range(int(4 * image.size / (least * most))):
        # Radii fall with their third power, as sizes do in photographs.
        radius = (least**-2 + rng.random() * (most**-2 - least**-2)) ** -0.5
        extent = int(radius)
        top, left = (int(rng.integers(n - 2 * extent)) for n in SIZE)
        disc = distance[16 - extent : 17 + extent, 16 - extent : 17 + extent] <= radius
        image[top : top + len(disc), left : left + len(disc)][disc] = rng.normal()
    return image


def cloth(rng: np.random.Generator) -> np.ndarray:
    """Return noise (H, W) whose amplitudes fall with frequency, without an end."""
    frequency = np.hypot(*np.meshgrid(*map(np.fft.fftfreq, SIZE), indexing="ij"))
    falls = np.maximum(frequency, 1 / 64) ** rng.uniform(0.6, 1.6)
    image = np.fft.ifft2(np.fft.fft2(rng.normal(size=SIZE)) / falls).real
    return np.asarray(image / image.std())


def part(image: np.ndarray, side: int, rng: np.random.Generator) -> np.ndarray:
    """Return a square of an image, or as much of one as there is."""
    row, column = (int(rng.integers(max(1, n - side + 1))) for n in image.shape[1:])
    return image[:, row : row + side, column : column + side]


def brightness(image: np.ndarray) -> np.ndarray:
    """Return the luma (1, H, W) of RGB."""
    return np.tensordot(TO_YCBCR[0], image, axes=1)[None]


def psnr(image: np.ndarray, truth: np.ndarray) -> float:
    """Return the PSNR in dB, 60 at most."""
    return min(60.0, -10 * np.log10(np.square(image - truth).mean() + 1e-9))


def record(job: tuple[int, Path, int]) -> np.ndarray | None:
    """Return what the network is told, PSNR on the grid, a pixel's deviation, kind, number."""
    number, path, seed = job
    torch.set_num_threads(1)
    truth, noisy, kind = simulated(path, seed)
    picture = Picture(image=noisy.astype(np.float32))
    (told,) = noise_profile.observed(picture)
    if told is None:
        return None
    curve = [psnr(restored, truth) for restored in at_levels(noisy, truth, GRID)]
    return np.array([*told, *curve, (noisy - truth).std(), kind, number])


def at_levels(noisy: np.ndarray, truth: np.ndarray, levels: np.ndarray) -> list[np.ndarray]:
    """Return what the sliding DCT makes of a picture with each level, its grain being known."""
    dct = sliding_dct()
    error, y = noisy - truth, torch.from_numpy(noisy.astype(np.float32))[None]
    at_half_size = 2 * flat_blocks.halved(error[0]).std()
    fine = min(1.0, float(error.std() / max(at_half_size, 1e-6)))
    found = []
    for level in map(float, levels):
        restored = y
        if level and fine >= WHITE:
            restored = dct.denoise(y, level)
        elif level:
            restored = stabilised.denoise(dct.denoise, y, RealNoise((level,), fine))
        found.append(restored[0].numpy().clip(0, 1))
    return found


@functools.cache
def sliding_dct() -> Denoiser:
    (prior,) = plugins.load().build_priors("dct")
    assert isinstance(prior, Denoiser)
    return prior


def simulate(folder: Path, out: Path, repeats: int) -> None:
    jobs = [(n, p, seed) for seed in range(repeats) for n, p in enumerate(sorted(folder.iterdir()))]
    with multiprocessing.get_context("spawn").Pool(2) as pool:
        rows = [row for row in pool.imap(record, jobs, chunksize=4) if row is not None]
    np.savez_compressed(out, rows=np.array(rows))


def train(file: Path) -> None:
    rows = np.load(file)["rows"]
    told, curves = rows[:, : -len(GRID) - 3], rows[:, -len(GRID) - 3 : -3].clip(max=MOST)
    kind, number = rows[:, -2].astype(int), rows[:, -1].astype(int)
    held_out = number % 4 == 0
    mean, scale = told[~held_out].mean(0), told[~held_out].std(0) + 1e-3
    inputs = torch.tensor(((told - mean) / scale).clip(-3, 3), dtype=torch.float32)
    reference = torch.tensor(told[:, -1:], dtype=torch.float32)
    losses = torch.tensor(curves.max(1, keepdims=True) - curves, dtype=torch.float32)
    pixel = torch.tensor(np.log(np.maximum(rows[:, -3], 0.3 / 255)), dtype=torch.float32)
    chosen = torch.from_numpy(np.flatnonzero(~held_out))
    networks = [
        fitted(inputs[chosen], reference[chosen], losses[chosen], pixel[chosen], seed)
        for seed in range(NETWORKS)
    ]
    with torch.no_grad():
        output = torch.stack([one(inputs) for one in networks]).mean(0) + reference
        cost = lost(output[:, 0], losses, KNOTS).numpy()
    print(
        "| pictures | held out | best gain | with the level found | lost, 95 % less than | most |"
    )
    print("|---|---:|---:|---:|---:|---:|")
    for k, name in enumerate(KINDS):
        at = held_out & (kind == k)
        best = (curves[at].max(1) - curves[at, 0]).mean()
        print(
            f"| {name} | {at.sum()} | {best:.2f} | {best - cost[at].mean():.2f} | "
            f"{np.quantile(cost[at], 0.95):.2f} | {cost[at].max():.2f} |"
        )
    store(noise_networks.GRAY, networks, mean, scale)


def store(
    file: Path, networks: list[torch.nn.Sequential], mean: np.ndarray, scale: np.ndarray
) -> None:
    """Write networks side by side, which are one then: their mean; and the scale of their input."""
    first, second, last = ([one[k] for one in networks] for k in (0, 2, 4))
    layers = [
        torch.cat([one.weight for one in first]),
        torch.cat([one.bias for one in first]),
        torch.block_diag(*(one.weight for one in second)),
        torch.cat([one.bias for one in second]),
        torch.cat([one.weight for one in last], 1) / len(networks),
        torch.stack([one.bias for one in last]).mean(0),
    ]
    arrays = {f"layer{k}": value.detach().numpy() for k, value in enumerate(layers)}
    told = {"mean": mean.astype(np.float32), "scale": scale.astype(np.float32)}
    np.savez_compressed(file, **told, **arrays)


def fitted(
    inputs: torch.Tensor,
    reference: torch.Tensor,
    losses: torch.Tensor,
    pixel: torch.Tensor,
    seed: int,
) -> torch.nn.Sequential:
    """Return a network from what it is told to the logarithms of the level and of a pixel's."""
    best = torch.tensor(KNOTS).float()[losses.argmin(1)]
    torch.manual_seed(seed)
    network = torch.nn.Sequential(
        torch.nn.Linear(inputs.shape[1], HIDDEN),
        torch.nn.ReLU(),
        torch.nn.Linear(HIDDEN, HIDDEN),
        torch.nn.ReLU(),
        torch.nn.Linear(HIDDEN, 2),
    )
    optimiser = torch.optim.AdamW(network.parameters(), weight_decay=0.3)
    for step in range(STEPS):
        optimiser.param_groups[0]["lr"] = 5e-3 * (1 - step / STEPS) + 1e-4
        at = torch.randint(len(inputs), (512,))
        shown = inputs[at] + 0.1 * torch.randn(512, inputs.shape[1])
        level, fine = (network(shown) + reference[at]).T
        cost = lost(level, losses[at], KNOTS)
        cost = torch.where(cost < 6, cost, 6 + (cost - 6) / 5)  # a few do not outweigh the rest
        cost = torch.where(level > best[at], TOO_HIGH * cost, cost).mean()
        cost = cost + torch.nn.functional.huber_loss(fine, pixel[at], delta=0.3)
        optimiser.zero_grad()
        cost.backward()
        optimiser.step()
    return network


def lost(value: torch.Tensor, losses: torch.Tensor, knots: np.ndarray) -> torch.Tensor:
    """Return the PSNR that a logarithm of a level costs, between those where it is known."""
    known = torch.tensor(knots, dtype=torch.float32)
    place = torch.bucketize(value.detach().contiguous(), known).clamp(1, len(known) - 1)
    share = (value - known[place - 1]) / (known[place] - known[place - 1])
    below = losses.gather(1, (place - 1)[:, None])[:, 0]
    above = losses.gather(1, place[:, None])[:, 0]
    # Beyond the ends the slope goes on upwards.
    outside = (known[0] - value).clamp_min(0) * 0.1 + (value - known[-1]).clamp_min(0) * 10
    return torch.lerp(below, above, share.clamp(0, 1)) + outside


def gains(folder: Path) -> None:
    """Restore pictures that were held out with the sliding DCT."""
    print("| pictures | input, dB | told nothing | least | best level | level found / best |")
    print("|---|---:|---:|---:|---:|---:|")
    for name in ("white, 2", "white, 5", "white, 15", "clean", *CAMERAS):
        found = []
        for path in sorted(folder.iterdir())[::12]:
            rng = np.random.default_rng(0)
            scene = resized(reading.read(path), 0.67, rng)
            truth, noisy = pictures(name, brightness(scene), scene, rng)
            seen = rounded(noisy).astype(np.float32)
            before = psnr(seen, truth)
            level = noise_profile.profile(Picture(image=seen)).noise.level
            restored = priorlab.restore(seen[0], prior="dct")[None]
            curve = [psnr(one, truth) - before for one in at_levels(seen, truth, GRID)]
            best = max(GRID[int(np.argmax(curve))], 0.3 / 255)
            found.append((before, psnr(restored, truth) - before, max(curve), level / best))
        before, gain, most, ratio = np.transpose(found)
        print(
            f"| {name} | {before.mean():.1f} | {gain.mean():.2f} | {gain.min():.1f} | "
            f"{most.mean():.2f} | {np.median(ratio):.2f} |",
            flush=True,
        )


CAMERAS = {
    f"{colours} camera, {electrons} electrons, smoothed by {smoothing}{stored}": (
        colours == "colour",
        Camera(electrons=electrons, smoothing=smoothing, quality=quality),
    )
    for colours, electrons, smoothing, quality, stored in (
        ("gray", 3000, 0.5, 0, ""),
        ("gray", 300, 0.5, 0, ""),
        ("gray", 1000, 0.9, 90, ", JPEG of 90"),
        ("colour", 3000, 0.5, 95, ", JPEG of 95"),
        ("colour", 300, 0.5, 95, ", JPEG of 95"),
    )
}


def pictures(
    name: str, gray: np.ndarray, scene: np.ndarray, rng: np.random.Generator
) -> tuple[np.ndarray, np.ndarray]:
    """Return the truth and the noisy picture that is called so."""
    if name == "clean":
        return gray, gray
    if name.startswith("white"):
        return gray, gray + rng.normal(0, int(name.split()[1]) / 255, gray.shape)
    colours, camera = CAMERAS[name]
    if not colours:
        return camera.develop(gray), camera.develop(gray, rng)
    return brightness(camera.develop(scene)), brightness(camera.develop(scene, rng))


def files(folder: Path) -> None:
    margins = [(times, 5.0) for times in (1.15, 1.45, 1.75, 2.2)]
    margins += [(1.75, times) for times in (3.0, 4.0, 7.0, math.inf)]
    print(f"| noise | quality | colours | {' | '.join(f'{a}, {b}' for a, b in margins)} |")
    print(f"|---|---:|---|{'---:|' * len(margins)}")
    noises = [("white", 5, 80), ("white", 10, 80), ("white", 10, 60), ("white", 20, 60)]
    noises += [("white", 5, 95), ("white", 10, 95), ("white", 20, 95), ("white", 20, 85)]
    noises += [("electrons", 1000, 80), ("electrons", 300, 80), ("electrons", 300, 60)]
    noises += [("electrons", 1000, 95), ("electrons", 300, 95), ("electrons", 100, 95)]
    for form, (kind, size, quality) in itertools.product(("gray", "4:2:0"), noises):
        gains = []
        for path in sorted(folder.iterdir())[11::36]:
            with tempfile.TemporaryDirectory() as place:
                file = Path(place, "noisy.jpg")
                truth = save_noisy(path, file, kind, size, quality, form)
                before, row = psnr(reading.read(file), truth), []
                for noise_profile.ABOVE, noise_profile.HARDLY_CHANGED in margins:
                    restored = priorlab.restore(file, prior="dct")
                    restored = np.atleast_3d(restored).transpose(2, 0, 1)
                    row.append(psnr(restored, truth) - before)
            gains.append(row)
        found = [f"{np.mean(one):.2f} ({np.min(one):.1f})" for one in np.transpose(gains)]
        print(f"| {kind} {size} | {quality} | {form} | {' | '.join(found)} |", flush=True)


if __name__ == "__main__":
    parser = argparse.ArgumentParser(description=__doc__.splitlines()[0])
    commands = parser.add_subparsers(dest="command", required=True)
    simulating = commands.add_parser("simulate")
    simulating.add_argument("dataset", type=Path)
    simulating.add_argument("out", type=Path)
    simulating.add_argument("--repeats", type=int, default=28)
    commands.add_parser("train").add_argument("file", type=Path)
    for name in ("gains", "files"):
        commands.add_parser(name).add_argument("dataset", type=Path)
    options = parser.parse_args()
    if options.command == "simulate":
        simulate(options.dataset, options.out, options.repeats)
    elif options.command == "train":
        train(options.file)
    else:
        {"gains": gains, "files": files}[options.command](options.dataset)
