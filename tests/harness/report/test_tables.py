"""Tables: what they say, that nothing is hidden, and that every format reads back."""

import dataclasses
import io
import itertools
import re
import shlex
from pathlib import Path
from typing import Any

import numpy as np
import pandas as pd
import pytest
from markdown_it import MarkdownIt
from mostly_slow import mostly_slow
from rich.console import Console

from priorlab.errors import UsageError
from priorlab.harness.report import copies, remarks, sheets, statistics, summary, tables
from priorlab.harness.results import csv_files, schema
from priorlab.harness.results.header import Header
from priorlab.suites.published import Published

TASK = "denoise:sigma=25"
HEADER = Header(
    dataset="set12",
    known="set12",
    protocols={TASK: "on all channels (RGB); output clipped to [0, 1]"},
    metrics={"psnr": "10 log10(1 / MSE)", "ssim": "11x11 window"},
    versions={"priorlab": "0.1.0"},
    command="priorlab bench --tasks denoise",
)


def cells(
    prior: str, gain: float, images: int = 12, task: str = TASK, **others: Any
) -> pd.DataFrame:
    """Rows of a prior whose PSNR is `gain` above a level that depends on the image alone."""
    psnr = 25 + np.arange(images) % 5 + gain + 0.05 * np.sin(np.arange(images))
    return pd.DataFrame(
        {
            "prior": prior,
            "task": task,
            "image": [f"{i:02d}" for i in range(images)],
            "seed": 0,
            "status": "ok",
            "message": "",
            "psnr": psnr,
            "ssim": psnr / 50,
            "seconds": 0.25,
            "threads": 1,
            "device": "cpu",
            "height": 256,
            "width": 256,
            "channels": 1,
        }
        | others
    )


def failing(prior: str, status: str, message: str, images: int = 12) -> pd.DataFrame:
    nothing = {"psnr": np.nan, "ssim": np.nan, "seconds": np.nan}
    return cells(prior, 0, images, status=status, message=message, **nothing)


@pytest.fixture
def rows() -> pd.DataFrame:
    crashed = cells("dip:iterations=3000,network=unet", 0.5)
    crashed.loc[[2, 5], ["status", "message"]] = ["crashed", "out of\nmemory | 50% used_up"]
    crashed.loc[[2, 5], ["psnr", "ssim", "seconds"]] = np.nan
    return pd.concat(
        [
            cells("tv", 0.0),
            cells("unet", 2.0),
            cells("twin", 2.0),
            crashed,
            failing("nlm", "unsupported", "needs Gaussian noise"),
        ],
        ignore_index=True,
    )


def summarise(rows: pd.DataFrame, **options: Any) -> pd.DataFrame:
    """The lines of a table, as a table with all figures."""
    further = options.get("further", ())
    return summary.table(summary.lines(schema.frame(rows, further), **options))


def lines_of(text: str) -> dict[str, list[str]]:
    """Cells of a Markdown table by the prior they belong to."""
    found = {}
    for line in text.splitlines():
        if line.startswith("|"):
            texts = [cell.strip() for cell in re.split(r"(?<!\\)\|", line)[1:-1]]
            found[texts[1]] = texts
    return found


def test_markdown_has_the_same_columns_in_every_line(rows: pd.DataFrame) -> None:
    text = tables.render(rows, "md", HEADER)
    assert len({len(cells) for cells in lines_of(text).values()}) == 1
    table = [line for line in text.splitlines() if line.startswith("|")]
    bars = [[m.start() for m in re.finditer(r"(?<!\\)\|", line)][:-1] for line in table]
    assert all(places == bars[0] for places in bars), "not aligned as plain text"


def test_failures_are_lines_with_their_reason(rows: pd.DataFrame) -> None:
    rows = pd.concat([rows, failing("bm3d", "timeout", "took more than 600 s")])
    found = lines_of(tables.render(rows, "md", HEADER))
    dip = found["dip:iterations=3000,network=unet"]
    assert dip[0] == "-", "ranked in spite of gaps"
    assert "10/12" in dip
    assert "2 crashed: out of memory \\| 50% used_up" in dip[-1]
    assert "mean over 10 of 12 images, not ranked" in dip[-1]
    assert found["bm3d"][2] == "timeout"
    assert found["bm3d"][-1] == "12 timeout: took more than 600 s"
    assert "0/12" in found["bm3d"]


