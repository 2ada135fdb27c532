"""Published networks: what is read, what is refused, and that the network does what it did."""

import argparse
import dataclasses
import importlib.util
import os
from pathlib import Path

import pytest
import torch
from safetensors.torch import save_file
from sample_pictures import photo_crop

import priorlab
from priorlab import restoration
from priorlab.errors import Unsupported, UsageError
from priorlab.forward.measurement import Measurement
from priorlab.forward.noise import Gaussian
from priorlab.forward.operators import Identity
from priorlab.solvers.tiles import in_tiles
from priorlab.tasks.builtin import Deblur, Dejpeg, Denoise, Inpaint, SuperResolution
from priorlab_learned.checkpoint import Checkpoint
from priorlab_learned.published.network import load
from priorlab_learned.unet import UNet

pytestmark = pytest.mark.skipif(
    importlib.util.find_spec("spandrel") is None, reason="pip install 'priorlab[checkpoints]'"
)
CPU = torch.device("cpu")
SIGMA = 25 / 255


def network(architecture, **settings):
    """Return a network of spandrel's, which takes seconds to import: not before it is needed."""
    module = importlib.import_module(f"spandrel.architectures.{architecture}")
    return getattr(module, architecture)(**settings)


def dncnn(channels=1, mode="R"):
    return network("DnCNN", in_nc=channels, out_nc=channels, nc=4, nb=8, act_mode=mode)


def drunet(channels=1):
    settings = {"nc": [4, 8, 12, 16], "nb": 2, "act_mode": "R"}
    return network("DRUNet", in_nc=channels + 1, out_nc=channels, **settings)


def nafnet():
    return network(
        "NAFNet", img_channel=3, width=4, middle_blk_num=1, enc_blk_nums=[1, 1], dec_blk_nums=[1, 1]
    )


def ffdnet(channels):
    ours = importlib.import_module("priorlab_learned.published.ffdnet")
    return ours.FFDNet(channels, 8, 6)


def enlarging():
    settings = {"embed_dim": 12, "depths": [2], "num_heads": [2], "window_size": 4, "img_size": 8}
    return network("SwinIR", upscale=2, mlp_ratio=2, upsampler="pixelshuffle", **settings)


MADE = {
    "dncnn": lambda: dncnn(),
    "dncnn-bn": lambda: dncnn(mode="BR"),
    "dncnn-color": lambda: dncnn(3),
    "fdncnn": lambda: network("DnCNN", in_nc=2, out_nc=1, nc=4, nb=8, act_mode="R", mode="FDnCNN"),
    "drunet": lambda: drunet(),
    "ffdnet": lambda: ffdnet(1),
    "ffdnet-color": lambda: ffdnet(3),
    "nafnet-denoise": nafnet,
}
TOLD = {"fdncnn", "drunet", "ffdnet", "ffdnet-color"}
"""Those that are told the level."""


def made(name):
    torch.manual_seed(0)
    network = MADE[name]()
    for module in network.modules():
        if isinstance(module, torch.nn.BatchNorm2d):
            module.running_mean.normal_()
            module.running_var.uniform_(0.5, 2)
    return network.eval()


@pytest.fixture
def saved(tmp_path, monkeypatch):
    """Returns the name of a file with the weights of a network."""
    monkeypatch.chdir(tmp_path)

    def save(network, name="net.pth"):
        if name.endswith(".safetensors"):
            save_file(network.state_dict(), name)
        else:
            torch.save(network.state_dict(), name)
        return name

    return save


def noisy(shape, sigma=SIGMA):
    y = torch.rand(shape, generator=torch.Generator().manual_seed(1))
    return Measurement(y, Identity(), Gaussian(sigma), tuple(shape))


