"""Mean PSNR and SSIM of denoising priors on a folder, under the noise that papers use most.

    OMP_NUM_THREADS=1 python benchmarks/handcrafted_quality.py ../shared/data/set12 \
        --priors tv,wavelet --sigmas 25

The noise is unclipped and drawn from numpy.random.default_rng(0) afresh for each image; with
`--peak` it is Poisson noise, with `--impulses` salt and pepper. Restored images are clipped to
[0, 1]. Seconds are the median CPU time of an image.
"""

import argparse
import time
from pathlib import Path

import numpy as np
import torch

from priorlab import metrics, plugins
from priorlab.forward.measurement import Measurement
from priorlab.forward.noise import Gaussian, Noise, Poisson, SaltAndPepper
from priorlab.forward.operators import Identity
from priorlab.pictures import reading


def noises(given: argparse.Namespace) -> dict[str, Noise]:
    chosen: dict[str, Noise] = {f"sigma {s:g}": Gaussian(s / 255) for s in given.sigmas}
    chosen |= {f"peak {peak:g}": Poisson(peak) for peak in given.peak}
    return chosen | {f"impulses {share:g}": SaltAndPepper(share) for share in given.impulses}


def main() -> None:
    parser = argparse.ArgumentParser(description=__doc__.splitlines()[0])
    parser.add_argument("--plugin", action="append", default=[], help="a file with more priors")
    parser.add_argument("folder", type=Path)
    parser.add_argument("--priors", required=True)
    parser.add_argument("--sigmas", type=float, nargs="*", default=[])
    parser.add_argument("--peak", type=float, nargs="*", default=[])
    parser.add_argument("--impulses", type=float, nargs="*", default=[])
    parser.add_argument("--size", type=int, help="only images with this height")
    parser.add_argument("--limit", type=int, help="only so many images, evenly spread")
    given = parser.parse_args()
    clean = [reading.read(path) for path in sorted(given.folder.iterdir())]
    clean = [image for image in clean if given.size in (None, image.shape[1])]
    if given.limit:
        clean = clean[:: -(-len(clean) // given.limit)]
    priors = plugins.load(given.plugin).build_priors(given.priors)
    print("| noise | prior | PSNR (dB) | SSIM | s |\n|---|---|---|---|---|")
    for label, noise in noises(given).items():
        for prior in priors:
            prior.prepare(torch.device("cpu"), clean[0].shape[0])
            scores, seconds = [], []
            for image in clean:
                noisy = noise.sample(image.astype(np.float64), np.random.default_rng(0))
                y = torch.from_numpy(noisy[None].astype(np.float32))
                measurement = Measurement(y, Identity(), noise, (1, *image.shape))
                start = time.process_time()
                restored = prior.restore(measurement)
                seconds.append(time.process_time() - start)
                pair = restored[0].clamp(0, 1).numpy(), image
                scores.append((metrics.psnr(*pair), metrics.ssim(*pair)))
            psnr, ssim = np.mean(scores, axis=0)
            time_each = f"{np.median(seconds):.3g}"
            print(
                f"| {label} | {prior.spec()} | {psnr:.2f} | {ssim:.4f} | {time_each} |", flush=True
            )


if __name__ == "__main__":
    main()
