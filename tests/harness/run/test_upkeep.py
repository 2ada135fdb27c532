"""The commands `runs` and `status`: what they say, and what they change."""

import errno
import json
import os
import re
import shutil
import sys

import pytest
from harness.run import pretend

from priorlab import api, cli
from priorlab.errors import UsageError
from priorlab.harness.results import runs
from priorlab.harness.run import computation


def test_runs_are_listed_renamed_exported_and_cleared(run, known, tmp_path, capsys):
    out = tmp_path / "out"
    run("first")
    run("second", priors="good,picky")

    def runs_command(*typed):
        code = cli.main(["runs", *typed, "--out", str(out)])
        printed = capsys.readouterr()
        return code, printed.out + printed.err

    code, text = runs_command("list")
    assert code == 0
    assert "first: 6 cells (6 ok); 2 priors, 1 task on " in text
    assert runs_command("rename", "first", "second")[0] == 2
    assert runs_command("rename", "absent", "new")[1].startswith("priorlab: there is no run absent")
    assert runs_command("rename", "first", "third")[0] == 0
    assert runs.load("third", out).info["name"] == "third"
    assert "priors: good, nan" in runs_command("show", "third")[1]
    assert run("third").rows["cached"].all()

    for suffix, count in ((".csv", 6), (".parquet", 6)):
        file = tmp_path / f"rows{suffix}"
        assert f"wrote {count} rows" in runs_command("export", "third", "-o", str(file))[1]
    assert "wrote 9 rows" in runs_command("export", "-o", str(tmp_path / "all.csv"))[1]
    assert runs_command("export", "-o", "rows.xls")[0] == 2

    shutil.rmtree(out / "third")
    (out / "outputs").mkdir()
    dry = runs_command("gc", "--dry-run")[1]
    assert dry.startswith("would remove 3 cells and 0 pictures")
    assert known() == 9
    assert runs_command("gc")[1].startswith("removed 3 cells and 0 pictures")
    assert known() == 6
    assert not (out / "outputs").exists()
    assert run("second", priors="good,picky").rows["cached"].all()
    assert runs_command("gc")[1].startswith("removed 0 cells and 0 pictures, 0.0 MB")


def test_one_is_said_of_one(photo, tmp_path, capsys):
    common = ["--out", str(tmp_path / "out")]
    grid = ["--tasks", "denoise", "--priors", "tv", "--dataset", str(photo), "--name", "one"]
    commands = [
        ["bench", *grid, "--dry-run"],
        ["bench", *grid],
        ["runs", "list"],
        ["runs", "show", "one"],
        ["runs", "export", "one", "-o", str(tmp_path / "one.csv")],
        ["compare", "one", "one"],
    ]
    with pretend.used():
        assert [cli.main([*command, *common]) for command in commands] == [0] * len(commands)
    shutil.rmtree(tmp_path / "out" / "one")
    assert cli.main(["runs", "gc", *common]) == 0
    said = "".join(capsys.readouterr())
    nouns = "cells|priors|tasks|rows|pictures|images|scores|slots|runs|seeds|differences"
    assert re.findall(rf"\b1 (?:{nouns})\b.*", said) == []
    assert len(re.findall(r"\b1 (?:cell|row|prior|slot)\b", said)) >= 7


def test_a_run_is_removed_and_what_it_computed_stays_until_it_is_cleared(
    run, known, tmp_path, capsys
):
    out = tmp_path / "out"
    run("first")
    (tmp_path / "elsewhere").mkdir()

    def remove(*typed):
        code = cli.main(["runs", "remove", *typed, "--out", str(out)])
        printed = capsys.readouterr()
        return code, printed.out + printed.err

    assert remove("fist")[0] == 2 and "did you mean" in remove("fist")[1]
    assert remove("../elsewhere")[0] == 2 and (tmp_path / "elsewhere").exists()
    assert remove("first", "--dry-run")[1].startswith(f"would remove {out / 'first'}/")
    assert (out / "first").exists()
    code, said = remove("first")
    assert code == 0 and said.startswith(f"removed {out / 'first'}/ with all that is in it")
    assert not (out / "first").exists() and known() == 6
    assert run("again").rows["cached"].all()
    assert remove("again")[0] == 0
    clear(out, capsys)
    assert known() == 0


def clear(out, capsys, *typed):
    assert cli.main(["runs", "gc", "--out", str(out), *typed]) == 0
    return capsys.readouterr().out


