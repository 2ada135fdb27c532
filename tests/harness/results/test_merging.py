"""Stores are merged without losing anything, and twice is as once."""

import contextlib
import re

import pytest
from harness.results import samples
from harness.results.samples import METRICS

from priorlab.errors import UsageError
from priorlab.harness.results import merging, outputs
from priorlab.harness.results.store import FILE, Store


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
    merged = merging.merge(ours, [theirs])
    assert (merged.cells, merged.new, merged.better) == (3, 2, 0)
    assert merged.scores == len(samples.SCORES)
    assert ours.known(["new"])["new"] == outcome
    assert ours.scores(["new"], METRICS)["new"] == samples.SCORES
    assert ours.outcomes(["failure"])["failure"].status == "failed"
    assert contents(theirs) == before
    once = contents(ours)
    again = merging.merge(ours, [theirs])
    assert (again.new, again.better, again.scores, again.pictures) == (0, 0, 0, 0)
    assert contents(ours) == once


def test_a_merge_that_fails_leaves_nothing_and_says_which_store_is_damaged(ours, theirs, tmp_path):
    samples.put(ours, "known")
    samples.put(theirs, "new")
    before = contents(ours)
    with contextlib.closing(Store(tmp_path / "damaged")) as damaged:
        for index in range(2000):
            samples.fail(damaged, f"failure {index:04}", message="x" * 200)
    file = tmp_path / "damaged" / FILE
    size = file.stat().st_size
    with file.open("r+b") as writer:
        writer.seek(size - size // 4)
        writer.write(b"\xff" * (size // 8))
    damaged = Store.to_read(tmp_path / "damaged")
    with (
        contextlib.closing(damaged),
        pytest.raises(UsageError, match=rf"the store {re.escape(str(file))} is damaged"),
    ):
        merging.merge(ours, [theirs, damaged])
    assert contents(ours) == before


def test_nothing_takes_the_place_of_a_result_but_a_result_that_of_a_failure(ours, theirs):
    samples.put(ours, "good")
    samples.fail(theirs, "good")
    kept = samples.put(ours, "differs", 0.1)
    samples.put(theirs, "differs", 0.2)
    samples.fail(ours, "mended")
    samples.put(theirs, "mended")
    samples.fail(ours, "fails", message="ours")
    samples.fail(theirs, "fails", message="theirs")
    merged = merging.merge(ours, [theirs])
    assert (merged.new, merged.better) == (0, 1)
    assert set(ours.known(["good", "differs", "mended"])) == {"good", "differs", "mended"}
    assert ours.outcomes(["differs"])["differs"] == kept
    assert ours.outcomes(["fails"])["fails"].message == "ours"


def test_what_is_missing_or_damaged_of_an_equal_result_is_added(ours, theirs):
    outcome = samples.put(ours, "k")
    samples.put(theirs, "k")
    theirs.put_scores("k", {"lpips": "code"}, {"lpips": 0.1})
    name = outcome.output + outputs.DATA
    for wrong in ("update pictures set data = 'wrong' where name = ?", "delete from pictures"):
        ours.database.execute(wrong, (name,) * wrong.count("?"))
        merging.merge(ours, [theirs])
        outputs.decode(name, ours.picture(name))
    assert ours.scores(["k"])["k"] == samples.SCORES | {"lpips": 0.1}
    theirs.database.execute("update pictures set data = 'damaged there' where name = ?", (name,))
    assert merging.merge(ours, [theirs]).pictures == 0
    outputs.decode(name, ours.picture(name))