def test_priors_that_are_not_for_the_task_are_named_below_the_table(rows: pd.DataFrame) -> None:
    rows = pd.concat([rows, failing("wiener", "unsupported", "needs Gaussian noise")])
    text = tables.render(rows, "md", HEADER)
    assert not {"nlm", "wiener"} & set(lines_of(text))
    assert "Not for this task: nlm, wiener (needs Gaussian noise)." in text
    only = tables.render(failing("nlm", "unsupported", "needs Gaussian noise"), "md", HEADER)
    assert lines_of(only)["nlm"][2] == "unsupported"


def test_all_leaders_are_bold_and_nothing_else(rows: pd.DataFrame) -> None:
    found = lines_of(tables.render(rows, "md", HEADER))
    bold = {prior for prior, texts in found.items() if "**" in texts[2]}
    assert bold == {"unet", "twin"}
    assert found["unet"][0] == found["twin"][0] == "1"


def test_rows_stand_in_order_of_psnr_and_what_does_not_compare_last(rows: pd.DataFrame) -> None:
    found = summarise(rows)
    assert list(found["prior"]) == ["twin", "unet", "tv", "dip:iterations=3000,network=unet", "nlm"]


def test_published_results_are_marked_and_neither_bold_nor_ranked(rows: pd.DataFrame) -> None:
    text = tables.render(rows, "md", HEADER)
    line = lines_of(text)["DnCNN-S (published)"]
    assert line[0] == "-" and line[2] == "30.44"
    assert "Zhang et al. 2017" in line[-1]
    assert lines_of(text)["BM3D (published)"][2] == "29.97"
    assert "not measured here" in text


@pytest.mark.parametrize(
    "change", [{"known": ""}, {"known": "bsd68", "task": "denoise:sigma=20"}, {"known": "set5"}]
)
def test_published_results_stand_only_beside_the_same_evidence(change: dict[str, Any]) -> None:
    arguments = {key: value for key, value in change.items() if key != "known"}
    rows = pd.concat([cells("tv", 0, **arguments), cells("unet", 1, **arguments)])
    found = summarise(rows, known=change["known"])
    assert set(found["kind"]) == {"measured"}


THEIRS = [
    Published(method=method, task=TASK, psnr=psnr, source="A. Author", prior=prior, tolerance=0.05)
    for method, psnr, prior in [
        ("Near", 26.75, "tv"),
        ("Far", 30.0, "tv"),
        ("Partly", 20.0, "dip:iterations=3000,network=unet"),
        ("Never", 20.0, "epll"),
    ]
]


def test_the_figures_of_a_suite_are_compared_with_ours(rows: pd.DataFrame) -> None:
    header = dataclasses.replace(HEADER, published=THEIRS)
    text = tables.render(rows, "md", header)
    part = text.split("## Against what is published")[1]
    found = {line.split("|")[1].strip(): line for line in part.splitlines() if "|" in line}
    mean = cells("tv", 0.0)["psnr"].mean()
    assert f"{mean - 26.75:+.3f}" in found["Near"] and "| pass" in found["Near"]
    assert f"{mean - 30:+.3f}" in found["Far"] and "| fail" in found["Far"]
    assert "incomplete" in found["Partly"] and "not run" in found["Never"]
    assert "BM3D" not in found, "of another suite: only shown"
    assert "BM3D (published)" in lines_of(text)
    assert "Against what is published" not in tables.render(rows, "md", HEADER)


def test_published_figures_do_not_stand_beside_a_part_of_the_images(rows: pd.DataFrame) -> None:
    header = dataclasses.replace(HEADER, published=THEIRS, images=13)
    assert "(published)" not in tables.render(rows, "md", header)


