"""The runs of the campaign: each group of faults once, beside priors that do no harm."""

import dataclasses
import functools
import importlib.util
import os
import re
from pathlib import Path
from typing import Any

import numpy as np
import pandas as pd
from faultkit import Fault

from priorlab import plugins
from priorlab.harness.run import bench
from priorlab.harness.run.settings import settle
from priorlab.pictures import writing

PLUGINS = Path(__file__).with_name("plugins")
INNOCENT = PLUGINS / "innocent.py"
INNOCENTS = "draws:copy=0|1|2|3,learns:copy=0|1"
RUNS = {
    "quick": (("state", "truth", "doors", "helpers", "vandals"), {"timeout_s": 60}),
    "rough": (("processes", "answers", "memory"), {"timeout_s": 60, "memory_mb": 300}),
    "hangs": (("hangs",), {"timeout_s": 2, "slots": 3}),
    "long": (("long",), {"timeout_s": 120}),
}
"""The runs of the campaign: the plugin files of each, and its settings."""


@dataclasses.dataclass(frozen=True)
class Seen:
    """What a run said of a prior, and what is wrong with that."""

    status: str
    message: str
    problem: str


@functools.cache
def faults(name: str) -> dict[str, Fault]:
    """Return the faults of a run by the name of their prior."""
    return {found: one for group in RUNS[name][0] for found, one in module(group).GROUP.items()}


@functools.cache
def module(group: str) -> Any:
    """Return the plugin file of a group, as a module of the tests' own."""
    spec = importlib.util.spec_from_file_location(f"faults_{group}", PLUGINS / f"{group}.py")
    found = importlib.util.module_from_spec(spec)
    spec.loader.exec_module(found)
    return found


def part(name: str, prior: str) -> str:
    """Return the heading under which a fault stands in the table."""
    group = next(group for group in RUNS[name][0] if prior in module(group).GROUP)
    document = (PLUGINS / f"{group}.py").read_text().split('"""')[1]
    return document.partition("\n")[0].partition(":")[0].rstrip(".")


def images(folder: Path) -> Path:
    """Write one tiny picture, whose first row is known to those who cheat."""
    target = folder / "tiny"
    target.mkdir()
    image = np.random.default_rng(0).integers(0, 256, (1, 16, 16))
    image[0, 0] = np.arange(16) * 37 % 256
    writing.write(target / "tiny.png", (image / 255).astype(np.float32))
    return target


def compare(priors: str, files: list[Path], folder: Path, **typed: Any) -> pd.DataFrame:
    """Run priors on the tiny picture and return the rows."""
    folder.mkdir(parents=True)
    scratch = folder.with_name(f"{folder.name}-scratch")  # not above the images and the results
    scratch.mkdir()
    os.environ["FAULTS_SCRATCH"], os.environ["FAULTS_RUN"] = str(scratch), str(folder)
    os.environ["FAULTS_GROUP"] = str(os.getpgrp())
    given = {"priors": priors, "tasks": "denoise:sigma=25", "out": folder / "out"}
    given |= {"dataset": str(images(folder)), "slots": 2}
    return bench.run(settle(given | typed), plugins.load(files)).rows


def innocent(folder: Path) -> dict[str, str]:
    """Return the digest of what each prior that does no harm returns when it is alone."""
    rows = compare(INNOCENTS, [INNOCENT], folder, slots=1)
    assert rows["status"].eq("ok").all(), rows["message"].tolist()
    return dict(zip(rows["prior"], rows["output"], strict=True))


def run(name: str, folder: Path, alone: dict[str, str]) -> dict[str, Seen]:
    """Run some groups beside priors that do no harm, and judge each row."""
    expected, (groups, settings) = faults(name), RUNS[name]
    # One that does no harm after each few that do; what trains takes longer than others may hang.
    mixed = list(expected)
    innocents = [prior for prior in alone if name != "hangs" or prior.startswith("draws")]
    step = max(1, len(mixed) // len(innocents))
    for place, prior in enumerate(innocents):
        mixed.insert((place + 1) * step + place, prior)
    files = [INNOCENT, *(PLUGINS / f"{group}.py" for group in groups)]
    rows = compare(",".join(mixed), files, folder, **settings)
    rows = {row["prior"]: row for row in rows.to_dict("records")}
    seen = {prior: judged(fault, rows.get(prior)) for prior, fault in expected.items()}
    for prior in innocents:
        row = rows.get(prior, {})
        right = row.get("status") == "ok" and row["output"] == alone[prior] and not row["message"]
        problem = "" if right else "it is not what it is without the others"
        seen[prior] = Seen(str(row.get("status")), str(row.get("message")), problem)
    return seen


def metrics(chosen: list[str], folder: Path, **typed: Any) -> pd.DataFrame:
    """Run the priors beside metrics that fail, with several seeds, and return the rows."""
    os.environ["FAULTS_METRICS"] = ",".join(chosen)
    files = [INNOCENT, PLUGINS / "metrics.py"]
    try:
        return compare("keeps-a-mean,keeps-nothing", files, folder, slots=1, **typed)
    finally:
        del os.environ["FAULTS_METRICS"]


def judged(fault: Fault, row: dict[str, Any] | None) -> Seen:
    """Say what is wrong with the row of a fault."""
    if row is None:
        return Seen("", "", "it has no row")
    status, message = str(row["status"]), str(row["message"])
    problem = ""
    if status not in fault.status.split("|"):
        problem = f"its status is {status}"
    elif not re.search(fault.message or ("^$" if status == "ok" else ""), message):
        problem = f"its message is {message!r}"
    elif fault.check and (status == "ok" or "|" not in fault.status):
        try:
            fault.check(row)
        except AssertionError as error:
            problem = f"{error}" or "its check fails"
    return Seen(status, message, problem)
