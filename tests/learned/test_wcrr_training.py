"""Training of ridge regularisers: its derivative, that it learns, repeats and continues."""

import numpy as np
import pytest
import torch
from mostly_slow import mostly_slow
from PIL import Image

from priorlab.errors import UsageError
from priorlab.ground.weights_file import read_weights
from priorlab_learned.ridge import ridge_training as training
from priorlab_learned.ridge.ridge_network import RidgeNetwork
from priorlab_learned.ridge.ridge_training import ConvexTraining, WeaklyConvexTraining
from priorlab_learned.training import loop
from priorlab_learned.wcrr import ConvexRidge


@pytest.fixture
def small(monkeypatch):
    """Shrink crops, batch and minimisation: what is tested does not depend on them."""
    monkeypatch.setattr(training, "CROP", 16)
    monkeypatch.setattr(training, "BATCH", 2)
    monkeypatch.setattr(training, "MEASURED", (25,))
    monkeypatch.setattr(training, "MEASURED_SIDE", 24)
    monkeypatch.setattr(loop, "REPORT_EVERY", 4)
    monkeypatch.setattr(loop, "CHECKPOINT_EVERY", 4)


@pytest.fixture
def folder(tmp_path):
    """Twenty pictures with edges, so that one is held out."""
    y, x = np.mgrid[:28, :30]
    for i in range(20):
        edges = 40 + 90 * (x + i * y > 30) + 70 * ((x + i) % 11 > 5)
        Image.fromarray(np.uint8(edges)).save(tmp_path / f"{i:02}.png")
    return tmp_path


def silent(progress):
    """Report nothing."""


def run(folder, name, steps=8, seed=0, report=silent, kind=ConvexTraining):
    path = folder.parent / f"{folder.name}-{name}.safetensors"
    return path, kind(steps=steps, seed=seed).train(folder, path, report)


@pytest.mark.parametrize("concavity", [0.0, 0.95])
@pytest.mark.parametrize("level", mostly_slow([4, 37], 37))
def test_the_implicit_derivative_is_that_of_differences(monkeypatch, concavity, level):
    monkeypatch.setattr(training, "ITERATIONS", 1000)
    monkeypatch.setattr(training, "TOLERANCE", 1e-9)
    monkeypatch.setattr(training, "CONJUGATE", 60)
    generator = torch.Generator().manual_seed(0)
    clean = torch.rand(2, 1, 3, 1, generator=generator).double().repeat(1, 1, 3, 9)
    noisy = clean + level / 255 * torch.randn(clean.shape, generator=generator).double()
    network = RidgeNetwork(concavity, side=3).double()

    def loss():
        return training.loss_of_minimum(network.at(level / 255), clean, noisy, level / 255)

    loss().backward()
    knot = 1 if level < 10 else 3
    places = [
        (network.filters, (2, 0, 0, 1)),
        (network.thresholds, (knot, 4)),
        (network.slopes, knot),
    ]
    for values, place in [*places, *([(network.reaches, knot)] if concavity else [])]:
        ends = []
        for step in (1e-5, -2e-5):
            values.data[place] += step
            ends.append(loss().item())
        expected = (ends[0] - ends[1]) / 2e-5
        assert abs(expected) > 1e-7
        assert values.grad[place].item() == pytest.approx(expected, rel=1e-3, abs=1e-7)


def test_loss_falls_and_the_weights_load_into_the_prior(folder, small, monkeypatch):
    monkeypatch.setattr(loop, "CHECKPOINT_EVERY", 24)
    losses = []
    path, provenance = run(folder, "a", 24, report=lambda progress: losses.append(progress.loss))
    assert np.mean(losses[-3:]) < 0.95 * np.mean(losses[:3])
    assert provenance == {k: v for k, v in read_weights(path)[1].items() if k in provenance}
    assert provenance["images"] == "19" and provenance["images_held_out"] == "1"
    assert float(provenance["held_out_psnr_sigma25"]) > 22
    assert path.with_suffix(".md").exists()
    assert ConvexRidge(weights=str(path)).energy(torch.rand(2, 1, 20, 20)).shape == (2,)


def test_each_training_makes_its_kind_of_energy(folder, small):
    kinds = [
        run(folder, kind.name, 1, kind=kind)[0] for kind in (ConvexTraining, WeaklyConvexTraining)
    ]
    assert [float(read_weights(path)[0]["concavity"]) for path in kinds] == pytest.approx([0, 0.95])


def test_same_seed_gives_the_same_weights(folder, small):
    digests = [
        read_weights(run(folder, name, 3, seed)[0])[1]["tensors_sha256"]
        for name, seed in (("a", 0), ("b", 0), ("c", 1))
    ]
    assert digests[0] == digests[1] != digests[2]


def test_interrupted_run_continues_to_the_same_weights(folder, small):
    whole, _ = run(folder, "whole")

    def interrupt(progress):
        if progress.step == 8:
            raise KeyboardInterrupt

    with pytest.raises(KeyboardInterrupt):
        run(folder, "broken", report=interrupt)
    with pytest.raises(UsageError, match=r"is of another run \(seed 0, not 1\)"):
        run(folder, "broken", seed=1)
    seen = []
    broken, _ = run(folder, "broken", report=lambda progress: seen.append(progress.step))
    assert seen == [8]
    digests = [read_weights(path)[1]["tensors_sha256"] for path in (whole, broken)]
    assert digests[0] == digests[1]
