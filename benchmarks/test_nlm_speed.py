"""Non-local means and the bilateral filter on a gray 512x512 photograph, noise of sigma 25.

    OMP_NUM_THREADS=1 python -m pytest benchmarks/test_nlm_speed.py --benchmark-enable

scikit-image is the peer, with settings that suit this noise; it uses one thread. With ``-rP`` the
PSNR of each is printed.
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
    "non-local means": {
        "priorlab, one pass": ours(NonLocalMeans(passes=1, patch=5, h=0.6, window="flat")),
        "priorlab": ours(NonLocalMeans()),
        "scikit-image, fast mode": their_means,
    },
    "bilateral": {"priorlab": ours(Bilateral()), "scikit-image": their_filter},
}
CASES = [(kind, name) for kind, methods in METHODS.items() for name in methods]


@pytest.mark.timeout(600)
@pytest.mark.parametrize("threads", [1, 2])
@pytest.mark.parametrize("kind, name", CASES)
def test_speed(benchmark, kind, name, threads):
    benchmark.group = f"{kind}, gray 512x512, sigma 25, {threads} thread(s)"
    before = torch.get_num_threads()
    torch.set_num_threads(threads)
    try:
        restored = benchmark.pedantic(METHODS[kind][name], rounds=5, warmup_rounds=1)
    finally:
        torch.set_num_threads(before)
    quality = psnr(np.clip(restored, 0, 1)[None], CLEAN[None])
    print(f"{quality:.2f} dB")
    assert quality > {"non-local means": 28.5, "bilateral": 25.5}[kind]
