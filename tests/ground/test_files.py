"""Files that are written: where they go, what they replace, and what is left alone."""

import os

import pytest

from priorlab.errors import UsageError
from priorlab.ground.files import (
    as_stored,
    check_place,
    is_one_name,
    write_atomically,
    written_atomically,
)


def test_a_name_may_be_as_long_as_the_file_system_takes(tmp_path):
    file = tmp_path / ("n" * 251 + ".png")
    check_place(file)
    write_atomically(file, b"content")
    assert file.read_bytes() == b"content"
    with pytest.raises(UsageError, match="cannot be the name of a file"):
        check_place(tmp_path / ("n" * 252 + ".png"))


def test_a_file_that_is_replaced_is_whole_at_any_moment(tmp_path):
    file = tmp_path / "rows.csv"
    file.write_bytes(b"before")
    with written_atomically(file) as part:
        part.write(b"af")
        part.flush()
        assert file.read_bytes() == b"before"
        part.write(b"ter")
    assert file.read_bytes() == b"after"
    with pytest.raises(ZeroDivisionError), written_atomically(file) as part:
        part.write(b"half")
        raise ZeroDivisionError
    assert file.read_bytes() == b"after"
    assert list(tmp_path.iterdir()) == [file], "nothing else is left"


@pytest.mark.parametrize("there", [False, True])
def test_a_link_stays_and_what_it_leads_to_is_written(there, tmp_path):
    (tmp_path / "archive").mkdir()
    file, link = tmp_path / "archive/real.png", tmp_path / "link.png"
    if there:
        file.write_bytes(b"before")
    link.symlink_to("archive/real.png")
    check_place(link)
    write_atomically(link, b"after")
    assert link.is_symlink() and file.read_bytes() == b"after"
    assert sorted(tmp_path.rglob("*")) == [file.parent, file, link]


def test_a_link_into_a_folder_that_is_not_there_is_said(tmp_path):
    (tmp_path / "link.png").symlink_to(tmp_path / "none/real.png")
    with pytest.raises(UsageError, match=r"cannot write .*link\.png: there is no folder .*none$"):
        check_place(tmp_path / "link.png")


def test_a_file_that_is_replaced_keeps_its_permissions(tmp_path):
    file = tmp_path / "private.png"
    file.write_bytes(b"before")
    file.chmod(0o600)
    write_atomically(file, b"after")
    assert file.read_bytes() == b"after" and file.stat().st_mode & 0o777 == 0o600


def test_a_named_pipe_is_not_replaced(tmp_path):
    os.mkfifo(tmp_path / "pipe.png")
    with pytest.raises(UsageError, match=r"pipe\.png: it is a named pipe$"):
        check_place(tmp_path / "pipe.png")


def test_a_file_that_is_read_only_is_not_replaced(tmp_path, monkeypatch):
    file = tmp_path / "kept.png"
    file.write_bytes(b"before")
    # As it is for those who are not root, who may write anywhere.
    monkeypatch.setattr(os, "access", lambda path, mode: os.fspath(path) != str(file))
    with pytest.raises(UsageError, match=r"kept\.png: it is read-only$"):
        check_place(file)


def test_what_is_one_name_is_tried_and_leaves_nothing(tmp_path):
    folder = tmp_path / "not" / "there"
    (tmp_path / "file").touch()
    assert is_one_name("b.png", "B.png", folder) == (tmp_path / "FILE").exists()
    (tmp_path / "file").unlink()
    assert is_one_name("b.png", "b.png", folder)
    assert not is_one_name("b.png", "c.png", folder)
    assert not list(tmp_path.iterdir())


def test_a_path_is_returned_as_it_is_where_nothing_like_it_is_there(tmp_path):
    (tmp_path / "u\u0308ber").mkdir()
    typed = tmp_path / "\u00fcber"
    assert as_stored(typed) == tmp_path / "u\u0308ber"
    assert as_stored(typed / "neu.png") == typed / "neu.png"
