"""Restoring many pictures: into one folder, nothing twice, and one that fails stops no other."""

import json
import os
from pathlib import Path

import numpy as np
import pytest
from PIL import Image
from sample_pictures import picture, save

import priorlab
from priorlab.api import time_left
from priorlab.api.record import NAME, Record
from priorlab.cli import main
from priorlab.errors import UsageError
from priorlab.harness.run import progress

STOPPER = """
import dataclasses, os, signal
from priorlab import Denoiser, hookimpl
from priorlab.trace import SILENT

@dataclasses.dataclass(frozen=True, kw_only=True)
class Stopper(Denoiser):
    \"\"\"Is stopped by Ctrl-C at gray pictures.\"\"\"

    name = "stopper"

    def denoise(self, v, sigma):
        if v.shape[1] == 1:
            os.kill(os.getpid(), signal.SIGINT)
        return v.clone()

@hookimpl
def priorlab_priors():
    return [Stopper]
"""


@pytest.fixture(autouse=True)
def folder(tmp_path, monkeypatch):
    """Three pictures, one of them in a subfolder, and a text."""
    monkeypatch.chdir(tmp_path)
    (tmp_path / "in/sub").mkdir(parents=True)
    save(tmp_path / "in/a.png", picture(20, 24, 3))
    save(tmp_path / "in/b.tif", picture(16, 16, 1))
    save(tmp_path / "in/sub/c.jpg", picture(24, 20, 3))
    (tmp_path / "in/sub/notes.txt").write_text("not a picture")
    return tmp_path


@pytest.fixture
def restore(capsys):
    """Run `priorlab restore` with a fast prior; return exit code, output and errors."""

    def run(*arguments, prior="median", task="denoise:sigma=10"):
        typed = [*map(str, arguments), "--prior", prior, "--task", task]
        code = main(["restore", *typed])
        captured = capsys.readouterr()
        return code, captured.out, captured.err

    return run


def files(folder):
    return sorted(str(p.relative_to(folder)) for p in folder.rglob("*") if p.is_file())


def test_a_folder_is_restored_with_its_structure(restore, folder):
    code, out, _ = restore("in/", "-o", "out/")
    assert code == 0
    assert files(folder / "out") == ["a.png", "b.tif", NAME, "sub/c.jpg"]
    assert out.splitlines() == [
        "left out, no pictures: in/sub/notes.txt",
        "in/a.png: wrote out/a.png",
        "in/b.tif: wrote out/b.tif",
        "in/sub/c.jpg: wrote out/sub/c.jpg",
        "restored 3",
    ]


def test_estimates_are_told_with_the_name_of_the_picture(restore):
    _, out, _ = restore("in/*.*", "-o", "out", task="denoise")
    assert "in/a.png: estimated sigma" in out
    assert "in/b.tif: estimated sigma" in out


def test_nothing_is_done_twice(restore, folder):
    restore("in", "-o", "out")
    before = (folder / "out/a.png").stat().st_mtime_ns
    code, out, _ = restore("in", "-o", "out")
    assert code == 0
    assert out.splitlines()[1:] == ["restored 0, skipped 3, done before"]
    assert (folder / "out/a.png").stat().st_mtime_ns == before


def another_picture(folder):
    save(folder / "in/a.png", picture(20, 24, 1))


def lost(folder):
    (folder / "out/a.png").unlink()


def torn(folder):
    """As after a power cut: the line of the last picture is cut short."""
    text = (folder / "out" / NAME).read_text()
    (folder / "out/sub/c.jpg").unlink()
    (folder / "out" / NAME).write_text(text[:-30])


@pytest.mark.parametrize("change", [another_picture, lost, torn])
def test_what_changed_is_done_again(change, restore, folder):
    restore("in", "-o", "out")
    change(folder)
    code, out, _ = restore("in", "-o", "out")
    assert code == 0 and "restored 1, skipped 2, done before" in out
    assert "restored 0, skipped 3" in restore("in", "-o", "out")[1]


