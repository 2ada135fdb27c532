"""Sweep the constants of the estimate of real noise on simulated pictures.

    python benchmarks/tune_noise.py limits DATASET
    python benchmarks/tune_noise.py white DATASET
    python benchmarks/tune_noise.py strength DATASET
    python benchmarks/tune_noise.py shares DATASET
    python benchmarks/tune_noise.py sizes DATASET
    python benchmarks/tune_noise.py pages DATASET
    python benchmarks/tune_noise.py print DATASET
    python benchmarks/tune_noise.py stripes DATASET
    python benchmarks/tune_noise.py grid DATASET
    python benchmarks/tune_noise.py history DATASET
    python benchmarks/tune_noise.py files DATASET
    python benchmarks/tune_noise.py places DATASET

What is swept end to end is so on photographs whose number is divisible by four, which were held out
of the training of the networks (tune_colour_noise.py, tune_gray_noise.py).

`limits` sweeps by how much the level of the network of colours is raised to that of cameras
(MOST_RAISED_COLOURS). `white` sweeps the constants of priorlab.pictures.noise_level; `strength`
sweeps by how much the level is raised in the end, and one to three scales
(priorlab.solvers.stabilised); `shares` sweeps how much of the level of coarse noise regularisers
remove (`Regularizer.share_of_grain`). `sizes` compares the level that is found in parts of a
picture with that in the whole. `pages` prints how neighbouring pixels correlate in simulated
pictures of cameras, and in pages of text with white noise (LEAST_CORRELATION). `blocks` prints how
the blocks of JPEG stand out in blurred pictures and in pages of text (priorlab.pictures.jpeg_grid),
`grid` where the blocks of pictures at half the size are found, and by how many more zeros
(MORE_ZEROS), `history` how often their compression is told from their pixels, and whether any is of
those that were not compressed (priorlab.pictures.jpeg_traces), `colours` how much of noise is in
the luma (MOSTLY_LUMA), `files` what the coefficients of JPEG files tell of white noise, and what
that gains (priorlab.pictures.jpeg_noise), `places` how often noise is found to differ from place to
place, and what that gains (priorlab.pictures.noise_places).
"""

from __future__ import annotations

import argparse
import io
import itertools
import math
import tempfile
from pathlib import Path
from unittest import mock

import numpy as np
import torch
from PIL import Image, ImageDraw, ImageFont
from scipy import ndimage

import priorlab
from priorlab import plugins
from priorlab.errors import UsageError
from priorlab.forward import jpeg_files
from priorlab.forward.camera import Camera
from priorlab.forward.jpeg import FACTORS, TO_YCBCR, standard
from priorlab.pictures import (
    cut_off_noise,
    flat_blocks,
    jpeg_grid,
    jpeg_noise,
    jpeg_traces,
    noise_level,
    noise_networks,
    noise_places,
    noise_profile,
    reading,
    stripes,
)
from priorlab.pictures.picture import Picture
from priorlab.pictures.usable_pixels import usable_pixels
from priorlab.priors import Regularizer
from priorlab.solvers import stabilised

KINDS = WHITE, CLEAN, CAMERA, ENLARGED = range(4)
NAMES = ("white", "clean", "camera", "enlarged")
SIZE = (272, 344)
DENOISERS = ("bm3d", "unet")
ENERGIES = ("tv", "huber-tv", "tgv", "tikhonov")


