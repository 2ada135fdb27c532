"""`runs gc` removes nothing while a run does not say what it needs."""

import contextlib
import json

import pytest
from harness.report import sample_run

from priorlab.errors import UsageError
from priorlab.harness.results import upkeep
from priorlab.harness.results.store import Store


def test_a_run_without_its_list_of_cells_stops_it(tmp_path):
    run = sample_run.make(tmp_path)
    with contextlib.closing(Store(tmp_path)) as store:
        cells = len(store.labels())
        with pytest.raises(UsageError, match=r"first/run\.json does not list the run's cells"):
            upkeep.remove_garbage(store, tmp_path)
        assert len(store.labels()) == cells == len(run.rows)
        file = run.folder / "run.json"
        listed = {"cells": [{"key": key} for key in run.rows["key"][1:]]}
        file.write_text(json.dumps(json.loads(file.read_text()) | listed))
        assert upkeep.remove_garbage(store, tmp_path).cells == (run.rows["key"][0],)