@pytest.mark.parametrize(
    "other",
    [
        {"prior": "median:size=3"},
        {"prior": "tv"},
        {"task": "denoise:sigma=11"},
        {"task": "denoise"},
    ],
)
def test_other_settings_replace_the_results(other, restore):
    restore("in", "-o", "out")
    code, out, _ = restore("in", "-o", "out", **other)
    assert code == 0 and "restored 3" in out


def test_another_version_of_the_code_replaces_the_results(restore, monkeypatch):
    restore("in", "-o", "out")
    monkeypatch.setattr("priorlab.harness.run.keys.digest", lambda modules: "0" * 64)
    assert "restored 3" in restore("in", "-o", "out")[1]


def test_a_result_that_was_touched_up_is_not_replaced_in_silence(restore, folder):
    restore("in", "-o", "out")
    touched = save(folder / "out/a.png", picture(20, 24, 1)).read_bytes()
    code, out, error = restore("in", "-o", "out", prior="tv")
    assert code == 1 and "restored 2, failed 1" in out
    assert "failed: in/a.png: out/a.png exists, and was not written by this command or" in error
    assert (folder / "out/a.png").read_bytes() == touched
    assert "restored 1, skipped 2" in restore("in", "-o", "out", "--overwrite", prior="tv")[1]
    assert (folder / "out/a.png").read_bytes() != touched


def test_a_picture_that_fails_stops_no_other_and_is_named(restore, folder):
    (folder / "in/a.png").write_text("junk")
    code, out, error = restore("in", "-o", "out")
    assert code == 1
    assert out.splitlines()[-1] == "restored 2, failed 1"
    assert error.splitlines()[-1].startswith("priorlab: failed: in/a.png: in/a.png is not an image")
    assert files(folder / "out") == ["b.tif", NAME, "sub/c.jpg"]


def test_a_single_file_is_restored_as_ever(restore, folder):
    before = set(files(folder))
    code, out, _ = restore("in/a.png", "-o", "clean.png")
    assert (code, out) == (0, "wrote clean.png\n")
    assert set(files(folder)) - before == {"clean.png"}
    (folder / "in/a.png").write_text("junk")
    code, _, error = restore("in/a.png", "-o", "clean.png")
    assert code == 2 and "in/a.png is not an image" in error


def test_a_single_file_goes_into_a_folder_that_is_there(restore, folder):
    (folder / "out").mkdir()
    assert restore("in/a.png", "-o", "out")[0] == restore("in/a.png", "-o", "new/")[0] == 0
    assert files(folder / "out") == files(folder / "new") == ["a.png", NAME]


@pytest.mark.parametrize(
    ("arguments", "says"),
    [
        (["in/a.png", "-o", "in/a.png"], "would replace the picture in/a.png"),
        (["in", "-o", "in"], "would replace the picture in/a.png"),
        (["in", "-o", "out.png"], "several pictures need a folder for their results: out.png"),
        (["in", "-o", "in/sub/notes.txt"], "notes.txt is a file"),
        (["in/a.png", "none.png", "-o", "out"], "cannot read none.png: No such file"),
        (["in/*.bmp", "-o", "out"], "no file matches 'in/*.bmp'"),
        (["z-sheet.png", "-o", "z.png"], "z-sheet.png is a picture to work on, and would be"),
        (["z-median.png", "-o", "z.png"], "z-median.png is a picture to work on, and would be"),
        (["in/a.png", "z-sheet.png", "-o", "in/../"], "would replace the picture z-sheet.png"),
    ],
)
def test_a_mistake_is_found_before_anything_is_done(arguments, says, restore, folder):
    for name in ("z-sheet.png", "z-median.png"):
        save(folder / name, picture(16, 16, 1))
    before = files(folder)
    code, out, error = restore(*arguments, prior="tv,median" if "z.png" in arguments else "median")
    assert code == 2 and says in error and not out
    assert files(folder) == before


def test_pictures_can_be_replaced_by_their_results_once(restore, folder):
    before = (folder / "in/a.png").read_bytes()
    code, out, _ = restore("in", "-o", "in", "--overwrite")
    assert code == 0 and "restored 3" in out
    assert (folder / "in/a.png").read_bytes() != before
    after = (folder / "in/a.png").read_bytes()
    assert "restored 0, skipped 3" in restore("in", "-o", "in", "--overwrite")[1]
    assert (folder / "in/a.png").read_bytes() == after


