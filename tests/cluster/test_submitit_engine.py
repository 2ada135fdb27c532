"""The engine `submitit`, with processes of this machine in the place of SLURM's jobs."""

from pathlib import Path

import pytest

pytest.importorskip("submitit", reason="pip install 'priorlab[submitit]'")

from priorlab.errors import UsageError
from priorlab_submitit import array
from priorlab_submitit.engine import Submitit

PRIORS = "good,raises,dies"


@pytest.mark.slow
@pytest.mark.timeout(400)
def test_the_rows_are_those_of_the_local_engine(run, same):
    there = run(Submitit(executor="local", jobs=2), PRIORS, "there")
    here = run("local", PRIORS, "here")
    assert same(there.rows, here.rows)
    assert set(there.rows["status"]) == {"ok", "failed", "crashed"}
    assert not [*(there.folder / "logs").glob("array-*")]


@pytest.mark.slow
@pytest.mark.timeout(400)
def test_a_cell_that_ends_its_job_is_named_and_the_rest_of_its_share_is_done(run, monkeypatch):
    monkeypatch.setattr(array, "LATE", 0.5)
    engine = Submitit(executor="local", jobs=1)
    there = run(engine, "good,assassin")
    rows = there.rows.set_index(["prior", "image"])
    assert rows.loc[("assassin", "tiny0")]["message"].startswith("lost 4 jobs")
    assert list(rows.drop(("assassin", "tiny0"))["status"]) == ["ok"] * 3


@pytest.mark.parametrize(
    ("options", "says"),
    [(None, "cannot read options=jobs.toml"), ("x =", "cannot read"), ("nonsense = 1", "nonsense")],
)
def test_options_that_cannot_be_used_are_named(run, tmp_path, monkeypatch, options, says):
    monkeypatch.chdir(tmp_path)
    monkeypatch.setattr(array.introduction, "ask", lambda *asked: {})
    if options is not None:
        Path("jobs.toml").write_text(options)
    with pytest.raises(UsageError, match=says):
        run(Submitit(executor="local", options="jobs.toml"), "good")