def simulated(path: Path, seed: int) -> tuple[np.ndarray, np.ndarray, int]:
    """Return the truth and the noisy picture (1 or 3, H, W), and the kind of noise."""
    rng = np.random.default_rng([int.from_bytes(path.name.encode()), seed, 3])
    kind = int(rng.choice(4, p=[0.2, 0.2, 0.4, 0.2]))
    # Pictures of today's cameras are smooth at the pixel; those made small for a screen are not.
    zooms = {CAMERA: [0.67, 1, 1.4, 2, 2.5, 3], ENLARGED: [0.5, 0.67, 1]}
    zoom = float(rng.choice(zooms.get(kind, [0.5, 0.67, 1, 1.4, 2])))
    scene = resized(reading.read(path), zoom, rng)
    if rng.random() < 0.3:
        scene = scene[1:2] if rng.random() < 0.5 else scene.mean(0, keepdims=True)
    if kind == WHITE:
        sigma = np.exp(rng.uniform(np.log(1.5), np.log(60))) / 255
        rounds = rng.random() < 0.7
        noisy = scene + rng.normal(0, sigma, scene.shape)
        return scene, rounded(noisy) if rounds else noisy, kind
    if kind == CLEAN:
        if rng.random() < 0.4:
            width = float(rng.choice([0.5, 0.7, 1]))
            scene = ndimage.gaussian_filter(scene, (0, width, width))
        return scene, kept(scene, rng), kind
    if kind == ENLARGED:
        return *enlarged(scene, rng), kind
    camera = Camera(
        electrons=float(np.exp(rng.uniform(np.log(100), np.log(5000)))),
        read_noise=float(rng.uniform(0, 6)),
        smoothing=float(rng.choice([0, 0.5, 0.7, 0.9, 1.2])),
        chroma_smoothing=float(rng.choice([0, 1, 2, 3])),
        quality=int(rng.choice([0, 80, 90, 95, 98])),
    )
    return camera.develop(scene), camera.develop(scene, rng), kind


def enlarged(scene: np.ndarray, rng: np.random.Generator) -> tuple[np.ndarray, np.ndarray]:
    """Return a part of a scene, and the same with white noise, both enlarged."""
    factor = float(rng.choice([1.3, 1.5, 2, 3]))
    filters = [Image.Resampling.BILINEAR, Image.Resampling.BICUBIC, Image.Resampling.LANCZOS]
    chosen = Image.Resampling(int(rng.choice(filters)))
    sigma = np.exp(rng.uniform(np.log(2), np.log(40))) / 255
    part = scene[:, : int(SIZE[0] / factor), : int(SIZE[1] / factor)]
    size = int(part.shape[2] * factor), int(part.shape[1] * factor)

    def larger(image: np.ndarray) -> np.ndarray:
        planes = [Image.fromarray(plane.astype(np.float32)) for plane in image]
        return np.stack([np.asarray(p.resize(size, chosen)) for p in planes]).astype(float)

    noisy = rounded(part + rng.normal(0, sigma, part.shape))
    return larger(part), kept(larger(noisy), rng)


def kept(image: np.ndarray, rng: np.random.Generator) -> np.ndarray:
    """Return an image as a file holds it: half of them without loss."""
    how = rng.choice(["png", "png", "jpeg", "webp"])
    if how == "png":
        return rounded(image)
    return stored(image, str(how), quality=int(rng.choice([80, 90, 95])))


def resized(image: np.ndarray, zoom: float, rng: np.random.Generator) -> np.ndarray:
    """Return a part of the picture at another size."""
    levels = Image.fromarray(np.rint(image.transpose(1, 2, 0) * 255).astype(np.uint8))
    size = int(levels.width * zoom), int(levels.height * zoom)
    pixels = np.asarray(levels.resize(size, Image.Resampling.LANCZOS)).transpose(2, 0, 1) / 255
    spare = [max(0, n - most) for n, most in zip(pixels.shape[1:], SIZE, strict=True)]
    corner = [int(rng.integers(n + 1)) for n in spare]
    return pixels[:, corner[0] :, corner[1] :][:, : SIZE[0], : SIZE[1]]


def rounded(image: np.ndarray) -> np.ndarray:
    return np.rint(image.clip(0, 1) * 255) / 255


def white(folder: Path) -> None:
    """Sweep the patch and the confidence on photographs reduced by 1.5, with white noise."""
    levels = (0, 5, 10, 25, 50)
    paths = sorted(folder.iterdir())[7::18]
    for patch in (5, 7):
        for confidence in (1 - 1e-6, 0.999, 0.9):
            noise_level.PATCH, noise_level.CONFIDENCE = patch, confidence
            noise_level._limit.cache_clear()
            found = []
            for path in paths:
                clean = resized(reading.read(path), 2 / 3, np.random.default_rng(0))[1:2]
                noise = np.random.default_rng(0).normal(0, 1 / 255, clean.shape)
                sigmas = [noise_level.estimate_sigma(clean + k * noise)[0] * 255 for k in levels]
                found.append(sigmas)
            relative = np.array(found)[:, 1:] / levels[1:]
            print(
                f"patch {patch}, confidence {confidence}: clean, 90 %: "
                f"{np.quantile(np.array(found)[:, 0], 0.9):.2f}; median of estimate / sigma at "
                f"{levels[1:]}: {np.median(relative, 0).round(3)}; 90 % of errors below "
                f"{np.quantile(np.abs(relative - 1), 0.9, axis=0).round(3)}"
            )


