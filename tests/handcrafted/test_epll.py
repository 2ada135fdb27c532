"""The patch prior cleans images; its mixture is learned, stored and read as it was."""

import hashlib

import numpy as np
import pytest
import torch
from hypothesis import given, settings
from hypothesis import strategies as st
from mostly_slow import slow_where
from PIL import Image
from safetensors import safe_open
from safetensors.torch import load_file, save_file
from sample_pictures import photo_crop, picture
from torch_threads import threads

from priorlab.errors import UsageError
from priorlab.metrics import psnr
from priorlab.training.photographs import Photographs
from priorlab_handcrafted.epll import SHIPPED, ExpectedPatchLogLikelihood
from priorlab_handcrafted.patches import training
from priorlab_handcrafted.patches.mixture import SIZE, Mixture, cosine_basis, read_mixture
from priorlab_handcrafted.patches.mixture import write_mixture as write
from priorlab_handcrafted.patches.training import EpllTraining

SHIPPED_SHA256 = "597c7b75841a9dd87067f9747a95685926c2db31c706798556aa7be5492ee439"
EPLL = ExpectedPatchLogLikelihood()


def noisy(clean, level, seed=0):
    noise = np.random.default_rng(seed).standard_normal(clean.shape, np.float32)
    return clean + level / 255 * torch.from_numpy(noise)


@pytest.mark.parametrize(
    ("name", "channels", "level", "floor"),
    slow_where(
        lambda name, channels, level, floor: (name, level) in (("camera", 50), ("gravel", 25)),
        [
            ("camera", 1, 5, 36.9),
            ("camera", 1, 25, 28.3),
            ("camera", 1, 50, 24.9),
            ("gravel", 1, 25, 24.3),
            ("chelsea", 3, 25, 30.2),
        ],
    ),
)
def test_photographs_are_cleaned(name, channels, level, floor):
    clean = photo_crop(name, channels)
    restored = EPLL.denoise(noisy(clean, level), level / 255).clamp(0, 1)
    assert psnr(restored[0].numpy(), clean[0].numpy()) > floor


@pytest.mark.parametrize("level", [25, 100])
def test_noise_coarser_than_a_patch_is_removed_too(level):
    """In a flat picture only the patches' means are left, which half the size improves."""
    clean = torch.full((1, 1, 64, 64), 0.5)
    error = EPLL.denoise(noisy(clean, level), level / 255) - clean
    assert error.square().mean() < 0.003 * (level / 255) ** 2


def test_more_patches_are_better():
    clean = photo_crop("camera")
    v = noisy(clean, 25)
    scores = [
        psnr(ExpectedPatchLogLikelihood(stride=n).denoise(v, 25 / 255)[0].numpy(), clean[0].numpy())
        for n in (8, 5, 2)
    ]
    assert scores[0] + 0.1 < scores[1] < scores[2] - 0.03


@pytest.mark.parametrize("stride", [1, 2, 5, 8])
def test_every_stride_covers_the_image(stride):
    clean = torch.from_numpy(picture(41, 50))[None]
    prior = ExpectedPatchLogLikelihood(stride=stride)
    restored = prior.denoise(noisy(clean, 25), 25 / 255)
    error = (restored - clean).square()
    assert error.mean() < 0.2 * (25 / 255) ** 2
    assert error[..., :3].mean() < 0.4 * (25 / 255) ** 2
    assert error[..., -3:, :].mean() < 0.4 * (25 / 255) ** 2


@settings(max_examples=6)
@given(
    channels=st.sampled_from([1, 3]),
    height=st.integers(16, 40),
    width=st.sampled_from([16, 17, 33, 200]),
    level=st.sampled_from([1e-6, 0.1, 1, 30, 130, 500]),
    double=st.booleans(),
)
def test_any_size_level_and_type(channels, height, width, level, double):
    clean = torch.from_numpy(picture(height, width, channels))[None]
    v = noisy(clean, level).to(torch.float64 if double else torch.float32)
    before = v.clone()
    restored = EPLL.denoise(v, level / 255)
    assert restored.shape == v.shape and restored.dtype == v.dtype
    assert torch.equal(v, before)
    assert (restored - clean).square().mean() < 1.1 * (level / 255) ** 2 + 1e-9


