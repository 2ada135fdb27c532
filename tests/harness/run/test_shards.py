"""Shards: the parts of a grid, which together are all of it, whatever is added."""

import pytest

from priorlab.errors import UsageError
from priorlab.harness.report import tables
from priorlab.harness.run.plan import plan
from priorlab.harness.run.settings import settle
from priorlab.harness.run.shards import Shard, read


@pytest.fixture
def parts(settings, registry, tmp_path):
    """The keys in each of three shards of a grid of some priors."""

    def keys(priors):
        typed = {"seeds": tuple(range(8)), "name": None}
        found = [
            plan(settings(priors, tmp_path, shard=f"{i}/3", **typed), registry) for i in (1, 2, 3)
        ]
        assert len({planned.name for planned in found}) == 1, "the name is that of the whole grid"
        whole = plan(settings(priors, tmp_path, **typed), registry)
        assert found[0].name == whole.name
        assert sum(len(planned.cells) for planned in found) == len(whole.cells)
        return [{cell.key for cell in planned.cells} for planned in found]

    return keys


@pytest.mark.slow
def test_shards_are_the_grid_and_stay_when_priors_are_added(parts):
    few, many = parts("good"), parts("nan,good,slow")
    assert len(set.union(*few)) == 24 and len(set.union(*many)) == 72
    assert all(one <= other for one, other in zip(few, many, strict=True))
    assert all(5 <= len(part) <= 50 for part in many), "about equally large"


def test_each_shard_has_a_store_and_says_in_its_table_what_it_is(
    compare, using, settings, registry, tmp_path
):
    using()
    typed = {"images": ("tiny0",), "seeds": (0, 1), "slots": 1}
    sizes = {
        i: len(plan(settings("good", tmp_path, shard=f"{i}/2", **typed), registry).cells)
        for i in (1, 2)
    }
    part = max(sizes, key=sizes.get)
    run = compare("good", tmp_path, shard=f"{part}/2", **typed)
    assert run.folder.parent == tmp_path / f"shard-{part}-of-2"
    assert len(run.rows) == sizes[part] and not run.interrupted
    assert (run.folder.parent / "store.sqlite").exists()
    assert not (tmp_path / "store.sqlite").exists()
    for style in ("md", "latex"):
        assert f"Part {part} of 2" in tables.render(run.rows, style, run.header)


def test_a_shard_to_which_no_cell_falls_is_no_error(compare, settings, registry, tmp_path):
    typed = {"images": ("tiny0",), "name": "few"}
    sizes = {
        i: len(plan(settings("good", tmp_path, shard=f"{i}/9", **typed), registry).cells)
        for i in range(1, 10)
    }
    empty = next(i for i, size in sizes.items() if not size)
    assert sum(sizes.values()) == 1
    run = compare("good", tmp_path, shard=f"{empty}/9", **typed)
    assert run.rows.empty and not run.interrupted and not run.failures


@pytest.mark.parametrize("text", ["0/3", "4/3", "3", "a/b", "1/0", "-1/3", "1/3/5", "", "1.5/3"])
def test_what_is_no_part_is_refused(text):
    with pytest.raises(UsageError, match="shard"):
        read(text)
    if text:
        with pytest.raises(UsageError, match="shard"):
            settle({"shard": text})


def test_a_part_is_read_with_blanks_and_once_only():
    assert read(" 3 / 16 ") == read(Shard(3, 16)) == Shard(3, 16)


def test_where_a_cell_falls_is_the_same_on_every_machine():
    for digit in range(16):
        key = "0" * 15 + f"{digit:x}" + "f" * 48
        assert [n for n in range(1, 17) if Shard(n, 16).holds(key)] == [digit + 1]
