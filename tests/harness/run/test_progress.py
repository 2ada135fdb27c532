"""What the user sees while a run works."""

import io
import sys
from types import SimpleNamespace

import numpy as np
import pytest

import priorlab
from priorlab.harness.run import progress
from priorlab.harness.run.audience import Audience
from priorlab.harness.run.progress import BarProgress, NotebookProgress, PictureLines, PlainProgress

GOOD = {"prior": "tv", "task": "denoise", "image": "house", "seed": 0, "status": "ok"}
BAD = GOOD | {"status": "timeout", "message": "no result after 9 s"}


def test_plain_lines_are_few_but_tell_every_failure(monkeypatch):
    now = [0.0]
    monkeypatch.setattr(progress.time, "monotonic", lambda: now[0])
    stream = io.StringIO()
    shown = PlainProgress(stream)
    shown.started(30, 10, 2)
    for done in range(11, 31):
        now[0] += 1
        shown.working(0, "tv")
        shown.finished(BAD if done == 15 else GOOD, done, 3661.0 - done)
    shown.ended()
    assert stream.getvalue().splitlines() == [
        "30 cells, 10 known already; 2 at a time",
        "timeout: tv · denoise · house · seed 0: no result after 9 s",
        "20/30 cells, about 1:00:41 left",
        "30/30 cells, about 1:00:31 left",
    ]


def test_an_audience_hears_all_that_is_said():
    heard = []

    class Listener(progress.Progress):
        def working(self, *said):
            heard.append(said)

    audience = Audience(Listener())
    audience.working(1, "tv", 0.25, 61.0)
    assert heard == [(1, "tv", 0.25, 61.0)] and audience.doing == {1: "tv"}


def test_bars_show_every_slot_and_print_failures(monkeypatch):
    from rich import console

    stream = io.StringIO()
    terminal = console.Console(file=stream, force_terminal=True, width=100, height=20)
    monkeypatch.setattr(console, "Console", lambda **options: terminal)
    shown = BarProgress()
    shown.started(3, 1, 2)
    shown.working(1, "dip · inpaint · house · step 120/600")
    shown.finished(BAD, 2, 61.0)
    shown.note("left out: [b]broken.png[/b]")
    shown.ended()
    text = stream.getvalue()
    assert "2: dip · inpaint · house · step 120/600" in text
    assert "timeout: tv · denoise · house · seed 0: no result after 9 s" in text
    assert "2/3" in text
    assert "about 1:01 left" in text
    assert "left out: [b]broken.png[/b]" in text


def test_the_bar_moves_within_a_cell_where_the_share_is_known(monkeypatch):
    from rich import console

    stream = io.StringIO()
    terminal = console.Console(file=stream, force_terminal=True, width=100, height=20)
    monkeypatch.setattr(console, "Console", lambda **options: terminal)
    shown = BarProgress("pictures")
    shown.started(1, 0, 1)
    shown.working(0, "photo.png", 0.5, 30.0)
    assert shown._bars.tasks[0].completed == 0.5
    shown.ended()
    assert "pictures" in stream.getvalue() and "about 0:30 left" in stream.getvalue()


def test_what_is_printed_goes_to_the_file_it_is_sent_to(monkeypatch, capsys):
    monkeypatch.setattr(progress.sys.stderr, "isatty", lambda: True, raising=False)
    shown = BarProgress("pictures")
    shown.started(1, 0, 1)
    print("wrote clean.png")
    shown.ended()
    assert capsys.readouterr().out == "wrote clean.png\n"


def test_lines_on_pictures_come_only_when_it_takes_long(monkeypatch):
    now = [0.0]
    monkeypatch.setattr(progress.time, "monotonic", lambda: now[0])
    stream = io.StringIO()
    shown = PictureLines(stream)
    shown.started(3, 0, 1)
    for done in (1, 2, 3):
        for step in range(1, 11):
            now[0] += 0.1 if done == 1 else 1.5
            shown.working(0, f"{done}.png", step / 10, 70.0 - now[0])
        shown.finished({"status": "ok"}, done, 65.0 - now[0])
    shown.ended()
    assert stream.getvalue().splitlines() == [
        "2.png: 60%, about 1:00 left",
        "3.png: 30%, about 0:50 left",
        "3.png: 100%, about 0:39 left",
    ]


@pytest.fixture
def notebook(monkeypatch):
    """What a notebook shows: the changes of the one thing that is displayed."""
    shown = []
    handle = SimpleNamespace(update=lambda data, raw: shown.append(data))
    display = SimpleNamespace(display=lambda data, raw, display_id: handle)
    shell = SimpleNamespace(kernel="a kernel")
    ipython = SimpleNamespace(display=display, get_ipython=lambda: shell)
    monkeypatch.setitem(sys.modules, "IPython", ipython)
    return shown


def test_a_notebook_shows_a_bar_that_goes_away(notebook, monkeypatch):
    monkeypatch.setattr(progress, "REFRESH", 0.0)
    shown = progress.for_pictures()
    assert type(shown) is type(progress.for_terminal()) is NotebookProgress
    shown.started(2, 0, 1)
    shown.working(0, "<a>.png", 0.5, 90.0)
    shown.finished({"status": "ok"}, 1, 60.0)
    shown.ended()
    first, second, last = notebook
    assert first["text/plain"] == "0/2 results · <a>.png · about 1:30 left"
    assert '<progress value="0.500" max="2">' in first["text/html"]
    assert "&lt;a&gt;.png" in first["text/html"]
    assert second["text/plain"].startswith("1/2 results")
    assert set(last.values()) == {""}


def test_a_restoration_in_a_notebook_shows_how_far_it_is(notebook, monkeypatch):
    monkeypatch.setattr(progress, "REFRESH", 0.0)
    gray = np.full((16, 16), 0.5, np.float32)
    priorlab.restore(gray, "denoise:sigma=25", "dip:iterations=2,depth=1,channels=2")
    assert [data["text/plain"] for data in notebook][-2:] != ["", ""]
    assert notebook[0]["text/plain"].startswith("0/1 result · step 1")
    assert notebook[-1]["text/plain"] == ""


@pytest.mark.parametrize(("tty", "kind"), [(True, BarProgress), (False, PlainProgress)])
def test_bars_are_for_terminals(monkeypatch, tty, kind):
    monkeypatch.setattr(progress.sys.stderr, "isatty", lambda: tty, raising=False)
    assert type(progress.for_terminal()) is kind
