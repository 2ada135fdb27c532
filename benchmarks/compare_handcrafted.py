"""Compare tv and wavelet with scikit-image: PSNR on a folder, and time in one process.

    OMP_NUM_THREADS=1 python benchmarks/compare_handcrafted.py ../shared/data/set12

Noise: sigma 25, unclipped, numpy.random.default_rng(0) for each image. Times are process times of
one thread, so that other load on the machine counts little; the peers take turns image by image.
"""

import argparse
import time
from collections.abc import Callable
from pathlib import Path

import numpy as np
import torch
from skimage.restoration import cycle_spin, denoise_tv_chambolle, denoise_wavelet

from priorlab import images, metrics
from priorlab.measurement import Measurement
from priorlab.noise import Gaussian
from priorlab.operators import Identity
from priorlab.priors import Prior
from priorlab_handcrafted.tikhonov import Tikhonov
from priorlab_handcrafted.tv import TotalVariation
from priorlab_handcrafted.wavelet import Wavelet

SIGMA = 25 / 255


def ours(prior: Prior) -> Callable[[np.ndarray], np.ndarray]:
    def method(y: np.ndarray) -> np.ndarray:
        data = torch.from_numpy(y)[None]
        shape = tuple(data.shape)
        return prior.restore(Measurement(data, Identity(), Gaussian(SIGMA), shape))[0].numpy()

    return method


def peer_tv(eps: float) -> Callable[[np.ndarray], np.ndarray]:
    # The peer minimises |x - y|^2 / 2 + weight TV too; give it the same weight.
    weight = TotalVariation().weight * SIGMA
    return lambda y: denoise_tv_chambolle(y[0], weight=weight, eps=eps, max_num_iter=2000)[None]


def peer_wavelet(y: np.ndarray) -> np.ndarray:
    settings = {"wavelet": "db2", "sigma": SIGMA, "method": "BayesShrink", "mode": "soft"}
    return cycle_spin(y[0], func=denoise_wavelet, max_shifts=5, func_kw=settings, workers=1)[None]


METHODS = {
    "tv": ours(TotalVariation()),
    "scikit-image tv, eps 2e-4": peer_tv(2e-4),
    "scikit-image tv, eps 1e-6": peer_tv(1e-6),
    "wavelet": ours(Wavelet()),
    "scikit-image wavelet, 36 shifts": peer_wavelet,
    "tikhonov": ours(Tikhonov()),
}


def main() -> None:
    torch.set_num_threads(1)
    parser = argparse.ArgumentParser(description=__doc__.splitlines()[0])
    parser.add_argument("folder", type=Path)
    folder = parser.parse_args().folder
    scores: dict[str, list[float]] = {name: [] for name in METHODS}
    seconds: dict[str, list[float]] = {name: [] for name in METHODS}
    for path in sorted(folder.iterdir()):
        clean = images.read(path)
        noise = SIGMA * np.random.default_rng(0).standard_normal(clean.shape)
        noisy = (clean + noise).astype(np.float32)
        for name, method in METHODS.items():
            start = time.process_time()
            restored = method(noisy)
            seconds[name].append(time.process_time() - start)
            scores[name].append(metrics.psnr(np.clip(restored, 0, 1), clean))
    print("| method | PSNR (dB) | median time (s) |\n|---|---|---|")
    for name in METHODS:
        print(f"| {name} | {np.mean(scores[name]):.2f} | {np.median(seconds[name]):.3f} |")


if __name__ == "__main__":
    main()