def test_csv_has_full_precision_and_a_line_per_prior_and_task(rows: pd.DataFrame) -> None:
    both = pd.concat([rows, rows.assign(task="inpaint:missing=0.5")])
    read = pd.read_csv(io.StringIO(tables.render(both, "csv", HEADER)))
    figures = ("rank", "low", "high", "leads", "reference", "difference", "difference_low")
    figures += ("difference_high", "wins", "p")
    assert set(read.columns) == {
        *(
            "task",
            "prior",
            "kind",
            "seconds",
            "cpu_seconds",
            "peak_mb",
            "throughput",
            "images",
            "images_ok",
            "cells",
            "cells_ok",
        ),
        *("remarks", "psnr", "ssim", "dataset", "protocol"),
        *("stop", "stop_psnr", "oracle_step", "oracle_psnr", "cost", "cost_worst"),
        *(f"check_{fact}" for fact in ("prior", "psnr", "difference", "tolerance", "verdict")),
        *(f"{metric}_{figure}" for metric in ("psnr", "ssim") for figure in figures),
    }
    measured = read[read["kind"] == "measured"]
    assert len(measured) == 10 and not measured.duplicated(["prior", "task"]).any()
    unet = measured[(measured["prior"] == "unet") & (measured["task"] == TASK)].iloc[0]
    truth = rows.loc[rows["prior"] == "unet", "psnr"]
    assert unet["psnr"] == pytest.approx(truth.mean(), rel=1e-14)
    assert unet["psnr_low"] < unet["psnr"] < unet["psnr_high"]
    assert (unet["psnr_rank"], unet["cells_ok"]) == (1, 12)


def test_latex_is_balanced_and_escaped(rows: pd.DataFrame) -> None:
    text = tables.render(rows, "latex", HEADER)
    for kind in ("table", "tabular"):
        assert text.count(rf"\begin{{{kind}}}") == text.count(rf"\end{{{kind}}}") == 1
    bare = re.sub(r"\\[\\{}%&#$_]", "", text.partition(r"\begin{table}")[2])
    assert bare.count("{") == bare.count("}")
    assert not re.search(r"[%#_~^]", bare.replace("{%\n", "{")), "a mark that LaTeX would interpret"
    assert bare.count("$") % 2 == 0
    body = text.split(r"\midrule")[1].split(r"\bottomrule")[0].strip().splitlines()
    columns = len(re.search(r"begin{tabular}{(\w+)}", text)[1])  # type: ignore[index]
    assert all(len(re.split(r"(?<!\\)&", line)) == columns for line in body)
    assert all(line.endswith(r"\\") for line in body)
    assert rf"\textbf{{{summarise(rows).iloc[0]['psnr']:.2f}}}" in text


def test_terminal_fits_80_columns_and_keeps_every_figure(rows: pd.DataFrame) -> None:
    console = Console(width=80, file=io.StringIO(), record=True)
    console.print(tables.terminal(rows, HEADER))
    text = console.export_text()
    assert max(map(len, text.splitlines())) <= 80
    assert "…" not in text
    for _, line in summarise(rows).dropna(subset="psnr").iterrows():
        assert f"{line['psnr']:.2f} [{line['psnr_low']:.2f}, {line['psnr_high']:.2f}]" in text
    assert "needs Gaussian noise" in text


def test_protocol_is_printed_with_the_table(rows: pd.DataFrame) -> None:
    text = tables.render(rows, "md", HEADER)
    for part in (
        "on all channels (RGB)",
        "set12, 12 images, gray, 256x256, seed 0",
        "Protocol: metrics on all channels (RGB)",
        "1 thread, cpu",
        "PSNR: 10 log10(1 / MSE)",
        "SSIM: 11x11 window",
        "priorlab 0.1.0",
        "priorlab bench --tasks denoise",
    ):
        assert part in text


def test_differences_refer_to_the_given_prior() -> None:
    rows = pd.concat([cells("tv", 0), cells("unet", 2)])
    found = summarise(rows, reference="tv").set_index("prior")
    assert found.loc["unet", "psnr_difference"] == pytest.approx(2)
    assert found.loc["unet", "psnr_wins"] == 1
    assert found.loc["unet", "psnr_leads"]
    assert "| reference |" in re.sub(" +", " ", tables.render(rows, reference="tv"))


