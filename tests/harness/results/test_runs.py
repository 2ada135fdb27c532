"""Earlier runs: how one is found, and what is said of one that was stopped."""

from pathlib import Path

import pandas as pd
import pytest

from priorlab.errors import UsageError
from priorlab.harness.results import runs

FACTS = {
    "total": 4,
    "problems": [],
    "priors": ["tv", "dip", "nlm"],
    "dataset": "set12",
    "known_dataset": "",
    "tasks": {},
    "metrics": {},
    "versions": {},
    "command": "",
}


@pytest.mark.parametrize(
    ("there", "says"),
    [
        (["tv", "tv", "nlm"], ["1 of its 4 cells; nothing is there of dip."]),
        (["tv", "dip", "nlm"], ["1 of its 4 cells."]),
        (["tv", "dip", "nlm", "nlm"], []),
    ],
)
def test_a_stopped_run_names_the_priors_of_which_nothing_is_there(there, says):
    notes = runs.Run(Path("first"), pd.DataFrame({"prior": there}), FACTS).header.notes
    assert notes == [f"Incomplete: the run was stopped before {one}" for one in says]


def test_a_folder_of_pictures_does_not_hide_the_run_of_its_name(tmp_path, monkeypatch):
    monkeypatch.chdir(tmp_path)
    for folder in ("own", "results/own"):
        Path(folder).mkdir(parents=True)
    Path("own", "a.png").touch()
    Path("results/own/run.json").write_text("{")
    with pytest.raises(UsageError, match="results/own is not the folder of a run"):
        runs.load("own")
