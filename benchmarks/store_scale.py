"""How long a run takes of which all cells are known: `python benchmarks/store_scale.py`.

The store is filled with results that nobody computed. Then the run is made twice, each time in a
process of its own: the first writes a picture for each cell into the run's folder, the second
finds them there. Wall and CPU seconds are printed, since other work slows down the former only.
"""

from __future__ import annotations

import argparse
import contextlib
import os
import resource
import subprocess
import sys
import tempfile
import time
from pathlib import Path

import numpy as np
from harness_scale import PRIORS, SEEDS, TASKS, dataset

from priorlab import plugins
from priorlab.harness.results import outputs
from priorlab.harness.results.schema import Outcome
from priorlab.harness.results.store import Store
from priorlab.harness.run import bench, scores
from priorlab.harness.run.grid import Cell
from priorlab.harness.run.plan import plan
from priorlab.harness.run.settings import RunSettings

NOISE = np.random.default_rng(0)


def settings(cells: int, out: Path) -> RunSettings:
    """Return the settings of a run of about so many cells."""
    images = max(1, round(cells / (len(PRIORS) * 6 * len(SEEDS))))
    return RunSettings(priors=PRIORS, tasks=TASKS, dataset=dataset(images), seeds=SEEDS, out=out)


def outcome(cell: Cell) -> Outcome:
    """Return a result that nobody computed."""
    digests = {name: os.urandom(32).hex() for name in ("output", "measurement")}
    digests |= {"degraded": f"{hash((cell.image.name, cell.task, cell.seed)):064x}"}
    return Outcome(
        "ok",
        seconds=0.1,
        peak_mb=10.0,
        threads=1,
        slots=1,
        device="cpu",
        machine="a CPU",
        height=cell.image.height,
        width=cell.image.width,
        channels=1,
        wall=0.2,
        clean=cell.image.digest,
        **digests,
    )


def fill(cells: int, out: Path) -> None:
    """Put all results into the store."""
    registry = plugins.load()
    found = plan(settings(cells, out), registry)
    digests = {task: scores.digests(task, registry) for task in found.selection.tasks}
    _, files = outputs.encode(np.full((1, 32, 32), 0.5, np.float32), [outputs.VIEW])
    (view,) = files.values()
    start = time.perf_counter()
    with contextlib.closing(Store(out)) as store:
        for cell in found.cells:
            result = outcome(cell)
            content = view + os.urandom(1000)  # what follows a picture in its file is not read
            pictures = {
                result.output + outputs.DATA: content,
                result.output + outputs.VIEW: content,
                result.clean + outputs.VIEW: view,
                result.degraded + outputs.VIEW: view,
            }
            values = {"psnr": 30 + NOISE.normal(), "ssim": 0.9}
            known = {name: values[name] for name in digests[cell.task] if name in values}
            store.put(cell.key, cell.labels, result, digests[cell.task], known, pictures)
    seconds = 1000 * (time.perf_counter() - start) / len(found.cells)
    size = sum(file.stat().st_size for file in out.iterdir()) / 1e6
    print(f"put      {seconds:.2f} ms a cell; the store has {size:.0f} MB")


def resume(cells: int, out: Path) -> None:
    """Make the run, of which everything is known."""
    registry = plugins.load()
    start, cpu = time.perf_counter(), time.process_time()
    done = bench.run(settings(cells, out), registry)
    wall, cpu = time.perf_counter() - start, time.process_time() - cpu
    assert done.rows["cached"].all()
    peak = resource.getrusage(resource.RUSAGE_SELF).ru_maxrss / 1024
    print(
        f"resumed  {len(done.rows)} cells in {wall:.1f} s ({cpu:.1f} s of CPU time),"
        f" {peak:.0f} MB at most, torch and all plugins included"
    )


def main() -> None:
    """Measure and print."""
    parser = argparse.ArgumentParser(description=__doc__)
    parser.add_argument("--cells", type=int, default=100_000)
    parser.add_argument("--resume", type=Path, help="a results folder that is filled")
    options = parser.parse_args()
    if options.resume:
        resume(options.cells, options.resume)
        return
    with tempfile.TemporaryDirectory() as folder:
        fill(options.cells, Path(folder))
        again = [sys.executable, __file__, "--cells", str(options.cells), "--resume", folder]
        for _ in range(2):
            subprocess.run(again, check=True)


if __name__ == "__main__":
    main()