def test_a_step_of_plug_and_play_costs_less_and_other_steps_take_other_patches():
    v = noisy(photo_crop("camera"), 25)
    first, second = (EPLL.denoise_in_step(v, 25 / 255, step) for step in (0, 1))
    for image in (first, second):
        assert psnr(image[0].numpy(), photo_crop("camera")[0].numpy()) > 27
    assert not torch.equal(first, second)
    assert torch.equal(first, EPLL.denoise_in_step(v, 25 / 255, 0))


def test_the_paper_denoises_anew_in_each_step():
    v = noisy(torch.from_numpy(picture(20, 24))[None], 25)
    paper = ExpectedPatchLogLikelihood(recipe="paper")
    assert torch.equal(paper.denoise_in_step(v, 0.1, 3), paper.denoise(v, 0.1))


def test_no_noise_changes_nothing():
    v = torch.from_numpy(picture(24, 32))[None]
    assert torch.equal(EPLL.denoise(v, 0), v)


def test_brightness_does_not_matter():
    v = noisy(torch.from_numpy(picture(48, 40))[None], 25)
    torch.testing.assert_close(EPLL.denoise(v + 0.5, 0.1), EPLL.denoise(v, 0.1) + 0.5)


def test_a_batch_and_its_images_alone_are_equal():
    batch = noisy(
        torch.stack([torch.from_numpy(picture(24, 36, 3, seed)) for seed in range(3)]), 20
    )
    alone = torch.cat([EPLL.denoise(image[None], 0.08) for image in batch])
    assert torch.equal(EPLL.denoise(batch, 0.08), alone)


def test_threads_do_not_matter():
    v, results = noisy(photo_crop("camera"), 25), []
    for count in (1, 2, 3):
        with threads(count):
            results.append(EPLL.denoise(v, 25 / 255))
    for result in results[1:]:
        torch.testing.assert_close(result, results[0], atol=1e-5, rtol=0)


def test_rounding_does_not_tip_the_choice_of_components():
    v = noisy(photo_crop("camera"), 25)
    moved = v * (1 + 1e-6)
    torch.testing.assert_close(EPLL.denoise(v, 0.1), EPLL.denoise(moved, 0.1), atol=1e-4, rtol=0)


def test_the_shipped_mixture_is_the_documented_one():
    content = SHIPPED.read_bytes()
    assert len(content) < 2_000_000
    assert hashlib.sha256(content).hexdigest() == SHIPPED_SHA256
    assert SHIPPED_SHA256 in (SHIPPED.parent / "epll.md").read_text()
    with safe_open(SHIPPED, framework="pt") as file:
        facts = file.metadata()
    assert facts["command"].startswith("priorlab train epll --dataset ")
    assert facts["seed"] == "0"
    assert int(facts["patches"]) == int(facts["steps"]) * training.BATCH
    assert facts["code_sha256"] in (SHIPPED.parent / "epll.md").read_text()


def small_mixture(components=3, seed=0):
    generator = torch.Generator().manual_seed(seed)
    size = SIZE**2 - 1
    factors = 0.1 * torch.eye(size, dtype=torch.float64) + 0.01 * torch.randn(
        components, size, size, generator=generator, dtype=torch.float64
    ).tril(-1)
    weights = torch.rand(components, generator=generator, dtype=torch.float64) + 0.1
    return Mixture(weights / weights.sum(), factors)


def test_a_mixture_is_read_as_it_was_written(tmp_path):
    mixture = small_mixture()
    write(tmp_path / "m.safetensors", mixture, {"a": "b"})
    again = read_mixture(tmp_path / "m.safetensors")
    torch.testing.assert_close(again.weights, mixture.weights, rtol=1e-6, atol=0)
    torch.testing.assert_close(again.factors, mixture.factors, rtol=1e-3, atol=1e-9)


def test_missing_damaged_and_changed_files_are_refused(tmp_path):
    path = tmp_path / "m.safetensors"
    prior = ExpectedPatchLogLikelihood(weights=str(path))
    with pytest.raises(UsageError, match="does not exist"):
        prior.prepare(torch.device("cpu"), 1)
    write(path, small_mixture(), {})
    prior.prepare(torch.device("cpu"), 1)
    tensors = load_file(path)
    with safe_open(path, framework="pt") as file:
        facts = file.metadata()
    tensors["weights"][0] += 0.1
    save_file(tensors, path, facts)
    with pytest.raises(UsageError, match="checksum"):
        read_mixture(path)
    path.write_bytes(path.read_bytes()[:100])
    with pytest.raises(UsageError, match="damaged"):
        read_mixture(path)
    save_file({"other": torch.zeros(2)}, path)
    with pytest.raises(UsageError, match="damaged"):
        read_mixture(path)


