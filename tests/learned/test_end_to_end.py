"""Networks trained for one task: what they gain there, what they keep, what they refuse."""

import dataclasses

import numpy as np
import pytest
import torch
from learned_pictures import crop
from mostly_slow import mostly_slow
from PIL import Image
from sample_pictures import psnr

from priorlab.errors import Unsupported
from priorlab.forward import jpeg
from priorlab.forward.measurement import Measurement
from priorlab.forward.operators import Identity
from priorlab.ground.weights_file import WeightsError, write_weights
from priorlab.tasks.builtin import Dejpeg, Denoise, Inpaint
from priorlab.training import devices
from priorlab_handcrafted.linear_interpolation import Linear
from priorlab_learned.networks.inpaint_network import InpaintNetwork, filled_in
from priorlab_learned.networks.unet_network import UNetNetwork
from priorlab_learned.one_task import FOLDER
from priorlab_learned.training import inpaint_training, jpeg_training, pairs
from priorlab_learned.unet import UNet
from priorlab_learned.unet_inpaint import UNetInpaint
from priorlab_learned.unet_jpeg import UNetJpeg


@pytest.mark.parametrize("channels", [1, 3])
@pytest.mark.parametrize(("quality", "gain"), [(10, 1.0), (40, 0.8), (80, 0.3)])
def test_jpeg_pictures_become_better(channels, quality, gain):
    gains = []
    for name in ("astronaut", "chelsea"):
        clean = crop(name, channels)
        measurement = Dejpeg(quality=quality).measure(clean, seed=0)
        gains.append(psnr(UNetJpeg().restore(measurement), clean) - psnr(measurement.y, clean))
    assert np.mean(gains) > gain, gains


@pytest.mark.parametrize("channels", [1, 3])
@pytest.mark.parametrize("subsampling", ["4:4:4", "4:2:0"])
@pytest.mark.parametrize("quality", mostly_slow([97, 98, 100], 98))
def test_files_better_than_those_it_learned_from_become_no_worse(channels, subsampling, quality):
    for name in ("astronaut", "chelsea"):
        clean = crop(name, channels)
        measurement = Dejpeg(quality=quality, subsampling=subsampling).measure(clean, seed=0)
        restored = UNetJpeg().restore(measurement)
        assert psnr(restored, clean) > psnr(measurement.y, clean)


def test_colours_that_subsampling_lost_are_corrected_at_any_quality():
    clean = crop("astronaut", 3)
    gains = []
    for quality in (95, 100):
        measurement = Dejpeg(quality=quality, subsampling="4:2:0").measure(clean, seed=0)
        gains.append(psnr(UNetJpeg().restore(measurement), clean) - psnr(measurement.y, clean))
    assert gains[1] > 0.2 * gains[0] > 0.05


@pytest.mark.parametrize("orientation", [3, 6])
def test_a_turned_picture_is_restored_as_it_lies_in_its_file(orientation):
    stored = Dejpeg(quality=20).measure(crop("astronaut", 3, 40, 56), seed=0)
    assert isinstance(stored.noise, jpeg.JpegQuantisation)
    turned = dataclasses.replace(stored.noise, orientation=orientation)
    y = turned.upright(stored.y)
    upright = Measurement(y, Identity(), turned, tuple(y.shape))
    expected = turned.upright(UNetJpeg().restore(stored))
    torch.testing.assert_close(UNetJpeg().restore(upright), expected)


@pytest.mark.parametrize("channels", [1, 3])
@pytest.mark.parametrize("mask", ["random", "text", "box"])
def test_missing_pixels_are_filled_in_and_known_ones_kept(channels, mask):
    clean = crop("chelsea", channels, 93, 101)
    missing = 0.05 if mask == "box" else 0.5
    measurement = Inpaint(kind=mask, missing=missing).measure(clean, seed=0)
    restored = UNetInpaint().restore(measurement)
    known = measurement.operator.known_pixels.bool().expand_as(clean)
    assert torch.equal(restored[known], clean[known])
    rough = filled_in(measurement.y, measurement.operator.known_pixels.float())
    # Of what is within a box, nothing near is known.
    assert psnr(restored, clean) > psnr(rough, clean) + (-0.5 if mask == "box" else 3)


def test_it_is_better_than_interpolation():
    clean = crop("astronaut", 3)
    measurement = Inpaint(missing=0.8).measure(clean, seed=0)
    assert psnr(UNetInpaint().restore(measurement), clean) > 1 + psnr(
        Linear().restore(measurement), clean
    )


