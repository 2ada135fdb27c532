"""What is no file, and would be waited for without end, is named; the rest of a folder goes on."""

import os
import socket
from pathlib import Path

import pytest
from sample_pictures import picture, save

from priorlab import cli, plugins
from priorlab.errors import UsageError
from priorlab.pictures import datasets, reading
from priorlab.pictures.collection import collect
from priorlab.suites.reading import load
from priorlab.tasks import kernels

pytestmark = pytest.mark.timeout(20)


@pytest.fixture
def folder(tmp_path):
    """A folder with one picture, and much that only has the name of one."""
    folder = tmp_path / "photos"
    folder.mkdir()
    save(folder / "good.png", picture(32, 40, 3))
    os.mkfifo(folder / "pipe.png")
    (folder / "device.png").symlink_to("/dev/zero")
    (folder / "folder.png").mkdir()
    (folder / "nowhere.png").symlink_to(folder / "none")
    with socket.socket(socket.AF_UNIX) as listening:
        os.chdir(folder)  # the names of sockets are short
        listening.bind("socket.png")
    os.mkfifo(folder / "pipe.py")
    os.mkfifo(folder / "pipe.toml")
    os.mkfifo(folder / "pipe.txt")
    os.mkfifo(folder / "pipe.npy")
    return folder


@pytest.fixture(autouse=True)
def _place(monkeypatch):
    monkeypatch.chdir(Path.cwd())


KINDS = {
    "pipe.png": "a named pipe",
    "device.png": "a device",
    "socket.png": "a socket",
    "folder.png": "a folder",
}


@pytest.mark.parametrize("name", KINDS)
def test_each_is_refused_by_its_name_and_kind(folder, name):
    with pytest.raises(UsageError, match=f"{name} is {KINDS[name]}, not an image file"):
        reading.load(folder / name)


def test_a_dataset_goes_on_without_them(folder):
    found = datasets.load(str(folder))
    assert [image.path.name for image in found.images] == ["good.png"]
    told = "\n".join(found.problems)
    for name, kind in KINDS.items():
        assert f"{name} is {kind}" in told
    assert "nowhere.png" in told and "pipe.npy" in told


def test_pictures_to_restore_are_found_without_them(folder, tmp_path):
    found = collect([folder], tmp_path / "out")
    assert [one.source.name for one in found.pictures] == ["good.png"]
    told = "\n".join(found.left_out)
    for name, kind in KINDS.items():
        assert name == "folder.png" or f"{name} ({kind})" in told
    assert "nowhere.png (a link to nothing)" in told


@pytest.mark.parametrize("name", ["pipe.png", "pipe.npy", "pipe.txt"])
def test_a_kernel(folder, name):
    with pytest.raises(UsageError, match="a named pipe"):
        kernels.read(str(folder / name))


@pytest.mark.parametrize(
    "task",
    ["inpaint:mask=pipe.png", "deblur:kernel=pipe.npy", "dejpeg:tables=pipe.png"],
)
def test_a_file_that_a_task_names(folder, task, capsys):
    typed = ["degrade", "good.png", "-o", "out.png", "--task", task]
    assert cli.main(typed) == 2
    assert "a named pipe" in capsys.readouterr().err


@pytest.mark.parametrize("command", ["restore", "degrade"])
def test_a_picture_by_its_name(folder, command, capsys):
    prior = ["--prior", "tv"] if command == "restore" else []
    assert (
        cli.main([command, "pipe.png", "-o", "out.png", "--task", "denoise:sigma=9", *prior]) == 2
    )
    assert "pipe.png is a named pipe, not an image file" in capsys.readouterr().err


def test_a_suite_and_plugins(folder):
    with pytest.raises(UsageError, match=r"pipe.toml is a named pipe, not a file"):
        load(folder / "pipe.toml")
    with pytest.raises(UsageError, match=r"pipe.py: this is a named pipe, not a file"):
        plugins.load([folder / "pipe.py"])
    (broken,) = plugins.load(folders=[folder]).problems
    assert broken.name == "pipe.py" and "is a named pipe, not a file" in broken.problem
