"""What README.md and results/README.md have of the tables: written here, and tested to be so.

    python benchmarks/readme_figures.py                     rewrite both

Texts stay as they are: what an image is to each prior, the README's own table says.
"""

import csv
import json
import math
import re
import tomllib
from collections.abc import Iterator
from datetime import datetime
from pathlib import Path

ROOT = Path(__file__).parents[1]
RESULTS = ROOT / "results"
PHOTOS = RESULTS / "photos"
TASKS = ("denoise:sigma=25", "inpaint:missing=0.5")
"""Those of the README's table, from left to right."""

Rows = dict[str, dict[str, str]]


def rewrite() -> None:
    """Write the figures into both files."""
    for file, updated in ((ROOT / "README.md", readme), (RESULTS / "README.md", results)):
        file.write_text(updated(file.read_text("utf-8")), "utf-8")


def readme(text: str) -> str:
    """Return the README with the figures of `results/photos`."""
    return with_minutes(with_figures(text, figures(PHOTOS / "table.csv")), minutes(PHOTOS))


def results(text: str) -> str:
    """Return the README of `results/` with a line for each table of `tables.toml` that was made."""
    entries = tomllib.loads((RESULTS / "tables.toml").read_text("utf-8"))
    lines = [
        f"| [{name}]({name}/table.md) | {entry['question']} | {_origin(RESULTS / name)} |"
        for name, entry in entries.items()
        if (RESULTS / name).is_dir()
    ]
    return _with_table(text, "| table |", lines)


def figures(table: Path) -> dict[str, Rows]:
    """Return the row of each prior that restored something, by task and prior."""
    with table.open(encoding="utf-8", newline="") as file:
        rows = [row for row in csv.DictReader(file) if row["kind"] == "measured" and row["psnr"]]
    return {task: {row["prior"]: row for row in rows if row["task"] == task} for task in TASKS}


def with_figures(text: str, found: dict[str, Rows]) -> str:
    """Return the README with other figures in its table: the best prior first.

    Raises
    ------
    ValueError
        If the table does not say of a prior what an image is to it.
    """
    ideas = dict(re.findall(r"^\| `([^`]+)` \| ([^|]+) \|", text, flags=re.MULTILINE))
    priors = dict.fromkeys(prior for rows in found.values() for prior in rows)
    if unknown := [prior for prior in priors if prior not in ideas]:
        raise ValueError(f"the README's table does not say what an image is to {unknown}")
    lines = []
    for prior in sorted(priors, key=lambda prior: list(_order(prior, found))):
        cells = [cell for rows in found.values() for cell in _cells(rows.get(prior))]
        lines.append("| " + " | ".join([f"`{prior}`", ideas[prior], *cells]) + " |")
    # A cell that is empty takes one space, as the table was first written.
    return _with_table(
        text, "| prior | an image is", [line.replace("|   |", "|  |") for line in lines]
    )


def _order(prior: str, found: dict[str, Rows]) -> Iterator[float]:
    """Yield what priors are sorted by: those that lack a task come after those that do it."""
    for rows in found.values():
        yield -float(rows[prior]["psnr"]) if prior in rows else math.inf


def _cells(row: dict[str, str] | None) -> tuple[str, str]:
    """Return mean and seconds as the README shows them."""
    if row is None:
        return "", ""
    mean = f"{float(row['psnr']):.2f}"
    return f"**{mean}**" if row["psnr_leads"] == "True" else mean, seconds(float(row["seconds"]))


def seconds(value: float) -> str:
    """Return a duration with two digits, or as many as its whole seconds have."""
    if value < 0.01:
        return "<0.01"
    return f"{value:.0f}" if value >= 10 else f"{value:.2g}"


def minutes(run: Path) -> int:
    """Return how long a run took, rounded up."""
    info = json.loads((run / "run.json").read_text("utf-8"))
    took = datetime.fromisoformat(info["finished"]) - datetime.fromisoformat(info["started"])
    return math.ceil(took.total_seconds() / 60)


def with_minutes(text: str, count: int) -> str:
    """Return the README with another duration of `make bench`."""
    text, found = re.subn(r"It took \d+ minutes", f"It took {count} minutes", text)
    if found != 1:
        raise ValueError("the README does not say once how many minutes it took")
    return text


def _with_table(text: str, header: str, lines: list[str]) -> str:
    """Return a text with other lines in the table whose first line begins with `header`."""
    pattern = rf"(^{re.escape(header)}.*\n\|[-|: ]+\n)(?:\|.*\n)*"
    body = "".join(f"{line}\n" for line in lines)
    text, found = re.subn(pattern, lambda match: match[1] + body, text, flags=re.MULTILINE)
    if found != 1:
        raise ValueError(f"there is not one table that begins with {header!r}")
    return text


def _origin(run: Path) -> str:
    """Return the commit and the day of a run."""
    info = json.loads((run / "run.json").read_text("utf-8"))
    return f"{info['versions'].get('commit', 'not noted')} | {info['started'][:10]}"


if __name__ == "__main__":
    rewrite()
