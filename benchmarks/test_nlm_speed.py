"""Non-local means and the bilateral filter.

    python -m pytest benchmarks/test_nlm_speed.py --benchmark-enable

The noise has sigma 25. scikit-image has settings that suit this noise; it uses one thread.
"""

import numpy as np
import pytest
import torch
from skimage import data
from skimage.restoration import denoise_bilateral, denoise_nl_means

from priorlab.metrics import psnr
from priorlab_handcrafted.bilateral_filter import Bilateral
from priorlab_handcrafted.nonlocal_means import NonLocalMeans

LEVEL = 25 / 255
CLEAN = np.float32(data.camera() / 255)
NOISY = CLEAN + np.float32(LEVEL) * np.random.default_rng(0).standard_normal((512, 512), np.float32)


def ours(prior):
    y = torch.from_numpy(NOISY)[None, None]
    return lambda: prior.denoise(y, LEVEL)[0, 0].numpy()


def their_means():
    return denoise_nl_means(NOISY, patch_size=5, patch_distance=10, h=0.6 * LEVEL, sigma=LEVEL)


def their_filter():
    return denoise_bilateral(NOISY, sigma_color=1.5 * LEVEL, sigma_spatial=2)


METHODS = {
    "Non-local means": {
        "priorlab": ours(NonLocalMeans()),
        "priorlab, one pass": ours(NonLocalMeans(passes=1, patch=5, h=0.6, window="flat")),
        "scikit-image, fast mode": their_means,
    },
    "Bilateral filter": {"priorlab": ours(Bilateral()), "scikit-image": their_filter},
}
CASES = [(kind, name) for kind, methods in METHODS.items() for name in methods]


@pytest.mark.timeout(600)
@pytest.mark.parametrize("kind, name", CASES)
def test_speed(benchmark, kind, name, threads):
    benchmark.group = f"{kind}, gray, 512x512"
    restored = benchmark.pedantic(METHODS[kind][name], rounds=5, warmup_rounds=1)
    reached = psnr(np.clip(restored, 0, 1)[None], CLEAN[None])
    benchmark.extra_info |= {"method": name, "PSNR (dB)": f"{reached:.2f}"}
    assert reached > {"Non-local means": 28.5, "Bilateral filter": 25.5}[kind]
