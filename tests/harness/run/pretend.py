"""An engine that computes nothing, so that what the driver does can be tested in no time."""

import contextlib
import time

import numpy as np
import pytest

from priorlab.harness.results import outputs
from priorlab.harness.run import computation


def result(cell, **facts):
    """Return what a cell's processes would answer: an image of one gray."""
    image = np.full((1, 16, 16), 0.1 + 0.01 * cell.seed, np.float32)
    output, pictures = outputs.encode(image)
    other, more = outputs.encode(image * 0.5, [outputs.VIEW])
    shown = {"output": output, "clean": other, "degraded": other}
    scores = {"scores": {"psnr": 20.0, "ssim": 0.5}, "failed_metrics": {}}
    return {"status": "ok", "seconds": 0.1, "pictures": pictures | more} | shown | scores | facts


def engine(after=lambda job, count: None, answer=result, seconds=0.0, log=None):
    """Return an engine for one slot; `after` is called with each job, and how many there were."""

    def run(schedule, setup, *, slots, logs, stop, on_step, on_note):
        count = 0
        while not stop() and (job := schedule.take()):
            on_step(0, job, 0, 0)
            time.sleep(seconds)
            if log:
                with log.open("a") as file:
                    file.write(f"{job.cell.key}\n")
            count += 1
            yield job, answer(job.cell), 0.1
            after(job, count)

    return run


@contextlib.contextmanager
def used():
    """Have all runs use such an engine: for tests of what becomes of the rows."""
    with pytest.MonkeyPatch.context() as patch:
        patch.setattr(computation.local_slots, "run", engine())
        yield
