"""What it costs how long idle threads of torch stay awake: milliseconds of `priorlab.restore`.

    python benchmarks/idle_threads.py

One thread, then two with OpenMP's default, asleep at once, and as `priorlab.ground.idle_threads` has them.
Each is measured in processes of its own, in turn; medians. The picture is in colour, with noise of
sigma 25. Nothing else should run on the machine.
"""

import argparse
import json
import os
import statistics
import subprocess
import sys
import time

import numpy as np

WAITING = {
    "1": {"OMP_NUM_THREADS": "1"},
    "2, by default": {"OMP_NUM_THREADS": "2", "GOMP_SPINCOUNT": "300000"},
    "2, asleep at once": {"OMP_NUM_THREADS": "2", "OMP_WAIT_POLICY": "PASSIVE"},
    "2": {"OMP_NUM_THREADS": "2"},
}
OURS = ("OMP_WAIT_POLICY", "GOMP_SPINCOUNT", "KMP_BLOCKTIME")
CALLS = 9


def measure(prior, side):
    """Return the median of milliseconds of a call, in this process."""
    import priorlab

    noise = np.random.default_rng(0).normal(0, 25 / 255, (side, side, 3))
    ramp = np.linspace(0.2, 0.8, side)[:, None, None]
    picture = (ramp + noise).astype(np.float32)
    seconds = []
    for _ in range(2 + CALLS):
        start = time.perf_counter()
        priorlab.restore(picture, "denoise:sigma=25", prior)
        seconds.append(time.perf_counter() - start)
    return statistics.median(seconds[2:]) * 1e3


def measured(prior, side, waiting):
    """Return what `measure` returns in a process that waits so."""
    clean = {name: value for name, value in os.environ.items() if name not in OURS}
    process = subprocess.run(
        [sys.executable, __file__, "--inside", json.dumps([prior, side])],
        env=clean | waiting,
        capture_output=True,
        text=True,
        check=True,
    )
    return float(process.stdout)


if __name__ == "__main__":
    parser = argparse.ArgumentParser(description=__doc__.partition("\n")[0])
    parser.add_argument("--priors", default="epll,guided,gs-unet,unet,bm3d,nlm,tv,wavelet")
    parser.add_argument("--side", type=int, default=256)
    parser.add_argument("--rounds", type=int, default=3)
    parser.add_argument("--inside", type=json.loads, help=argparse.SUPPRESS)
    given = parser.parse_args()
    if given.inside:
        print(measure(*given.inside))
        sys.exit()
    print(f"| threads | {' | '.join(WAITING)} |\n|---|{'---:|' * len(WAITING)}")
    for prior in given.priors.split(","):
        rounds = [
            [measured(prior, given.side, waiting) for waiting in WAITING.values()]
            for _ in range(given.rounds)
        ]
        cells = [f"{statistics.median(column):.1f}" for column in zip(*rounds, strict=True)]
        print(f"| {prior} | {' | '.join(cells)} |", flush=True)
