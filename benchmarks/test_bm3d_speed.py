"""BM3D of a gray picture and of a colour one.

    python -m pytest benchmarks/test_bm3d_speed.py --benchmark-enable

The noise has sigma 25. deepinv's default calls the package bm3d, so what is measured here is its
own implementation, which needs ptwt; it takes so long that it is measured once.
"""

import numpy as np
import peers
import pytest
import torch
from skimage.data import astronaut, camera

from priorlab.metrics import psnr
from priorlab_handcrafted.bm3d import BM3D

SIGMA = 25 / 255


def ours():
    return lambda y: BM3D().denoise(torch.from_numpy(y)[None], SIGMA)[0].numpy()


def package():
    bm3d = pytest.importorskip("bm3d")

    def denoise(y):
        if len(y) == 1:
            return bm3d.bm3d(y[0], SIGMA)[None]
        return bm3d.bm3d_rgb(y.transpose(1, 2, 0), SIGMA).transpose(2, 0, 1)

    return denoise


def deepinv():
    pytest.importorskip("ptwt")
    model = peers.deepinv_models().BM3D(use_legacy=False)
    return lambda y: model(torch.from_numpy(y)[None], SIGMA)[0].numpy()


METHODS = {"priorlab": ours, "bm3d": package, "deepinv": deepinv}
ROUNDS = {"priorlab": 10, "bm3d": 3, "deepinv": 1}  # they take up to a minute each


@pytest.mark.parametrize("method", METHODS)
@pytest.mark.parametrize(("size", "channels"), [(512, 1), (256, 3)])
def test_denoising(benchmark, size, channels, method, threads):
    if method == "deepinv" and (size, threads) != (512, 2):
        pytest.skip("it takes minutes; once tells enough")
    benchmark.group = f"{'Gray' if channels == 1 else 'Colour'}, {size}x{size}"
    photo = camera()[None] if channels == 1 else astronaut().transpose(2, 0, 1)
    clean = np.ascontiguousarray(photo[:, :: 512 // size, :: 512 // size], np.float32) / 255
    noise = np.random.default_rng(0).standard_normal(clean.shape)
    y = (clean + SIGMA * noise).astype(np.float32)
    denoise = METHODS[method]()
    denoise(y[:, :32, :32])
    with torch.no_grad():
        restored = benchmark.pedantic(denoise, (y,), rounds=ROUNDS[method])
    reached = psnr(restored.astype(np.float32).clip(0, 1), clean)
    benchmark.extra_info |= {"method": method, "PSNR (dB)": f"{reached:.2f}"}
    assert reached > 26
