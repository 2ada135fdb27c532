"""What the pages of `docs/` have of the code and the results: written here, and tested to be so.

    python docs/site/reference.py                     rewrite them

A block stands between `<!-- begin NAME -->` and `<!-- end -->`; the text around it stays.
"""

from __future__ import annotations

import inspect
import re
from collections.abc import Callable
from pathlib import Path
from types import ModuleType

import priorlab
from priorlab import api
from priorlab.forward.degradation import KINDS
from priorlab.harness.results import folder, schema, shown
from priorlab.metrics import BUILTIN_METRICS
from priorlab.suites import reading
from priorlab.suites.shipped import shipped
from priorlab.tasks.builtin import BUILTIN_TASKS

ROOT = Path(__file__).parents[2]
PAGES = [*sorted((ROOT / "docs" / "reference").glob("*.md")), ROOT / "docs" / "reading-a-table.md"]
TABLE = ROOT / "results" / "photos" / "table.md"


def rewrite() -> None:
    """Write the blocks into all pages."""
    for page in PAGES:
        page.write_text(updated(page.read_text("utf-8")), "utf-8")


def updated(text: str) -> str:
    """Return a page with its blocks as the code has them now."""
    return re.sub(
        r"(<!-- begin ([a-z-]+) -->\n).*?(?=<!-- end -->)",
        lambda block: f"{block[1]}\n{BLOCKS[block[2]]()}\n\n",
        text,
        flags=re.DOTALL,
    )


def functions() -> str:
    """Return the directives that document what compares and restores."""
    return _directives([name for name, home in priorlab.SURFACE.items() if _is_api(home)])


def parts() -> str:
    """Return the directives that document what plugins are written with."""
    return _directives([name for name, home in priorlab.SURFACE.items() if not _is_api(home)])


def _is_api(home: str) -> bool:
    return home.startswith("priorlab.api.")


def _directives(names: list[str]) -> str:
    return "\n\n".join(f"::: {priorlab.SURFACE[name]}.{name}" for name in names)


def _laid_out(module: ModuleType) -> str:
    """Return the list below the first line of a module's docstring, as it stands there."""
    _, *paragraphs = (inspect.getdoc(module) or "").split("\n\n")
    lines = [
        paragraph
        for paragraph in paragraphs
        if paragraph.startswith(" ") or re.match(r"\S+\s{2,}", paragraph)
    ]
    return "```text\n" + inspect.cleandoc("\n" + "\n\n".join(lines)) + "\n```"


def columns() -> str:
    """Return the columns of a row."""
    scores = {metric.name: metric.doc for metric in BUILTIN_METRICS}
    lines = [
        f"| `{one.name}` | {one.kind.__name__} | {scores.get(one.name, one.meaning)} |"
        for one in schema.columns()
    ]
    return "\n".join(["| column | type | meaning |", "|---|---|---|", *lines])


def tasks() -> str:
    """Return each task: what it is, by what results are compared, and its parameters."""
    known = api.load_plugins()
    found = []
    for task in BUILTIN_TASKS:
        parameters = api.describe(task.name, known).partition("parameters:\n")[2]
        found += [
            f"### `{task.name}`",
            task.summary(),
            f"Metrics {task().rules}.",
            f"```text\n{inspect.cleandoc(parameters)}\n```",
        ]
    return "\n\n".join(found)


def table() -> str:
    """Return the first lines of the table of the photographs."""
    lines = TABLE.read_text("utf-8").splitlines()
    start = next(number for number, line in enumerate(lines) if line.startswith("| "))
    return "\n".join(lines[start : start + 8])


def suites() -> str:
    """Return a line for each published table."""
    lines = [
        f"| `{name}` | {suite.title} | {suite.dataset} | {len(suite.published) or 'none'} |"
        for name, suite in shipped().items()
    ]
    heading = "| suite | what it is | images | methods with published figures |"
    return "\n".join([heading, "|---|---|---|---:|", *lines])


def kinds() -> str:
    """Return the kinds of degradation for which parameters are tuned."""
    return "\n".join(f"- `{kind}`" for kind in KINDS)


BLOCKS: dict[str, Callable[[], str]] = {
    "functions": functions,
    "parts": parts,
    "run-folder": lambda: _laid_out(folder),
    "pictures": lambda: _laid_out(shown),
    "suite": lambda: _laid_out(reading),
    "columns": columns,
    "tasks": tasks,
    "kinds": kinds,
    "suites": suites,
    "table": table,
}

if __name__ == "__main__":
    rewrite()
