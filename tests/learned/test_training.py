"""Training: it learns, repeats from its seed, and continues after an interruption."""

import subprocess
import sys
from contextlib import nullcontext
from importlib.util import find_spec

import numpy as np
import pytest
import torch
from PIL import Image

from priorlab.errors import UsageError
from priorlab.ground import extras
from priorlab.ground.weights_file import read_weights
from priorlab.training import devices, memory, photographs
from priorlab_learned.networks.unet_network import UNetNetwork
from priorlab_learned.training import loop, pairs
from priorlab_learned.training import unet_training as training
from priorlab_learned.training.unet_training import UNetTraining
from priorlab_learned.unet import UNet


@pytest.fixture(autouse=True)
def small(monkeypatch):
    """Shrink network, crops and batch: what is tested does not depend on them."""
    monkeypatch.setattr(training, "UNetNetwork", lambda channels: UNetNetwork(channels, (8, 8, 8)))
    monkeypatch.setattr(devices, "bf16_is_fast", lambda device: False)
    monkeypatch.setattr(training, "LEVELS", (25,))
    monkeypatch.setattr(UNetTraining, "least_size", 32)
    monkeypatch.setattr(pairs, "CROP", 16)
    monkeypatch.setattr(pairs, "BATCH", 4)
    monkeypatch.setattr(loop, "REPORT_EVERY", 5)
    monkeypatch.setattr(loop, "CHECKPOINT_EVERY", 5)


@pytest.fixture
def folder(tmp_path):
    """Twenty smooth pictures, so that one is held out."""
    y, x = np.mgrid[:34, :40] / 32
    for i in range(20):
        wave = np.stack([np.sin(5 * x + i), np.cos(4 * y - i), x * y], axis=2)
        Image.fromarray(np.uint8(127 + 120 * wave)).save(tmp_path / f"{i:02}.png")
    return tmp_path


def silent(progress):
    """Report nothing."""


def run(folder, name, steps=15, seed=0, report=silent):
    path = folder.parent / f"{folder.name}-{name}.safetensors"
    return path, UNetTraining(steps=steps, seed=seed).train(folder, path, report)


def test_loss_falls_and_the_weights_load_into_the_prior(folder):
    losses = []
    path, provenance = run(folder, "a", 40, report=lambda progress: losses.append(progress.loss))
    assert len(losses) == 8
    assert losses[-1] < 0.8 * losses[0]
    assert provenance == {k: v for k, v in read_weights(path)[1].items() if k in provenance}
    assert provenance["images"] == "19" and provenance["images_held_out"] == "1"
    v = torch.rand(1, 1, 20, 20)
    assert UNet(weights=str(path)).denoise(v, 0.1).shape == v.shape


@pytest.mark.slow
def test_same_seed_gives_the_same_weights(folder):
    digests = [
        read_weights(run(folder, name, seed=seed)[0])[1]["tensors_sha256"]
        for name, seed in (("a", 0), ("b", 0), ("c", 1))
    ]
    assert digests[0] == digests[1] != digests[2]


def test_interrupted_run_continues_to_the_same_weights(folder):
    whole, _ = run(folder, "whole")

    def interrupt(progress):
        if progress.step == 10:
            raise KeyboardInterrupt

    with pytest.raises(KeyboardInterrupt):
        run(folder, "broken", report=interrupt)
    so_far = folder.parent / f"{folder.name}-broken.so-far.safetensors"
    assert read_weights(so_far)[1]["steps_done"] == "5"
    assert UNet(weights=str(so_far)).denoise(torch.rand(1, 1, 8, 8), 0.1).isfinite().all()
    seen = []
    resumed, _ = run(folder, "broken", report=lambda progress: seen.append(progress.step))
    assert seen == [10, 15]
    assert read_weights(resumed)[1]["tensors_sha256"] == read_weights(whole)[1]["tensors_sha256"]
    assert not list(folder.parent.glob(f"{folder.name}*.checkpoint*"))
    assert not list(folder.parent.glob(f"{folder.name}*so-far*"))


def test_checkpoint_of_another_run_is_not_overwritten(folder):
    def interrupt(progress):
        if progress.step == 10:
            raise KeyboardInterrupt

    with pytest.raises(KeyboardInterrupt):
        run(folder, "a", report=interrupt)
    with pytest.raises(UsageError, match="of another run \\(seed 0, not 1\\)"):
        run(folder, "a", seed=1)


class Library:
    """A C library that remembers the thresholds it was told."""

    def __init__(self):
        self.thresholds, self.trimmed = {}, 0

    def mallopt(self, parameter, value):
        self.thresholds[parameter] = value

    def malloc_trim(self, pad):
        self.trimmed += 1