@pytest.mark.usefixtures("python_handles_sigint")
def test_ctrl_c_keeps_what_is_done_and_leaves_no_half_file(restore, folder):
    (folder / "stopper.py").write_text(STOPPER)
    code, out, error = restore("in", "-o", "out", "--plugin", "stopper.py", prior="stopper")
    assert code == 3
    assert out.splitlines()[-1] == (
        "stopped: restored 1, 2 left; the same command goes on from here"
    )
    assert error.splitlines()[-1] == "priorlab: interrupted"
    assert sorted(os.listdir(folder / "out")) == ["a.png", NAME]
    save(folder / "in/b.tif", picture(16, 16, 3))
    _, out, _ = restore("in", "-o", "out", "--plugin", "stopper.py", prior="stopper")
    assert "restored 2, skipped 1, done before" in out


def test_several_priors_make_a_result_each_and_a_sheet(restore, folder):
    code, out, _ = restore("in/a.png", "-o", "clean.png", prior="tv,median:size=3", task="denoise")
    assert code == 0
    assert out.splitlines()[1:] == [
        "wrote clean-tv.png",
        "wrote clean-median-size=3.png",
        "wrote clean-sheet.png: the picture and the results side by side",
        "restored 2",
    ]
    assert out.count("estimated sigma") == 1
    sheet = Image.open(folder / "clean-sheet.png")
    assert sheet.mode == "RGB" and sheet.width > 2 * 150


@pytest.mark.slow
def test_a_sheet_for_each_picture_is_made_once(restore, folder):
    restore("in", "-o", "out", prior="tv,median")
    assert files(folder / "out")[:3] == ["a-median.png", "a-sheet.png", "a-tv.png"]
    assert (folder / "out/sub/c-tv.jpg").exists() and (folder / "out/sub/c-sheet.png").exists()
    before = (folder / "out/a-sheet.png").read_bytes()
    _, out, _ = restore("in", "-o", "out", prior="tv,median")
    assert out.splitlines()[1:] == ["restored 0, skipped 6, done before"]
    _, out, _ = restore("in", "-o", "out", prior="tv,median,tikhonov")
    assert "restored 3, skipped 6" in out
    assert (folder / "out/a-sheet.png").read_bytes() != before
    restore("in", "-o", "out", prior="tv,median")  # all is there, but the sheet shows more
    assert (folder / "out/a-sheet.png").read_bytes() == before


def test_a_sheet_shows_which_prior_failed(restore, folder):
    task = "inpaint:mask=mask.png"
    mask = np.ones((1, 20, 24), np.float32)
    mask[:, ::4] = 0
    save(folder / "mask.png", mask)
    code, out, error = restore("in/a.png", "-o", "full.png", prior="tv,median", task=task)
    assert code == 1 and "restored 1, failed 1" in out
    assert "failed: in/a.png with median: median does not support this" in error
    assert (folder / "full-sheet.png").exists()


def test_neither_a_mask_nor_a_result_is_replaced_by_what_comes_with_others(restore, folder):
    mask = np.ones((1, 20, 24), np.float32)
    mask[:, ::4] = 0
    save(folder / "in/a-kernel.png", picture(20, 24, 1))
    save(folder / "a-linear.png", mask)
    code, out, error = restore(
        *("in/a.png", "-o", "a.png", "--overwrite"),
        **{"prior": "linear,biharmonic", "task": "inpaint:mask=a-linear.png"},
    )
    assert code == 2 and not out
    assert "a-linear.png is the mask= of inpaint, and would be replaced" in error
    code, out, error = restore("in/a*", "-o", "out", prior="tv", task="deblur:kind=estimate,size=5")
    assert code == 1 and "restored 1, failed 1" in out
    assert "a-kernel.png is the result of in/a-kernel.png, and would be replaced" in error


