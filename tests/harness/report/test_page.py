"""The page of a run: whole in one file, whatever names and messages hold, and bounded."""

import base64
import dataclasses
import io
import json
import re
import shutil
import subprocess
from html.parser import HTMLParser

import numpy as np
import pandas as pd
import pytest
import sample_run
from PIL import Image

from priorlab import api, cli
from priorlab.errors import UsageError
from priorlab.harness.report import tables
from priorlab.harness.report.page import contents, sortable_tables, writing
from priorlab.harness.report.page.pictures import Pictures


@pytest.fixture(scope="module")
def run(tmp_path_factory):
    return sample_run.make(tmp_path_factory.mktemp("results"))


@pytest.fixture(scope="module")
def page(run):
    return writing.write(run).file.read_text("utf-8")


class Tags(HTMLParser):
    """The tags of a page, and the text within each kind of tag."""

    def __init__(self, page):
        super().__init__()
        self.tags, self.open, self.texts = [], [], []
        self.feed(page)

    def handle_starttag(self, tag, attributes):
        self.tags.append((tag, dict(attributes)))
        self.open.append(tag)

    def handle_endtag(self, tag):
        while self.open and self.open.pop() != tag:
            pass

    def handle_data(self, text):
        self.texts.append((self.open[-1] if self.open else "", text))


def data_of(page):
    return json.loads(re.search(r'id="data">(.*?)</script>', page, re.S)[1])


def test_nothing_is_loaded_from_elsewhere(page):
    for tag, attributes in Tags(page).tags:
        for name in ("src", "href", "srcset", "action", "poster"):
            address = attributes.get(name) or "#"
            assert address.startswith(("#", "data:")), (tag, address)
    found = set(re.findall(r"https?://[^\s\"'<]+", page))
    assert found <= {"http://www.w3.org/2000/svg"}, "the name of SVG, which nobody opens"
    assert "url(" not in page and "@import" not in page


def test_names_and_messages_are_text_wherever_they_stand(page):
    assert "<script>alert" not in page and "\x1b" not in page
    assert "<b>" not in page, "of the command"
    scripts = [a for tag, a in Tags(page).tags if tag == "script"]
    kinds = [attributes.get("type", "") for attributes in scripts]
    assert kinds.count("") == 1, "only our own script runs"
    shown = data_of(page)
    assert shown["images"][1] == r"<script>alert(1)</script>&\x1b[31m"
    assert "=cmd()" in shown["priors"]


def test_only_this_script_may_run(page):
    policy = next(a["content"] for _, a in Tags(page).tags if "http-equiv" in a)
    assert "default-src 'none'" in policy and "unsafe-inline' " not in policy.split("script-src")[1]
    assert re.search(r"script-src 'sha256-[\w+/=]+';", policy)


def test_tables_are_whole_without_the_script(page):
    cells = [text for tag, text in Tags(page).texts if tag in ("th", "td", "strong")]
    assert {"good", "fair", "dip"} <= set(cells)
    captions = [text for tag, text in Tags(page).texts if tag == "caption"]
    assert captions[0] == "denoise:sigma=25 on tiny"
    assert "Every image" in captions


def test_a_failure_has_its_log(page):
    parts = re.findall(r'<details class="failure".*?</details>', page, re.S)
    assert len(parts) == 2
    assert "Traceback:\n  ValueError: &lt;script&gt;" in parts[0]


def test_pictures_are_those_of_the_run_and_equal_ones_are_there_once(run, page):
    view = data_of(page)["views"][0]
    text = re.search(rf'id="{view["clean"]}">(.*?)</script>', page)[1]
    with Image.open(io.BytesIO(base64.b64decode(text))) as shown:
        assert shown.format == "WEBP"
        file = run.folder / "images" / "denoise-sigma=25" / "house" / "_clean.png"
        assert np.array_equal(np.asarray(shown), np.asarray(Image.open(file)))
    views = data_of(page)["views"]
    assert len(views) == 4
    assert views[0]["clean"] == views[2]["clean"], "the clean image of both tasks"
    assert [len(view["restored"]) for view in views] == [4, 3, 4, 3]


def test_curves_have_stop_and_oracle(page):
    (first, *_) = curves = data_of(page)["curves"]
    assert len(curves) == 4
    assert (first["stop"][0], first["oracle"][0], len(first["points"])) == (20, 25, 29)


def test_the_script_is_small(page):
    assert len(writing.script_text()) <= 100_000


def test_a_large_page_has_its_pictures_in_a_folder(run, tmp_path):
    written = writing.write(run, tmp_path / "page.html", most=1000)
    assert written.folder == tmp_path / "page_pictures"
    page = written.file.read_text("utf-8")
    shown = data_of(page)
    assert shown["folder"] == "page_pictures" and "UklGR" not in page
    name = shown["views"][0]["clean"]
    assert (written.folder / f"{name}.js").read_text().startswith(f'priorlabPicture("{name}","UklG')
    assert written.size == len(page.encode()) + sum(
        len(re.search(r',"(.*)"', file.read_text())[1]) for file in written.folder.iterdir()
    )
    again = writing.write(run, tmp_path / "page.html")
    assert again.folder is None and not written.folder.exists(), "of an earlier page"


def test_a_folder_of_someone_else_stays(run, tmp_path):
    (tmp_path / "page_pictures").mkdir()
    (tmp_path / "page_pictures" / "holiday.png").touch()
    writing.write(run, tmp_path / "page.html")
    assert (tmp_path / "page_pictures" / "holiday.png").exists()
    with pytest.raises(UsageError, match="page_pictures"):
        writing.write(run, tmp_path / "page.html", most=1000)


