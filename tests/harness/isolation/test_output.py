"""What processes print: however much it is, little is kept."""

import os

import pytest

from priorlab.harness.isolation.output import HEAD, TAIL, Output
from priorlab.harness.isolation.setup import Setup
from priorlab.harness.run import scorer


@pytest.fixture
def output():
    made = Output()
    yield made
    os.close(made.entry)
    os.close(made._exit)


def test_of_much_output_both_ends_are_kept(output):
    os.write(output.entry, b"the beginning")
    for _ in range(40):
        os.write(output.entry, bytes(10_000))
        with output._lock:
            output._read()  # as its thread does
    os.write(output.entry, b"the end")
    text = output.take()
    assert text.startswith("the beginning") and text.endswith("the end")
    assert len(text) <= HEAD + TAIL + 2**16
    assert " bytes ...]" in text
    assert output.take() == "", "it was taken"


def test_a_log_of_a_slot_has_a_limit(output, tmp_path, monkeypatch):
    monkeypatch.setattr(scorer, "LOG", 100)
    with (tmp_path / "log").open("wb") as log, (tmp_path / "out").open("wb") as outbox:
        server = scorer._Server(Setup(), None, 0, outbox, log.fileno(), output)
        for _ in range(3):
            server._keep_output("x" * 40)
    assert (tmp_path / "log").stat().st_size <= 103, "with the ends of three lines"
