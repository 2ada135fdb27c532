"""What a confined process can and cannot read."""

import os
import sys

import pytest

from priorlab.harness.isolation.confine import confine


def seen_from_inside(unreadable, paths):
    """Return which files a confined process can read."""
    readable, written = os.pipe()
    child = os.fork()
    if not child:
        code = 1
        try:
            done = confine(list(map(str, unreadable)))
            for path in paths:
                try:
                    path.read_bytes()
                    os.write(written, b"1")
                except PermissionError:
                    os.write(written, b"0" if done else b"-")
            code = 0
        finally:
            os._exit(code)
    os.close(written)
    with os.fdopen(readable) as answers:
        found = answers.read()
    assert os.waitpid(child, 0)[1] == 0
    if sys.platform == "linux" and not confine_is_known():
        pytest.skip("this kernel has no Landlock")
    return [letter == "1" for letter in found]


def confine_is_known():
    child = os.fork()
    if not child:
        os._exit(not confine())
    return os.waitpid(child, 0)[1] == 0


@pytest.mark.skipif(sys.platform != "linux", reason="Landlock is Linux's")
def test_what_is_private_cannot_be_read_and_all_beside_it_can(tmp_path):
    images, plugin = tmp_path / "images", tmp_path / "plugin"
    for folder in (images, images / "deep", plugin):
        folder.mkdir()
    files = {
        images / "a.png": False,
        images / "deep" / "b.png": False,
        images / "notes.txt": True,
        plugin / "weights.npz": True,
        tmp_path / "store.sqlite": False,
    }
    for file in files:
        file.write_text("x")
    link = plugin / "link.png"
    link.symlink_to(images / "a.png")
    private = [images / "a.png", images / "deep", tmp_path / "store.sqlite", tmp_path / "none"]
    found = seen_from_inside(private, [*files, link])
    assert found == [*files.values(), False]


@pytest.mark.skipif(sys.platform != "linux", reason="Landlock is Linux's")
def test_without_private_files_all_can_be_read(tmp_path):
    (tmp_path / "a").write_text("x")
    assert seen_from_inside([], [tmp_path / "a"]) == [True]
