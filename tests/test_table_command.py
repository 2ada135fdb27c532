"""`priorlab table`: a run's tables in other ways, and mistakes in one sentence."""

import io

import pandas as pd
import pytest
from harness.run import pretend
from sample_pictures import picture, save

from priorlab import api
from priorlab.cli import main

FIGURES = """
[[published]]
method = "Theirs"
task = "denoise:sigma=15|25"
psnr = [31.5, 29.25]
source = "A. Author 2018, Table 2"
"""


@pytest.fixture(scope="module")
def run(tmp_path_factory):
    folder = tmp_path_factory.mktemp("run")
    save(folder / "images" / "=cmd()|.png", picture(24, 24, 1))
    given = {"out": folder / "results", "name": "first", "slots": 1}
    with pretend.used():
        api.bench("degraded", "denoise:sigma=15|25", folder / "images", **given)
    (folder / "figures.toml").write_text(FIGURES)
    return folder / "results" / "first"


def test_figures_of_papers_stand_in_every_table(run, capsys):
    file = str(run.parent.parent / "figures.toml")
    assert main(["table", str(run), "--published", file, "--pivot", "task"]) == 0
    out = capsys.readouterr().out
    assert "Gaussian, σ=15 | Gaussian, σ=25" in out
    assert "| Theirs (published) |          31.50 |          29.25 |" in out
    assert "- Theirs: published: A. Author 2018, Table 2." in out
    assert main(["table", str(run), "--published", file, "--format", "csv"]) == 0
    read = pd.read_csv(io.StringIO(capsys.readouterr().out))
    assert read.loc[read["prior"] == "Theirs", "psnr"].tolist() == [31.5, 29.25]


@pytest.mark.parametrize("column", ["throughput", "remarks"])
def test_a_column_that_is_asked_for_is_there_even_if_empty(run, column, capsys):
    title = {"throughput": "images/s"}.get(column, column)
    assert main(["table", str(run), "--columns", column, "--format", "html"]) == 0
    out = capsys.readouterr().out
    assert f">{title}</th>" in out and not out.endswith("\n\n")


@pytest.mark.parametrize(
    ("options", "lines"), [([], 2), (["--pivot", "task"], 1), (["--per-image"], 2)]
)
def test_parquet_goes_to_a_file(run, options, lines, capsysbinary):
    pytest.importorskip("pyarrow")
    assert main(["table", str(run), "--format", "parquet", *options]) == 0
    assert len(pd.read_parquet(io.BytesIO(capsysbinary.readouterr().out))) == lines


@pytest.mark.parametrize(
    ("options", "says"),
    [
        (["--columns", "psnrr"], "unknown column 'psnrr'; did you mean 'psnr'?"),
        (["--per-image"], "--per-image goes with --format csv or parquet"),
        (["--per-image", "--format", "csv", "--pivot", "task"], "it goes with --format alone"),
        (["--pivot", "task", "--reference", "tv"], "--reference goes without --pivot, which shows"),
        (["--published", "no.toml"], "cannot read the suite no.toml"),
        (["--columns", ","], "no column is named"),
        (["--columns", "psnr,psnr_low"], "column psnr_low goes with --format csv or parquet;"),
        (["--columns", "dataset", "--format", "html"], "this table can have psnr, ssim, psnr_rank"),
        (["--columns", "psnr_wins", "--pivot", "task"], "parquet without --pivot; this table can"),
        (
            ["--columns", "ssim_p", "--pivot", "task", "--format", "csv"],
            "column ssim_p goes with --format csv or parquet without --pivot;",
        ),
    ],
)
def test_mistakes_are_one_sentence(run, options, says, capsys):
    assert main(["table", str(run), *options]) == 2
    error = capsys.readouterr().err
    assert says in error and error.count("\n") == 1


def test_figures_of_other_tasks_are_refused(run, tmp_path, capsys):
    other = tmp_path / "other.toml"
    other.write_text(FIGURES.replace("denoise:", "deblur:"))
    assert main(["table", str(run), "--published", str(other)]) == 2
    assert "no [[published]] figure for a task of the run" in capsys.readouterr().err


def test_figures_that_are_left_out_are_said(run, tmp_path, capsys):
    some = tmp_path / "some.toml"
    some.write_text(FIGURES.replace("15|25", "25|50"))
    for options in ([], ["--pivot", "task"], ["--format", "csv"]):
        assert main(["table", str(run), "--published", str(some), *options]) == 0
        out, error = capsys.readouterr()
        assert "Theirs" in out and error.count("\n") == 1
        assert "left out: Theirs on denoise:sigma=50;" in error
        assert "all images of denoise:sigma=15, denoise:sigma=25" in error


def test_figures_are_left_out_in_python_with_a_sentence(run, tmp_path):
    some, said = tmp_path / "some.toml", []
    some.write_text(FIGURES.replace("15|25", "25|50"))
    api.table(run, published=some, say=said.append)
    assert len(said) == 1
    api.table(run, published=run.parent.parent / "figures.toml", say=said.append)
    assert len(said) == 1, "where nothing is left out nothing is said"


def test_the_prior_can_be_named_among_the_columns(run, capsys):
    for options in ([], ["--pivot", "task"], ["--format", "csv"]):
        assert main(["table", str(run), "--columns", "prior,psnr", *options]) == 0
        named = capsys.readouterr().out
        assert main(["table", str(run), "--columns", "psnr", *options]) == 0
        assert capsys.readouterr().out == named


def test_the_help_says_which_columns_a_table_can_have(capsys):
    from priorlab.harness.report import pivot, sheets

    with pytest.raises(SystemExit):
        main(["table", "--help"])
    said = " ".join(capsys.readouterr().out.split())
    text, whole = said.split("metrics, such as psnr,ssim, and ")[1].split("; with --pivot ")[:2]
    assert text.split(", ") == list(sheets.FACTS)
    facts = whole.removeprefix("metrics, ").split("; ")[0]
    assert facts.split(", ") == list(pivot.FACTS)
