"""Stores are merged without losing anything, and twice is as once."""

import pytest
from harness.results import samples
from harness.results.samples import METRICS

from priorlab.harness.results import merging, outputs
from priorlab.harness.results.store import Store


@pytest.fixture
def ours(tmp_path):
    store = Store(tmp_path / "ours")
    yield store
    store.close()


@pytest.fixture
def theirs(tmp_path):
    store = Store(tmp_path / "theirs")
    yield store
    store.close()


def contents(store):
    tables = ("cells", "scores", "pictures")
    return {table: sorted(store.database.execute(f"select * from {table}")) for table in tables}


def test_what_only_the_other_knows_is_taken_once(ours, theirs):
    samples.put(ours, "both")
    samples.put(theirs, "both")
    outcome = samples.put(theirs, "new", 0.7)
    samples.fail(theirs, "failure")
    before = contents(theirs)
    merged = merging.merge(ours, theirs)
    assert (merged.cells, merged.new, merged.better) == (3, 2, 0)
    assert merged.scores == len(samples.SCORES)
    assert ours.known(["new"])["new"] == outcome
    assert ours.scores(["new"], METRICS)["new"] == samples.SCORES
    assert ours.outcome("failure").status == "failed"
    assert contents(theirs) == before
    once = contents(ours)
    again = merging.merge(ours, theirs)
    assert (again.new, again.better, again.scores, again.pictures) == (0, 0, 0, 0)
    assert contents(ours) == once


def test_nothing_takes_the_place_of_a_result_but_a_result_that_of_a_failure(ours, theirs):
    samples.put(ours, "good")
    samples.fail(theirs, "good")
    kept = samples.put(ours, "differs", 0.1)
    samples.put(theirs, "differs", 0.2)
    samples.fail(ours, "mended")
    samples.put(theirs, "mended")
    samples.fail(ours, "fails", message="ours")
    samples.fail(theirs, "fails", message="theirs")
    merged = merging.merge(ours, theirs)
    assert (merged.new, merged.better) == (0, 1)
    assert set(ours.known(["good", "differs", "mended"])) == {"good", "differs", "mended"}
    assert ours.outcome("differs") == kept
    assert ours.outcome("fails").message == "ours"


def test_what_is_missing_or_damaged_of_an_equal_result_is_added(ours, theirs):
    outcome = samples.put(ours, "k")
    samples.put(theirs, "k")
    theirs.put_scores("k", {"lpips": "code"}, {"lpips": 0.1})
    name = outcome.output + outputs.DATA
    for wrong in ("update pictures set data = 'wrong' where name = ?", "delete from pictures"):
        ours.database.execute(wrong, (name,) * wrong.count("?"))
        merging.merge(ours, theirs)
        outputs.decode(name, ours.picture(name))
    assert ours.scores(["k"])["k"] == samples.SCORES | {"lpips": 0.1}
    theirs.database.execute("update pictures set data = 'damaged there' where name = ?", (name,))
    assert merging.merge(ours, theirs).pictures == 0
    outputs.decode(name, ours.picture(name))
