"""What it brings that a command keeps the memory it freed: CPU seconds and peak MB of a picture.

    python benchmarks/freed_memory.py
    python benchmarks/freed_memory.py --priors tv,unet,wavelet,tikhonov --side 2048

Given back to the system, as glibc does by default, then kept, as `priorlab.ground.freed_memory`
has it; each in processes of its own, in turn, which restore one picture with one thread; medians.
The picture is in colour; half of its pixels are missing. Nothing else should run on the machine.
"""

import argparse
import json
import os
import resource
import statistics
import subprocess
import sys
import time

WAYS = ("given back", "kept")


def measure(prior, side, way):
    """Return CPU seconds and peak MB of one restoration in this process."""
    import torch

    from priorlab import plugins, restoration
    from priorlab.ground import freed_memory

    if way == "kept":
        freed_memory.keep()
    registry = plugins.load()
    (task,), (prior,) = registry.build_tasks("inpaint:missing=0.5"), registry.build_priors(prior)
    rows, columns = torch.meshgrid(*[torch.arange(side) / 40] * 2, indexing="ij")
    waves = 0.5 + 0.2 * rows.sin() + 0.2 * (rows + 2 * columns).cos()
    measurement = task.measure(torch.stack([waves, waves.T, 1 - waves])[None], seed=0)
    prior.prepare(torch.device("cpu"), 3)
    start = time.process_time()
    restoration.run(prior, measurement)
    seconds = time.process_time() - start
    return seconds, resource.getrusage(resource.RUSAGE_SELF).ru_maxrss / 1024


def measured(prior, side, way):
    """Return what `measure` returns in a process of its own."""
    process = subprocess.run(
        [sys.executable, __file__, "--inside", json.dumps([prior, side, way])],
        env=os.environ | {"OMP_NUM_THREADS": "1"},
        capture_output=True,
        text=True,
        check=True,
    )
    return json.loads(process.stdout)


if __name__ == "__main__":
    parser = argparse.ArgumentParser(description=__doc__.partition("\n")[0])
    parser.add_argument("--priors", default="bm3d,unet,wcrr,tgv,epll,tv,tikhonov,dip")
    parser.add_argument("--side", type=int, default=256)
    parser.add_argument("--rounds", type=int, default=3)
    parser.add_argument("--inside", type=json.loads, help=argparse.SUPPRESS)
    given = parser.parse_args()
    if given.inside:
        print(json.dumps(measure(*given.inside)))
        sys.exit()
    heads = [f"{way}, {unit}" for unit in ("s", "MB") for way in WAYS]
    print(f"| prior | {' | '.join(heads)} |\n|---|{'---:|' * len(heads)}")
    for prior in given.priors.split(","):
        rounds = [[measured(prior, given.side, way) for way in WAYS] for _ in range(given.rounds)]
        medians = [
            [statistics.median(figures) for figures in zip(*runs, strict=True)]
            for runs in zip(*rounds, strict=True)
        ]
        cells = [f"{seconds:.2f}" for seconds, _ in medians] + [f"{mb:.0f}" for _, mb in medians]
        print(f"| {prior} | {' | '.join(cells)} |", flush=True)
