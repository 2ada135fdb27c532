"""What two machines must have in common for one to compute for the other."""

import json

from priorlab.harness.run import keys
from priorlab.harness.run.credentials import credentials, difference


def test_they_pass_through_json_and_equal_themselves(registry):
    priors, tasks = registry.build_priors("good,dip:red=bm3d"), registry.build_tasks("denoise")
    ours = credentials(priors, tasks, registry, "cpu")
    assert set(ours["code"]) == {"good", "dip:red=bm3d", "denoise:sigma=25"}
    theirs = json.loads(json.dumps(ours))
    assert theirs == ours and difference(ours, theirs) == ""
    assert len(json.dumps(ours)) < 2000


def test_each_difference_is_named(registry, monkeypatch):
    ours = credentials(registry.build_priors("good"), [], registry, "cpu")
    theirs = json.loads(json.dumps(ours))
    theirs["setting"]["libraries"]["torch"] = "1.0"
    theirs["setting"]["hardware"] = []
    theirs["setting"]["core"] = "0"
    theirs["code"]["good"] = "0"
    theirs["schema"] = 0
    found = difference(ours, theirs)
    for text in ("torch 1.0 instead of", "other code of priorlab", "other code of good"):
        assert text in found
    assert f"schema 0 instead of {keys.KEY_SCHEMA}" in found
    del theirs["code"]["good"]
    assert "no good" in difference(ours, theirs)