@pytest.mark.parametrize("suffix", [".pth", ".safetensors"])
@pytest.mark.parametrize("name", MADE)
@torch.no_grad()
def test_it_returns_what_the_network_returns(saved, name, suffix):
    network, told = made(name), name in TOLD
    sigma = {} if told else {"sigma": "25"}
    prior = Checkpoint(file=saved(network, name + suffix), **sigma)
    v = torch.rand(2, 3 if name.endswith(("color", "denoise")) else 1, 24, 32)
    level = torch.full_like(v[:, :1], SIGMA)
    direct = network(torch.cat([v, level], 1) if told else v)
    torch.testing.assert_close(prior.denoise(v, SIGMA), direct, atol=1e-5, rtol=0)


@pytest.mark.parametrize("wrapped", ["params", "state_dict", "module"])
def test_weights_are_found_where_trainings_put_them(saved, wrapped):
    network = made("dncnn")
    state = network.state_dict()
    if wrapped == "module":
        state = {f"module.{name}": value for name, value in state.items()}
    else:
        state = {wrapped: state}
    torch.save(state, "net.pth")
    v = torch.rand(1, 1, 16, 16)
    result = Checkpoint(file="net.pth", sigma="25").denoise(v, SIGMA)
    torch.testing.assert_close(result, network(v).detach())