def strength(folder: Path) -> None:
    """Restore simulated pictures that were held out of the training with several levels."""
    gains: dict[tuple[str, float, int, str], list[float]] = {}
    for path in sorted(folder.iterdir())[::4]:
        truth, noisy, kind = simulated(path, seed=7)
        noise = noise_profile.profile(Picture(image=noisy.astype(np.float32))).noise
        if noise.is_gaussian:
            continue
        y = torch.from_numpy(noisy.astype(np.float32))[None]
        before = psnr(noisy.clip(0, 1), truth)
        for name, factor, scales in itertools.product(DENOISERS, (0.8, 1, 1.2), (1, 2, 3)):
            (prior,) = plugins.load().build_priors(name)
            restored = stabilised.denoise(prior.denoise, y, noise.scaled(factor), scales=scales)
            gain = psnr(restored[0].numpy().clip(0, 1), truth) - before
            gains.setdefault((name, factor, scales, NAMES[kind]), []).append(gain)
    for (name, factor, scales, kind), gain in sorted(gains.items()):
        print(
            f"{name}, level x {factor:.1f}, {scales} scale(s), {kind}: "
            f"gain {np.mean(gain):.3f} dB, least {np.min(gain):.2f}, of {len(gain)} pictures"
        )


def shares(folder: Path) -> None:
    """Restore the simulated pictures of `strength`, told nothing, with several shares."""
    gains: dict[tuple[str, str, str, float], list[float]] = {}
    for path in sorted(folder.iterdir())[::4]:
        truth, noisy, kind = simulated(path, seed=7)
        seen = rounded(noisy).astype(np.float32)
        noise = noise_profile.profile(Picture(image=seen)).noise
        if noise.is_gaussian or noise.is_independent:
            continue
        for name, share in itertools.product(ENERGIES, (0.3, 0.4, 0.5, 0.6, 1.0)):
            Regularizer.share_of_grain = Regularizer.share_of_gray_grain = share
            restored = priorlab.restore(seen.transpose(1, 2, 0).squeeze(), prior=name)
            gain = psnr(np.atleast_3d(restored).transpose(2, 0, 1), truth) - psnr(seen, truth)
            light = "gray" if len(seen) == 1 else "colour"
            gains.setdefault((name, NAMES[kind], light, share), []).append(gain)
    for (name, kind, light, share), gain in sorted(gains.items()):
        print(
            f"{name}, {kind}, {light}, share {share}: gain {np.mean(gain):.2f} dB, least "
            f"{np.min(gain):.2f}, of {len(gain)} pictures"
        )


def limits(folder: Path) -> None:
    """Restore simulated colour pictures that were held out of the training, told nothing."""
    pictures = [simulated(path, seed=7) for path in sorted(folder.iterdir())[::4]]
    pictures = [one for one in pictures if len(one[1]) == 3 and min(one[1].shape[1:]) >= 128]
    for limit in (1, 1.25, 1.5, 2):
        noise_networks.MOST_RAISED_COLOURS = limit
        gains: dict[int, list[float]] = {kind: [] for kind in KINDS}
        for truth, noisy, kind in pictures:
            seen = rounded(noisy).astype(np.float32)
            restored = priorlab.restore(seen.transpose(1, 2, 0), prior="bm3d").transpose(2, 0, 1)
            gains[kind].append(psnr(restored, truth) - psnr(seen, truth))
        for name, kind in zip(NAMES, KINDS, strict=True):
            gain = np.array(gains[kind])
            print(
                f"{limit}, {name}: {len(gain)} pictures, gain {gain.mean():.2f} dB, "
                f"least {gain.min():.2f}, worse {(gain < -0.1).mean():.0%}",
                flush=True,
            )


def psnr(image: np.ndarray, truth: np.ndarray) -> float:
    """Return the PSNR in dB; above 46 nobody sees a difference."""
    return min(46.0, -10 * np.log10(np.square(image - truth).mean() + 1e-9))


