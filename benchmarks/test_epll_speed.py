"""Expected patch log-likelihood.

    python -m pytest benchmarks/test_epll_speed.py --benchmark-enable

The noise has sigma 25. deepinv is given the same mixture of 200 components on 8x8 patches, and
takes all patches in each of its five iterations, as "priorlab, all patches" does.
"""

import numpy as np
import peers
import pytest
import torch
from skimage import data

from priorlab.metrics import psnr
from priorlab_handcrafted.epll import SHIPPED, ExpectedPatchLogLikelihood
from priorlab_handcrafted.patches.mixture import SIZE, cosine_basis, read_mixture

LEVEL = 25 / 255
CLEAN = np.float32(data.camera()[100:356, 100:356] / 255)
NOISE = np.random.default_rng(0).standard_normal(CLEAN.shape, np.float32)
NOISY = torch.from_numpy(CLEAN + np.float32(LEVEL) * NOISE)[None, None]


def priorlab(stride):
    prior = ExpectedPatchLogLikelihood(stride=stride)
    return lambda: prior.denoise(NOISY, LEVEL)


def deepinv():
    """The peer with the same mixture; its patches keep their mean, which here varies widely."""
    model = peers.deepinv_models().EPLLDenoiser(pretrained=None, patch_size=SIZE)
    mixture, basis = read_mixture(SHIPPED), cosine_basis().double()
    pixels = basis @ mixture.factors
    model.PatchGMM.GMM.set_cov((pixels @ pixels.mT + 1).float())
    model.PatchGMM.GMM.set_weights(mixture.weights.float())
    return lambda: model(NOISY, LEVEL, batch_size=10000)


METHODS = {
    "priorlab": lambda: priorlab(3),
    "priorlab, all patches": lambda: priorlab(1),
    "deepinv": deepinv,
}


@pytest.mark.timeout(1800)
@pytest.mark.parametrize("name", METHODS)
def test_epll(benchmark, name, threads):
    benchmark.group = "Gray, 256x256"
    with torch.no_grad():
        method = METHODS[name]()
        rounds = {"priorlab": 10, "deepinv": 1}.get(name, 3)
        restored = benchmark.pedantic(method, rounds=rounds, warmup_rounds=int(rounds > 1))
    reached = psnr(restored[0].clamp(0, 1).numpy(), CLEAN[None])
    benchmark.extra_info |= {"method": name, "PSNR (dB)": f"{reached:.2f}"}
    assert reached > 28
