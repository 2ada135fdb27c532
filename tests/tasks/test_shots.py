"""Real pictures with a known truth: the shot of a scene is what a prior gets."""

import numpy as np
import pytest
from sample_pictures import picture, save

from priorlab import plugins
from priorlab.errors import UsageError
from priorlab.harness.run import plan, settings
from priorlab.pictures import arrays, reading
from priorlab.tasks.builtin import Inpaint
from priorlab.tasks.real_denoising import DenoiseReal


@pytest.fixture
def folder(tmp_path):
    for index, name in enumerate(("a", "b")):
        scene = picture(96, 96, 3, seed=index)
        noise = np.random.default_rng(index).normal(0, 0.05, scene.shape)
        save(tmp_path / f"{name}_mean.png", scene)
        save(tmp_path / f"{name}_real.png", (scene + noise).clip(0, 1))
    return tmp_path


def test_a_scene_has_its_own_shot_whatever_the_seed(folder):
    task = DenoiseReal(shots=str(folder))
    for name in ("a", "b"):
        clean = arrays.to_tensor(reading.read(folder / f"{name}_mean.png"))
        for seed in (0, 1):
            y = task.measure(clean, seed).y
            assert np.array_equal(y[0].numpy(), reading.read(folder / f"{name}_real.png"))
        assert task.truth(clean) is clean


def test_results_depend_on_the_content_of_the_shots_and_not_on_their_place(folder, tmp_path):
    before = DenoiseReal(shots=str(folder)).fingerprint()
    moved = folder.rename(folder.with_name("elsewhere"))
    assert DenoiseReal(shots=str(moved)).fingerprint() == before
    save(moved / "a_real.png", picture(96, 96, 3))
    assert DenoiseReal(shots=str(moved)).fingerprint() != before
    assert "shots" not in DenoiseReal().shown() and DenoiseReal().shown() == ["electrons"]


def test_what_is_no_pair_is_said(folder):
    stranger = arrays.to_tensor(picture(96, 96, 3, seed=9))
    with pytest.raises(UsageError, match="holds no NAME_mean that is this picture"):
        DenoiseReal(shots=str(folder)).measure(stranger, 0)
    shot = arrays.to_tensor(reading.read(folder / "a_real.png"))
    with pytest.raises(UsageError, match=r"a_real.png is a shot itself; name the truths"):
        DenoiseReal(shots=str(folder)).measure(shot, 0)
    save(folder / "c_mean.png", picture(96, 96, 3, seed=9))
    lonely = arrays.to_tensor(reading.read(folder / "c_mean.png"))
    with pytest.raises(UsageError, match=r"holds c_mean.png, but no c_real that is its shot"):
        DenoiseReal(shots=str(folder)).measure(lonely, 0)
    save(folder / "b_real.png", picture(32, 96, 3))
    clean = arrays.to_tensor(reading.read(folder / "b_mean.png"))
    with pytest.raises(UsageError, match="has another size or other channels than its truth"):
        DenoiseReal(shots=str(folder)).measure(clean, 0)
    with pytest.raises(UsageError, match="with shots= nothing is simulated"):
        DenoiseReal(shots=str(folder), quality=50)


def test_shots_beside_their_truths_are_no_test_images(folder, tmp_path, capsys):
    save(folder / "c_mean.png", picture(96, 96, 3, seed=9))
    typed = f"{folder.parent}/.//{folder.name}/"
    given = {"tasks": [f"denoise-real:shots={typed}"], "priors": ["tv"], "dataset": folder}
    planned = plan.plan(settings.settle({**given, "out": tmp_path / "out"}), plugins.load())
    assert [cell.image.name for cell in planned.cells] == ["a_mean", "b_mean", "c_mean"]
    (note,) = planned.selection.dataset.notes
    assert note.endswith("2 pictures are no test image of this task")
    both = {**given, "tasks": [f"denoise-real:shots={folder}", "denoise"]}
    mixed = plan.plan(settings.settle({**both, "out": tmp_path / "out"}), plugins.load())
    assert len(mixed.cells) == 3 + 5
    with pytest.raises(UsageError, match="none of the pictures is a test image of this task"):
        alone = {**given, "images": ["a_real"], "out": tmp_path / "out"}
        plan.plan(settings.settle(alone), plugins.load())


def test_a_folder_typed_otherwise_has_the_same_name():
    ways = ["a/b", "./a//b", "a/b/", "a/./b"]
    assert {DenoiseReal(shots=way).spec() for way in ways} == {"denoise-real:shots=a/b"}
    assert {Inpaint(mask=f"{way}/m.png").spec() for way in ways} == {
        Inpaint(mask="a/b/m.png").spec()
    }
