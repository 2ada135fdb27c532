"""Each run of the campaign happens once, however many processes the tests are spread over."""

import dataclasses
import fcntl
import json
import os
from collections import defaultdict
from pathlib import Path

import campaign
import pytest

from priorlab.ground import escaping


def shared(tmp_path_factory):
    """Return the folder of the campaign, the same for all processes of the tests."""
    base = tmp_path_factory.getbasetemp()
    base = (base.parent if "PYTEST_XDIST_WORKER" in os.environ else base) / "faults"
    base.mkdir(exist_ok=True)
    return base


@pytest.fixture(scope="session")
def folder_of(tmp_path_factory):
    """Return the folder of a run of the campaign."""
    return lambda run: shared(tmp_path_factory) / run


@pytest.fixture(scope="session")
def once(tmp_path_factory):
    """Return what a function returns for a folder; for each name it is called once only."""
    base = shared(tmp_path_factory)

    def result(name, make):
        known = base / f"{name}.json"
        with (base / f"{name}.lock").open("w") as lock:
            fcntl.flock(lock, fcntl.LOCK_EX)
            if not known.exists():
                known.write_text(json.dumps(make(base / name)))
        return json.loads(known.read_text())

    return result


@pytest.fixture(scope="session")
def seen(once):
    """Return what the row of a prior says in a run of the campaign."""

    def look(run, prior):
        alone = once("alone", campaign.innocent)

        def make(folder):
            found = campaign.run(run, folder, alone)
            return {name: dataclasses.asdict(one) for name, one in found.items()}

        return campaign.Seen(**once(run, make)[prior])

    return look


@pytest.fixture
def line(record_property, tmp_path_factory):
    """Add a line to the table of faults."""

    def add(part, name, does, expected, seen):
        told = seen.replace(f"{shared(tmp_path_factory)}", "FOLDER")
        record_property("fault", [part, name, does, expected, told])

    return add


LINES: dict[str, dict[str, list[str]]] = defaultdict(dict)


def pytest_runtest_logreport(report):
    for key, value in report.user_properties:
        if key == "fault" and report.when == "call":
            part, *cells = value
            cells.append("yes" if report.passed else "**NO**")
            LINES[part][cells[0]] = cells


def pytest_sessionfinish(session):
    """Write the table to the file that FAULTS_TABLE names."""
    target = os.environ.get("FAULTS_TABLE")
    if not target or "PYTEST_XDIST_WORKER" in os.environ or not LINES:
        return
    count = sum(map(len, LINES.values()))
    right = sum(cells[-1] == "yes" for lines in LINES.values() for cells in lines.values())
    text = [
        "# Faults: what is to come of each, and what came",
        "",
        f"{right} of {count} as expected. Made by `make faults`, which runs `tests/faults`: each",
        "line is a prior or a metric of a few lines, run beside priors that do no harm, whose",
        "images have to be bit-equal to what they are without the others.",
    ]
    for part, lines in LINES.items():
        text += ["", f"## {part}", "", "| fault | does | expected | seen | as expected |"]
        text += ["| --- | --- | --- | --- | --- |"]
        text += [f"| {' | '.join(map(escaping.markdown, cells))} |" for cells in lines.values()]
    Path(target).write_text("\n".join(text) + "\n")
