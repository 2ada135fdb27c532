"""What each prior takes to denoise a picture as the picture grows, and a run as its cells do.

    python benchmarks/growth.py --slots -o results/growth.md
    python benchmarks/growth.py --priors dip:iterations=10 --sizes 512 --channels 3
    python benchmarks/growth.py --priors tv,unet,bm3d --sizes 3464 --channels 3   # 12 megapixels

Seconds are those of one thread, the median of three, fewer where it takes long. Memory is what a
process takes at most beyond what it had before, and in all, with all plugins loaded; each prior and
size has a process of its own. An exponent is the slope of the logarithm against that of the pixels,
over the largest three sizes. A handcrafted prior is to take at most 40 times the picture's own 16.8
MB (2048 x 2048, gray) and 200 MB more; `dip` 1500 MB in all for 512 x 512 in colour; `tv`, `unet`
and `bm3d` 1500 MB in all for 12 megapixels in colour.

With `--slots` also a small run of `priorlab bench` in one slot and in two, with more and more
cells. Nothing else should run on the machine.
"""

from __future__ import annotations

import argparse
import ctypes
import dataclasses
import functools
import math
import multiprocessing
import os
import shlex
import statistics
import subprocess
import sys
import tempfile
import time
from collections.abc import Callable, Mapping, Sequence
from pathlib import Path

import numpy as np
import torch

from priorlab import plugins, restoration
from priorlab.forward.measurement import Measurement
from priorlab.forward.noise import Gaussian
from priorlab.forward.operators import Identity
from priorlab.ground import process_tree
from priorlab.harness.run import machine
from priorlab.registry import Registry

SIGMA = 25 / 255
QUICK = (
    "median,tikhonov,tv,huber-tv,tgv,wavelet,bilateral,guided,nlm,dct,bm3d,epll,wcrr,unet,zs-n2n"
)
SIZES = "64,128,256,512,1024,2048,4096"
REPEATS = 3
LAST = 3
SLOT_PRIORS = "tv,nlm,bm3d,epll"
SLOT_SEEDS = (1, 4, 16)


@dataclasses.dataclass(frozen=True)
class Cost:
    """What a prior takes for a square picture of so many rows: CPU and wall seconds, MB."""

    size: int
    cpu: float
    wall: float
    mb: float
    mb_in_all: float

    @property
    def pixels(self) -> int:
        return self.size**2


def scene(size: int, channels: int) -> torch.Tensor:
    """Return circles of all sizes, and noise."""
    rows, columns = np.mgrid[:size, :size].astype(np.float32) / size
    clean = 0.5 + 0.4 * np.sin(60 * (rows**2 + columns**2))
    shape = (1, channels, size, size)
    noise = np.random.default_rng(0).standard_normal(shape, dtype=np.float32)
    return torch.from_numpy(clean + np.float32(SIGMA) * noise)


@functools.cache
def registry() -> Registry:
    """Return all plugins, loaded once."""
    return plugins.load()


def cost(spec: str, size: int, channels: int, longest: float) -> Cost:
    """Measure a prior in this process, which should do nothing else before or after."""
    (prior,) = registry().build_priors(spec)
    prior.prepare(torch.device("cpu"), channels)

    def measurement(side: int) -> Measurement:
        y = scene(side, channels)
        return Measurement(y, Identity(), Gaussian(SIGMA), tuple(y.shape))

    restoration.run(prior, measurement(32), prepared=True)  # what is imported late
    given, me = measurement(size), os.getpid()
    # Making the picture took memory, too: it is given back, and its peak forgotten.
    ctypes.CDLL(None).malloc_trim(0)
    Path("/proc/self/clear_refs").write_text("5")
    before, cpu, wall, most = process_tree.own_mb(me), [], [], 0.0
    while len(wall) < REPEATS and sum(wall) + max(wall, default=0.0) <= longest:
        start = time.process_time(), time.perf_counter()
        restoration.run(prior, given, prepared=True)
        cpu.append(time.process_time() - start[0])
        wall.append(time.perf_counter() - start[1])
        most = most or process_tree.peak_own_mb(me)
    return Cost(size, statistics.median(cpu), statistics.median(wall), most - before, most)


def in_a_process(spec: str, size: int, channels: int, longest: float) -> Cost:
    """Measure a prior in a process of its own, forked from this one, where no prior has run."""
    registry()
    with multiprocessing.get_context("fork").Pool(1) as pool:
        return pool.apply(cost, (spec, size, channels, longest))


