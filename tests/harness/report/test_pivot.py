"""The table of all tasks: every figure in its place, and none that is not what it seems."""

import dataclasses
import io

import numpy as np
import pandas as pd
import pytest
from mostly_slow import mostly_slow

from priorlab.errors import UsageError
from priorlab.harness.report import tables
from priorlab.harness.results import schema
from priorlab.harness.results.header import Header
from priorlab.suites.published import Published

FIRST, SECOND = "denoise:sigma=25", "inpaint:missing=0.5"
HEADER = Header(
    dataset="set12",
    titles={FIRST: "Gaussian, σ=25", SECOND: "Inpainting, 50 % missing"},
    protocols={FIRST: "on all channels", SECOND: "on all channels"},
    published=[
        Published(method="BM3D", task=FIRST, psnr=29.97, source="Dabov et al. 2007"),
        Published(method="IRCNN", task=SECOND, psnr=31.0, ssim=0.9, source="Zhang et al. 2017"),
    ],
)


def cells(prior: str, task: str, psnr: float, status: str = "ok", images: int = 8) -> pd.DataFrame:
    good = status == "ok"
    scores = psnr + 0.1 * np.arange(images)
    return pd.DataFrame(
        {
            "prior": prior,
            "task": task,
            "image": [f"{i}" for i in range(images)],
            "seed": 0,
            "status": status,
            "message": "" if good else "out of memory",
            "psnr": scores if good else np.nan,
            "ssim": scores / 50 if good else np.nan,
            "seconds": 0.5 if good else np.nan,
        }
    )


@pytest.fixture(scope="module")
def rows() -> pd.DataFrame:
    partly = cells("partly", FIRST, 40)
    partly.loc[0, ["status", "psnr", "ssim"]] = ["failed", np.nan, np.nan]
    found = [
        cells("tv", FIRST, 27),
        cells("tv", SECOND, 30),
        cells("unet", FIRST, 29),
        cells("unet", SECOND, 33),
        cells("median", FIRST, 28),
        cells("median", SECOND, 0, "unsupported"),
        cells("slow", FIRST, 0, "timeout"),
        cells("late", SECOND, 25),
        partly,
        cells("partly", SECOND, 20),
        *(cells("idle", task, 0, "unsupported") for task in (FIRST, SECOND)),
    ]
    return schema.frame(pd.concat(found, ignore_index=True))


def lines_of(text: str) -> dict[str, list[str]]:
    parts = [line[2:-2].split(" | ") for line in text.splitlines() if line.startswith("|")]
    return {first.strip(): [other.strip() for other in others] for first, *others in parts}


def test_every_prior_has_a_line_and_every_task_a_column(rows: pd.DataFrame) -> None:
    text = tables.render(rows, "md", HEADER, pivot=True)
    found = lines_of(text)
    assert found["prior"] == ["Gaussian, σ=25", "Inpainting, 50 % missing"]
    assert found["unet"] == ["**29.35**", "**33.35**"]
    assert found["tv"] == ["27.35", "30.35"]
    assert found["median"] == ["28.35", "–"]
    assert found["slow"][0] == "timeout"
    assert found["late"] == ["", "25.35"], "what was not run is empty"
    assert found["partly"] == ["40.40†", "20.35"], "the best figure, of other images: not bold"
    assert found["BM3D (published)"][0] == "29.97"
    assert found["IRCNN (published)"] == ["", "31.00"]
    order = [name for name in found if not name.startswith("-")]
    assert order[1:3] == ["unet", "tv"] and order[-2:] == ["IRCNN (published)", "BM3D (published)"]
    assert "idle" not in found and "For none of these tasks: idle." in text


def test_every_note_stands_once(rows: pd.DataFrame) -> None:
    text = tables.render(rows, "md", HEADER, pivot=True)
    for note in ("Protocol: metrics", "Bold: ", "Data: set12", "Evidence: ", "†: ", "–: "):
        assert text.count(f"- {note}") == 1, note
    assert "- slow (Gaussian, σ=25): 8 timeout: out of memory." in text
    assert "- BM3D: published: Dabov et al. 2007." in text