def test_identical_images_are_said_and_stored_as_infinite() -> None:
    rows = pd.concat([cells("tv", 0), cells("unet", 2)], ignore_index=True)
    rows.loc[0, "psnr"] = np.inf
    assert np.isfinite(summarise(rows)["psnr"]).all()
    assert f"PSNR counts as {statistics.PSNR_CAP:.0f} dB" in tables.render(rows)
    assert pd.read_csv(io.StringIO(csv_files.write(rows)))["psnr"][0] == np.inf


def test_one_image_has_no_interval_and_no_bold() -> None:
    text = tables.render(pd.concat([cells("tv", 0, 1), cells("unet", 2, 1)]))
    assert "one image cannot tell priors apart" in text
    assert "**" not in text
    assert lines_of(text)["unet"][2] == "27.00"


def test_few_images_are_said() -> None:
    text = tables.render(pd.concat([cells("tv", 0, 6), cells("unet", 2, 6)]))
    assert "with 6 images only large and steady differences" in text


@pytest.mark.parametrize(("images", "bold"), [(5, False), (6, True)])
def test_nothing_is_bold_before_six_images(images: int, bold: bool) -> None:
    text = tables.render(pd.concat([cells("tv", 0, images), cells("unet", 2, images)]))
    assert ("**" in lines_of(text)["unet"][2]) == bold
    assert ("Bold: none; 5 images cannot tell priors apart, 6 can." in text) != bold


def test_cells_that_were_not_run_are_counted() -> None:
    rows = pd.concat([cells("tv", 0), cells("unet", 2, 10)])
    remarks = summarise(rows).set_index("prior")["remarks"]
    assert remarks["unet"] == "mean over 10 of 12 images, not ranked; 2 not run"


def test_a_run_where_everything_failed_still_makes_a_table() -> None:
    rows = failing("tv", "timeout", "stopped after 5 s").astype(object)
    rows["psnr"] = rows["ssim"] = rows["seconds"] = None
    for style in tables.FORMATS:
        assert "12 timeout: stopped after 5 s" in tables.render(rows, style)
    assert "no prior restored every image" in tables.render(rows)


@pytest.mark.parametrize(
    ("value", "text"),
    [(1234.4, "1234"), (45.678, "45.7"), (0.1234, "0.123"), (0.01234, "0.012"), (1e-5, "<0.001")],
)
def test_seconds_have_two_or_three_digits(value: float, text: str) -> None:
    found = lines_of(tables.render(cells("tv", 0, seconds=value)))["tv"]
    assert text in found


@pytest.mark.parametrize("known", [True, False])
def test_cpu_seconds_stand_beside_the_wall_seconds_where_they_are_known(known: bool) -> None:
    rows = schema.frame(pd.concat([cells("tv", 0), cells("unet", 2)]))
    rows["cpu_seconds"] = np.where(rows["prior"] == "unet", 3.5, np.nan) if known else np.nan
    lines = summary.lines(rows)
    assert [line.cpu_seconds for line in lines] == [3.5 if known else None, None]
    found = sheets.sheet(TASK, lines, rows, HEADER, full=True, remarks_in_column=True)
    titles = [column.title for column in found.columns]
    assert ("CPU s" in titles) == known == any("CPU s" in note for note in found.notes)
    if known:
        assert titles.index("CPU s") == titles.index("s/image") + 1
        assert found.lines[0][titles.index("CPU s")].text == "3.5"


def test_seconds_of_another_machine_are_marked() -> None:
    ours, theirs = cells("tv", 0, machine="new"), cells("unet", 2, machine="old", threads=4)
    both = cells("nlm", 1, machine="new")
    both.loc[3, "machine"] = "old"
    every = pd.concat([ours, cells("median", -1, machine="new"), theirs, both])
    found = {line.prior: line.remarks for line in summary.lines(schema.frame(every))}
    assert found["tv"] == found["median"] == ""
    assert found["unet"] == "seconds do not compare: old, 4 threads, not new, 1 thread"
    assert found["nlm"] == "seconds do not compare: new and old, not new"
    assert not any(line.remarks for line in summary.lines(schema.frame(theirs)))


