"""Large images in tiles: each local prior makes of them what it makes of them in one piece."""

import dataclasses

import numpy as np
import pytest
import torch
from mostly_slow import mostly_slow
from skimage.data import astronaut
from torch_threads import threads

from priorlab import plugins
from priorlab.solvers.tiles import Locality, in_tiles, tiles
from priorlab_handcrafted.bm3d import BM3D
from priorlab_handcrafted.total_variation import TotalVariation
from priorlab_handcrafted.variation import iterated_prox

SIGMA = 25 / 255
LOCAL = [
    "bilateral",
    "bm3d:reach=7",
    "bm3d:reach=4,step=4",
    "dct",
    "dct:scales=2,wiener=false",
    "guided",
    "nlm",
    "nlm:passes=1,distance=4",
    "unet",
    "wavelet:levels=2,window=9",
]


@pytest.fixture(scope="module")
def noisy():
    clean = astronaut()[:203, 40:453].transpose(2, 0, 1).astype(np.float32) / 255
    noise = np.random.default_rng(0).standard_normal(clean.shape, np.float32)
    return torch.from_numpy(clean + np.float32(SIGMA) * noise)[None]


@pytest.fixture(scope="module")
def registry():
    return plugins.load()


@pytest.mark.parametrize("channels", mostly_slow([1, 3], 3))
@pytest.mark.parametrize("spec", mostly_slow(LOCAL, "bm3d:reach=7", "dct", "guided", "nlm"))
def test_tiles_meet_without_a_seam(registry, noisy, spec, channels):
    (prior,) = registry.build_priors(spec)
    v = noisy[:, :channels].contiguous()
    locality = prior.locality(channels, SIGMA)

    def denoise(part):
        assert part.shape[3] < v.shape[3]
        return prior.denoise(part, SIGMA)

    with pytest.MonkeyPatch.context() as patch:
        patch.setattr("priorlab.solvers.tiles.SHARE", 0.5)
        tiled = in_tiles(denoise, v, dataclasses.replace(locality, side=100))
    difference = (tiled - prior.denoise(v, SIGMA)).abs()
    if spec.startswith("bm3d"):
        # Rounding may exchange two blocks that are equally similar.
        assert float((difference > 1e-5).float().mean()) < 0.01
        assert float(difference.max()) < 0.5 / 255
    else:
        assert float(difference.max()) <= 1e-5


@pytest.mark.parametrize("step", [0, 1, 5])
def test_the_references_of_a_step_are_the_same_in_tiles(noisy, step):
    prior, v = BM3D(reach=4), noisy[:, :1].contiguous()
    locality = dataclasses.replace(prior.locality(1, SIGMA), side=100)
    with pytest.MonkeyPatch.context() as patch:
        patch.setattr("priorlab.solvers.tiles.SHARE", 0.5)
        tiled = in_tiles(lambda part: prior.denoise_in_step(part, SIGMA, step), v, locality)
    difference = (tiled - prior.denoise_in_step(v, SIGMA, step)).abs()
    assert float((difference > 1e-5).float().mean()) < 0.01


def test_priors_whose_pixels_depend_on_all_others_say_so(registry):
    for spec in ("wavelet:rule=visu", "wavelet:window=0", "wavelet:transform=orthogonal"):
        (prior,) = registry.build_priors(spec)
        assert prior.locality(1, SIGMA) is None


def test_a_denoiser_restores_a_large_picture_in_tiles(monkeypatch, noisy):
    sizes = []
    monkeypatch.setattr(BM3D, "denoise", lambda prior, v, sigma: sizes.append(v.shape) or v)
    monkeypatch.setattr(BM3D, "locality", lambda *_: Locality(2, side=100))
    assert torch.equal(BM3D().denoise_in_tiles(noisy, SIGMA), noisy)
    assert len(sizes) > 1


@pytest.mark.parametrize("sigma", mostly_slow([SIGMA, 50 / 255], SIGMA))
def test_total_variation_in_tiles_is_as_exact_as_in_one_piece(monkeypatch, noisy, sigma):
    wide = torch.cat([noisy, noisy.flip(2)], 3)
    whole = TotalVariation().prox(wide, sigma)
    monkeypatch.setattr(TotalVariation, "side", 512)
    tiled = TotalVariation().prox(wide, sigma)
    assert len(tiles(*wide.shape[2:], Locality(iterated_prox.REACH, side=512))) == 2
    difference = 255 * (tiled - whole)
    assert float(difference.square().mean().sqrt()) < 0.1
    assert float(difference.abs().quantile(0.999)) < 0.5


def test_total_variation_in_tiles_does_not_depend_on_the_threads(monkeypatch, noisy):
    monkeypatch.setattr(iterated_prox, "REACH", 16)
    monkeypatch.setattr(TotalVariation, "side", 128)
    results = []
    for count in (1, 2, 3):
        with threads(count):
            results.append(TotalVariation().prox(noisy, SIGMA))
    assert all(torch.equal(result, results[0]) for result in results)