@pytest.mark.parametrize("typed", [(), ("--dry-run",)])
def test_clearing_spares_a_run_called_as_the_folder_of_earlier_pictures(
    run, known, tmp_path, capsys, typed
):
    out = tmp_path / "out"
    run("outputs", priors="good")
    assert clear(out, capsys, *typed).endswith("0 cells and 0 pictures, 0.0 MB\n")
    assert len(runs.load("outputs", out).rows) == known() == 3


def test_clearing_takes_earlier_pictures_and_spares_what_else_lies_in_their_place(
    run, tmp_path, capsys
):
    run("first", priors="good")
    folder = tmp_path / "out" / "outputs"
    stored = folder / "c0" / ("0123456789abcdef" * 4)[2:]
    stored.parent.mkdir(parents=True)
    stored.with_suffix(".tiff").write_bytes(bytes(10**6))
    (folder / "notes.txt").write_text("mine")
    assert clear(tmp_path / "out", capsys).endswith("0.0 MB\n")
    assert (folder / "notes.txt").read_text() == "mine"
    (folder / "notes.txt").unlink()
    assert f"1.0 MB\nremoved {folder}/, the" in clear(tmp_path / "out", capsys)
    assert not folder.exists()


def test_status_says_what_is_running(run, using, tmp_path, capsys, monkeypatch):
    monkeypatch.setattr(computation, "BEAT", 0.0)
    said = []

    def after(job, count):
        if count == 3:
            cli.main(["status", "--out", str(tmp_path / "out")])
            said.append(capsys.readouterr().out)
            assert api.running(tmp_path / "out")[0].run == "run"

    using(after)
    run()
    assert said[0].startswith("run: 2 of 6 cells, 0 failed\n")
    assert f"process {os.getpid()} on " in said[0]
    assert " · denoise:sigma=25 · tiny" in said[0]
    cli.main(["status", "--out", str(tmp_path / "out")])
    assert capsys.readouterr().out.startswith("nothing is running in ")


@pytest.mark.parametrize("place", ["name", "folder"])
def test_a_run_that_is_going_on_is_not_called_cut_short(run, using, tmp_path, capsys, place):
    out, said = str(tmp_path / "out"), []
    named = {"name": "run", "folder": str(tmp_path / "out" / "run")}[place]

    def after(job, count):
        if count == 3:
            assert cli.main(["report", named, "--out", out]) == 2
            assert cli.main(["runs", "list", "--out", out]) == 0
            said.append(capsys.readouterr())

    using(after)
    run()
    process = os.getpid()
    assert said[0].err == (
        f"priorlab: the run run is going on (process {process}); wait for it, or stop it\n"
    )
    assert said[0].out.startswith("run: 6 cells, going on; 2 priors")
    assert cli.main(["report", named, "--out", out]) == 0


@pytest.mark.slow
def test_merged_shards_need_no_further_computing(run, compare, using, tmp_path, capsys):
    for prior in ("good", "nan"):
        compare(prior, tmp_path / prior, name="part", slots=1)
    typed = [str(tmp_path / "good"), str(tmp_path / "nan"), "--out", str(tmp_path / "out")]
    for new in (6, 0):
        assert cli.main(["runs", "merge", *typed]) == 0
        said = capsys.readouterr().out
        assert f"6 cells read: {new} new" in said and f"added to {tmp_path / 'out'}\n" in said
        assert f"again with --out {tmp_path / 'out'}, and without --shard" in said
    assert run().rows["cached"].all()
    assert cli.main(["runs", "merge", str(tmp_path), "--out", str(tmp_path / "out")]) == 2
    assert "there is no store in" in capsys.readouterr().err
    assert cli.main(["runs", "merge", str(tmp_path / "out"), *typed[2:]]) == 2
    said = capsys.readouterr().err
    assert "cannot be merged into itself" in said and "with --out FOLDER" in said
    (tmp_path / "empty").mkdir()
    (tmp_path / "empty" / "store.sqlite").touch()
    typed = [str(tmp_path / "good"), str(tmp_path / "empty"), "--out", str(tmp_path / "none")]
    assert cli.main(["runs", "merge", *typed]) == 2
    assert "store.sqlite is empty (0 bytes)" in capsys.readouterr().err
    assert not (tmp_path / "none").exists()


