"""A store that cannot be written is told as what it is."""

import os

import pytest

from priorlab.errors import UsageError
from priorlab.harness.results.database import Database


@pytest.mark.parametrize(
    ("writable", "says"),
    [(False, r"store\.sqlite: it is read-only$"), (True, "unable to open database file")],
)
def test_a_file_that_cannot_be_opened(tmp_path, monkeypatch, writable, says):
    (tmp_path / "store.sqlite").mkdir()
    monkeypatch.setattr(os, "access", lambda *_: writable)
    with pytest.raises(UsageError, match=says):
        Database.writable(tmp_path / "store.sqlite")