@pytest.mark.parametrize("prior", [UNetJpeg(), UNetInpaint()])
def test_each_image_of_a_batch_is_treated_by_itself(prior):
    both = torch.cat([crop(name, 3, 48, 56) for name in ("astronaut", "chelsea")])
    task = Dejpeg() if prior.name == "unet-jpeg" else Inpaint(missing=0.5)
    one = task.measure(both[:1], seed=0)
    other = one.operator.forward(both[1:])
    measurement = dataclasses.replace(one, y=torch.cat((one.y, other)), shape=tuple(both.shape))
    alone = torch.cat([prior.restore(measurement.image(index)) for index in range(2)])
    torch.testing.assert_close(prior.restore(measurement), alone, atol=1e-6, rtol=0)


def test_what_a_network_was_not_trained_for_is_refused():
    clean = torch.rand(1, 1, 32, 32)
    for prior, task, reason in (
        (UNetJpeg(), Denoise(), "trained to undo JPEG compression, and for no other task"),
        (UNetInpaint(), Denoise(), "trained to fill in missing pixels beside exact ones"),
        (
            UNetInpaint(),
            Inpaint(sigma=5 / 255),
            "trained to fill in missing pixels beside exact ones",
        ),
    ):
        with pytest.raises(Unsupported, match=reason):
            prior.restore(task.measure(clean, seed=0))
    colourful = torch.rand(1, 2, 32, 32)
    with pytest.raises(Unsupported, match="1 or 3 channels, not 2"):
        UNetInpaint().restore(Inpaint().measure(colourful, seed=0))


def test_holes_of_any_size_are_filled_roughly():
    """From the least block with a known pixel; with none at all, with zeros."""
    v = torch.rand(2, 3, 37, 21)
    known = torch.zeros(1, 1, 37, 21)
    assert filled_in(v, known).eq(0).all()
    known[..., 30, 4] = 1
    filled = filled_in(v, known)
    torch.testing.assert_close(filled, v[..., 30:31, 4:5].expand_as(v))


@pytest.mark.slow
@pytest.mark.parametrize(
    ("module", "network", "trainer"),
    [
        (jpeg_training, UNetNetwork, jpeg_training.UNetJpegTraining),
        (inpaint_training, InpaintNetwork, inpaint_training.UNetInpaintTraining),
    ],
)
def test_a_small_network_learns(module, network, trainer, tmp_path, monkeypatch):
    monkeypatch.setattr(module, network.__name__, lambda channels: network(channels, (8, 8, 8)))
    monkeypatch.setattr(devices, "bf16_is_fast", lambda device: False)
    monkeypatch.setattr(trainer, "measured", trainer.measured[:1])
    monkeypatch.setattr(trainer, "least_size", 64)
    monkeypatch.setattr(pairs, "CROP", 32)
    monkeypatch.setattr(pairs, "BATCH", 4)
    y, x = np.mgrid[:70, :66] / 32
    (tmp_path / "photos").mkdir()
    for i in range(20):
        wave = np.stack([np.sin(5 * x + i), np.cos(4 * y - i), x * y / 4], axis=2)
        Image.fromarray(np.uint8(127 + 120 * wave)).save(tmp_path / "photos" / f"{i:02}.png")
    if trainer.name == "unet-jpeg":  # it begins with weights of unet
        torch.manual_seed(0)
        first = tmp_path / "first.safetensors"
        write_weights(first, UNetNetwork(3, (8, 8, 8)).half().state_dict(), {})
        monkeypatch.setattr(module, "SHIPPED", {3: first})
    losses, out = [], tmp_path / "w.safetensors"
    facts = trainer(steps=200).train(
        tmp_path / "photos", out, lambda progress: losses.append(progress.loss)
    )
    assert losses[-1] < 0.8 * losses[0]
    assert any(key.startswith("held_out_colour_psnr") for key in facts)
    prior, task = {
        "unet-jpeg": (UNetJpeg(weights=str(out)), Dejpeg()),
        "unet-inpaint": (UNetInpaint(weights=str(out)), Inpaint()),
    }[trainer.name]
    restored = prior.restore(task.measure(torch.rand(1, 3, 20, 20), seed=0))
    assert restored.shape == (1, 3, 20, 20)


@pytest.mark.parametrize(
    ("prior", "file", "whose"),
    [(UNetJpeg, "unet_color", "unet"), (UNet, "gs_unet_color", "gs-unet")],
)
def test_the_weights_of_another_prior_are_refused(prior, file, whose):
    """They fit, and mean something else."""
    path = FOLDER / f"{file}.safetensors"
    with pytest.raises(WeightsError, match=f"holds a network of {whose}, not of {prior.name}"):
        prior(weights=str(path)).prepare(torch.device("cpu"), 3)
