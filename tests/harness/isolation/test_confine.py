"""What a confined process can and cannot read."""

import errno
import os
import sys

import pytest
from harness.isolation.kernel import landlock_is_known, succeeds_as_nobody

from priorlab.harness.isolation.confine import confine, denies


def seen_from_inside(unreadable, paths):
    """Return which files a confined process can read."""
    return done_inside([path.read_bytes for path in paths], list(map(str, unreadable)))


def done_inside(acts, *places):
    """Return which acts are allowed in a process that is kept from some places."""
    readable, written = os.pipe()
    child = os.fork()
    if not child:
        code = 1
        try:
            done = confine(*places)
            for act in acts:
                try:
                    act()
                    os.write(written, b"1")
                except OSError as error:
                    known = error.errno in (errno.EACCES, errno.EXDEV)
                    os.write(written, b"0" if done and known else b"-")
            code = 0
        finally:
            os._exit(code)
    os.close(written)
    with os.fdopen(readable) as answers:
        found = answers.read()
    assert os.waitpid(child, 0)[1] == 0
    if not landlock_is_known():
        pytest.skip("this kernel has no Landlock")
    return [letter == "1" for letter in found]


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
def test_who_is_not_root_is_confined_too():
    """The kernel refuses it to a process that could still gain rights, but not to root's."""
    if not landlock_is_known():
        pytest.skip("this kernel has no Landlock")
    assert succeeds_as_nobody(confine)


@pytest.mark.skipif(sys.platform != "linux", reason="Landlock is Linux's")
def test_without_private_files_all_can_be_read(tmp_path):
    (tmp_path / "a").write_text("x")
    assert seen_from_inside([], [tmp_path / "a"]) == [True]


@pytest.mark.skipif(sys.platform != "linux", reason="Landlock is Linux's")
def test_what_is_private_cannot_be_changed_and_the_folders_beside_it_can(tmp_path):
    images, beside = tmp_path / "images", tmp_path / "beside"
    for folder in (images, beside):
        folder.mkdir()
    image, notes, own = images / "a.png", images / "notes.txt", beside / "cache"
    above = tmp_path / "log"
    for file in (image, notes, own, above):
        file.write_text("x")
    denied = [
        lambda: image.open("r+"),
        lambda: os.truncate(image, 0),
        image.unlink,
        lambda: image.rename(beside / "b.png"),
        lambda: os.link(image, beside / "c.png"),
        lambda: notes.write_text("y"),
        lambda: (images / "new.png").write_text("y"),
        lambda: (images / "new").mkdir(),
        lambda: (images / "link").symlink_to(own),
        lambda: os.replace(own, image),
        lambda: images.rename(beside / "images"),
    ]
    allowed = [
        image.read_bytes,
        lambda: above.write_text("y"),
        lambda: own.write_text("y"),
        lambda: os.truncate(own, 0),
        lambda: own.rename(beside / "moved"),
        (beside / "moved").unlink,
        (beside / "new").mkdir,
        lambda: open("/dev/null", "w").close(),
    ]
    found = done_inside([*denied, *allowed], [], [str(image)])
    assert found == [False] * len(denied) + [True] * len(allowed)
    assert image.read_text() == "x"


def test_an_error_is_told_from_one_of_the_rights_of_a_file(tmp_path):
    mine, missing = tmp_path / "mine", tmp_path / "none" / "x"
    mine.write_text("x")
    assert denies(PermissionError(errno.EACCES, "", str(mine)))
    assert denies(PermissionError(errno.EACCES, "", str(tmp_path / "new")))
    assert not denies(PermissionError(errno.EACCES, "", str(missing)))
    assert not denies(PermissionError("of something else"))
    assert not denies(FileNotFoundError(errno.ENOENT, "", str(missing)))
