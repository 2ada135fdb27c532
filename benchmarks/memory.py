"""The memory that each prior takes to denoise an image, beyond what is loaded and in all.

    python benchmarks/memory.py tv wavelet
    python benchmarks/memory.py dip dip:channels=128 --size 512 --channels 3
    python benchmarks/memory.py tv unet bm3d --size 3464 --channels 3    # 12 megapixels

Each prior runs in a process of its own. A handcrafted one
is to take at most 40 times the image's own 16.8 MB (2048 x 2048, gray) and 200 MB more; `dip` 1500
MB in all for 512 x 512 in colour; `tv`, `unet` and `bm3d` 1500 MB
in all for 12 megapixels in colour.
"""

import argparse
import multiprocessing
import time

import numpy as np
import torch

from priorlab import plugins
from priorlab.forward.measurement import Measurement
from priorlab.forward.noise import Gaussian
from priorlab.forward.operators import Identity
from priorlab.harness.run import memory

SIGMA = 25 / 255


def scene(size: int, channels: int) -> torch.Tensor:
    """Return circles of all sizes, and noise."""
    rows, columns = np.mgrid[:size, :size].astype(np.float32) / size
    clean = 0.5 + 0.4 * np.sin(60 * (rows**2 + columns**2))
    shape = (1, channels, size, size)
    noise = np.random.default_rng(0).standard_normal(shape, dtype=np.float32)
    return torch.from_numpy(clean + np.float32(SIGMA) * noise)


def peak(name: str, size: int, channels: int) -> tuple[float, float, float]:
    """Return megabytes beyond what is loaded, megabytes in all, and seconds."""
    torch.set_num_threads(2)
    (prior,) = plugins.load().build_priors(name)
    y, cpu = scene(size, channels), torch.device("cpu")
    measurement = Measurement(y, Identity(), Gaussian(SIGMA), tuple(y.shape))
    prior.prepare(cpu, channels)
    memory.reset_peak(cpu)
    loaded, start = memory.peak_mb(cpu), time.perf_counter()
    prior.restore(measurement)
    seconds, most = time.perf_counter() - start, memory.peak_mb(cpu)
    return most - loaded, most, seconds


def main() -> None:
    parser = argparse.ArgumentParser(description=__doc__.splitlines()[0])
    parser.add_argument("priors", nargs="+", help="specs")
    parser.add_argument("--size", type=int, default=2048)
    parser.add_argument("--channels", type=int, default=1, choices=(1, 3))
    given = parser.parse_args()
    own = 4 * given.channels * given.size**2 / 1e6
    print("| prior | MB | times the image | MB in all | s |\n|---|---|---|---|---|")
    for name in given.priors:
        with multiprocessing.get_context("spawn").Pool(1) as pool:
            more, most, seconds = pool.apply(peak, (name, given.size, given.channels))
        print(
            f"| {name} | {more:.0f} | {more / own:.1f} | {most:.0f} | {seconds:.1f} |", flush=True
        )


if __name__ == "__main__":
    main()
