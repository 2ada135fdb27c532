"""Runs whose engine only pretends to compute; what else they do is real."""

import contextlib

import pytest
from harness.run import pretend

from priorlab.harness.results.store import Store
from priorlab.harness.run import computation, keeping


@pytest.fixture
def using(monkeypatch):
    """Have runs use a pretended engine."""

    def use(*arguments, **facts):
        monkeypatch.setattr(computation.local_slots, "run", pretend.engine(*arguments, **facts))

    monkeypatch.setattr(computation, "LOOK", 0.05)
    monkeypatch.setattr(computation, "SHORT_WAIT", 0.02)
    monkeypatch.setattr(keeping, "PAUSE", 0.02)
    use()
    return use


@pytest.fixture
def run(compare, tmp_path, using):
    """Run a grid of six cells."""

    def go(name="run", priors="good,nan", **typed):
        return compare(priors, tmp_path / "out", name=name, slots=1, **typed)

    return go


@pytest.fixture
def known(tmp_path):
    """Count the cells that the store of those runs knows for good."""

    def count():
        with contextlib.closing(Store(tmp_path / "out")) as store:
            return len(store.known(store.labels()))

    return count
