"""Write the page of a run: its parts are put together into one file, or into two if it is large."""

from __future__ import annotations

import base64
import hashlib
import html
import json
import re
import shutil
from collections.abc import Mapping
from dataclasses import dataclass
from importlib import resources
from pathlib import Path
from string import Template
from typing import Any

from priorlab.errors import UsageError
from priorlab.ground.escaping import without_home
from priorlab.ground.files import check_place, write_atomically
from priorlab.harness.report import notes, tables
from priorlab.harness.report.formats import Sheet
from priorlab.harness.report.page import contents, sortable_tables
from priorlab.harness.report.page.pictures import Pictures
from priorlab.harness.report.page.sortable_tables import block, text
from priorlab.harness.results.names import cell_text
from priorlab.harness.results.runs import Run
from priorlab.harness.results.schema import FINAL, Outcome

FILE = "report.html"
"""The name of a page in the folder of its run."""
MOST_BYTES = 60_000_000
"""Of one file; the pictures of a larger page lie in a folder beside it."""
MOST_LOGS = 200
"""Failures whose log is shown."""
SCRIPTS = (
    "data.js",
    "colour.js",
    "quality.js",
    "pictures.js",
    "maps.js",
    "tables.js",
    "axes.js",
    "charts.js",
    "panes.js",
    "viewer.js",
    "controls.js",
    "main.js",
)
"""In this order they make one script."""


@dataclass(frozen=True)
class Written:
    """A page that was written.

    Attributes
    ----------
    file : Path
        The page.
    folder : Path or None
        Its pictures, where they are too large to lie in it.
    size : int
        Bytes of both.
    damaged : int
        Pictures of the run that cannot be shown.
    """

    file: Path
    folder: Path | None
    size: int
    damaged: int = 0


def write(run: Run, file: Path | None = None, most: int = MOST_BYTES) -> Written:
    """Write the page of a run.

    Parameters
    ----------
    run : Run
        Finished or not, with at least one row.
    file : Path, optional
        By default `FILE` in the folder of the run.
    most : int
        Bytes up to which everything is in one file.

    Raises
    ------
    UsageError
        If the run has no rows yet, or a file cannot be written.
    """
    if run.rows.empty:
        raise UsageError("there are no results yet to make a page of")
    target = file or run.folder / FILE
    if target.suffix.lower() not in (".html", ".htm"):
        raise UsageError(f"{target} is not the name of a page; let it end in .html")
    check_place(target)
    folder = target.with_name(f"{target.stem}_pictures")
    outcomes = run.outcomes()
    pictures = Pictures()
    lines, sheets = tables.compared(run.rows, run.header)
    found = contents.contents(run, lines, outcomes, pictures)
    pictures.encode()
    damaged = set(pictures.missing())
    found["views"] = contents.without(found["views"], damaged)
    apart = pictures.size > most
    found["folder"] = folder.name if apart else ""
    page = _page(run, sheets, outcomes, found, {} if apart else pictures.encoded).encode()
    if not apart:
        _remove(folder)
        write_atomically(target, page)
        return Written(target, None, len(page), len(damaged))
    _write_apart(folder, pictures.encoded)
    write_atomically(target, page)
    return Written(target, folder, len(page) + pictures.size, len(damaged))


def _write_apart(folder: Path, encoded: Mapping[str, str]) -> None:
    """Write each picture as a script of one call: a page from disk may read nothing else."""
    _remove(folder)
    try:
        folder.mkdir(parents=True)
        for name, data in encoded.items():
            (folder / f"{name}.js").write_text(f'priorlabPicture("{name}","{data}");', "ascii")
    except OSError as error:
        raise UsageError(f"cannot write to {folder}: {error.strerror or error}") from None


def _remove(folder: Path) -> None:
    """Remove the pictures of an earlier page, and nothing else that has their folder's name."""
    names = [entry.name for entry in folder.iterdir()] if folder.is_dir() else []
    if names and all(re.fullmatch(r"p\d+\.js", name) for name in names):
        shutil.rmtree(folder, ignore_errors=True)


