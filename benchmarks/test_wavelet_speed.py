"""Shrinkage of wavelets and of sliding cosines.

    python -m pytest benchmarks/test_wavelet_speed.py --benchmark-enable

The noise has sigma 25. scikit-image averages all 36 shifts by 0 to 5 pixels, as in its own example;
scipy does one pass over all 8 x 8 blocks by array operations. Both use one thread.
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
    settings = {"sigma": SIGMA, "wavelet": "db2", "method": "BayesShrink", "mode": "soft"}
    return cycle_spin(y, denoise_wavelet, max_shifts=5, func_kw=settings, workers=1)


def scipy_blocks(y):
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
    "Wavelets": {"wavelet": lambda: ours(Wavelet()), "scikit-image": lambda: scikit_image},
    "Cosines": {
        "dct": lambda: ours(SlidingDCT()),
        "dct, one pass": lambda: ours(SlidingDCT(wiener=False, scales=1)),
        "scipy, one pass": lambda: scipy_blocks,
    },
}
CASES = [(kind, name) for kind, methods in METHODS.items() for name in methods]


@pytest.mark.parametrize(("kind", "method"), CASES)
@pytest.mark.parametrize("size", [256, 512])
def test_denoising(benchmark, size, kind, method, threads):
    if method.startswith("sci") and threads > 1:
        pytest.skip("it uses one thread")
    benchmark.group = f"{kind}, gray, {size}x{size}"
    clean = camera()[:: 512 // size, :: 512 // size].astype(np.float32) / 255
    noise = np.random.default_rng(0).standard_normal(clean.shape)
    y = (clean + SIGMA * noise).astype(np.float32)
    denoise = METHODS[kind][method]()
    denoise(y)
    restored = benchmark(denoise, y).astype(np.float32)
    reached = psnr(restored.clip(0, 1)[None], clean[None])
    benchmark.extra_info |= {"method": method, "PSNR (dB)": f"{reached:.2f}"}
    assert reached > 26