def sizes(folder: Path) -> None:
    """Print how much higher the level is in parts of a simulated picture than in the whole."""

    def level(image: np.ndarray) -> float:
        noise = noise_profile.profile(Picture(image=np.ascontiguousarray(image))).noise
        return noise.level if not noise.is_independent else float("nan")

    ratios: dict[int, list[float]] = {}
    for path in sorted(folder.iterdir())[4::12]:
        _, noisy, kind = simulated(path, seed=7)
        if kind != CAMERA or min(noisy.shape[1:]) < 256:
            continue
        whole = level(noisy.astype(np.float32))
        for side in (96, 128, 160, 192):
            for row, column in itertools.product(*((0, n - side) for n in noisy.shape[1:])):
                part = noisy[:, row : row + side, column : column + side].astype(np.float32)
                ratios.setdefault(side, []).append(level(part) / whole)
    for side, found in ratios.items():
        print(
            f"{side} x {side}: {np.exp(np.nanmean(np.log(found))):.2f} times that of the whole, "
            f"10 to 90 % of the parts {np.nanquantile(found, [0.1, 0.9]).round(2)}"
        )


def page(paper: int, spacing: int, sigma: float) -> np.ndarray:
    """Return a page of dark text (1, H, W) on paper, with white noise, rounded to 8 bits."""
    sheet = Image.new("L", SIZE, paper)
    pen, font = ImageDraw.Draw(sheet), ImageFont.load_default(size=14)
    for top in range(8, SIZE[1] - 20, spacing):
        pen.text((8, top), "The quick brown fox jumps over the lazy dog", fill=30, font=font)
    noise = np.random.default_rng(0).normal(0, sigma, SIZE[::-1])
    return rounded(((np.asarray(sheet) + noise) / 255)[None])


def pages(folder: Path) -> None:
    """Print how neighbouring pixels correlate in the flattest blocks: of cameras, and of pages."""

    def correlation(image: np.ndarray) -> float:
        usable = usable_pixels(Picture(image=image.astype(np.float32)))
        found = [flat_blocks.correlation(*both) for both in zip(image, usable, strict=True)]
        return float(np.mean([value for value in found if value is not None] or np.nan))

    cameras = []
    for path in sorted(folder.iterdir())[::4]:
        _, noisy, kind = simulated(path, seed=7)
        if kind == CAMERA:
            cameras.append(correlation(noisy))
    papers, spacings, sigmas = (200, 220, 230), (20, 40), (5, 10)
    grid = itertools.product(papers, spacings, sigmas)
    texts = [correlation(page(*chosen)) for chosen in grid]
    for name, found in (("cameras", cameras), ("pages of text", texts)):
        print(f"{len(found)} {name}: {np.nanmin(found):.2f} to {np.nanmax(found):.2f}")


def printed(folder: Path) -> None:
    """Print which share of the blocks is paper with a few pixels of ink (`flat_blocks.PRINTED`)."""

    def coarse(image: np.ndarray) -> float:
        picture = Picture(image=image.astype(np.float32))
        usable = usable_pixels(picture)
        return flat_blocks.printed_share(picture.image, usable)

    found: dict[str, list[float]] = {}
    for path in sorted(folder.iterdir())[1::4]:
        _, noisy, kind = simulated(path, seed=7)
        if kind in (CAMERA, ENLARGED):
            found.setdefault("cameras", []).append(coarse(noisy))
    for paper, spacing in itertools.product((200, 220, 240), (16, 18, 20, 24)):
        clean = np.repeat(page(paper, spacing, 0), 3, axis=0)
        for quality in (75, 85, 90, 95, 98):
            drawn = stored(clean, "jpeg", quality=quality)
            found.setdefault(f"pages, JPEG of quality {quality}", []).append(coarse(drawn))
        for electrons in (200, 1000, 4000):
            camera = Camera(electrons=electrons, smoothing=0.7)
            seen = camera.develop(0.03 + 0.85 * clean, np.random.default_rng(0))
            name = f"pages before a camera of {electrons} electrons"
            found.setdefault(name, []).append(coarse(seen))
    for name, all_of_them in found.items():
        print(f"{len(all_of_them)} {name}: {min(all_of_them):.2f} to {max(all_of_them):.2f}")