def _page(
    run: Run,
    sheets: Mapping[str, Sheet],
    outcomes: Mapping[str, Outcome],
    found: dict[str, Any],
    encoded: Mapping[str, str],
) -> str:
    """Return the page: the template with everything in its place."""
    parts = resources.files(__package__)
    script = script_text()
    digest = base64.b64encode(hashlib.sha256(script.encode()).digest()).decode()
    header = run.header
    counts = run.rows["status"].value_counts()
    name = str(run.info.get("name") or run.folder.name)
    return Template((parts / "template.html").read_text("utf-8")).substitute(
        title=text(header.title or f"priorlab: {name}"),
        subtitle=text(
            ", ".join(_counted(kind, len(found[kind])) for kind in ("priors", "tasks", "images"))
            + f" of {header.dataset}; "
            + ", ".join(f"{count} {status}" for status, count in counts.items())
        ),
        # Only this very script may run, whatever else would get into the page.
        script_source=f"'sha256-{digest}'" + " 'self' file:" * bool(found["folder"]),
        style=(parts / "page.css").read_text("utf-8"),
        above="".join(f"<p>{text(line)}</p>" for line in header.above),
        sheets=sortable_tables.sheets(sheets),
        rows=sortable_tables.rows(run.rows, contents.metrics_of(run), run.header.lower_is_better),
        failures=_failures(run, outcomes),
        facts=_facts(run),
        closing="".join(f"<li>{text(note)}</li>" for note in notes.closing(header)),
        data=json.dumps(found, separators=(",", ":")).replace("<", "\\u003c"),
        script=script,
        pictures="\n".join(
            f'<script type="text/plain" id="{name}">{data}</script>'
            for name, data in encoded.items()
        ),
    )


def _counted(kind: str, count: int) -> str:
    return f"{count} {kind if count != 1 else kind.removesuffix('s')}"


def script_text() -> str:
    """Return the script of a page."""
    folder = resources.files(__package__) / "script"
    files = [(folder / name).read_text("utf-8") for name in SCRIPTS]
    return "".join(['"use strict";\n(() => {\n', *files, "})();\n"])


def _failures(run: Run, outcomes: Mapping[str, Outcome]) -> str:
    """Return what failed, each with its log."""
    failed = run.rows[~run.rows["status"].isin(FINAL)]
    if failed.empty:
        return "<p>Nothing failed.</p>"
    parts = []
    for line in failed.head(MOST_LOGS).to_dict("records"):
        outcome = outcomes.get(line["key"])
        log = without_home(outcome.details) if outcome else ""
        parts.append(
            f'<details class="failure" data-prior="{text(line["prior"])}"'
            f' data-task="{text(line["task"])}" data-image="{text(line["image"])}">'
            f"<summary><strong>{text(line['status'])}</strong> {text(cell_text(line))}:"
            f" {text(line['message'])}</summary>"
            f"<pre>{block(log) or 'There is no log of it.'}</pre></details>"
        )
    left = len(failed) - MOST_LOGS
    more = f"<p>{left} more are in failures.txt.</p>" if left > 0 else ""
    return "\n".join(parts) + more


def _facts(run: Run) -> str:
    """Return what the run was, as the rows of a list of terms."""
    info = run.info
    facts = {
        "Command": f"<code>{text(str(info.get('command') or '(from Python)'))}</code>",
        "Begun": text(str(info.get("started", "?"))),
        "Finished": text(str(info.get("finished", "?"))),
        "Machine": text(str(info.get("machine", "?"))),
        "Data": text(run.header.dataset),
        "Seeds": text(", ".join(map(str, info.get("seeds", ())))),
    }
    protocols = "".join(
        f"<dt>Protocol of {text(task)}</dt><dd>metrics {text(protocol)}</dd>"
        for task, protocol in run.header.protocols.items()
    )
    return "".join(f"<dt>{html.escape(k)}</dt><dd>{v}</dd>" for k, v in facts.items()) + protocols