def test_the_cosines_are_orthonormal_and_without_mean():
    basis = cosine_basis()
    torch.testing.assert_close(basis.T @ basis, torch.eye(SIZE**2 - 1), atol=1e-6, rtol=0)
    torch.testing.assert_close(basis.sum(0), torch.zeros(SIZE**2 - 1), atol=1e-5, rtol=0)


@pytest.fixture
def folder(tmp_path, monkeypatch):
    """Two pictures, and a training small enough for them."""
    monkeypatch.setattr(training, "COMPONENTS", 20)
    monkeypatch.setattr(training, "BATCH", 2000)
    monkeypatch.setattr(training, "REPORT_EVERY", 2)
    monkeypatch.setattr(training, "CHECKPOINT_EVERY", 2)
    place = tmp_path / "pictures"
    place.mkdir()
    for seed in range(2):
        image = 255 * noisy(torch.from_numpy(picture(64, 60 + seed, 3, seed)), 3).clamp(0, 1)
        Image.fromarray(np.uint8(image.numpy().transpose(1, 2, 0))).save(place / f"{seed}.png")
    return place


def train(folder, name, steps=4, seed=0, report=None):
    path = folder.parent / f"{name}.safetensors"
    trainer = EpllTraining(steps=steps, seed=seed)
    return path, trainer.train(folder, path, report or (lambda progress: None))


def test_training_learns_and_its_file_serves_the_prior(folder):
    losses = []
    path, facts = train(folder, "a", 8, report=lambda progress: losses.append(progress.loss))
    assert len(losses) == 4 and losses[-1] < losses[0] - 0.5
    with safe_open(path, framework="pt") as file:
        assert facts.items() <= file.metadata().items()
    assert facts["patches"] == "16000" and facts["images"] == "2"
    clean = torch.from_numpy(picture(48, 48, seed=5))[None]
    restored = ExpectedPatchLogLikelihood(weights=str(path)).denoise(noisy(clean, 25), 25 / 255)
    assert (restored - clean).square().mean() < 0.3 * (25 / 255) ** 2


def test_equal_seeds_give_equal_mixtures(folder):
    first, second, third = (
        load_file(train(folder, name, seed=seed)[0])["factors"]
        for name, seed in (("a", 0), ("b", 0), ("c", 1))
    )
    assert torch.equal(first, second) and not torch.equal(first, third)


def test_an_interrupted_training_continues(folder):
    def interrupt(progress):
        if progress.step == 4:
            raise KeyboardInterrupt

    whole = load_file(train(folder, "whole", 5)[0])
    with pytest.raises(KeyboardInterrupt):
        train(folder, "part", 5, report=interrupt)
    with pytest.raises(UsageError, match="another run"):
        train(folder, "part", 6)
    path, _ = train(folder, "part", 5)
    assert torch.equal(load_file(path)["factors"], whole["factors"])
    assert not path.with_name(path.name + ".checkpoint").exists()


def test_steps_are_of_expectation_maximisation(folder):
    """The likelihood of the same patches rises, and is that of the mixture."""
    patches = training.Patches(Photographs.read(folder, SIZE).shown).draw(0, 0)
    statistics = training._first_statistics(patches, 0)
    losses = []
    for _ in range(4):
        mixture = training._maximise(*statistics, 1e9)
        *statistics, loss = training._expect(mixture, patches)
        losses.append(loss)
    assert losses == sorted(losses, reverse=True)
    gaussians = torch.distributions.MultivariateNormal(
        torch.zeros(SIZE**2 - 1, dtype=torch.float64), scale_tril=mixture.factors
    )
    scores = gaussians.log_prob(patches.double()[:, None]) + mixture.weights.log()
    assert losses[-1] == pytest.approx(-float(scores.logsumexp(1).mean()), rel=1e-3)


def test_unusable_arguments_are_refused(folder, tmp_path):
    out = tmp_path / "x.safetensors"
    for dataset, path, steps, words in (
        (folder, out, 0, "steps"),
        (folder, tmp_path / "x.pt", 1, "suffix"),
        (tmp_path / "nowhere", out, 1, "not a folder"),
        (tmp_path, out, 1, "no image"),
    ):
        with pytest.raises(UsageError, match=words):
            EpllTraining(steps=steps).train(dataset, path, print)
