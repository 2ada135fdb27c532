"""Temporary folders: gone with their process, or, if that was killed, when the next one is made."""

import gc
import subprocess
import sys
import tempfile
from pathlib import Path

import pytest

from priorlab.ground.temporary import PREFIX, TemporaryFolder

HOLDER = """
import sys, tempfile
from pathlib import Path
from priorlab.ground.temporary import TemporaryFolder
tempfile.tempdir = sys.argv[1]
folder = TemporaryFolder()
Path(folder.name, "kept").mkdir()
Path(folder.name, "kept", "file").touch()
print(folder.name, flush=True)
sys.stdin.read()
"""


@pytest.fixture(autouse=True)
def place(tmp_path, monkeypatch):
    monkeypatch.setattr(tempfile, "tempdir", str(tmp_path))
    return tmp_path


@pytest.fixture
def holder(place):
    """Another process that has a folder, and that folder."""
    process = subprocess.Popen(
        [sys.executable, "-c", HOLDER, str(place)],
        stdin=subprocess.PIPE,
        stdout=subprocess.PIPE,
        text=True,
    )
    yield process, Path(process.stdout.readline().strip())
    process.kill()
    process.communicate()


def test_what_a_killed_process_left_goes_when_the_next_folder_is_made(holder):
    process, folder = holder
    process.kill()
    process.wait()
    assert (folder / "kept/file").exists()
    TemporaryFolder().close()
    assert not folder.exists()


def test_the_folder_of_a_process_that_goes_on_stays_until_its_end(holder):
    process, folder = holder
    TemporaryFolder().close()
    assert (folder / "kept/file").exists()
    process.communicate("")
    assert not folder.exists()


def test_what_has_another_name_stays(place):
    (place / "priorlab-results").mkdir()
    (place / f"{PREFIX}of-mine").mkdir()
    (place / "elsewhere").mkdir()
    (place / f"{PREFIX}abcdefgh").symlink_to(place / "elsewhere")
    (place / f"{PREFIX}abcdefg1").touch()
    before = sorted(place.iterdir())
    TemporaryFolder().close()
    assert sorted(place.iterdir()) == before


def test_a_folder_goes_with_its_object(place):
    folder = TemporaryFolder()
    assert [str(found) for found in place.iterdir()] == [folder.name]
    del folder
    gc.collect()
    assert list(place.iterdir()) == []


def test_one_that_was_taken_for_abandoned_before_it_had_its_lock_is_made_again(place, monkeypatch):
    real, taken = tempfile.TemporaryDirectory, []

    def made_and_taken(**options):
        folder = real(**options)
        if not taken:
            taken.append(folder.name)
            Path(folder.name).rmdir()
        return folder

    monkeypatch.setattr(tempfile, "TemporaryDirectory", made_and_taken)
    folder = TemporaryFolder()
    assert Path(folder.name).is_dir() and folder.name not in taken
    folder.close()
    assert list(place.iterdir()) == []