def test_per_image_csv_has_the_columns_of_the_rows(rows: pd.DataFrame) -> None:
    read = pd.read_csv(io.StringIO(csv_files.write(rows)))
    assert list(read.columns) == list(rows.columns)
    assert len(read) == len(rows)


def test_write_leaves_two_files_and_nothing_else(rows: pd.DataFrame, tmp_path: Path) -> None:
    folder = tmp_path / "run"
    folder.mkdir()
    tables.write(folder, rows, HEADER)
    written = tables.write(folder, rows, HEADER)  # a second time, over the first
    assert sorted(folder.iterdir()) == sorted(written)
    assert {path.name for path in written} == {"table.md", "table.csv"}
    assert (folder / "table.md").read_text("utf-8") == tables.render(rows, "md", HEADER)


def test_mistakes_are_one_clear_sentence(rows: pd.DataFrame, tmp_path: Path) -> None:
    with pytest.raises(UsageError, match=r"unknown table format 'mdd'; did you mean 'md'\?"):
        tables.render(rows, "mdd")
    with pytest.raises(UsageError, match="'tvv' is not in the results"):
        tables.render(rows, reference="tvv")
    with pytest.raises(UsageError, match="no results yet"):
        tables.render(rows.iloc[:0])
    with pytest.raises(UsageError, match="no column ssim"):
        tables.render(rows.drop(columns="ssim"))
    (tmp_path / "file").write_text("")
    with pytest.raises(UsageError, match="cannot write"):
        tables.write(tmp_path / "file" / "run", rows)


FURTHER = Header(metrics={"psnr": "", "ssim": "", "error": "a distance"}, lower_is_better=["error"])


@pytest.fixture
def measured_further(rows: pd.DataFrame) -> pd.DataFrame:
    """With a distance that is lowest for `tv`, and with a prior that never finished."""
    error = np.where(rows["prior"] == "tv", 0.1, 0.2) * (1 + 0.01 * (rows["psnr"] % 5))
    return pd.concat([rows.assign(error=error), failing("bm3d", "timeout", "too slow")])


def test_metrics_of_plugins_have_interval_and_bold(measured_further: pd.DataFrame) -> None:
    text = tables.render(measured_further, "md", FURTHER)
    found = lines_of(text)
    assert found["prior"][3:5] == ["SSIM", "error [95 % CI]"]
    assert re.fullmatch(r"\*\*0\.1\d+\*\* \[0\.1\d+, 0\.1\d+\]", found["tv"][4])
    assert re.fullmatch(r"0\.2\d+ \[0\.2\d+, 0\.2\d+\]", found["unet"][4])
    assert found["bm3d"][4] == "-"
    assert "- error: a distance; lower is better" in text, "as in the heading"
    assert "PSNR: ;" not in text


def test_metrics_of_plugins_have_a_rank_by_their_direction(measured_further: pd.DataFrame) -> None:
    text = tables.render(measured_further, "csv", FURTHER)
    found = pd.read_csv(io.StringIO(text)).set_index("prior")
    assert found["error_rank"].dropna().to_dict() == {"tv": 1, "twin": 2, "unet": 2}
    assert found["psnr_rank"].dropna().to_dict() == {"tv": 3, "twin": 1, "unet": 1}
    assert list(found.index[:3]) == ["twin", "unet", "tv"], "PSNR decides the order"
    assert found.loc["unet", "error_reference"] == "tv"
    assert found.loc["unet", "error_difference"] > 0
    assert found.loc["unet", "error_wins"] == 0
    assert found.loc["unet", "psnr_wins"] == 0.5