@torch.no_grad()
@pytest.mark.parametrize("name", ["dncnn", "fdncnn", "ffdnet", "drunet"])
def test_nothing_beyond_the_reach_decides_a_pixel(saved, name):
    """A pixel that is no number spoils exactly what the network makes of it."""
    network, width = made(name).double(), 2 if name in TOLD else 1  # not by fast transforms
    locality = load_of(saved(made(name), f"{name}_25.pth")).locality
    grid = locality.grid
    middle = -(-locality.reach // grid) * grid + grid
    strip = torch.full((1, width, 2 * grid + 8 - 8 % grid, 2 * middle + grid), 0.5).double()
    strip[..., middle : middle + grid] = torch.nan
    spoilt = network(strip).isnan().any(2)[0, 0].nonzero().flatten()
    found = max(middle + grid - 1 - int(spoilt[0]), int(spoilt[-1]) - middle)
    assert found - grid < locality.reach and found <= locality.reach + grid


def load_of(file, **settings):
    chosen = {"arch": "auto", "sigma": "auto", "task": "auto"} | settings
    return load(Path(file), *chosen.values(), CPU)


@pytest.mark.parametrize(("name", "level"), [("dncnn", 25), ("dncnn", 6), ("ffdnet", 25)])
def test_tiles_are_the_whole(saved, name, level):
    prior = Checkpoint(file=saved(made(name), f"{name}_25.pth"))
    v = torch.rand(1, 1, 50, 500)
    locality = dataclasses.replace(prior.locality(1, level / 255), side=96)
    whole = prior.denoise(v, level / 255)
    parts = in_tiles(lambda part: prior.denoise(part, level / 255), v, locality)
    torch.testing.assert_close(parts, whole, atol=1e-5, rtol=0)


def test_less_noise_needs_a_farther_look(saved):
    prior = Checkpoint(file=saved(made("dncnn"), "dncnn_25.pth"))
    assert [prior.locality(1, level / 255).reach for level in (50, 25, 10, 2)] == [8, 8, 16, 24]


@pytest.mark.parametrize("level", [2, 6, 60])
def test_another_level_than_the_networks_is_better_than_doing_nothing(saved, level):
    def of_level_25(image):
        return UNet().denoise(image, SIGMA)

    network = load_of(saved(made("dncnn"), "dncnn_25.pth"))
    network = dataclasses.replace(network, module=of_level_25)
    clean = photo_crop("camera", 1)[..., :48, :48]
    v = clean + level / 255 * torch.randn(clean.shape, generator=torch.Generator().manual_seed(0))
    result = network.denoise(v, level / 255)
    assert (result - clean).square().mean() < 0.9 * (v - clean).square().mean()
    assert (of_level_25(v) - clean).square().mean() > (result - clean).square().mean()


def test_a_gray_network_treats_each_channel_of_a_colour_image_by_itself(saved):
    prior = Checkpoint(file=saved(made("dncnn"), "dncnn_25.pth"))
    v = torch.rand(2, 3, 16, 20)
    alone = torch.cat([prior.denoise(v[:, i : i + 1], 0.1) for i in range(3)], 1)
    torch.testing.assert_close(prior.denoise(v, 0.1), alone)


def test_a_colour_network_takes_no_gray_images(saved):
    prior = Checkpoint(file=saved(made("dncnn-color"), "dncnn_color_25.pth"))
    reason = "its network is for colour images, not for gray images"
    assert prior.unsupported(noisy((1, 1, 16, 16))) == reason
    with pytest.raises(Unsupported, match=reason):
        prior.prepare(CPU, 1)


def test_plug_and_play_restores_with_it(saved):
    prior = Checkpoint(file=saved(made("drunet")), steps=2)
    measurement = Inpaint().measure(torch.rand(1, 1, 24, 24), seed=0)
    assert restoration.run(prior, measurement).shape == (1, 1, 24, 24)


@torch.no_grad()
def test_a_network_that_enlarges_does_that_and_nothing_else(saved):
    torch.manual_seed(0)
    network = enlarging().eval()
    prior = Checkpoint(file=saved(network, "x2.pth"))
    clean = photo_crop("chelsea", 3)[..., :48, :64]
    measurement = SuperResolution(factor=2).measure(clean, seed=0)
    direct = network(measurement.y.clamp(0, 1)).clamp(0, 1)
    torch.testing.assert_close(prior.restore(measurement), direct, atol=1e-5, rtol=0)
    only = "its network only enlarges images 2 times (superres:factor=2)"
    for other in (SuperResolution(factor=4), Denoise(), Deblur(), Inpaint()):
        assert prior.unsupported(other.measure(clean, seed=0)) == only
    with pytest.raises(Unsupported, match="only enlarges"):
        prior.denoise(clean, 0.1)


@pytest.mark.parametrize(("task", "suits"), [("dejpeg", Dejpeg()), ("deblur", Deblur())])
def test_a_network_for_jpeg_or_blur_does_that_and_nothing_else(saved, task, suits):
    prior = Checkpoint(file=saved(made("nafnet-denoise")), task=task)
    clean = photo_crop("chelsea", 3)[..., :48, :64]
    measurement = suits.measure(clean, seed=0)
    assert prior.unsupported(measurement) is None
    assert restoration.run(prior, measurement).shape == clean.shape
    assert prior.unsupported(Denoise().measure(clean, seed=0)).startswith("its network only")


@pytest.mark.parametrize(
    ("file", "says"),
    [
        ("dncnn_25.pth", "DnCNN, made to remove noise of level 25 in gray images (the level 25 by"),
        ("dncnn_gray_blind.pth", "any level up to 55 in gray images (any level by the file's name"),
        ("mine.pth", "any level up to 55 in gray images (any level is assumed; if it was made"),
    ],
)
def test_what_was_guessed_is_said(saved, file, says):
    saved(made("dncnn"), file)
    lines = []
    noise = torch.rand(24, 24).numpy()
    priorlab.restore(noise, "denoise:sigma=25", f"checkpoint:file={file}", say=lines.append)
    assert any(says in line for line in lines)


def test_what_is_typed_is_not_guessed(saved):
    found = load_of(saved(made("dncnn"), "dncnn_25.pth"), sigma="blind")
    assert found.levels == (0, 55) and not found.guessed
    assert load_of("dncnn_25.pth", sigma="15", arch="dncnn").levels == (15, 15)


def test_the_key_of_a_result_holds_content_and_name(saved):
    def key(file):
        return Checkpoint(file=file).fingerprint()["parameters"]["file"]

    first = key(saved(made("dncnn"), "dncnn_25.pth"))
    assert key(saved(made("dncnn"), "dncnn_15.pth")) != first
    assert key(saved(made("dncnn-bn"), "dncnn_25.pth")) != first


class Code:
    def __reduce__(self):
        return os.mkdir, ("ran",)


def test_code_is_refused_and_never_run(saved):
    torch.save({"model.0.weight": Code()}, "net.pth")
    with pytest.raises(UsageError, match=r"net\.pth holds more than tensors \(posix\.mkdir\)"):
        load_of("net.pth")
    torch.save({"a": torch.zeros(1), "args": argparse.Namespace()}, "net.pth")
    with pytest.raises(UsageError, match=r"more than tensors \(argparse\.Namespace\)"):
        load_of("net.pth")
    assert not os.path.exists("ran")


REFUSED = {
    b"": "holds no weights: it is empty",
    b"version https://git-lfs.github.com/spec/v1\n": "it is a pointer of Git LFS",
    b"<!DOCTYPE html>": "it is a web page",
    b"hello": "damaged or no file of weights",
    b"\x10\0\0\0\0\0\0\0{not json": "is damaged",
}


@pytest.mark.parametrize("content", REFUSED)
def test_what_is_no_file_of_weights_is_one_sentence(saved, tmp_path, content):
    (tmp_path / "net.pth").write_bytes(content)
    with pytest.raises(UsageError, match=f"net.pth.*{REFUSED[content]}") as caught:
        load_of("net.pth")
    assert "\n" not in str(caught.value) and len(str(caught.value)) < 300


def test_a_truncated_file_is_refused(saved, tmp_path):
    path = tmp_path / saved(made("dncnn"))
    path.write_bytes(path.read_bytes()[:-500])
    with pytest.raises(UsageError, match="damaged"):
        load_of("net.pth")


ODD = {
    "an unknown architecture": ({"a.weight": torch.zeros(3)}, "no known architecture"),
    "a list": ([torch.zeros(3)], "holds list, not tensors by name"),
    "nothing": ({}, "there is nothing in it"),
    "a number": ({"a": 1, "b": 2}, "holds int"),
    "more than there is": ({"a": torch.zeros(1).expand(9, 9)}, "more values than the file holds"),
    "no numbers": ({"a": torch.full((2,), torch.nan)}, "holds NaN or infinity"),
}


@pytest.mark.parametrize("what", ODD)
def test_odd_weights_are_one_sentence(saved, what):
    state, says = ODD[what]
    torch.save(state, "net.pth")
    with pytest.raises(UsageError, match=says):
        load_of("net.pth")


def test_weights_that_do_not_fit_are_refused(saved):
    state = dncnn().state_dict() | {"model.2.weight": torch.zeros(3, 3, 3, 3)}
    torch.save(state, "net.pth")
    with pytest.raises(UsageError, match=r"do not fit DnCNN: .*size mismatch"):
        load_of("net.pth")


@pytest.mark.parametrize(
    ("settings", "says"),
    [
        ({"arch": "DnCN"}, "unknown architecture 'DnCN'"),
        ({"task": "superres"}, "does not enlarge images"),
    ],
)
def test_wrong_settings_are_named(saved, settings, says):
    saved(made("dncnn"))
    with pytest.raises(UsageError, match=says):
        load_of("net.pth", **settings)


def test_a_network_of_many_uses_needs_its_task(saved):
    saved(made("nafnet-denoise"), "net.pth")
    with pytest.raises(UsageError, match="nothing says for what; type task="):
        load_of("net.pth")
    assert load_of(saved(made("nafnet-denoise"), "NAFNet-GoPro.pth")).task == "deblur"


def test_a_level_for_a_network_that_is_told_it_is_refused(saved):
    with pytest.raises(UsageError, match="sigma=25 has no meaning: DRUNet is told the level"):
        load_of(saved(made("drunet")), sigma="25")


def test_the_file_is_read_again_when_it_changes(saved):
    v = torch.rand(1, 1, 16, 16)
    prior = Checkpoint(file=saved(made("dncnn")))
    before = prior.denoise(v, SIGMA)
    os.utime(saved(made("dncnn-bn")), ns=(1, 1))
    assert not torch.equal(prior.denoise(v, SIGMA), before)


def test_without_spandrel_the_error_says_what_to_install(saved, monkeypatch):
    saved(made("dncnn"))
    monkeypatch.setattr("importlib.util.find_spec", lambda name: None)
    with pytest.raises(UsageError, match=r"needs spandrel: pip install 'priorlab\[checkpoints\]'"):
        load_of("net.pth")