def test_pictures_of_one_name_have_all_their_files(restore, folder):
    save(folder / "in/a.jpg", picture(24, 20, 1))
    Image.new("L", (20, 20)).save(folder / "in/a.gif")
    for again in ("restored 6", "skipped 6, done before"):
        code, out, error = restore("in/a*", "-o", "out", prior="tv,median")
        assert code == 0 and again in out, error
    sheets = [file for file in files(folder / "out") if "sheet" in file]
    assert sheets == ["a-sheet.png", "a.gif-sheet.png", "a.jpg-sheet.png"]
    restore("in/a*", "-o", "kernels", prior="tikhonov", task="deblur:kind=estimate,size=5")
    assert {"a-kernel.png", "a.jpg-kernel.png"} <= {*files(folder / "kernels")}


def test_an_enlarged_picture_has_a_sheet_too(restore, folder):
    code, _, error = restore(
        "in/a.png", "-o", "large.png", prior="bicubic,lanczos", task="superres:factor=2"
    )
    assert code == 0, error
    assert (folder / "large-sheet.png").exists()


def test_from_python(folder):
    done = priorlab.restore_files(["in"], "out", "denoise:sigma=10", "median")
    assert [str(path) for path in done.written] == ["out/a.png", "out/b.tif", "out/sub/c.jpg"]
    assert done.left_out == ("in/sub/notes.txt",) and not done.failed and not done.skipped
    lines = [json.loads(line) for line in (folder / "out" / NAME).read_text().splitlines()]
    assert [line["place"] for line in lines] == ["a.png", "b.tif", "sub/c.jpg"]


@pytest.mark.parametrize("priors", [["median", "tv"], ("median", "tv,median"), "median,tv"])
def test_priors_are_a_text_or_several(priors, folder):
    done = priorlab.restore_files("in/a.png", "out/", "denoise:sigma=10", priors)
    assert [path.name for path in done.written] == ["a-median.png", "a-tv.png"]


@pytest.mark.parametrize(
    ("priors", "said"),
    [([], "name a prior"), ("", "name a prior"), ([3], "expected text"), (None, "name a prior")],
)
def test_what_names_no_prior_is_said(priors, said, folder):
    with pytest.raises(UsageError, match=said):
        priorlab.restore_files("in/a.png", "out/", "denoise:sigma=10", priors)


def test_the_time_left_does_not_count_what_came_before_the_first_step(monkeypatch):
    """Compiling for 20 s, then twice 100 steps of a tenth of a second: before, it was an hour."""
    now = [0.0]
    monkeypatch.setattr(time_left.time, "monotonic", lambda: now[0])
    clock = time_left.TimeLeft(2 * [("tv", Path("photo.png"))])
    now[0] = 20
    assert clock.seconds_left(0.01) is None
    now[0] = 20.1
    assert clock.seconds_left(0.02) == pytest.approx(19.8)
    now[0] = 25
    assert clock.seconds_left(0.51) == pytest.approx(14.9)


def test_the_time_left_is_what_earlier_pictures_took_where_priors_stop_early(monkeypatch):
    """1200 steps of 0.1 s are planned, and each picture ends after 400: before, it was 120 s."""
    now = [0.0]
    monkeypatch.setattr(time_left.time, "monotonic", lambda: now[0])
    clock = time_left.TimeLeft(3 * [("dip", Path("photo.png"))])
    clock.begin()
    clock.seconds_left(1 / 1200)
    now[0] = 10.0
    assert progress.time_left(clock.seconds_left(101 / 1200)) == "at most 5:50 left"
    now[0] = 40.0
    clock.finished()
    clock.begin()
    clock.seconds_left(1 / 1200)
    now[0] = 50.0
    assert progress.time_left(clock.seconds_left(101 / 1200)) == "about 1:10 left"
    now[0] = 90.0  # longer than the one before: then all steps may be taken
    assert progress.time_left(clock.seconds_left(501 / 1200)) == "at most 1:50 left"


def test_what_another_run_has_done_meanwhile_is_known(tmp_path):
    one, other = Record(tmp_path), Record(tmp_path)
    for place in ("a.png", "b.png"):
        (tmp_path / place).write_bytes(place.encode())
        other.add(place, "key", "source")
        assert one.is_done(place, "key") and not one.is_done(place, "another key")
        assert one.is_own(place)