def test_each_metric_that_failed_has_its_own_reason(rows: pd.DataFrame) -> None:
    said = "metric one failed: OSError: no weights; metric two failed: ValueError: too small"
    lost = schema.frame(rows.assign(message=said, status="ok", one=np.nan, two=np.nan))
    cells = len(lost)
    assert remarks.remarks(lost, ["one", "two"], cells) == [
        f"{cells} without one: OSError: no weights",
        f"{cells} without two: ValueError: too small",
    ]


def test_an_infinite_value_is_a_remark_and_an_infinite_psnr_a_large_one(rows) -> None:
    good = schema.frame(rows.assign(status="ok", psnr=np.inf, one=np.inf))
    good.loc[0, "one"] = 1.0
    (said,) = remarks.remarks(good, ["psnr", "one"], len(good))
    assert said == f"{len(good) - 1} with infinite one, which has no mean"


def test_a_metric_without_a_value_is_a_remark(measured_further: pd.DataFrame) -> None:
    rows = measured_further.reset_index(drop=True)
    lost = rows.index[rows["prior"] == "unet"][:2]
    rows.loc[lost, "error"] = np.nan
    rows.loc[lost, "message"] = "metric error failed: OSError: no weights"
    remarks = summarise(rows, further=["error"]).set_index("prior")["remarks"]
    assert remarks["unet"] == "2 without error: OSError: no weights"
    assert remarks["tv"] == ""
    assert "10/12" not in lines_of(tables.render(rows, "md", FURTHER))["unet"], "it is restored"


def test_what_did_not_converge_is_counted() -> None:
    rows = pd.concat([cells("tv", 0, 6), cells("unet", 1, 6), cells("wiener", 2, 6)])
    rows["converged"] = [*[True] * 3, False, False, True, *[None] * 6, *[True] * 6]
    remarks = summarise(rows).set_index("prior")["remarks"]
    assert remarks.to_dict() == {"tv": "2 of 6 did not converge", "unet": "", "wiener": ""}
    assert "2 of 6 did not converge" in lines_of(tables.render(rows, "md", HEADER))["tv"][-1]


def test_images_of_many_channels_are_said() -> None:
    text = tables.render(pd.concat([cells("tv", 0, channels=4), cells("unet", 1, channels=4)]))
    assert "12 images, 4 channels, 256x256" in text


def test_mixed_measurements_are_said(rows: pd.DataFrame) -> None:
    same = tables.render(rows.assign(measurement=rows["image"]), "md", HEADER)
    assert "every prior restores the identical measurement" in same
    other = rows.assign(measurement=rows["image"] + rows["prior"])
    assert "NOT all priors restored the same data" in tables.render(other, "md", HEADER)


def test_mixed_measurements_are_said_in_a_terminal_too(rows: pd.DataFrame) -> None:
    console = Console(width=200, file=io.StringIO(), record=True)
    console.print(tables.terminal(rows.assign(measurement=rows["image"]), HEADER, width=200))
    assert "Evidence" not in console.export_text()
    other = rows.assign(measurement=rows["image"] + rows["prior"])
    console.print(tables.terminal(other, HEADER, width=200))
    assert "NOT all priors restored the same data" in console.export_text()


def stopping(prior: str, cost: Any, **others: Any) -> pd.DataFrame:
    """Rows of a prior that stopped at 200 and would have been better by `cost` at 150."""
    rows = cells(prior, 1.0)
    return rows.assign(stop=200, oracle_step=150, oracle_psnr=rows["psnr"] + cost, **others)


def test_what_stopping_cost_stands_in_a_table_of_its_own() -> None:
    rows = pd.concat([cells("tv", 0), stopping("dip", np.linspace(0, 1.1, 12))])
    line = summarise(rows).set_index("prior").loc["dip"]
    assert line["cost"] == pytest.approx(0.55)
    assert line["cost_worst"] == pytest.approx(1.1)
    assert line["oracle_psnr"] - line["stop_psnr"] == pytest.approx(0.55)
    further = tables.render(rows, "md", HEADER).partition("## When to stop: ")[2]
    assert re.search(r"\| dip +\| +200 \| +\d\d\.\d\d \| +150 \| .* 0\.55 \[1\.10\] \|", further)
    assert "| tv" not in further
    assert "which no prior can see" in further
    latex = tables.render(rows, "latex", HEADER)
    assert latex.count(r"\begin{table}") == latex.count(r"\end{table}") == 2
    assert latex.count("Versions") == 1