def striped(folder: Path) -> None:
    """Print how strong stripes seem, and how alike in parts (`stripes.LEAST`, `stripes.ALIKE`)."""
    paths = sorted(folder.iterdir())[::6]
    for stripe, sigma in itertools.product((0, 1, 2, 4), (0, 10)):
        seen = []
        for path in paths:
            clean, rng = reading.read(path), np.random.default_rng(0)
            rows = rng.normal(0, stripe / 255, (1, clean.shape[1], 1))
            noisy = rounded(clean + rows + rng.normal(0, sigma / 255, clean.shape)).mean(0)
            seen += [stripes.strength(plane) for plane in ([noisy] if stripe else [noisy, noisy.T])]
        (least, least_alike), (most, most_alike) = np.min(seen, 0), np.max(seen, 0)
        print(
            f"stripes of {stripe}, noise of {sigma}: {255 * least:.2f} to {255 * most:.2f}, "
            f"correlation {least_alike:.2f} to {most_alike:.2f}, of {len(paths)} photographs"
        )


def stored(image: np.ndarray, form: str, **options: object) -> np.ndarray:
    """Return an image (1 or 3, H, W) as a JPEG or WebP file holds it."""
    file = io.BytesIO()
    levels = (rounded(image) * 255).astype(np.uint8)
    pixels = levels[0] if len(levels) == 1 else levels.transpose(1, 2, 0)
    Image.fromarray(pixels).save(file, form, **options)
    decoded = np.asarray(Image.open(file).convert("L" if len(levels) == 1 else "RGB"))
    return np.atleast_3d(decoded).transpose(2, 0, 1) / 255


def blocks(folder: Path) -> None:
    """Print how the blocks of JPEG stand out in blurred pictures (`jpeg_grid.STEP`)."""
    found: dict[str, list[np.ndarray]] = {}

    def look(name: str, plane: np.ndarray) -> None:
        both = np.array([jpeg_grid.step_and_share(one) for one in (plane, plane.T)])
        found.setdefault(name, []).append(both.min(0))

    for spacing, width in itertools.product((15, 16, 17, 18, 20, 24, 32), (0, 1, 1.6)):
        plane = page(230, spacing, 0)[0].astype(float)
        look("text", ndimage.gaussian_filter(plane, width) if width else plane)
    for path in sorted(folder.iterdir())[::18]:
        clean = resized(reading.read(path), 2 / 3, np.random.default_rng(0))
        for width, sigma in itertools.product((1, 1.6, 3), (0, 2)):
            image = ndimage.gaussian_filter(clean, (0, width, width))
            image += np.random.default_rng(0).normal(0, sigma / 255, clean.shape)
            ways = {
                f"JPEG, quality {q}": stored(image, "jpeg", quality=q, subsampling="4:2:0")
                for q in (75, 85, 90, 95)
            }
            for name, one in {"no JPEG": rounded(image), **ways}.items():
                look(name, one[:, 3:, 5:].mean(0))
    for name, seen in found.items():
        least, most = np.min(seen, 0).round(3), np.max(seen, 0).round(3)
        print(
            f"{len(seen)} with {name}: step {least[0]} to {most[0]}, share {least[1]} to {most[1]}"
        )


def corners(folder: Path) -> None:
    """Print where `jpeg_grid` finds blocks, and by how much their zeros exceed those elsewhere."""
    found: dict[str, list[tuple[float, bool]]] = {}

    def look(name: str, plane: np.ndarray) -> None:
        best, more = jpeg_grid.most_zeros(plane[3:, 5:])
        found.setdefault(name, []).append((more, best == (5, 3)))

    for spacing in (15, 16, 17, 18, 20, 24, 32):
        clean = np.repeat(page(230, spacing, 0), 3, axis=0).astype(float)
        for quality in (10, 30, 50, 75):
            look("pages of text, JPEG", stored(clean, "jpeg", quality=quality).mean(0))
        look("pages of text, no JPEG", clean.mean(0))
    for path in sorted(folder.iterdir())[::18]:
        clean = rounded(resized(reading.read(path), 0.5, np.random.default_rng(0)))
        look("photographs, no JPEG", clean.mean(0))
        look("the middle 64x64 of them", clean.mean(0)[40:104, 80:144])
        for quality in (10, 30, 50, 75, 90, 95):
            once = stored(clean, "jpeg", quality=quality, subsampling="4:2:0")
            look(f"photographs, JPEG, quality {quality}", np.tensordot(TO_YCBCR[0], once, 1))
    for name, seen in found.items():
        more, right = np.transpose(seen)
        print(f"{len(seen)} {name}: {more.min():.3f} to {more.max():.3f}, {right.sum():.0f} found")


