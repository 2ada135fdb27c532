"""What `bench` returns: rows that a notebook shows as tables, with pictures and curves."""

from dataclasses import replace

import pandas as pd
import pytest
from sample_pictures import picture, save

from priorlab import api
from priorlab.api.result import BenchResult
from priorlab.errors import UsageError


@pytest.fixture(scope="module")
def result(tmp_path_factory):
    from priorlab import bench

    out = tmp_path_factory.mktemp("results")
    photo = out / "photos" / "camera.png"
    save(photo, picture(48, 64))
    tasks = "denoise:sigma=25,inpaint"
    return bench(
        ["dip:iterations=20,channels=8,depth=2", "degraded"], tasks, photo.parent, out=out, slots=1
    )


def test_it_is_a_data_frame_and_what_comes_of_it_a_plain_one(result):
    assert isinstance(result, BenchResult)
    assert len(result) == 4 and set(result["status"]) == {"ok"}
    for other in (result[["prior"]], result.head(1), result.copy(), result[result["psnr"] > 0]):
        assert type(other) is pd.DataFrame


def test_a_notebook_shows_it_as_its_tables(result):
    shown = result._repr_mimebundle_()
    assert shown["text/html"].count("<table") >= 2
    assert "<caption>Inpainting, 50 % missing on photos</caption>" in shown["text/html"]
    assert "## denoise:sigma=25 on photos" in shown["text/markdown"]


def test_the_gallery_has_the_sheets_of_all_tasks_or_of_one(result):
    one, whole = result.gallery("denoise:sigma=25"), result.gallery()
    assert whole.height > one.height
    with pytest.raises(UsageError, match=r"unknown task of this run 'denoise'.*did you mean"):
        result.gallery("denoise")


def test_curves_are_of_priors_that_report_images(result):
    figure = result.curves()
    assert [axes.get_title() for axes in figure.axes] == [
        "denoise:sigma=25, camera",
        "inpaint:missing=0.5, camera",
    ]
    line = figure.axes[0].lines[0]
    assert len(line.get_xdata()) > 1 and line.get_label() == "dip:iterations=20,channels=8,depth=2"
    with pytest.raises(UsageError, match="unknown image of this run"):
        result.curves("house")
    rows = result.run.rows
    plain = BenchResult(replace(result.run, rows=rows[rows["prior"] == "degraded"]))
    with pytest.raises(UsageError, match="reported images on the way"):
        plain.curves()


def test_its_run_stands_for_the_name_of_a_run(result):
    out = result.run.folder.parent
    assert api.table(result.run, pivot=True) == api.table(result.run.folder.name, out, pivot=True)
    assert dict(api.ranks(result.run).ranks) == dict(api.ranks(result.run.folder).ranks)
    one, other = result.run, result.run.folder
    changes = api.compare(one, one)
    assert changes.markdown() == api.compare(other, other).markdown() == changes._repr_markdown_()
    assert repr(one) == f"Run(folder={one.folder!r})", "neither each cell nor all facts"
    with pytest.raises(UsageError, match="the `run` of what bench returned, not BenchResult"):
        api.table(result)
