"""The learned denoiser: what it accepts, that it denoises, and that its training repeats."""

from pathlib import Path

import numpy as np
import pytest
import skimage.data
import torch
from mostly_slow import mostly_slow
from safetensors.torch import save_file
from sample_pictures import psnr

from priorlab.errors import Unsupported
from priorlab.forward.measurement import Measurement
from priorlab.forward.noise import Gaussian
from priorlab.forward.operators import Identity
from priorlab.ground.weights_file import WeightsError, read_weights, write_weights
from priorlab.pictures.datasets import load
from priorlab_learned.networks.unet_network import UNetNetwork
from priorlab_learned.unet import SHIPPED, UNet


def noisy(clean, sigma, seed=0):
    noise = np.random.default_rng(seed).standard_normal(clean.shape, np.float32)
    return clean + sigma * torch.from_numpy(noise)


def photograph(channels):
    pixels = skimage.data.astronaut()[:192, 128:320].astype(np.float32) / 255
    pixels = pixels.mean(axis=2, keepdims=True) if channels == 1 else pixels
    return torch.from_numpy(pixels.transpose(2, 0, 1)[None].copy())


@pytest.mark.parametrize("channels", [1, 3])
@pytest.mark.parametrize("size", [(1, 1), (1, 7), (16, 16), (33, 50), (64, 9)])
def test_any_size_keeps_shape_type_and_input(channels, size):
    v = torch.rand(1, channels, *size)
    before = v.clone()
    result = UNet().denoise(v, 0.1)
    assert result.shape == v.shape and result.dtype == v.dtype
    assert result.isfinite().all()
    assert torch.equal(v, before)


@pytest.mark.parametrize("precision", ["float32", "bfloat16"])
def test_each_image_of_a_batch_is_treated_by_itself(precision):
    v, prior = torch.rand(3, 1, 40, 56), UNet(precision=precision)
    alone = torch.cat([prior.denoise(image, 0.1) for image in v.split(1)])
    torch.testing.assert_close(prior.denoise(v, 0.1), alone, atol=1e-6, rtol=0)


@pytest.mark.parametrize("channels", [1, 3])
@pytest.mark.parametrize(("level", "margin"), [(10, 4.5), (25, 8.0), (50, 10.5), (75, 11.0)])
def test_removes_noise_within_and_beyond_the_trained_levels(channels, level, margin):
    clean = photograph(channels)
    v = noisy(clean, level / 255)
    assert psnr(UNet().denoise(v, level / 255), clean) > psnr(v, clean) + margin


@pytest.mark.parametrize("channels", [1, 3])
def test_leaves_a_noise_free_image_alone(channels):
    clean = photograph(channels)
    assert torch.equal(UNet().denoise(clean, 0.0), clean)


@pytest.mark.parametrize("level", mostly_slow([0.3, 1, 3], 0.3, 3))
@pytest.mark.parametrize(
    "name",
    mostly_slow(
        ["rocket", "coffee", "astronaut", "chelsea", "camera", "gravel"], "coffee", "camera"
    ),
)
def test_weak_noise_is_never_made_worse(name, level):
    """Saturated colours are no noise: the PSNR of the input, less 0.05 dB."""
    (image,) = (one for one in load("photos").images if one.name == name)
    clean = torch.from_numpy(image.read())[None]
    v = noisy(clean, level / 255)
    before, after = (float((each - clean).square().mean()) for each in (v, restored(v, level)))
    assert 10 * np.log10(before / after) > -0.05


def restored(v, level):
    return UNet().denoise(v, level / 255)


def test_bfloat16_agrees_with_float32():
    clean = photograph(1)
    v = noisy(clean, 25 / 255)
    reference = psnr(UNet().denoise(v, 25 / 255), clean)
    assert abs(psnr(UNet(precision="bfloat16").denoise(v, 25 / 255), clean) - reference) < 0.02


def test_is_homogeneous_so_that_any_level_is_meaningful():
    v = torch.rand(1, 1, 32, 32)
    whole, half = UNet().denoise(v, 0.2), UNet().denoise(v / 2, 0.1)
    # But for what is left of weak noise, see `FADE`.
    torch.testing.assert_close(half, whole / 2, atol=1e-5, rtol=5e-3)


