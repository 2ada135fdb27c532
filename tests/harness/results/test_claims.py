"""Runs that share a store: who has claimed what, who lives, and what the dead leave."""

import dataclasses
import os
import subprocess
import sys

import pytest
from harness.results import samples

from priorlab.errors import UsageError
from priorlab.harness.results import claims
from priorlab.harness.results.claims import DONE, MINE, TAKEN, Claims, check_idle, drivers
from priorlab.harness.results.store import Store


@pytest.fixture
def store(tmp_path):
    store = Store(tmp_path)
    yield store
    store.close()


def other(store, name="other", **facts):
    """A second driver, which is this process, too."""
    claimed = Claims(store.database, name)
    claimed.driver = dataclasses.replace(claimed.driver, **facts)
    claimed.beat({})
    return claimed


def test_a_cell_is_claimed_by_one(store):
    first, second = Claims(store.database, "first"), other(store)
    assert first.claim("k", None) == MINE
    assert first.claim("k", None) == MINE, "it may ask twice"
    assert second.claim("k", None) == TAKEN
    assert second.taken(["k", "free"]) == {"k"}
    assert first.taken(["k", "free"]) == set()
    assert second.claim("free", None) == MINE


def test_a_result_ends_the_claim_and_is_news_to_the_others(store):
    first, second = Claims(store.database, "first"), other(store)
    samples.fail(store, "k")
    stamp = store.stamps(["k"])["k"]
    assert first.claim("k", stamp) == MINE, "that it failed is known"
    samples.fail(store, "k")
    assert store.stamps(["k"])["k"] != stamp
    assert second.taken(["k"]) == set()
    assert second.claim("k", stamp) == DONE, "that it failed again is news"
    assert second.claim("k", store.stamps(["k"])["k"]) == MINE


def test_the_end_of_a_driver_frees_its_cells(store):
    first, second = Claims(store.database, "first"), other(store)
    first.claim("k", None)
    first.end()
    assert [driver.run for driver in drivers(store.database)] == ["other"]
    assert second.claim("k", None) == MINE


def test_a_driver_whose_process_is_gone_has_no_claims(store):
    gone = subprocess.Popen([sys.executable, "-c", ""])
    gone.wait()
    dead, living = other(store, pid=gone.pid), other(store)
    store.database.execute("insert into claims values ('k', ?)", (dead.driver.owner,))
    assert living.taken(["k"]) == set()
    assert living.claim("k", None) == MINE
    Claims(store.database, "new")
    assert dead.driver.owner not in {driver.owner for driver in drivers(store.database)}


def test_a_driver_elsewhere_that_gives_no_sign_is_dead_after_a_while(store, monkeypatch):
    """Whatever its clock says."""
    now = [1000.0]
    monkeypatch.setattr(claims.time, "monotonic", lambda: now[0])
    far, near = other(store, place="far:1", beat=1e12), other(store)
    far.claim("k", None)
    assert near.taken(["k"]) == {"k"}
    now[0] += claims.EXPIRY - 1
    far.beat({})
    assert near.taken(["k"]) == {"k"}
    now[0] += claims.EXPIRY - 1
    assert near.taken(["k"]) == {"k"}
    now[0] += 2
    assert near.taken(["k"]) == set()
    assert near.claim("k", None) == MINE


def test_a_driver_says_how_far_it_is(store):
    claimed = Claims(store.database, "run")
    claimed.beat({"total": 10, "done": 4, "failed": 1, "seconds_left": 2.5, "doing": ("a", "b")})
    (found,) = drivers(store.database)
    assert (found.run, found.pid, found.done, found.total) == ("run", os.getpid(), 4, 10)
    assert found.doing == ("a", "b")
    assert not found.is_silent
    assert dataclasses.replace(found, place="far:1", beat=found.beat - 1000).is_silent


def test_what_disturbs_a_run_is_refused_while_it_goes_on(store):
    claimed = Claims(store.database, "run")
    check_idle(store.database, "another")
    for name in ("run", ""):
        with pytest.raises(UsageError, match=r"the run run is going on .process \d+.; wait"):
            check_idle(store.database, name)
    claimed.end()
    check_idle(store.database)
