"""Run the benchmarks of speed, and write their tables: medians, and ratios to the first line.

    python benchmarks/speed_tables.py                       results/speed.md
    python benchmarks/speed_tables.py tv bm3d -o speed.md   only two files

Nothing else should run on the machine. Peers that are not installed are left out, and named:
`pip install -c constraints.txt -e '.[peers]'` installs them.
"""

from __future__ import annotations

import argparse
import ast
import json
import math
import subprocess
import sys
import tempfile
from collections.abc import Iterable, Iterator, Sequence
from importlib import metadata
from pathlib import Path
from typing import Any

from priorlab.harness.run import child, machine

HERE = Path(__file__).parent
PAGE = HERE.parent / "results" / "speed.md"
PEERS = ("scikit-image", "deepinv", "bm3d", "scipy")

Case = dict[str, Any]
"""What pytest-benchmark writes of one measurement."""


def measured(files: Sequence[Path]) -> list[Case]:
    """Run benchmarks; returns what was measured, in the order of the files."""
    with tempfile.TemporaryDirectory() as folder:
        written = Path(folder) / "speed.json"
        typed = [sys.executable, "-m", "pytest", "-o", "addopts=-q", *map(str, files)]
        typed += ["--benchmark-only", f"--benchmark-json={written}"]
        # As in a cell of `priorlab bench`: freed memory is kept, idle threads sleep soon.
        subprocess.run(typed, check=True, cwd=HERE.parent, env=child.environment(threads=2))
        cases: list[Case] = json.loads(written.read_text())["benchmarks"]
    return cases


def groups(cases: Iterable[Case]) -> Iterator[tuple[str, list[Case]]]:
    """Yield the cases of each group, in the order of the first of each."""
    found: dict[str, list[Case]] = {}
    for case in cases:
        found.setdefault(case["group"], []).append(case)
    yield from found.items()


def number(value: float) -> str:
    """Write a number with three digits, or all before the point; nothing for what is not known."""
    if math.isnan(value):
        return ""
    return f"{value:.0f}" if value >= 100 else f"{value:.3g}"


def table(cases: Sequence[Case]) -> str:
    """Return the table of a group: a line for each method, columns for each number of threads."""
    seconds: dict[str, dict[int, float]] = {}
    remarks: dict[str, dict[str, str]] = {}
    for case in cases:
        told = dict(case["extra_info"])
        method, threads = told.pop("method"), told.pop("threads", 0)
        seconds.setdefault(method, {})[threads] = case["stats"]["median"]
        remarks.setdefault(method, told)
    counts = sorted({threads for row in seconds.values() for threads in row})
    first, others = (next(iter(found.values())) for found in (seconds, remarks))
    header = ["method", *others]
    for threads in counts:
        name = {0: "median", 1: "1 thread"}.get(threads, f"{threads} threads")
        header += [f"{name} (ms)", "ratio"]
    if len(counts) > 1:
        header.append("gain")
    lines = [f"| {' | '.join(header)} |", f"|---|{'---:|' * (len(header) - 1)}"]
    for method, row in seconds.items():
        line = [method, *remarks[method].values()]
        for threads in counts:
            taken = row.get(threads, math.nan)
            line += [number(1000 * taken), number(taken / first.get(threads, math.nan))]
        if len(counts) > 1:
            line.append(number(row.get(counts[0], math.nan) / row.get(counts[-1], math.nan)))
        lines.append(f"| {' | '.join(line)} |")
    return "\n".join(lines)


def section(file: Path, cases: Sequence[Case]) -> str:
    """Return what a file says of itself, and its tables."""
    title, *paragraphs = (
        ast.get_docstring(ast.parse(file.read_text("utf-8")), clean=False).strip().split("\n\n")
    )
    parts = [f"## {' '.join(title.split()).rstrip('.')}", *paragraphs]
    for group, members in groups(cases):
        parts += [f"### {group}", table(members)]
    return "\n\n".join(parts)


def page(sections: Sequence[str], command: str) -> str:
    """Return the page: the command, the machine, the tables."""
    versions, absent = [], []
    for name in PEERS:
        try:
            versions.append(f"{name} {metadata.version(name)}")
        except metadata.PackageNotFoundError:
            absent.append(name)
    left_out = f" Not installed, and left out: {', '.join(absent)}." if absent else ""
    code = machine.commit(HERE.parent) or "unknown"
    top = [
        "# Speed, beside other packages",
        f"    pip install -c constraints.txt -e '.[peers]'\n    {command}",
        f"{machine.name('cpu')}, commit {code}. Beside priorlab:"
        f" {', '.join(versions)}.{left_out} Medians; all methods of a table run in one process, one"
        " after the other. What counts is the ratio: the time over that of the first line with as"
        ' many threads. "Gain" is what the second thread brings.',
        "How time and memory grow with the picture is in [growth.md](growth.md).",
    ]
    return "\n\n".join([*top, *sections]) + "\n"


def main() -> None:
    parser = argparse.ArgumentParser(description=__doc__.splitlines()[0])
    parser.add_argument("names", nargs="*", help="such as tv (default: all)")
    parser.add_argument("-o", "--output", type=Path, default=PAGE)
    given = parser.parse_args()
    every = sorted(HERE.glob("test_*_speed.py"))
    files = [HERE / f"test_{name}_speed.py" for name in given.names] or every
    if unknown := [file.name for file in files if file not in every]:
        parser.error(f"there is no benchmarks/{unknown[0]}")
    cases = measured(files)
    sections = []
    for file in files:
        own = [case for case in cases if case["fullname"].partition("::")[0].endswith(file.name)]
        if own:
            sections.append(section(file, own))
    command = " ".join(["python benchmarks/speed_tables.py", *given.names])
    given.output.write_text(page(sections, command), "utf-8")
    print(f"wrote {given.output}")


if __name__ == "__main__":
    main()
