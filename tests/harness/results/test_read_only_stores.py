"""A store that cannot be written is told as what it is."""

import os
import sqlite3

import pytest

from priorlab.errors import UsageError
from priorlab.harness.results.database import Database


def _refuse(*given, **named):
    error = sqlite3.OperationalError("unable to open database file")
    error.sqlite_errorcode = sqlite3.SQLITE_CANTOPEN
    raise error


@pytest.mark.parametrize(
    ("writable", "says"),
    [(False, r"store\.sqlite: it is read-only$"), (True, "unable to open database file")],
)
def test_a_file_that_cannot_be_opened(tmp_path, monkeypatch, writable, says):
    monkeypatch.setattr(sqlite3, "connect", _refuse)
    monkeypatch.setattr(os, "access", lambda _, mode: writable or mode == os.R_OK)
    with pytest.raises(UsageError, match=says):
        Database.writable(tmp_path / "store.sqlite")


def test_a_file_that_may_not_be_read(tmp_path, monkeypatch):
    (tmp_path / "store.sqlite").touch()
    monkeypatch.setattr(sqlite3, "connect", _refuse)
    monkeypatch.setattr(os, "access", lambda _, mode: mode != os.R_OK)
    with pytest.raises(UsageError, match=r"cannot read the store .*sqlite: Permission denied"):
        Database.readable(tmp_path / "store.sqlite")
