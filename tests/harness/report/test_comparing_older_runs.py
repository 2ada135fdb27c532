"""`compare` with a run of an earlier version, which recorded less of itself."""

import copy
import dataclasses

import pytest
from harness.run import pretend

from priorlab import api
from priorlab.api import bench
from priorlab.harness.results import runs

NEW = {"priorlab": "0.1.0", "numpy": "2.0", "scipy": "1.14", "commit": "abc"}


@pytest.fixture(scope="module")
def run(tmp_path_factory):
    from sample_pictures import picture, save

    place = tmp_path_factory.mktemp("older")
    save(place / "photo.png", picture(24, 24, 1))
    given = {"out": place / "results", "slots": 1, "name": "run"}
    with pretend.used():
        return bench("degraded", "denoise:sigma=25", place / "photo.png", **given).run


def compared(monkeypatch, run, first, second):
    """What is said above the tables of two runs with these facts."""
    facts = {"a": first, "b": second}
    monkeypatch.setattr(
        runs, "load", lambda name, out: dataclasses.replace(run, info=run.info | facts[name])
    )
    return api.compare("a", "b").markdown().split("## ")[0]


def test_versions_that_were_not_recorded_are_said_once(run, monkeypatch):
    old = {"versions": {"priorlab": "0.1.0", "numpy": "1.26"}, "credentials": {}}
    new = {"versions": NEW, "credentials": {}}
    text = compared(monkeypatch, run, old, new)
    assert "Changed from A to B: numpy 2.0 instead of 1.26." in text
    assert "Not recorded in A: scipy, commit." in text and "Not recorded in B" not in text
    assert "none instead of" not in text and "instead of none" not in text
    back = compared(monkeypatch, run, new, old)
    assert "Not recorded in B: scipy, commit." in back and "none" not in back


def test_code_that_was_not_recorded_is_said(run, monkeypatch):
    old = {"credentials": {}}
    assert "Not recorded in A: code." in compared(monkeypatch, run, old, {})
    assert "Not recorded" not in compared(monkeypatch, run, {}, {})


def test_a_library_that_only_the_newer_run_names_is_not_a_change(run, monkeypatch):
    older = copy.deepcopy(run.info["credentials"])
    del older["setting"]["libraries"]["numba"], older["setting"]["hardware"]
    older["setting"]["libraries"]["scipy"] = "0.1"
    text = compared(monkeypatch, run, {"credentials": older}, {})
    assert "none" not in text and "instead of 0.1" in text
    names = text.split("Not recorded in A: ")[1].split(".")[0].split(", ")
    assert set(names) >= {"hardware"} and set(names) <= {"hardware", "numba"}