def history(folder: Path) -> None:
    """Print how often the compression of cut-outs of pictures at half the size is told."""
    print("| quality | colours | pictures | table of luma | subsampling | blocks of chroma | all |")
    print("|---:|---|---:|---:|---:|---:|---:|")
    paths, rng = sorted(folder.iterdir()), np.random.default_rng(0)
    clean = [rounded(resized(reading.read(path), 0.5, rng)) for path in paths]
    forms = ("gray", "4:4:4", "4:2:2", "4:2:0")
    for quality, form in itertools.product((10, 30, 50, 75, 85, 92, 96), forms):
        rows = []
        for image in clean[::20]:
            gray, row, column = form == "gray", *rng.integers(0, 16, 2)
            one = image.mean(0, keepdims=True) if gray else image
            options = {} if gray else {"subsampling": form}
            pixels = stored(one, "jpeg", quality=quality, **options)[:, row:, column:]
            found = jpeg_traces.of_picture(Picture(image=pixels.astype(np.float32)))
            expected = standard(quality, "4:4:4" if gray else form)
            down, across = FACTORS[expected.subsampling]
            begins = (-row % (8 * down), -column % (8 * across))
            right = [False] * 3
            if found is not None:
                seen = found.noise
                right[0] = seen.luma == expected.luma and seen.orientation == 1
                right[1] = seen.subsampling == expected.subsampling
                right[2] = right[1] and seen.begins == begins
                right[2] &= gray or seen.chroma == expected.chroma
            rows.append([*right, all(right)])
        counts = " | ".join(str(count) for count in np.sum(rows, 0))
        print(f"| {quality} | {form} | {len(rows)} | {counts} |", flush=True)
    never = [Picture(image=image.astype(np.float32)) for image in clean]
    wrong = sum(jpeg_traces.of_picture(picture) is not None for picture in never)
    print(f"\nOf {len(never)} that were not compressed {wrong} are said to have been.")


def colours(folder: Path) -> None:
    """Print how much more of noise is in the luma than of independent noise (`MOSTLY_LUMA`)."""
    found: dict[str, list[float]] = {}
    for path, sigma in itertools.product(sorted(folder.iterdir())[::18], (5, 10, 25)):
        clean = resized(reading.read(path), 2 / 3, np.random.default_rng(0))
        drawn = np.random.default_rng(0).normal(0, sigma / 255, clean.shape)
        ways = {
            "independent noise": rounded(clean + drawn),
            "independent noise, stored as 4:2:0": stored(
                clean + drawn, "jpeg", quality=95, subsampling="4:2:0"
            ),
            "noise alike in all colours": rounded(clean + drawn[:1]),
        }
        for name, image in ways.items():
            usable = usable_pixels(Picture(image=image.astype(np.float32)))
            luma = noise_profile.luma_level(image, usable)
            white = np.square(noise_level.estimate_sigma(image, usable)).mean() ** 0.5
            found.setdefault(name, []).append(luma / white)
    for name, ratios in found.items():
        least, median, most = np.quantile(ratios, [0.05, 0.5, 0.95])
        print(f"{len(ratios)} with {name}: {median:.2f}, 5 to 95 % {least:.2f} to {most:.2f}")


def save_noisy(
    path: Path, file: Path, kind: str, size: float, quality: int, form: str
) -> np.ndarray:
    """Store a reduced photograph with white or a camera's noise as JPEG, and return the truth."""
    rng = np.random.default_rng(0)
    scene = resized(reading.read(path), 2 / 3, rng)
    truth = scene.mean(0, keepdims=True) if form == "gray" else scene
    noisy = truth + rng.normal(0, size / 255, truth.shape)
    if kind == "electrons":
        camera = Camera(electrons=size, quality=0)
        truth, noisy = camera.develop(truth), camera.develop(truth, rng)
    pixels = (rounded(noisy) * 255).astype(np.uint8).transpose(1, 2, 0).squeeze()
    subsampling = {} if form == "gray" else {"subsampling": form}
    Image.fromarray(pixels).save(file, quality=quality, **subsampling)
    return truth