@pytest.mark.parametrize("channels", [2, 4])
def test_says_which_channels_it_has_no_network_for(channels):
    y = torch.rand(1, channels, 16, 16)
    measurement = Measurement(y, Identity(), Gaussian(0.1), tuple(y.shape))
    reason = UNet().unsupported(measurement)
    assert reason == f"it only treats images with 1 or 3 channels, not {channels}"
    gray = Measurement(y[:, :1], Identity(), Gaussian(0.1), (1, 1, 16, 16))
    assert UNet().unsupported(gray) is None


def test_rejects_channels_it_has_no_network_for():
    with pytest.raises(Unsupported, match="1 or 3 channels, not 2"):
        UNet().prepare(torch.device("cpu"), 2)


@pytest.mark.parametrize("channels", [1, 3])
def test_shipped_weights_say_how_they_were_made(channels):
    state, provenance = read_weights(SHIPPED[channels])
    assert UNetNetwork.from_state({k: v.float() for k, v in state.items()}).channels == channels
    for key in ("command", "seed", "steps", "images", "data_sha256", "cpu_minutes"):
        assert provenance[key]
    readme = (SHIPPED[channels].parent / "README.md").read_text()
    assert provenance["command"] in readme
    assert provenance["data_sha256"] in readme
    assert provenance["tensors_sha256"] in readme


def test_shipped_weights_are_small():
    assert sum(path.stat().st_size for path in SHIPPED.values()) <= 8_000_000


class TestWeightsFile:
    @pytest.fixture
    def own(self, tmp_path) -> Path:
        torch.manual_seed(0)
        path = tmp_path / "own.safetensors"
        write_weights(path, UNetNetwork(1, (8, 8, 8)).half().state_dict(), {"seed": "0"})
        return path

    def test_own_weights_are_used(self, own):
        v = torch.rand(1, 1, 16, 16)
        assert not torch.equal(UNet(weights=str(own)).denoise(v, 0.1), UNet().denoise(v, 0.1))

    def test_own_weights_are_read_again_when_the_file_changes(self, own):
        v = torch.rand(1, 1, 16, 16)
        first = UNet(weights=str(own)).denoise(v, 0.1)
        write_weights(own, UNetNetwork(1, (8, 8, 8)).half().state_dict(), {"seed": "1"})
        assert not torch.equal(UNet(weights=str(own)).denoise(v, 0.1), first)

    def test_gray_weights_do_not_treat_colour(self, own):
        with pytest.raises(Unsupported, match="for gray images, this one is colour"):
            UNet(weights=str(own)).prepare(torch.device("cpu"), 3)

    def test_flipped_bit_is_detected(self, own):
        content = bytearray(own.read_bytes())
        content[-1] ^= 1
        own.write_bytes(content)
        with pytest.raises(WeightsError, match="does not match its checksum"):
            UNet(weights=str(own)).prepare(torch.device("cpu"), 1)

    @pytest.mark.parametrize("content", [b"", b"not weights"])
    def test_unreadable_file_is_one_clear_sentence(self, own, content):
        own.write_bytes(content)
        with pytest.raises(WeightsError, match=r"own\.safetensors is damaged"):
            UNet(weights=str(own)).prepare(torch.device("cpu"), 1)

    def test_missing_file_is_one_clear_sentence(self):
        with pytest.raises(WeightsError, match="weights file nowhere does not exist"):
            UNet(weights="nowhere").prepare(torch.device("cpu"), 1)

    def test_file_without_checksum_is_refused(self, own):
        save_file({"a": torch.zeros(3)}, own)
        with pytest.raises(WeightsError, match="checksum"):
            UNet(weights=str(own)).prepare(torch.device("cpu"), 1)

    def test_foreign_network_is_refused(self, own):
        write_weights(own, {"a": torch.zeros(3)}, {})
        with pytest.raises(WeightsError, match="does not hold a network of the unet prior"):
            UNet(weights=str(own)).prepare(torch.device("cpu"), 1)