def test_in_a_terminal_the_meaning_of_the_oracle_stands_once() -> None:
    rows = pd.concat([cells("tv", 0), stopping("dip", 0.5)])
    both = pd.concat([rows, rows.assign(task="inpaint:missing=0.5")])
    console = Console(width=80, file=io.StringIO(), record=True)
    console.print(tables.terminal(both, HEADER))
    text = console.export_text()
    assert text.count("When to stop: ") == 2
    assert text.count("oracle: that of the best image") == 1
    assert text.count("Protocol: ") == 1
    assert max(map(len, text.splitlines())) <= 80


def test_seeds_count_in_the_mean_of_their_image_and_alone_as_the_worst() -> None:
    rows = pd.concat([stopping("dip", 0.2), stopping("dip", 0.4).assign(seed=1)])
    line = summarise(rows).iloc[0]
    assert line["cost"] == pytest.approx(0.3)
    assert line["cost_worst"] == pytest.approx(0.4)


@pytest.mark.parametrize("style", tables.FORMATS)
def test_priors_that_chose_no_stop_or_lost_nothing_have_no_second_table(style: str) -> None:
    lost_nothing = stopping("dip", 0.0)
    never_chose = stopping("ista", 0.5).assign(stop=np.nan)
    failed = failing("red", "timeout", "too slow").assign(stop=np.nan, oracle_step=np.nan)
    rows = pd.concat([lost_nothing, never_chose, failed])
    assert "When to stop" not in tables.render(rows, style, HEADER)


def test_an_oracle_without_error_counts_as_the_cap() -> None:
    rows = stopping("dip", np.inf)
    assert np.isfinite(summarise(rows)["cost_worst"]).all()


def keyed(rows: pd.DataFrame) -> pd.DataFrame:
    """Give rows the keys that they would have: by prior, task, pixels and seed."""
    pixels = rows["image"].str.removesuffix("-copy")
    key = rows["prior"] + rows["task"] + pixels + rows["seed"].astype(str)
    return rows.assign(key=key)


@pytest.mark.parametrize("style", tables.FORMATS)
def test_equal_images_under_several_names_are_evidence_of_one(style: str) -> None:
    rows = pd.concat([cells("tv", 0, 5), cells("unet", 2, 5), cells("nlm", 0.3, 5)])
    error = np.where(rows["prior"] == "tv", 0.1, 0.2)
    rows = rows.assign(error=error, stop=200, oracle_step=150, oracle_psnr=rows["psnr"] + 0.5)
    copies = [rows.assign(image=rows["image"] + "-copy"), rows[rows["image"] == "02"]]
    copies[1] = copies[1].assign(image="again")
    doubled = keyed(pd.concat([rows, *copies]))
    doubled["key"] = doubled["key"].str.replace("again", "02")
    once = tables.render(keyed(rows), style, FURTHER)
    twice = tables.render(doubled, style, FURTHER)
    if style != "csv":
        said = "00-copy is 00"
        assert said in twice and "counts as one image" in twice
        assert said not in once and "counts as one image" not in once
        twice = "\n".join(line for line in twice.splitlines() if said not in line)
        assert twice.split() == once.split()
    else:
        assert twice == once


def test_copies_are_found_where_rows_are_missing() -> None:
    rows = keyed(pd.concat([cells("tv", 0, 3), cells("unet", 2, 3)]))
    rows = rows.assign(image=["a", "b", "c", "a", "b", "c"])
    rows["key"] = ["1", "1", "2", "3", "4", "4"]
    assert copies.names(rows) == {"b": "a", "c": "a"}
    assert set(copies.merged(rows, copies.names(rows))["image"]) == {"a"}
    assert len(csv_files.write(rows).splitlines()) == 7, "the rows themselves all stay"