def exponent(costs: Sequence[Cost], what: Callable[[Cost], float]) -> float:
    """Return the slope of the logarithm of something against that of the pixels."""
    last = [one for one in costs if what(one) > 0][-LAST:]
    if len(last) < 2:
        return math.nan
    pixels = np.log([one.pixels for one in last])
    return float(np.polyfit(pixels, np.log([what(one) for one in last]), 1)[0])


def grown(measure: Callable[[int], Cost], sizes: Sequence[int], longest: float) -> list[Cost]:
    """Measure larger and larger pictures, up to those that are expected to take too long."""
    found: list[Cost] = []
    for size in sorted(sizes):
        if found:
            slope = exponent(found, lambda one: one.wall)
            power = max(1.0, slope) if math.isfinite(slope) else 1.0
            if found[-1].wall * (size / found[-1].size) ** (2 * power) > longest:
                break
        found.append(measure(size))
    return found


def number(value: float) -> str:
    """Write a number with two or three digits."""
    if not math.isfinite(value):
        return "-"
    return f"{value:.0f}" if value >= 100 else f"{value:.3g}" if value >= 1 else f"{value:.2g}"


def table(found: Mapping[str, Sequence[Cost]], what: str) -> str:
    """Return a table of CPU seconds ("cpu"), wall seconds ("wall") or memory ("mb")."""
    sizes = sorted({one.size for costs in found.values() for one in costs})
    last = "| bytes per pixel | MB in all |" if what == "mb" else "|"
    lines = [f"| prior | {' | '.join(f'{size}²' for size in sizes)} | exponent {last}"]
    lines.append("|---|" + "---:|" * (len(sizes) + last.count("|")))
    for spec, costs in found.items():
        known = {one.size: getattr(one, what) for one in costs}
        cells = [number(known[size]) if size in known else "-" for size in sizes]
        slope = exponent(costs, lambda one: getattr(one, what))
        cells.append(f"{slope:.2f}" if math.isfinite(slope) else "-")
        if what == "mb":
            at = costs[-1]
            cells += [number(1e6 * at.mb / at.pixels), number(at.mb_in_all)]
        lines.append(f"| `{spec}` | {' | '.join(cells)} |")
    return "\n".join(lines)


