"""What a restoration costs by the steps of plug-and-play, against whole denoisings in each step.

    OMP_NUM_THREADS=1 python benchmarks/steps_cost.py ../shared/data/bsds432 --prior epll
    OMP_NUM_THREADS=1 python benchmarks/steps_cost.py ../shared/data/bsds432 --images 4 --side 128 \
        --tasks inpaint --sweep "epll:stride=2|3,epll:steps=8"

A prior that writes `denoise_in_step`, or has settings in ``tuned.toml``, saves time by that;
"before" is the same prior without either. The two alternate, picture by picture; CPU seconds are
those of a picture. `--sweep` prints a row for each of many settings instead. Uses the training
images of tune_handcrafted.py.
"""

import argparse
import time
from pathlib import Path

import numpy as np
import torch
from tune_handcrafted import crops

from priorlab import metrics, plugins, restoration

TASKS = (
    "inpaint:missing=0.5|0.8,inpaint:kind=text,inpaint:kind=box,inpaint:sigma=10,denoise-impulse,"
    "deblur:sigma=2,deblur:kind=motion,sigma=7.65,superres:factor=2|4,dejpeg,denoise-poisson"
)


def before(prior):
    """Return the prior as it would be without `denoise_in_step` and what is tuned."""

    class Whole(type(prior)):
        def denoise_in_step(self, v, sigma, step):
            return self.denoise(v, sigma)

    return Whole(tuned=False)


def measured(prior, task, image):
    """Return the PSNR of one picture and the CPU seconds that it took."""
    measurement = task.measure(image, seed=0)
    start = time.process_time()
    restored = restoration.run(prior, measurement, prepared=True)
    seconds = time.process_time() - start
    scores = metrics.evaluate(np.asarray(restored), task.truth(image), task.protocol)
    return scores["psnr"], seconds


def compare(prior, tasks, images):
    """Print a row for each task: the prior before and now."""
    print("| task | PSNR before | now | CPU s before | now |\n|---|---:|---:|---:|---:|")
    for task in tasks:
        pairs = np.array(
            [[measured(one, task, image) for one in (before(prior), prior)] for image in images]
        )
        (old, slow), (new, fast) = pairs.mean(0)
        print(f"| {task.spec()} | {old:.2f} | {new:.2f} | {slow:.2f} | {fast:.2f} |", flush=True)


def sweep(priors, tasks, images):
    """Print a row for each setting, and in parentheses the CPU seconds of a picture."""
    print("| setting | " + " | ".join(task.spec() for task in tasks) + " |")
    print("|---|" + "---|" * len(tasks))
    rows = {prior.spec(): prior for prior in priors}
    for label, prior in ({"whole denoiser": before(priors[0])} | rows).items():
        means = [
            np.mean([measured(prior, task, image) for image in images], axis=0) for task in tasks
        ]
        cells = " | ".join(f"{psnr:.2f} ({seconds:.2f})" for psnr, seconds in means)
        print(f"| {label} | {cells} |", flush=True)


def main():
    parser = argparse.ArgumentParser(description=__doc__.splitlines()[0])
    parser.add_argument("folder", type=Path, help="training images")
    what = parser.add_mutually_exclusive_group(required=True)
    what.add_argument("--prior", help="one, before and now")
    what.add_argument("--sweep", help="settings of a prior, as the command line has them")
    parser.add_argument("--channels", type=int, choices=(1, 3), default=1)
    parser.add_argument("--tasks", default=TASKS)
    parser.add_argument("--images", type=int, default=8)
    parser.add_argument("--side", type=int, default=256)
    options = parser.parse_args()
    torch.set_num_threads(1)
    registry = plugins.load()
    priors = registry.build_priors(options.prior or options.sweep)
    priors[0].prepare(torch.device("cpu"), options.channels)
    margin = (256 - options.side) // 2
    inner = slice(margin, margin + options.side)
    images = crops(options.folder, options.channels)[: options.images]
    images = [image[..., inner, inner] for image in images]
    tasks = registry.build_tasks(options.tasks)
    if options.prior:
        compare(priors[0], tasks, images)
    else:
        sweep(priors, tasks, images)


if __name__ == "__main__":
    main()
