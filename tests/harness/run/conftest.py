"""Runs whose engine only pretends to compute; what else they do is real."""

import contextlib

import pytest
from harness.run import pretend

from priorlab.harness.results.store import Store
from priorlab.harness.run import computation, keeping
from priorlab.harness.run.plan import plan


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


@pytest.fixture
def left(settings, registry, tmp_path):
    """Store an outcome of each of some priors, and return how many cells a run has left."""

    def prepare(**outcomes):
        def planned(**more):
            typed = {"images": ("tiny0",), **more}
            return plan(settings(",".join(outcomes), tmp_path, **typed), registry)

        with contextlib.closing(Store(tmp_path)) as store:
            for cell in planned().cells:
                store.put(cell.key, cell.labels, outcomes[cell.prior.name], {}, {})
        return lambda **more: len(planned(**more).missing)

    return prepare