def test_what_is_lost_is_left_out_and_what_is_damaged_is_said(run, tmp_path, capsys):
    """A run that was moved without its store, and lost or damaged pictures."""
    moved = tmp_path / "moved"
    shutil.copytree(run.folder, moved)
    place = moved / "images" / "denoise-sigma=25" / "house"
    (place / "good.png").write_bytes(b"no picture")
    (place / "_clean.png").unlink()
    info = json.loads((moved / "run.json").read_text())
    del info["images"], info["cells"]  # as in the published runs of earlier versions
    (moved / "run.json").write_text(json.dumps(info))
    assert cli.main(["report", str(moved)]) == 0
    assert capsys.readouterr().err.startswith("priorlab: 1 picture is damaged and not on the page;")
    found = data_of((moved / "report.html").read_text("utf-8"))
    assert found["curves"] == [] and found["views"][0]["clean"] == ""
    assert len(found["views"][0]["restored"]) == 3


def test_the_command_writes_and_says_where(run, tmp_path, capsys):
    target = tmp_path / "page.html"
    arguments = ["report", "first", "--out", str(run.folder.parent), "-o", str(target)]
    assert cli.main(arguments) == 0
    said = capsys.readouterr()
    assert f"wrote {target} (" in said.out and not said.err
    assert target.read_text("utf-8").startswith("<!doctype html>")
    assert cli.main(["report", "second", "--out", str(run.folder.parent)]) == 2
    assert "there is no run second" in capsys.readouterr().err


def test_bench_writes_the_page_of_its_run(run, capsys, monkeypatch):
    monkeypatch.setattr(api, "run", lambda *_, **__: run)
    file = run.folder / "report.html"
    file.unlink(missing_ok=True)
    grid = ["--priors", "degraded", "--tasks", "denoise:sigma=25", "--dataset", "photos"]
    assert cli.main(["bench", *grid, "--report"]) == 1, "there are failures"
    assert f"wrote {file} (" in capsys.readouterr().out and file.exists()


def test_a_run_without_results_has_no_page(run, tmp_path):
    empty = type(run)(tmp_path, run.rows.head(0), run.info)
    with pytest.raises(UsageError, match="no results"):
        writing.write(empty)


def test_columns_of_which_less_is_better_are_marked(run, tmp_path):
    rows = run.rows.assign(lpips=0.1)
    metrics = {**run.info["metrics"], "lpips": "distance"}
    info = {**run.info, "metrics": metrics, "lower_is_better": ["lpips"]}
    text = writing.write(type(run)(run.folder, rows, info), tmp_path / "p.html").file.read_text()
    heads = set(re.findall(r'<th scope="col" class="number"( data-falling="")?>([^ <]+)', text))
    falling = {"#", "lpips", "seed", "s/image", "seconds", "cost"}
    assert {name for mark, name in heads if mark} == falling
    assert {"PSNR", "SSIM", "vs"} <= {name for mark, name in heads if not mark}


def test_many_rows_are_left_to_the_file(run, monkeypatch):
    monkeypatch.setattr(sortable_tables, "MOST_ROWS", 3)
    table = sortable_tables.rows(run.rows, ["psnr"])
    assert table.count("<tr data-") == 3 and "13 more rows" in table


def test_the_parts_of_the_page_are_in_the_package(page):
    files = subprocess.run(
        ["git", "ls-files", "priorlab/harness/report/page"], capture_output=True, text=True
    )
    if files.returncode or not files.stdout:
        pytest.skip("this is no git checkout")
    listed = {line.rpartition("/")[2] for line in files.stdout.splitlines()}
    assert {*writing.SCRIPTS, "template.html", "page.css"} <= listed


def test_a_picture_is_not_replaced_by_a_page(run, tmp_path):
    photo = tmp_path / "photo.png"
    photo.write_bytes(b"a picture")
    with pytest.raises(UsageError, match=r"let it end in \.html"):
        api.report(run.folder, photo)
    assert photo.read_bytes() == b"a picture"


@pytest.mark.parametrize("script", [None, "own.js"])
def test_a_folder_that_only_looks_like_one_of_pictures_stays(run, tmp_path, script):
    folder = tmp_path / "page_pictures"
    folder.mkdir()
    if script:
        (folder / script).write_text("mine")
    writing.write(run, tmp_path / "page.html")
    assert folder.is_dir() and (script is None or (folder / script).exists())


def test_pictures_and_curves_are_of_one_seed_which_each_image_has(run):
    """Such as in a run that was cut short, or of which a part failed with the first seed."""
    rows = run.rows.copy()
    rows.loc[rows["image"] == "house", "seed"] = 3
    failed = rows[rows["image"] == "house"].assign(seed=2, status="failed", key="none")
    mixed = dataclasses.replace(run, rows=pd.concat([failed, rows], ignore_index=True))
    outcomes = run.outcomes()
    lines, _ = tables.compared(mixed.rows, mixed.header)
    found = contents.contents(mixed, lines, outcomes, Pictures())
    house, other = found["images"].index("house"), 1 - found["images"].index("house")
    assert {view["image"]: view["seed"] for view in found["views"]}[other] == 0
    of_curves = {(curve["task"], curve["image"]) for curve in found["curves"]}
    assert of_curves == {(task, image) for task in (0, 1) for image in (house, other)}
