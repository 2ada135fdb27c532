"""The deep image prior along its path: last output, running mean, two runs, each stopping rule.

    python benchmarks/dip_quality.py ../shared/data/set12/*.png --task denoise:sigma=25 --runs 2
    python benchmarks/dip_quality.py PHOTO --task inpaint --gray --prior dip:channels=128 --crop 256

All rules watch the same fit, which goes on to the last step: the figures of one line differ by
the choice of the image only. "Peak" is the best running mean of the fit, which takes the truth to
find. With --runs, one more column has the mean of what the runs so far return by the rule of the
prior. Held-out pixels are watched where the prior's own rule keeps them from the fit; no rule is
with stop=never, or where the data has no noise.
PSNR in dB on the region and channels of the task's protocol, values clipped to [0, 1].
"""

import argparse
import contextlib
import time
from pathlib import Path

import numpy as np
import torch
from torch import Tensor

from priorlab import metrics, plugins
from priorlab.errors import Unsupported
from priorlab.forward.jpeg import TO_YCBCR
from priorlab.forward.measurement import Measurement
from priorlab.pictures import reading
from priorlab.priors import Generator
from priorlab.solvers.parameter_space import stopping
from priorlab.tasks.base import Task
from priorlab.trace import Trace

RULES = dict(stopping.RULES)


class Watched(stopping.StoppingRule):
    """Asks other rules after each step, and never ends a fit."""

    def __init__(self, measurement: Measurement) -> None:
        super().__init__(measurement)
        self.rules: dict[str, stopping.StoppingRule] = {}
        for name in WATCHED:
            with contextlib.suppress(Unsupported):
                self.rules[name] = RULES[name](measurement)
        self.chosen: dict[str, Tensor] = {}
        self.steps: dict[str, int] = {}
        LATEST[:] = [self]

    def hide(self, u: Tensor) -> Tensor:
        return self.rules["held-out"].hide(u) if "held-out" in self.rules else u

    def seen(self) -> Measurement:
        return self.rules["held-out"].seen() if "held-out" in self.rules else self.measurement

    def finished(self, step: int, image: Tensor, output: Tensor, last: bool) -> bool:
        for name, rule in self.rules.items():
            if name not in self.chosen and (rule.finished(step, image, output, last) or last):
                self.chosen[name], self.steps[name] = rule.best.clone(), rule.best_step
        if last:
            self.keep(step, image)
            if len(self.chosen) == 3:
                middle = sorted(self.chosen, key=self.steps.__getitem__)[1]
                self.chosen["median"], self.steps["median"] = (
                    self.chosen[middle],
                    self.steps[middle],
                )
        return False


LATEST: list[Watched] = []
WATCHED = ["discrepancy", "es-wmv"]


class Followed(Trace):
    """The PSNR of every image, and the best one."""

    def __init__(self, clean: Tensor, task: Task) -> None:
        self.clean, self.task = clean, task
        self.psnr: list[float] = []
        self.best = clean

    def report(self, iteration, total, image, *, output=None, **values):
        self.psnr.append(score(image, self.clean, self.task))
        if self.psnr[-1] == max(self.psnr):
            self.best = image.clone()
        self.mean, self.output = image, output

    @property
    def peak(self) -> int:
        return int(np.argmax(self.psnr)) + 1


def score(image: Tensor, clean: Tensor, task: Task) -> float:
    return metrics.evaluate(image, clean, task.protocol)["psnr"]


def load(path: Path, gray: bool, crop: int) -> Tensor:
    photo = torch.from_numpy(reading.read(path))[None]
    if gray and photo.shape[1] == 3:
        weights = torch.from_numpy(TO_YCBCR[0]).float()[:, None, None]
        photo = ((photo * weights).sum(1, keepdim=True) * 255).round() / 255
    if crop:
        top, left = ((side - crop) // 2 for side in photo.shape[2:])
        photo = photo[..., top : top + crop, left : left + crop]
    return photo.contiguous()


def main() -> None:
    parser = argparse.ArgumentParser()
    parser.add_argument("photos", type=Path, nargs="+")
    parser.add_argument("--task", default="denoise:sigma=25")
    parser.add_argument("--prior", default="dip")
    parser.add_argument("--runs", type=int, default=1)
    parser.add_argument("--gray", action="store_true")
    parser.add_argument("--crop", type=int, default=0, help="side of a central crop")
    parser.add_argument("--curve", action="store_true", help="print every 100th step as well")
    given = parser.parse_args()
    torch.set_num_threads(1)
    registry = plugins.load()
    (prior,) = registry.build_priors(given.prior)
    (task,) = registry.build_tasks(given.task)
    assert isinstance(prior, Generator)
    if prior.runs > 1:
        parser.error("runs= is given as --runs here")
    names = list(WATCHED)
    if prior.stop in ("auto", "median", "held-out"):
        WATCHED.append("held-out")
        names = ["median", *WATCHED]
    own = {"auto": "median", "never": "averaged"}.get(prior.stop, prior.stop)
    for name in RULES:
        stopping.RULES[name] = Watched if name != "never" else stopping.Never
    columns = ["last", "averaged", *names, "peak"]
    titles = [*columns, *([f"{given.runs} runs"] if given.runs > 1 else []), "CPU s"]
    print("| image |", " | ".join(titles), "|")
    print("|---|" + "---:|" * len(titles), flush=True)
    rows = []
    for photo in given.photos:
        clean = task.truth(load(photo, given.gray, given.crop))
        measurement = task.measure(clean, 0)
        prior.require(measurement)
        sums: list[Tensor] = []
        for run in range(given.runs):
            LATEST.clear()
            path = Followed(clean, task)
            start = time.process_time()
            restored = prior.restore(measurement, path, seed=run)
            seconds = time.process_time() - start
            watched = LATEST[0] if LATEST else None
            found = {"last": path.output, "averaged": path.mean, "peak": path.best}
            found |= watched.chosen if watched else {}
            steps = {"peak": path.peak} | (watched.steps if watched else {})
            scores = {name: score(image, clean, task) for name, image in found.items()}
            sums.append(found.get(own, found.get("es-wmv", restored)))
            both = [score(sum(sums) / len(sums), clean, task)] if given.runs > 1 else []
            cells = [_cell(scores.get(name), steps.get(name)) for name in columns]
            row = [scores.get(name, float("nan")) for name in columns] + both + [seconds]
            rows.append(row)
            ends = [f"{value:.2f}" for value in both] + [f"{seconds:.0f}"]
            print(f"| {photo.stem} |", " | ".join(cells + ends), "|", flush=True)
            if given.curve:
                print(" ".join(f"{i}:{v:.2f}" for i, v in enumerate(path.psnr, 1) if i % 100 == 0))
    table = np.array(rows)
    mean = table.mean(0)
    if given.runs > 1:  # which is there when the last run is
        mean[-2] = table[given.runs - 1 :: given.runs, -2].mean()
    print("| mean |", " | ".join("" if np.isnan(m) else f"{m:.2f}" for m in mean), "|")


def _cell(value: float | None, step: int | None) -> str:
    if value is None:
        return ""
    return f"{value:.2f}" if step is None else f"{value:.2f} @{step}"


if __name__ == "__main__":
    main()
