"""What the user sees while a run works."""

import io

import pytest

from priorlab.harness.run import progress
from priorlab.harness.run.progress import BarProgress, PlainProgress

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


@pytest.mark.parametrize(("tty", "kind"), [(True, BarProgress), (False, PlainProgress)])
def test_bars_are_for_terminals(monkeypatch, tty, kind):
    monkeypatch.setattr(progress.sys.stderr, "isatty", lambda: tty, raising=False)
    assert type(progress.for_terminal()) is kind
