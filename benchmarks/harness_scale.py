"""How long the harness itself takes for many cells: `python benchmarks/harness_scale.py`.

The cells are those of a synthetic grid, and no prior runs: what is measured is planning, handing
out every cell with the time that is left, and turning the results into tables. What a cell costs at
the start and at the end says whether that is flat. All seconds are CPU seconds, since other work
slows down the others.
"""

from __future__ import annotations

import argparse
import itertools
import resource
import tempfile
import time
from pathlib import Path

import numpy as np

from priorlab import plugins
from priorlab.harness.report import tables
from priorlab.harness.results.folder import RunFolder
from priorlab.harness.results.header import Header
from priorlab.harness.results.runs import Result, to_rows
from priorlab.harness.results.schema import Outcome
from priorlab.harness.run.estimates import Estimates
from priorlab.harness.run.plan import Plan, plan
from priorlab.harness.run.remaining import RemainingTime
from priorlab.harness.run.schedule import Schedule
from priorlab.harness.run.settings import RunSettings
from priorlab.pictures.datasets import Dataset
from priorlab.pictures.image_files import ImageFile

PRIORS = ("tv", "tgv", "huber-tv", "tikhonov", "wavelet", "nlm", "bm3d", "dct", "median", "guided")
TASKS = ("denoise:sigma=15|25|50", "deblur", "superres:factor=2|3")
SEEDS = (0, 1, 2, 3, 4)
SLOTS = 2


def dataset(count: int) -> Dataset:
    """Return images of a few sizes that exist on paper only."""
    sides = itertools.cycle((256, 321, 481, 512))
    return Dataset(
        "synthetic",
        tuple(
            ImageFile(f"{index:05d}", Path(f"{index:05d}.png"), f"{index:064x}", 1, side, side)
            for index, side in zip(range(count), sides, strict=False)
        ),
    )


def planned(cells: int, out: Path) -> Plan:
    """Plan a run of about so many cells."""
    registry = plugins.load()
    images = max(1, round(cells / (len(PRIORS) * 6 * len(SEEDS))))
    settings = RunSettings(
        priors=PRIORS, tasks=TASKS, dataset=dataset(images), seeds=SEEDS, out=out
    )
    start = time.process_time()
    found = plan(settings, registry)
    found.text()
    print(f"planned     {len(found.cells)} cells in {time.process_time() - start:.2f} s")
    return found


def take_all(found: Plan) -> None:
    """Hand out every cell as a run does, and print what a cell costs at the start and the end."""
    estimates = Estimates()
    schedule = Schedule(found.missing.values(), estimates)
    left = RemainingTime(schedule, SLOTS)
    costs = []
    running = [schedule.take() for _ in range(SLOTS)]
    for slot, job in enumerate(running):
        left.step(slot, job.cell, 0, 0)
    while job := running.pop(0):
        start = time.process_time()
        left.finished(job.cell)
        estimates.learn(job.cell, 0.01)
        if len(schedule) and (following := schedule.take()):
            left.step(0, following.cell, 0, 0)
            running.append(following)
        left.seconds_left()
        costs.append(time.process_time() - start)
        if not running:
            break
    tenth = max(1, len(costs) // 10)
    first, last = np.mean(costs[:tenth]), np.mean(costs[-tenth:])
    print(
        f"handed out  in {sum(costs):.2f} s: {first * 1e6:.0f} us a cell, {last * 1e6:.0f} at last"
    )


def results(found: Plan) -> dict[str, Result]:
    """Return what a run knows of its cells at its end."""
    rng = np.random.default_rng(0)
    hardness = {image.name: rng.normal(0, 3) for image in found.selection.dataset.images}
    made = {}
    for cell in found.cells:
        psnr = 28 + hardness[cell.image.name] + PRIORS.index(cell.prior.name) / 4 + rng.normal() / 5
        outcome = Outcome(
            "ok",
            seconds=rng.gamma(2, 0.05),
            threads=1,
            slots=SLOTS,
            device="cpu",
            machine="a CPU",
            height=cell.image.height,
            width=cell.image.width,
            channels=1,
            measurement=f"{cell.image.name}{cell.task.name}{cell.seed}",
            output=cell.key,
        )
        made[cell.key] = Result(outcome, {"psnr": psnr, "ssim": psnr / 50}, cached=False)
    return made


def tabulate(found: Plan, known: dict[str, Result], out: Path) -> None:
    """Make the rows, `images.csv`, and the tables."""
    start = time.process_time()
    rows = to_rows(((cell.labels, cell.key) for cell in found.cells), known)
    made = time.process_time()
    folder = RunFolder(out / "run")
    folder.finish({}, rows, [])
    written = time.process_time()
    tables.write(folder.path, rows, Header(dataset="synthetic"))
    done = time.process_time()
    print(
        f"tabulated   in {done - start:.2f} s: rows {made - start:.2f} s, images.csv"
        f" {written - made:.2f} s, statistics and tables {done - written:.2f} s"
    )


def main() -> None:
    """Measure and print."""
    parser = argparse.ArgumentParser(description=__doc__)
    parser.add_argument("--cells", type=int, default=100_000)
    options = parser.parse_args()
    with tempfile.TemporaryDirectory() as folder:
        found = planned(options.cells, Path(folder))
        take_all(found)
        tabulate(found, results(found), Path(folder))
    peak = resource.getrusage(resource.RUSAGE_SELF).ru_maxrss / 1024
    print(f"memory      {peak:.0f} MB at most, torch and all plugins included")


if __name__ == "__main__":
    main()