def files(folder: Path) -> None:
    """Restore JPEG files, and their pixels alone, which tell less of the noise."""
    print("| noise | quality | colours | shown | level, 10 to 90 % | pixels alone, dB | file, dB |")
    print("|---|---:|---|---:|---|---:|---:|")
    noises: list[tuple[str, float]] = [("white", sigma) for sigma in (0, 3, 5, 10, 20)]
    noises += [("electrons", count) for count in (1000, 300)]
    for (kind, size), quality, form in itertools.product(noises, (95, 80, 60), ("gray", "4:2:0")):
        levels, gains = [], []
        for path in sorted(folder.iterdir())[11::36]:
            with tempfile.TemporaryDirectory() as place:
                file = Path(place, "noisy.jpg")
                truth = save_noisy(path, file, kind, size, quality, form)
                seen = reading.read(file)
                levels.append(jpeg_noise.white_level(seen, jpeg_files.read(file).noise) * 255)
                alone = priorlab.restore(seen.transpose(1, 2, 0).squeeze(), prior="unet")
                whole = priorlab.restore(file, prior="unet")
            restored = [np.atleast_3d(one).transpose(2, 0, 1) for one in (alone, whole)]
            gains.append([psnr(one, truth) - psnr(seen, truth) for one in restored])
        shown = [level for level in levels if level]
        spread = (
            "" if not shown else " to ".join(f"{x:.1f}" for x in np.quantile(shown, [0.1, 0.9]))
        )
        cells = [f"{np.mean(one):.2f} ({np.min(one):.1f})" for one in np.transpose(gains)]
        print(
            f"| {kind} {size:g} | {quality} | {form} | {len(shown)} of {len(levels)} | {spread} | "
            + " | ".join(cells)
            + " |",
            flush=True,
        )


def exposed(folder: Path) -> None:
    """Restore dark and overexposed pictures of simulated cameras, told nothing.

    "Before" is without the blocks that count only where noise is cut off nearly everywhere.
    """
    print(
        "| exposure | electrons | colours | refused before, now | level, real | before | now "
        "| before, dB | now, dB |\n|---:|---|---|---|---:|---:|---:|---:|---:|"
    )
    limits = (-math.inf, cut_off_noise.SCATTERED)
    for exposure, count, form in itertools.product(
        (0.1, 0.2, 1.0, 2.0), (math.inf, 1000, 300), ("gray", "colour")
    ):
        levels, gains = [], []
        for path in sorted(folder.iterdir())[11::36]:
            rng = np.random.default_rng(0)
            scene = (exposure * resized(reading.read(path), 2 / 3, rng)).clip(0, 1)
            truth = scene.mean(0, keepdims=True) if form == "gray" else scene
            noisy = truth
            if count < math.inf:
                camera = Camera(electrons=count, quality=0)
                truth, noisy = camera.develop(truth), camera.develop(truth, rng)
            seen = rounded(noisy).astype(np.float32)
            found, gained = [float((noisy - truth).std())], []
            for cut_off_noise.SCATTERED in limits:
                try:
                    found.append(noise_profile.profile(Picture(image=seen)).noise.level)
                except UsageError:
                    found.append(math.nan)
                    gained.append(0.0)
                    continue
                restored = priorlab.restore(seen.transpose(1, 2, 0).squeeze(), prior="unet")
                restored = np.atleast_3d(restored).transpose(2, 0, 1)
                reached = [min(psnr(one, truth), 60) for one in (restored, seen)]
                gained.append(reached[0] - reached[1])
            levels.append(found)
            gains.append(gained)
        _, *refused = np.isnan(levels).sum(0)
        cells = [f"{exposure}", f"{count:g}", form, ", ".join(map(str, refused))]
        cells += [f"{255 * one:.1f}" for one in np.nanmedian(levels, axis=0)]
        cells += [f"{np.mean(one):.2f} ({np.min(one):.1f})" for one in np.transpose(gains)]
        print("| " + " | ".join(cells) + " |", flush=True)