def draw(found: Mapping[str, Sequence[Cost]], file: Path) -> None:
    """Draw CPU seconds against pixels, a line for each prior, with its name at its end."""
    import matplotlib as mpl
    from matplotlib.figure import Figure

    figure = Figure(figsize=(9.5, 7), layout="constrained")
    axes = figure.subplots()
    lines = sorted(found.items(), key=lambda item: item[1][-1].cpu)
    colours = mpl.colormaps["tab20"].colors
    for index, (spec, costs) in enumerate(lines):
        axes.loglog(
            [one.pixels / 1e6 for one in costs],
            [one.cpu for one in costs],
            color=colours[(2 * index + index // 10) % 20],
            marker="o",
            markersize=3,
            label=spec,
        )
    axes.set_xlabel("megapixels")
    axes.set_title("CPU seconds of one thread", loc="left", fontsize=10)
    axes.xaxis.set_major_formatter("{x:g}")
    axes.yaxis.set_major_formatter("{x:g}")
    axes.grid(color="0.9")
    axes.spines[["top", "right"]].set_visible(False)
    largest = max(costs[-1].pixels for costs in found.values()) / 1e6
    axes.set_xlim(right=largest * 5)
    figure.draw_without_rendering()
    taken = -math.inf
    for line in axes.get_lines():
        x, y = axes.transData.transform((line.get_xdata()[-1], line.get_ydata()[-1]))
        edge, _ = axes.transData.transform((largest, 1))
        taken = max(y, taken + 13)
        axes.annotate(
            line.get_label(),
            (line.get_xdata()[-1], line.get_ydata()[-1]),
            xytext=(edge - x + 24, taken - y),
            textcoords="offset pixels",
            va="center",
            fontsize=9,
            color=line.get_color(),
            arrowprops={"arrowstyle": "-", "color": "0.8", "shrinkA": 0, "shrinkB": 3},
            parse_math=False,
        )
    figure.savefig(file, dpi=100)


def run_of(priors: str, seeds: int, slots: int) -> tuple[int, float]:
    """Return the cells and the wall seconds of a run of `priorlab bench`, nothing known before."""
    numbers = ",".join(map(str, range(seeds)))
    with tempfile.TemporaryDirectory() as out:
        command = f"bench --priors {priors} --tasks denoise --seeds {numbers} --slots {slots}"
        typed = [sys.executable, "-m", "priorlab", *command.split(), "--out", out]
        start = time.perf_counter()
        subprocess.run(typed, check=True, capture_output=True)
        seconds = time.perf_counter() - start
        (rows,) = Path(out).glob("*/images.csv")
        return len(rows.read_text().splitlines()) - 1, seconds


def slots_table(priors: str, all_seeds: Sequence[int]) -> str:
    """Return a table of runs in one slot and in two."""
    lines = ["| cells | one slot (s) | two slots (s) | ratio |", "|---:|---:|---:|---:|"]
    runs = []
    for seeds in all_seeds:
        (cells, one), (_, two) = (run_of(priors, seeds, slots) for slots in (1, 2))
        runs.append((cells, one, two))
        lines.append(f"| {cells} | {one:.1f} | {two:.1f} | {one / two:.2f} |")
        print(lines[-1], file=sys.stderr, flush=True)
    if len(runs) > 1:
        (few, *first), (many, *last) = runs[0], runs[-1]
        more = [(b - a) / (many - few) for a, b in zip(first, last, strict=True)]
        each = [f"{1000 * seconds:.0f}" for seconds in more]
        lines.append(f"| ms for each more | {each[0]} | {each[1]} | {more[0] / more[1]:.2f} |")
    return "\n".join(lines)


def page(found: Mapping[str, Sequence[Cost]], slots: str, command: str, picture: str) -> str:
    """Return the page: the command, the machine, the figures."""
    parts = [
        "# Cost as work grows",
        f"    {command}",
        f"{machine.name('cpu')}, one thread, {commit()}.",
        "## A prior against the pixels",
        "`denoise` with sigma 25 on a square picture; CPU seconds of one thread, the median of"
        " three or of fewer where they take long. A prior stops before the size that would take"
        " too long. The exponent is the slope of the logarithm against that of the pixels over"
        " the largest three sizes: 1 is proportional.",
        f"![CPU seconds against pixels]({picture})" if picture else "",
        table(found, "cpu"),
        "Wall seconds:",
        table(found, "wall"),
        "MB that a process takes at most beyond what it had before, so also the result; bytes per"
        " pixel, and MB in all, at the largest size.",
        table(found, "mb"),
    ]
    if slots:
        parts += [
            "## A run against its cells",
            f"`priorlab bench --tasks denoise --priors {SLOT_PRIORS}` on the six photographs that"
            " come with priorlab, with more and more seeds; wall seconds of the whole command,"
            " start and tables included.",
            slots,
        ]
    return "\n\n".join(filter(None, parts)) + "\n"


def commit() -> str:
    """Say which code this is."""
    found = machine.commit(Path(__file__).parents[1])
    return f"commit {found}" if found else "no commit"


def main() -> None:
    parser = argparse.ArgumentParser(description=__doc__.splitlines()[0])
    parser.add_argument("--priors", default=QUICK, help=f"specs (default: {QUICK})")
    parser.add_argument("--sizes", default=SIZES, help=f"rows and columns (default: {SIZES})")
    parser.add_argument("--channels", type=int, default=1, choices=(1, 3))
    parser.add_argument("--longest", type=float, default=20, help="seconds (default: 20)")
    parser.add_argument("--slots", action="store_true", help="also runs in one slot and in two")
    parser.add_argument("-o", "--output", type=Path, help="the page; a figure is put beside it")
    given = parser.parse_args()
    torch.set_num_threads(1)
    sizes = [*map(int, given.sizes.split(","))]
    found: dict[str, list[Cost]] = {}
    for prior in registry().build_priors(given.priors):
        spec = prior.spec()

        def measure(size: int, spec: str = spec) -> Cost:
            return in_a_process(spec, size, given.channels, given.longest)

        found[spec] = grown(measure, sizes, given.longest)
        for one in found[spec]:
            print(f"{spec}: {one}", file=sys.stderr, flush=True)
    slots = slots_table(SLOT_PRIORS, SLOT_SEEDS) if given.slots else ""
    picture = given.output.with_suffix(".webp") if given.output else None
    if picture:
        draw(found, picture)
    command = shlex.join(["python", "benchmarks/growth.py", *sys.argv[1:]])
    text = page(found, slots, command, picture.name if picture else "")
    if given.output:
        given.output.write_text(text, encoding="utf-8")
    print(text)


if __name__ == "__main__":
    main()