def test_several_columns_stand_under_each_task(rows: pd.DataFrame) -> None:
    text = tables.render(rows, "md", HEADER, pivot=True, columns=["ssim", "seconds"])
    found = lines_of(text)
    assert found["prior"][:2] == ["Gaussian, σ=25, SSIM", "Gaussian, σ=25, s/image"]
    assert found["tv"] == ["0.5470", "0.5", "0.6070", "0.5"]
    assert found["slow"][:2] == ["timeout", ""]
    assert found["IRCNN (published)"][2] == "0.9000"
    assert "s/image: median" in text


def test_csv_and_parquet_have_every_digit(rows: pd.DataFrame) -> None:
    text = tables.render(rows, "csv", HEADER, pivot=True)
    read = pd.read_csv(io.StringIO(text)).fillna({"remarks": ""}).set_index("prior")
    assert list(read.columns) == ["kind", FIRST, SECOND, "remarks"]
    assert read.loc["tv", FIRST] == pytest.approx(27.35, rel=1e-12)
    assert np.isnan(read.loc["median", SECOND])
    remarks = read["remarks"].to_dict()
    assert remarks["partly"] == f"{FIRST}: mean over 7 of 8 images, not ranked; 1 failed"
    assert remarks["slow"] == f"{FIRST}: 8 timeout: out of memory"
    assert remarks["median"].startswith(f"{SECOND}: 8 unsupported")
    assert remarks["BM3D"] == f"{FIRST}: published: Dabov et al. 2007"
    pytest.importorskip("pyarrow")
    stored = pd.read_parquet(io.BytesIO(tables.parquet(rows, HEADER, pivot=True)))
    pd.testing.assert_frame_equal(stored.set_index("prior"), read, check_dtype=False)


def test_html_has_headings_and_escapes(rows: pd.DataFrame) -> None:
    named = rows.assign(prior=rows["prior"].replace("tv", "<script>alert(1)</script>"))
    text = tables.render(named, "html", HEADER, pivot=True)
    assert "<script>" not in text and "&lt;script&gt;" in text
    assert text.count("<caption>PSNR (dB) on set12</caption>") == 1
    assert '<th scope="colgroup" colspan="1">Gaussian</th>' in text
    assert 'font-weight:normal">unet</th>' in text and text.count("<tbody>") == 2


def test_priors_are_ordered_by_what_is_chosen_and_its_direction(rows: pd.DataFrame) -> None:
    error = rows["psnr"] / 100
    header = Header(metrics={"error": "a distance"}, lower_is_better=["error"])
    text = tables.render(rows.assign(error=error), "md", header, pivot=True, columns=["error"])
    found = list(lines_of(text))
    assert found.index("tv") < found.index("unet")
    assert "error: a distance; lower is better" in text


def test_columns_of_the_tables_of_single_tasks(rows: pd.DataFrame) -> None:
    text = tables.render(rows, "md", HEADER, columns=["ssim", "psnr_wins"])
    assert lines_of(text)["prior"] == ["SSIM", "wins"]
    csv = tables.render(rows, "csv", HEADER, columns=["psnr_rank"])
    assert csv.splitlines()[0] == "task,prior,psnr_rank"


@pytest.mark.parametrize("style", mostly_slow(tables.FORMATS, "md"))
@pytest.mark.parametrize("pivot", [False, True])
def test_an_unknown_column_is_one_clear_sentence(
    rows: pd.DataFrame, style: str, pivot: bool
) -> None:
    with pytest.raises(UsageError, match="unknown column 'psnrr'; did you mean 'psnr'"):
        tables.render(rows, style, HEADER, columns=["psnrr"], pivot=pivot)


def test_tuned_is_a_prior_that_has_parameters_for_what_it_restored(rows):
    tuned = {"tv": {"noise": "weight=1"}, "unet": {"blur": "steps=9"}}
    told = dataclasses.replace(HEADER, tuned=tuned)
    text = tables.render(rows.assign(degradation="noise", channels=3), "md", told, pivot=True)
    assert "which the table of each task says: tv.\n" in text