def test_a_run_is_renamed_and_removed_by_its_folder_too(run, tmp_path, capsys):
    run()
    out = tmp_path / "out"
    assert cli.main(["runs", "rename", f"{out / 'run'}/", "other", "--out", str(out)]) == 0
    elsewhere = tmp_path / "copy" / "other"
    shutil.copytree(out / "other", elsewhere)
    assert cli.main(["runs", "remove", str(elsewhere), "--out", str(out)]) == 2
    assert f"there is no run {elsewhere} in {out}" in capsys.readouterr().err
    assert cli.main(["runs", "remove", str(out / "other"), "--out", str(out)]) == 0
    assert elsewhere.exists() and not (out / "other").exists()


def test_one_results_folder_is_merged_by_its_path_alone(run, tmp_path):
    run()
    assert api.merge_results(str(tmp_path / "out"), tmp_path / "new").new == 6


def test_a_folder_of_runs_is_no_run_but_has_some(run, tmp_path, capsys):
    run()
    assert cli.main(["table", str(tmp_path / "out")]) == 2
    assert f"; a run in it is {tmp_path / 'out' / 'run'}\n" in capsys.readouterr().err


def test_parquet_without_its_library_is_a_sentence(run, tmp_path, monkeypatch):
    run()
    monkeypatch.setitem(sys.modules, "pyarrow", None)
    with pytest.raises(UsageError, match=r"pip install 'priorlab.parquet.'"):
        api.export_rows(tmp_path / "rows.parquet", out=tmp_path / "out")


def test_two_runs_are_compared(run, tmp_path, capsys):
    out = str(tmp_path / "out")
    first = run("first")
    run("second", priors="good,picky", seeds=(0, 1))
    info = json.loads((first.folder / "run.json").read_text())
    info["credentials"]["code"]["good"] = "another"
    info["credentials"]["setting"]["libraries"]["scipy"] = "0.1"
    (first.folder / "run.json").write_text(json.dumps(info))
    assert cli.main(["compare", "first", "second", "--out", out, "--format", "md"]) == 0
    said = capsys.readouterr().out
    assert "# second compared with first" in said
    assert "instead of 0.1" in said and "other code of good" in said
    assert "- Only in A: prior nan" in said or "Only in A: prior nan." in said
    assert "Only in B: prior picky; seed 1." in said
    assert "good: its code changed" in said
    assert "| good" in said and "| same" in said
    assert cli.main(["compare", "first", str(first.folder)]) == 2, "the first is elsewhere"
    assert cli.main(["compare", "first", "secnd", "--out", out]) == 2
    assert "did you mean 'second'?" in capsys.readouterr().err
    run("third", tasks="denoise:sigma=15")
    assert cli.main(["compare", "first", "third", "--out", out]) == 2
    assert "have no cell (prior, task, image, seed) in common" in capsys.readouterr().err


@pytest.mark.slow
def test_priors_are_ranked_over_several_runs(run, tmp_path, capsys):
    out = ["--out", str(tmp_path / "out")]
    for name, task in {"one": "denoise:sigma=15", "two": "denoise:sigma=25|50"}.items():
        run(name, tasks=task)
    picture = tmp_path / "ranks.svg"
    assert cli.main(["ranks", "one", "two", *out, "-o", str(picture)]) == 0
    said = capsys.readouterr().out
    assert "over 3 blocks" in said and "good" in said
    assert b"critical" in picture.read_bytes() or picture.stat().st_size > 2000
    assert cli.main(["ranks", "one", "two", *out, "-o", "ranks.txt"]) == 2
    assert cli.main(["ranks", "one", "two", *out, "--metric", "psnrr"]) == 2
    assert "did you mean 'psnr'?" in capsys.readouterr().err
    assert cli.main(["ranks", "one", *out]) == 2


def test_a_results_folder_that_cannot_be_read_does_not_count_as_empty(
    tmp_path, monkeypatch, capsys
):
    assert api.summaries(tmp_path / "absent") == []
    (tmp_path / "file").touch()
    with pytest.raises(UsageError, match=r"cannot read the results folder .*file: Not a directory"):
        api.summaries(tmp_path / "file")

    def refuse(path):
        raise PermissionError(errno.EACCES, "Permission denied", str(path))

    monkeypatch.setattr(os, "scandir", refuse)
    assert cli.main(["runs", "list", "--out", str(tmp_path)]) == 2
    said = f"priorlab: cannot read the results folder {tmp_path}: Permission denied\n"
    assert capsys.readouterr().err == said
