"""No search for garbage while modules are imported, and all as it was afterwards."""

import gc
import subprocess
import sys
import weakref

import pytest

from priorlab.ground import garbage


class Circle:
    """Holds itself: only a search for garbage finds it."""

    def __init__(self):
        self.itself = self


@pytest.fixture
def unfrozen(monkeypatch):
    """A process in which nothing is frozen, whatever ran before; later tests find it as it was."""
    frozen = gc.get_freeze_count()
    monkeypatch.setattr(garbage, "_freezes", False)
    gc.unfreeze()
    yield
    gc.unfreeze()
    if frozen:
        gc.freeze()


def test_nothing_is_looked_for_within(unfrozen):
    with garbage.awaited():
        with garbage.awaited():
            assert not gc.isenabled()
        assert not gc.isenabled()
    assert gc.isenabled()
    assert gc.get_freeze_count() == 0


def test_an_import_that_fails_changes_nothing(unfrozen):
    with pytest.raises(ImportError), garbage.awaited():
        raise ImportError
    assert gc.isenabled()


def test_who_looks_for_none_is_left_alone(unfrozen):
    gc.disable()
    try:
        with garbage.awaited():
            pass
        assert not gc.isenabled()
    finally:
        gc.enable()


@pytest.mark.slow
def test_garbage_from_before_and_from_within_is_found_later(unfrozen):
    before = weakref.ref(Circle())
    with garbage.awaited():
        within = weakref.ref(Circle())
    gc.collect()
    assert before() is within() is None


def test_where_all_is_frozen_what_is_imported_is_too(unfrozen):
    garbage.freeze()
    known = gc.get_freeze_count()
    with garbage.awaited():
        kept = [[] for _ in range(1000)]
    assert gc.get_freeze_count() >= known + len(kept)


@pytest.mark.slow
def test_a_command_looks_through_nothing_that_it_imported():
    code = (
        "import gc, sys; from priorlab.cli import main\n"
        "sys.argv[1:] = ['plugins']\n"
        "assert main() == 0\n"
        "assert 'torch' in sys.modules\n"
        "assert gc.isenabled() and gc.get_freeze_count() > 100_000\n"
        "assert gc.get_stats()[2]['collections'] <= 1\n"
    )
    done = subprocess.run([sys.executable, "-c", code], capture_output=True, text=True)
    assert done.returncode == 0, done.stderr