def scattered(folder: Path) -> None:
    """Print how black and white of noisy and of clean pictures correlate."""
    print("| pictures | partly black or white | least | 10 % | median | 90 % | most |")
    print("|---|---:|---:|---:|---:|---:|---:|")
    kinds = [("camera", count, exposure) for count in (300, 1000) for exposure in (0.1, 0.2, 0.5)]
    kinds += [("clean", 0, shift) for shift in (-0.7, -0.5, -0.35, -0.2, 0.5, 0.7)]
    for name, count, change in kinds:
        found = []
        for path, form in itertools.product(sorted(folder.iterdir())[5::24], ("gray", "colour")):
            rng = np.random.default_rng(0)
            scene = resized(reading.read(path), 0.6, rng)
            scene = scene.mean(0, keepdims=True) if form == "gray" else scene
            if count:
                camera = Camera(electrons=count, quality=0)
                scene = camera.develop((change * scene).clip(0, 1), rng)
            else:
                scene = (scene + change).clip(0, 1)
            seen = rounded(scene).astype(np.float32)
            correlation, pixels = cut_off_noise.scatter(Picture(image=seen))
            if pixels > 0.01 * seen.size:
                found.append(correlation)
        spread = " | ".join(f"{one:.2f}" for one in np.quantile(found, [0, 0.1, 0.5, 0.9, 1]))
        kind = f"{name}, {count} electrons, times" if count else f"{name}, brighter by"
        print(f"| {kind} {change} | {len(found)} | {spread} |", flush=True)


FACTORS_OF_NOISE = {
    "even": lambda scene, down, across: 1,
    "of photons": lambda scene, down, across: np.sqrt(0.2 + 1.6 * scene),
    "twice in the corners": lambda scene, down, across: 1 + (down**2 + across**2) / 2,
    "three times": lambda scene, down, across: 1 + down**2 + across**2,
    "three times, of photons": lambda scene, down, across: (
        np.sqrt(0.2 + 1.6 * scene) * (1 + down**2 + across**2)
    ),
    "four times, late": lambda scene, down, across: 1 + 0.75 * (down**2 + across**2) ** 2,
    "three times at the right": lambda scene, down, across: 2 + across,
    "twice in the right half": lambda scene, down, across: np.where(across < 0, 1, 2),
}
"""By how many times noise is stronger at places from -1 to 1 along both sides of a scene."""


def places(folder: Path) -> None:
    """Print how often noise is found to differ from place to place, and what that gains."""
    print("| noise | sigma | found | gain where it was: mean, least, most |")
    print("|---|---:|---:|---|")
    scenes = [reading.read(path).astype(np.float64) for path in sorted(folder.iterdir())[::36]]
    for (name, factor), sigma in itertools.product(FACTORS_OF_NOISE.items(), (5, 10, 20)):
        gains = []
        for scene in scenes:
            sides = (np.linspace(-1, 1, side) for side in scene.shape[1:])
            down, across = np.meshgrid(*sides, indexing="ij")
            drawn = np.random.default_rng(0).normal(0, sigma / 255, scene.shape)
            seen = rounded(scene + drawn * factor(scene, down, across)).astype(np.float32)
            picture = seen.transpose(1, 2, 0)
            if noise_places.found(seen, usable_pixels(Picture(image=seen))) is None:
                continue
            placed = priorlab.restore(picture, prior="dct")
            with mock.patch.object(noise_places, "found", return_value=None):
                even = priorlab.restore(picture, prior="dct")
            truth = scene.transpose(1, 2, 0)
            gains.append(psnr(placed, truth) - psnr(even, truth))
        spread = ", ".join(f"{f(gains):.2f}" for f in (np.mean, np.min, np.max)) if gains else ""
        print(f"| {name} | {sigma} | {len(gains)} of {len(scenes)} | {spread} |", flush=True)


OF_PICTURES = {
    "limits": limits,
    "white": white,
    "sizes": sizes,
    "strength": strength,
    "shares": shares,
    "blocks": blocks,
    "grid": corners,
    "history": history,
    "colours": colours,
    "files": files,
    "exposed": exposed,
    "scattered": scattered,
    "print": printed,
    "stripes": striped,
    "pages": pages,
    "places": places,
}


if __name__ == "__main__":
    parser = argparse.ArgumentParser(description=__doc__.splitlines()[0])
    commands = parser.add_subparsers(dest="command", required=True)
    for name in OF_PICTURES:
        commands.add_parser(name).add_argument("dataset", type=Path)
    options = parser.parse_args()
    OF_PICTURES[options.command](options.dataset)
