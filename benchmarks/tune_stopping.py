"""What the rules that stop a fit lose on training images, and their constants.

    python benchmarks/tune_stopping.py ../shared/data/bsds432/{100039,10081}.jpg --gray \
        --told "0.9|1|1.1" --windows "80|95|110" --powers "0.2|0.35|0.5" --patience "0.3,80|0.1,40"

All rules watch the same fit of `dip`, which goes on to its last step. Printed is the loss in dB
against the best running mean of that fit, which takes the truth to find: for each picture and
noise level told, relative to the true one, of the rules as they are; of ES-WMV with other windows
and powers, mean and worst over the pictures; and of the median with other growth and patience, with
the step after which it ends a fit.
"""

import argparse
import dataclasses
import itertools
from pathlib import Path

import numpy as np
import torch
from dip_quality import Followed, load
from torch import Tensor

from priorlab import plugins
from priorlab.forward.measurement import Measurement
from priorlab.forward.noise import Gaussian
from priorlab.priors import Prior
from priorlab.solvers.parameter_space import stopping

CROP = 256
RULES = {name: stopping.RULES[name] for name in ("held-out", "discrepancy", "es-wmv")}
FOLLOWING: list["All"] = []
PATIENT: dict[str, tuple[float, int]] = {}
"""Growth and patience by what the table calls them."""


class All(stopping.StoppingRule):
    """Asks all rules after each step, notes what they choose, and ends no fit."""

    def __init__(self, measurement: Measurement) -> None:
        super().__init__(measurement)
        self.rules = {name: rule(measurement) for name, rule in RULES.items()}
        self.chosen: dict[str, int] = {}
        self.medians = {name: stopping.Median(measurement) for name in PATIENT}
        self.ended: dict[str, int] = {}
        for name, (growth, patience) in PATIENT.items():
            median = self.medians[name]
            for rule in median.rules:
                rule.GROWTH, rule.PATIENCE = growth, patience
            median.held_out.kept = self.rules["held-out"].kept
        FOLLOWING[:] = [self]

    def hide(self, u: Tensor) -> Tensor:
        return self.rules["held-out"].hide(u)

    def seen(self) -> Measurement:
        return self.rules["held-out"].seen()

    def finished(self, step: int, image: Tensor, output: Tensor, last: bool) -> bool:
        for name, rule in self.rules.items():
            if name not in self.chosen and (rule.finished(step, image, output, last) or last):
                self.chosen[name] = rule.best_step
        for name, median in self.medians.items():
            if name not in self.ended and (median.finished(step, image, output, last) or last):
                self.chosen[name], self.ended[name] = median.best_step, step
        return False


def losses(prior: Prior, clean: Tensor, sigma: float, told: float) -> dict[str, float]:
    """Return the loss of each rule, and of the median of the first three, in one fit.

    Of other growth and patience also the step that ends the fit, as "end of" their name.
    """
    (task,) = plugins.load().build_tasks(f"denoise:sigma={sigma}")
    measurement = task.measure(clean, 0)
    path = Followed(clean, task)
    measurement = dataclasses.replace(measurement, noise=Gaussian(told * sigma / 255))
    prior.restore(measurement, path)
    chosen = dict(FOLLOWING[0].chosen)
    chosen["median"] = sorted(chosen[name] for name in ("held-out", "discrepancy", "es-wmv"))[1]
    lost = {name: max(path.psnr) - path.psnr[step - 1] for name, step in chosen.items()}
    return lost | {f"end of {name}": step for name, step in FOLLOWING[0].ended.items()}


def numbers(text: str) -> list[float]:
    return [float(part) for part in text.split("|") if part]


def main() -> None:
    parser = argparse.ArgumentParser(description=__doc__.splitlines()[0])
    parser.add_argument("photos", type=Path, nargs="+")
    parser.add_argument("--sigma", type=float, default=25.0)
    parser.add_argument("--gray", action="store_true")
    parser.add_argument("--told", default="1")
    parser.add_argument("--windows", default="")
    parser.add_argument("--powers", default="")
    parser.add_argument("--patience", default="")
    given = parser.parse_args()
    torch.set_num_threads(1)
    grid = list(itertools.product(numbers(given.windows), numbers(given.powers)))
    for window, power in grid:
        facts = {"WINDOW": int(window), "FALL": power}
        RULES[f"{window:g}, {power:g}"] = type("Other", (stopping.MovingVariance,), facts)
    for text in filter(None, given.patience.split("|")):
        growth, patience = text.split(",")
        PATIENT[text] = float(growth), int(patience)
    stopping.RULES["median"] = All
    (prior,) = plugins.load().build_priors("dip")
    names = ["held-out", "discrepancy", "es-wmv", "median"]
    print("| image, level told |", " | ".join(names), "|\n|---|" + "---:|" * len(names), flush=True)
    found: list[dict[str, float]] = []
    for photo, told in itertools.product(given.photos, numbers(given.told)):
        lost = losses(prior, load(photo, given.gray, CROP), given.sigma, told)
        if told == 1:
            found.append(lost)
        print(f"| {photo.stem}, {told:g} |", " | ".join(f"{lost[n]:.2f}" for n in names), "|")
    print("\n| window, power | mean | worst |\n|---|---:|---:|")
    for name in [*names, *(f"{window:g}, {power:g}" for window, power in grid)]:
        each = [lost[name] for lost in found]
        print(f"| {name} | {np.mean(each):.2f} | {np.max(each):.2f} |")
    if PATIENT:
        print("\n| growth, patience | mean | worst | steps |\n|---|---:|---:|---:|")
    for name in PATIENT:
        each, ends = ([lost[key] for lost in found] for key in (name, f"end of {name}"))
        print(f"| {name} | {np.mean(each):.2f} | {np.max(each):.2f} | {np.mean(ends):.0f} |")


if __name__ == "__main__":
    main()
