"""Make the tables in `results/` again, and the figures that the README has of them.

    python benchmarks/make_results.py                       all tables of results/tables.toml
    python benchmarks/make_results.py photos set12          only these

Runs go to `build/results`, with the store of what is known: after an interruption the same command
goes on. Only texts, figures and one small picture of each run are kept: see `keep`.
"""

import argparse
import csv
import io
import json
import shlex
import shutil
import subprocess
import sys
import tomllib
from dataclasses import dataclass
from pathlib import Path

import readme_figures
from PIL import Image

ROOT = Path(__file__).parents[1]
RESULTS = ROOT / "results"
RUNS = Path("build/results")
"""Below `ROOT`, so that the commands in the tables name no folder of this machine."""
LIMIT = 200_000
"""Most bytes of a picture, and of the figures of each image."""
OF_THE_STORE = ("output", "key")
"""Columns that name what only the store holds."""


@dataclass(frozen=True)
class Table:
    """An entry of `tables.toml`.

    Attributes
    ----------
    question : str
        What the table answers.
    bench : str
        What is typed after `priorlab bench`.
    picture : str
        The file among those of the run that is kept; ``-*`` in it stands for the name of a folder,
        and is left out.
    first : sequence of str
        Commands, each ending in the file that it writes; one whose file is there is left out.
    draw : str
        The command that draws the picture, where the run itself does not.
    """

    question: str
    bench: str
    picture: str
    first: tuple[str, ...] = ()
    draw: str = ""


def tables() -> dict[str, Table]:
    """Return the entries by the name of their folder."""
    entries = tomllib.loads((RESULTS / "tables.toml").read_text("utf-8"))
    return {name: Table(**entry) for name, entry in entries.items()}


def make(name: str, table: Table, shared: str) -> None:
    """Compute a table, and keep what is to be kept of it."""
    run = RUNS / name
    # Another grid than the last one of this name would be refused; the store knows all cells.
    shutil.rmtree(ROOT / run, ignore_errors=True)
    for command in table.first:
        words = shlex.split(command.format(shared=shared))
        if not (ROOT / words[-1]).exists():
            (ROOT / words[-1]).parent.mkdir(parents=True, exist_ok=True)
            _call(words)
    bench = shlex.split(table.bench.format(shared=shared))
    _call(["priorlab", "bench", *bench, "--out", str(RUNS), "--name", name])
    if table.draw:
        _call(shlex.split(table.draw.format(run=run)))
    keep(ROOT / run, RESULTS / name, table.picture)


def _call(words: list[str]) -> None:
    print("$", shlex.join(words), flush=True)
    programs = {"priorlab": ["-m", "priorlab.cli"], "python": []}
    command = [sys.executable, *programs[words[0]], *words[1:]]
    if code := subprocess.run(command, cwd=ROOT, check=False).returncode:
        sys.exit(f"{shlex.join(words)}: exit code {code}; nothing of it was kept")


def keep(run: Path, folder: Path, picture: str) -> None:
    """Put into `folder`, in place of what is there, what is published of a run.

    That is the tables; `run.json` without its list of cells; `images.csv` without what refers to
    the store, if it is not too large; and the picture, made small.
    """
    shutil.rmtree(folder, ignore_errors=True)
    folder.mkdir(parents=True)
    for name in ("table.md", "table.csv"):
        shutil.copyfile(run / name, folder / name)
    info = json.loads((run / "run.json").read_text("utf-8"))
    info.pop("cells", None)
    (folder / "run.json").write_text(json.dumps(info, indent=1) + "\n", "utf-8")
    rows = slim((run / "images.csv").read_text("utf-8"))
    if len(rows.encode()) <= LIMIT:
        (folder / "images.csv").write_text(rows, "utf-8")
    (found,) = run.glob(picture)
    with Image.open(found) as image:
        kept = (folder / picture.replace("-*", "")).with_suffix(".webp")
        kept.write_bytes(small(image))


def slim(text: str) -> str:
    """Return the rows of a run, as CSV, without the columns that refer to the store."""
    rows = list(csv.reader(io.StringIO(text)))
    kept = [index for index, name in enumerate(rows[0]) if name not in OF_THE_STORE]
    slimmed = io.StringIO()
    writer = csv.writer(slimmed, lineterminator="\n")
    writer.writerows([row[index] for index in kept] for row in rows)
    return slimmed.getvalue()


def small(image: Image.Image, limit: int = LIMIT) -> bytes:
    """Return a picture as WebP, as large as `limit` bytes allow."""
    image = image.convert("RGB")
    for percent in range(100, 0, -5):
        width, height = (max(1, round(side * percent / 100)) for side in image.size)
        buffer = io.BytesIO()
        shrunk = image.resize((width, height), Image.Resampling.LANCZOS)
        shrunk.save(buffer, "WEBP", quality=75, method=6)
        if buffer.tell() <= limit:
            break
    return buffer.getvalue()


def main() -> None:
    parser = argparse.ArgumentParser(description=__doc__.splitlines()[0])
    known = tables()
    parser.add_argument("names", nargs="*", metavar="NAME", help=f"of {', '.join(known)}")
    parser.add_argument(
        "--shared",
        default="../shared",
        help="folder with data/, the public image sets, and weights/, published networks",
    )
    given = parser.parse_args()
    if wrong := [name for name in given.names if name not in known]:
        parser.error(f"results/tables.toml has no {', '.join(wrong)}")
    for name in given.names or known:
        make(name, known[name], given.shared)
        readme_figures.rewrite()


if __name__ == "__main__":
    main()
