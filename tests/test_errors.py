"""Whatever an error says and is, what is told of it is short and can be written anywhere."""

import json
import sqlite3
import time

import pytest
from hypothesis import given
from hypothesis import strategies as st

from priorlab import cli, plugins, restoration
from priorlab.errors import said, trace_of
from priorlab.ground.files import write_atomically

ANY_TEXT = st.text(st.characters())  # lone surrogates included


class Raising(Exception):
    def __str__(self):
        raise SystemExit(1)


class NoText(Exception):
    __str__ = __repr__ = None


class Pretending(Exception):
    @property
    def __class__(self):
        raise RuntimeError("what am I?")


class Text(str):
    def __getitem__(self, key):
        raise RuntimeError("no letters")

    encode = strip = partition = __getitem__


class OddText(Exception):
    def __str__(self):
        return Text("odd")


class Meta(type):
    __name__ = property(lambda self: 1 / 0)


class Nameless(Exception, metaclass=Meta):
    pass


def circular():
    first, second = ValueError("first"), ValueError("second")
    first.__cause__, second.__cause__ = second, first
    return first


@pytest.mark.parametrize(
    ("make", "says"),
    [
        (Raising, "Raising: its message cannot be shown"),
        (NoText, "NoText: its message cannot be shown"),
        (lambda: Pretending("x"), "Pretending: x"),
        (OddText, "OddText: odd"),
        (lambda: Nameless("x"), "Nameless: x"),
        (lambda: ValueError(10**400), "ValueError: 1000"),
        (lambda: ValueError(10**5000), "ValueError: its message cannot be shown"),
        (lambda: ValueError("caf\udcff"), "ValueError: caf?"),
        (lambda: ValueError("\n\n  two\nlines"), "ValueError: two"),
        (circular, "ValueError: first"),
    ],
)
def test_the_reason_of_any_error_is_one_short_line(make, says):
    error = make()  # here, for pytest looks at what it is given
    line = restoration.reason(error)
    assert line.startswith(says)
    assert len(line) <= restoration.LONGEST_REASON
    assert says.partition(":")[0] in trace_of(error)


def test_a_huge_text_is_not_copied():
    error = ValueError("x" * 10**8)
    error.__cause__ = ValueError("y" * 10**8)
    started = time.process_time()
    assert len(restoration.reason(error)) <= restoration.LONGEST_REASON
    assert len(trace_of(error)) <= 20_000
    assert time.process_time() - started < 0.05


def test_the_traceback_names_the_place_and_the_cause():
    def deep(level):
        return deep(level - 1) if level else {}["missing"]

    try:
        try:
            deep(900)
        except KeyError as error:
            raise ValueError("wrapped") from error
    except ValueError as error:
        text = trace_of(error)
    assert "KeyError: 'missing'" in text and text.endswith("ValueError: wrapped")
    assert 'return deep(level - 1) if level else {}["missing"]' in text
    assert len(text) < 20_000


@given(ANY_TEXT)
def test_what_is_told_can_be_written_everywhere(tmp_path_factory, text):
    told = said(ValueError(text))
    told.encode("utf-8")
    assert json.loads(json.dumps(told)) == told
    assert sqlite3.connect(":memory:").execute("select ?", [told]).fetchone() == (told,)
    file = tmp_path_factory.getbasetemp() / "text.md"
    write_atomically(file, text)
    assert file.read_bytes() == text.encode("utf-8", "replace")


PLUGIN = """
from priorlab import Denoiser, Metric, hookimpl

class Halve(Denoiser):
    name = "halve"
    def denoise(self, v, sigma):
        return v / 2

Halve.__doc__ = {doc!a}

@hookimpl
def priorlab_priors():
    return [Halve]

@hookimpl
def priorlab_metrics():
    return [Metric(name="ours", doc={doc!a}, spec={doc!a}, function=lambda a, b: 0.0)]
"""


def test_texts_of_plugins_may_hold_anything(tmp_path, capsys):
    file = tmp_path / "odd.py"
    file.write_text(PLUGIN.format(doc="half a pair \ud800 \udcff \x1b[31m | ` end"))
    bad = tmp_path / "b\udce9d.py"
    bad.write_text("raise ValueError('caf\\udcff')")
    typed = ["--plugin", str(file), "--plugin", str(bad)]
    assert cli.main(["plugins", *typed]) == 1
    assert cli.main(["list", *typed]) == 0
    assert cli.main(["show", "halve", *typed]) == 0
    assert cli.main(["show", "ours", *typed]) == 0
    shown = capsys.readouterr().out
    assert "half a pair" in shown and "ValueError: caf?" in shown


@pytest.mark.parametrize("doc", [None, 5, b"bytes"])
def test_a_doc_that_is_no_text_is_refused(tmp_path, doc):
    file = tmp_path / "odd.py"
    file.write_text(PLUGIN.replace("doc={doc!a}", f"doc={doc!r}").replace("{doc!a}", "'doc'"))
    (broken,) = plugins.load([file]).problems
    assert "needs a text as its doc" in broken.problem


@pytest.mark.parametrize(
    ("make", "code", "says"),
    [
        (lambda: RuntimeError("a bug"), 4, "a fault of priorlab"),
        (lambda: Pretending("a bug"), 4, "a fault of priorlab"),
        (lambda: KeyError("a bug"), 4, "priorlab --version"),
        (MemoryError, 2, "not enough memory"),
        (lambda: OSError("gone"), 2, "gone"),
        (KeyboardInterrupt, 3, "interrupted"),
    ],
)
def test_a_fault_of_ours_has_a_code_of_its_own_and_says_where_to_report_it(
    make, code, says, monkeypatch, capsys
):
    def fail(options):
        raise make()

    monkeypatch.setattr(cli.catalogue, "_list", fail)
    assert cli.main(["list"]) == code
    told = capsys.readouterr().err
    assert says in told
    assert ("Traceback" in told and "in fail" in told) == (code == 4)


def test_the_version_is_told_with_what_a_report_needs(capsys):
    with pytest.raises(SystemExit) as ended:
        cli.main(["--version"])
    assert ended.value.code == 0
    told = capsys.readouterr().out
    assert told.startswith("priorlab 0.") and "torch" in told and "Python 3." in told
