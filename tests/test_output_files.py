"""Every `-o`: what cannot be written is said before anything long, in one sentence."""

import pytest
from sample_pictures import picture, save

from priorlab import api
from priorlab.cli import main
from priorlab.harness.report.page.pictures import Pictures
from priorlab.harness.results import runs

COMMANDS = {
    "ranks": (["ranks", "first"], "ranks.png"),
    "report": (["report", "first"], "page.html"),
    "export": (["runs", "export"], "rows.csv"),
    "explain": (["explain", "dip:depth=2,channels=4", "photo.png", "--iterations", "2"], "a.png"),
    "restore": (["restore", "photo.png", "--task", "denoise:sigma=9", "--prior", "tv"], "b.png"),
    "degrade": (["degrade", "photo.png", "--task", "inpaint:missing=0.5"], "c.png"),
    "train": (["train", "unet", "--dataset", "images", "--steps", "1"], "net.safetensors"),
    "tune": (
        ["tune", "tikhonov", "--tasks", "denoise", "--dataset", "images", "--budget", "2"],
        "tuned.toml",
    ),
}
OF_ANY_SUFFIX = {"tune"}


@pytest.fixture(scope="module")
def folder(tmp_path_factory):
    """A picture, a folder of pictures, and a run."""
    place = tmp_path_factory.mktemp("output")
    save(place / "photo.png", picture(32, 32, 1))
    for name in ("one", "two"):
        save(place / "images" / f"{name}.png", picture(128, 128, 1))
    api.bench(
        "degraded,tikhonov",
        "denoise:sigma=15|50",
        place / "photo.png",
        out=place / "results",
        name="first",
        slots=1,
    )
    return place


def run(capsys, *arguments):
    code = main([str(argument) for argument in arguments])
    return code, capsys.readouterr().err


@pytest.mark.parametrize(
    "command",
    [
        pytest.param(one, marks=pytest.mark.slow if one in ("train", "ranks", "tune") else ())
        for one in COMMANDS
    ],
)
def test_upper_case_suffixes_are_as_good(command, folder, tmp_path, monkeypatch, capsys):
    monkeypatch.chdir(folder)
    given, name = COMMANDS[command]
    file = tmp_path / (name.partition(".")[0] + "." + name.partition(".")[2].upper())
    code, error = run(capsys, *given, "-o", file)
    assert code == 0, error
    assert file.stat().st_size > 0


@pytest.mark.parametrize("command", COMMANDS)
@pytest.mark.parametrize("wrong", ["missing/{}", "is-a-folder.{suffix}", "other.doc"])
def test_what_cannot_be_written_is_said_before_anything_long(
    command, wrong, folder, tmp_path, monkeypatch, capsys
):
    given, name = COMMANDS[command]
    if wrong == "other.doc" and command in OF_ANY_SUFFIX:
        pytest.skip("its file may have any suffix")
    monkeypatch.chdir(folder)
    file = tmp_path / wrong.format(name, suffix=name.rpartition(".")[2])
    if wrong.startswith("is"):
        file.mkdir()
        if command == "restore":
            pytest.skip("a folder is where it writes its results")

    def never(*_, **__):
        raise AssertionError("it went on")

    if command == "report":  # which is called as its run by default
        monkeypatch.setattr(Pictures, "encode", never)
    else:
        monkeypatch.setattr(runs, "load", never)
    before = sorted(tmp_path.iterdir())
    code, error = run(capsys, *given, "-o", file)
    assert code == 2
    assert error.count("\n") == 1 and file.name in error
    reasons = (
        "there is no folder",
        "is no folder",
        "it is a folder",
        "suffix",
        ".html",
        "directory",
    )
    assert any(why in error for why in ("there is no folder", *reasons))
    assert sorted(tmp_path.iterdir()) == before
