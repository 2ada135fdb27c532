"""The pictures in a run's folder: one for each cell, written once, mended, and tidied."""

import dataclasses

import pytest
from harness.results import samples

from priorlab.errors import UsageError
from priorlab.harness.results.shown import Shown

LABELS = {"prior": "tv", "task": "denoise:sigma=25", "image": "house", "seed": 0}


@pytest.fixture
def fetched():
    return []


@pytest.fixture
def show(tmp_path, fetched):
    """Show cells in a run's folder, and return its files by name, with their times."""

    def run(*cells):
        shown = Shown(tmp_path)
        for labels, outcome, pictures in cells:

            def fetch(name, pictures=pictures):
                fetched.append(name)
                return pictures.get(name)

            shown.show(LABELS | labels, outcome, fetch)
        shown.finish()
        found = (tmp_path / "denoise-sigma=25" / "house").iterdir()
        return {path.name: path.stat().st_mtime_ns for path in found}

    return run


def test_a_cell_is_one_file_beside_those_of_its_measurement(show):
    found = show(({}, *samples.cell(0.1)), ({"prior": "nlm", "seed": 1}, *samples.cell(0.1)))
    assert set(found) == {
        *("_clean.png", "_measured.png", "_measured-seed1.png", "tv.png", "nlm-seed1.png")
    }


def test_what_is_there_is_not_written_again(show, fetched):
    cells = [({}, *samples.cell(0.1)), ({"prior": "nlm"}, *samples.cell(0.1))]
    first = show(*cells)
    assert len(fetched) == 3 + 1, "they share their measurement"
    fetched.clear()
    assert show(*cells) == first
    assert not fetched


def test_another_picture_or_a_damaged_file_is_written_again(show, fetched, tmp_path):
    show(({}, *samples.cell(0.1)))
    file = tmp_path / "denoise-sigma=25" / "house" / "tv.png"
    outcome, pictures = samples.cell(0.8)
    show(({}, outcome, pictures))
    content = pictures[outcome.output + ".png"]
    assert file.read_bytes() == content
    file.write_bytes(content[:-5])
    show(({}, outcome, pictures))
    assert file.read_bytes() == content
    file.unlink()
    show(({}, outcome, pictures))
    assert file.read_bytes() == content
    (tmp_path / "index.tsv").write_bytes(b"\xff\x00 no index\n")
    show(({}, outcome, pictures))
    assert file.read_bytes() == content


def test_what_is_no_longer_made_goes(show):
    outcome, pictures = samples.cell(0.1)
    with_map = dataclasses.replace(outcome, extras=f'{{"map": ["{outcome.clean}", 1.0]}}')
    assert "tv-map.png" in show(({}, with_map, pictures))
    assert "tv-map.png" not in show(({}, outcome, pictures))
    assert "tv.png" not in show(({}, samples.FAILED, {}))


def test_a_picture_that_the_store_lost_is_named_and_the_others_shown(show, tmp_path):
    outcome, pictures = samples.cell(0.1)
    del pictures[outcome.output + ".png"]
    with pytest.raises(UsageError, match=r"the store has lost the picture \w+.png"):
        show(({}, outcome, pictures))
    assert (tmp_path / "denoise-sigma=25" / "house" / "_clean.png").exists()