@pytest.mark.parametrize("fails", [False, True])
def test_freed_memory_is_kept_during_training_only(folder, fails, monkeypatch):
    library, during = Library(), []
    monkeypatch.setattr(memory.sys, "platform", "linux")
    monkeypatch.setattr(memory.ctypes, "CDLL", lambda name: library)

    def report(progress):
        during.append(dict(library.thresholds))
        if fails:
            raise KeyboardInterrupt

    with pytest.raises(KeyboardInterrupt) if fails else nullcontext():
        run(folder, "a", 5, report=report)
    assert min(during[0].values()) >= 2**30
    assert max(library.thresholds.values()) <= 2**26
    assert library.thresholds.keys() == during[0].keys()
    assert library.trimmed == 1


def test_learning_rate_rises_then_falls_to_zero():
    schedule = loop.Schedule(1000, 0, 1e-3)
    rates = [schedule.rate(step) for step in range(1000)]
    assert max(rates) == pytest.approx(schedule.learning_rate, rel=0.05)
    assert rates[0] < 1e-4 and rates[-1] < 1e-7


def test_bad_input_is_one_clear_sentence(tmp_path, folder):
    empty = tmp_path / "empty"
    empty.mkdir()
    deep = tmp_path / "deep.png"
    Image.fromarray(np.zeros((64, 64), np.uint16)).save(deep)
    with pytest.raises(UsageError, match="more than 8 bits"):
        photographs.decode(deep, 16)
    with pytest.raises(UsageError, match="holds no image"):
        run(empty, "w")
    with pytest.raises(UsageError, match="is not a folder"):
        run(tmp_path / "none", "w")
    with pytest.raises(UsageError, match="steps=0 is too small; the least is 1"):
        run(folder, "w", steps=0)
    (empty / "small.png").write_bytes(b"not an image")
    with pytest.raises(UsageError, match="not a readable image"):
        run(empty, "w")
    Image.new("L", (10, 10)).save(empty / "small.png")
    with pytest.raises(UsageError, match="10x10 pixels; training takes images of at least 32x32"):
        run(empty, "w")


def test_unwritable_output_is_found_before_training(tmp_path, folder):
    (tmp_path / "file").touch()
    with pytest.raises(UsageError, match="cannot write"):
        UNetTraining().train(folder, tmp_path / "file" / "w.safetensors", silent)
    with pytest.raises(UsageError, match="cannot write"):
        UNetTraining().train(folder, folder, silent)


TWO_PROCESSES = """
import sys
from pathlib import Path
from priorlab.training import devices
from priorlab_learned.networks.unet_network import UNetNetwork
from priorlab_learned.training import pairs, unet_training

devices.bf16_is_fast = lambda device: False
pairs.CROP, pairs.BATCH, unet_training.LEVELS = 16, 4, (25,)
unet_training.UNetNetwork = lambda channels: UNetNetwork(channels, (8, 8, 8))
unet_training.UNetTraining.least_size = 32
training = unet_training.UNetTraining(steps=3, device="cpu", devices=2)
training.train(Path(sys.argv[1]), Path(sys.argv[2]), print)
"""


@pytest.mark.slow
@pytest.mark.skipif(find_spec("lightning_fabric") is None, reason="needs Lightning Fabric")
def test_two_processes_learn_what_one_learns_from_the_batches_of_both(folder, tmp_path):
    script = tmp_path / "two.py"
    script.write_text(TWO_PROCESSES)
    together = tmp_path / "together.safetensors"
    subprocess.run([sys.executable, script, folder, together], check=True, timeout=200)

    class Both(UNetTraining):
        def make_loss(self, photographs):
            loss = super().make_loss(photographs)

            def of_both(network, step, rng, device):
                draws = (np.random.default_rng([0, 2 * step + rank]) for rank in range(2))
                return sum(loss(network, step, draw, device) for draw in draws) / 2

            return of_both

    alone = tmp_path / "alone.safetensors"
    Both(steps=3, device="cpu").train(folder, alone, silent)
    first, second = (read_weights(path)[0] for path in (together, alone))
    for name, tensor in first.items():
        torch.testing.assert_close(tensor, second[name], atol=2e-3, rtol=2e-2)


def test_several_devices_need_fabric(folder, monkeypatch):
    monkeypatch.setattr(extras.importlib.util, "find_spec", lambda name: None)
    with pytest.raises(UsageError, match=r"pip install 'priorlab\[fabric\]'"):
        UNetTraining(devices=2, device="cpu").train(folder, folder / "w.safetensors", silent)


def test_a_training_can_begin_with_weights(folder):
    first, _ = run(folder, "first", steps=5)
    second = folder.parent / "second.safetensors"
    facts = UNetTraining(steps=1, start=str(first)).train(folder, second, silent)
    assert facts["start"].startswith("tensors ") and f"--start {first}" in facts["command"]
    before, after = read_weights(first)[0], read_weights(second)[0]
    assert all((after[name] - tensor).abs().max() < 0.01 for name, tensor in before.items())
    with pytest.raises(UsageError, match=r"start=.* holds another network"):
        UNetTraining(steps=1, channels=3, start=str(first)).train(folder, second, silent)