@pytest.mark.parametrize("typed", [["--tasks", "denoise:sigma=15|25"], ["a b", "`c`", "*d*", "$e"]])
def test_the_printed_command_can_be_pasted(rows: pd.DataFrame, typed: list[str]) -> None:
    header = dataclasses.replace(HEADER, command=shlex.join(["priorlab", *typed]))
    text = tables.render(rows, "md", header)
    (token,) = (token for token in MarkdownIt().parse(text) if token.type == "fence")
    assert shlex.split(token.content) == ["priorlab", *typed]


@pytest.mark.parametrize("width", mostly_slow([30, 40, 60, 80, 120], 30, 80, 120))
def test_the_name_of_the_prior_stays_in_any_width(rows: pd.DataFrame, width: int) -> None:
    further = {f"metric-{i}": rows["psnr"] / (i + 1) for i in range(5)}
    header = dataclasses.replace(
        HEADER, metrics={"psnr": "", "ssim": ""} | dict.fromkeys(further, "")
    )
    console = Console(width=width, file=io.StringIO(), record=True)
    console.print(tables.terminal(rows.assign(**further), header, width=width))
    text = console.export_text()
    assert max(map(len, text.splitlines())) <= width
    for prior in ("tv", "unet", "twin"):
        assert re.search(rf"(^| ){prior} .*\d\d\.\d\d", text, flags=re.MULTILINE), prior
    assert (f"Not in {width} columns" in " ".join(text.split())) == (width < 120)


def test_published_figures_are_said_to_be_so_in_any_width(rows: pd.DataFrame) -> None:
    console = Console(width=40, file=io.StringIO(), record=True)
    console.print(tables.terminal(rows, HEADER, width=40))
    text = console.export_text().partition("BM3D: published")[0]
    assert len(re.findall(r"\(published\)", text)) == 5


WORDS = {
    "psnr": ("PSNR:", "Bold:", "Below degraded", "identical to the clean", "Intervals: 95 %"),
    "ssim": ("SSIM:", "Bold:"),
    "psnr_rank": ("PSNR:", "Below degraded", "identical to the clean"),
    "psnr_difference": (
        "PSNR:",
        "Below degraded",
        "identical to the clean",
        "those of differences",
    ),
    "psnr_wins": ("PSNR:", "Below degraded", "identical to the clean", "wins:"),
    "seconds": ("s/image:", "1 thread"),
    "cpu_seconds": ("CPU s:", "1 thread"),
    "throughput": ("images/s:", "1 thread", "4 copies"),
    "cells_ok": (),
}
"""What the notes say of each column, besides what they say of the data."""


@pytest.mark.parametrize(
    ("columns", "style"),
    [
        *(((one,), "md") for one in WORDS),
        *itertools.product([("ssim", "seconds"), None], ["md", "html", "latex"]),
    ],
)
def test_notes_tell_of_the_columns_that_are_shown(
    columns: tuple[str, ...] | None, style: str
) -> None:
    many = {"cpu_seconds": 1.0, "batch": 4, "throughput": 9.0}
    every = [cells("degraded", 0.0, **many), cells("tv", -1.0, **many), cells("unet", 90, **many)]
    text = tables.render(pd.concat(every), style, HEADER, columns=columns)
    text = text.replace(r"\%", "%").replace(r"\allowbreak{}", "")
    expected = {word for column in columns or WORDS for word in WORDS[column]}
    assert {word for words in WORDS.values() for word in words if word in text} == expected


@pytest.mark.parametrize("column", ["psnr", "seconds", "cpu_seconds", "throughput"])
def test_notes_of_a_pivot_tell_of_the_columns_that_are_shown(column: str) -> None:
    many = {"cpu_seconds": 1.0, "batch": 4, "throughput": 9.0}
    every = pd.concat([cells("tv", 0.0, **many), cells("unet", 2.0, **many)])
    text = tables.render(every, "md", HEADER, columns=[column], pivot=True)
    words = {"PSNR:", "Bold:", "s/image:", "CPU s:", "images/s:"}
    assert {word for word in words if word in text} == words & set(WORDS[column])
