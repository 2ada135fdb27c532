"""Shrinkage of wavelets and of sliding cosines, against the peers that do the same.

    OMP_NUM_THREADS=1 python -m pytest benchmarks/test_wavelet_speed.py --benchmark-enable

The pictures are gray, with noise of sigma 25. Each line gives the PSNR that was reached.
"""

import numpy as np
import pytest
import torch
from scipy.fft import dctn, idctn
from skimage.data import camera
from skimage.restoration import cycle_spin, denoise_wavelet

from priorlab.metrics import psnr
from priorlab_handcrafted.sliding_dct import SlidingDCT
from priorlab_handcrafted.wavelet_shrinkage import Wavelet

SIGMA = 25 / 255


def ours(prior):
    prior.prepare(torch.device("cpu"), 1)
    return lambda y: prior.denoise(torch.from_numpy(y)[None, None], SIGMA)[0, 0].numpy()


def scikit_image(y):
    """All 36 shifts by 0 to 5 pixels, as in scikit-image's own example."""
    settings = {"sigma": SIGMA, "wavelet": "db2", "method": "BayesShrink", "mode": "soft"}
    return cycle_spin(y, denoise_wavelet, max_shifts=5, func_kw=settings, workers=1)


def scipy_blocks(y):
    """One pass over all 8 x 8 blocks by array operations."""
    blocks = np.lib.stride_tricks.sliding_window_view(np.pad(y, 7, mode="reflect"), (8, 8))
    spectra = dctn(blocks, axes=(2, 3), norm="ortho")
    keep = abs(spectra) > 2.8 * SIGMA
    keep[..., 0, 0] = True
    weights = 1 / keep.sum((2, 3), dtype=np.float32)
    shrunk = idctn(spectra * keep, axes=(2, 3), norm="ortho") * weights[..., None, None]
    total, share = np.zeros((2, y.shape[0] + 14, y.shape[1] + 14), np.float32)
    height, width = weights.shape
    for row in range(8):
        for column in range(8):
            total[row : row + height, column : column + width] += shrunk[..., row, column]
            share[row : row + height, column : column + width] += weights
    return (total / share)[7:-7, 7:-7]


METHODS = {
    "wavelet": lambda: ours(Wavelet()),
    "scikit-image": lambda: scikit_image,
    "dct": lambda: ours(SlidingDCT()),
    "dct, one pass": lambda: ours(SlidingDCT(wiener=False, scales=1)),
    "scipy, one pass": lambda: scipy_blocks,
}


@pytest.mark.parametrize(
    ("method", "threads"),
    [
        (name, threads)
        for name in METHODS
        for threads in ((1,) if name.startswith("sci") else (1, 2))
    ],
)
@pytest.mark.parametrize("size", [256, 512])
def test_denoising(benchmark, size, method, threads):
    benchmark.group = f"denoising, gray {size}x{size}"
    clean = camera()[:: 512 // size, :: 512 // size].astype(np.float32) / 255
    noise = np.random.default_rng(0).standard_normal(clean.shape)
    y = (clean + SIGMA * noise).astype(np.float32)
    denoise = METHODS[method]()
    before = torch.get_num_threads()
    torch.set_num_threads(threads)
    try:
        denoise(y)
        restored = benchmark(denoise, y).astype(np.float32)
    finally:
        torch.set_num_threads(before)
    reached = psnr(restored.clip(0, 1)[None], clean[None])
    benchmark.extra_info["psnr"] = reached
    print(f"{method}, {threads} threads, {size}: {reached:.2f} dB")
    assert reached > 26
