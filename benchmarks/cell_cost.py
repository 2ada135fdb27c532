"""What a clean process for each cell costs: the time of a cell in a slot, and in this process.

    python benchmarks/cell_cost.py --prior tv --side 64

A slot computes the same cells as this process does, which stays warm: it measures, restores,
scores and encodes one after the other. Medians; the first cells, after which a slot's processes
gather their memory into huge pages, are shown by themselves. Nothing else should run on the
machine.
"""

import argparse
import dataclasses
import select
import statistics
import tempfile
import time
from pathlib import Path

import numpy as np
import torch

from priorlab import components, plugins, restoration
from priorlab.harness.isolation.forking import MANY
from priorlab.harness.isolation.setup import Setup
from priorlab.harness.results import outputs
from priorlab.harness.run.child import Child
from priorlab.harness.run.run_setup import code_of
from priorlab.harness.run.scores import score
from priorlab.pictures import arrays, datasets, writing

CELLS = 100


def in_a_slot(prior, task, image, registry, folder):
    """Return the seconds of each cell, computed as `priorlab bench` does."""
    module = registry.owners["priors", prior.name].module
    log = folder / "log.txt"
    log.touch()
    private, code = (str(image.path), str(folder)), code_of(registry)
    child = Child(Setup(providers={prior.name: [module]}, private=private, code=code), log)
    seconds = []
    try:
        for seed in range(1 + MANY + CELLS):
            start = time.perf_counter()
            child.send(
                {
                    "prior": components.description(prior),
                    "task": components.description(task),
                    "image": dataclasses.asdict(image) | {"path": str(image.path)},
                    "seed": seed,
                    "stored": "",
                    "metrics": (),
                    "pictures": {},
                    "batched": False,
                }
            )
            answer = None
            while answer is None:
                select.select([child], [], [])
                events = list(child.receive())
                answer = next((one for one in events if one.get("event") == "result"), None)
            assert answer["status"] == "ok", answer["message"]
            seconds.append(time.perf_counter() - start)
    finally:
        child.kill()
    return seconds


def here(prior, task, image):
    """Return the seconds of each cell, computed in this process."""
    clean, seconds = image.read(), []
    prior.prepare(torch.device("cpu"), len(clean))
    outputs.encode(clean, [outputs.VIEW])
    for seed in range(CELLS):
        start = time.perf_counter()
        measurement = task.measure(arrays.to_tensor(clean), seed)
        restored = arrays.from_tensor(restoration.run(prior, measurement, prepared=True))
        score(outputs.rounded(restored), clean, task, {})
        outputs.encode(restored)
        outputs.encode(arrays.viewable(measurement), [outputs.VIEW])
        seconds.append(time.perf_counter() - start)
    return seconds


def main():
    parser = argparse.ArgumentParser(description=__doc__.splitlines()[0])
    parser.add_argument("--prior", default="degraded")
    parser.add_argument("--side", type=int, default=64, help="rows and columns of the picture")
    options = parser.parse_args()
    torch.set_num_threads(1)
    registry = plugins.load()
    (prior,), (task,) = registry.build_priors(options.prior), registry.build_tasks("denoise")
    with tempfile.TemporaryDirectory() as name:
        folder = Path(name)
        noise = np.random.default_rng(0).random((1, options.side, options.side), np.float32)
        writing.write(folder / "picture.png", noise)
        image = datasets.load(str(folder)).images[0]
        slot = in_a_slot(prior, task, image, registry, folder)
        warm = 1000 * statistics.median(here(prior, task, image))
    first, then = (1000 * statistics.median(s) for s in (slot[1 : MANY - 1], slot[MANY + 1 :]))
    print(f"{prior.spec()}, {options.side}x{options.side}: {warm:.1f} ms in a warm process;")
    print(f"in a slot {first:.1f} ms for the first {MANY} cells, then {then:.1f} ms:")
    print(f"a clean process costs {first - warm:.1f} ms, then {then - warm:.1f} ms")


if __name__ == "__main__":
    main()
