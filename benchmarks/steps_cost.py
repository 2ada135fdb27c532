"""What a restoration costs by the steps of plug-and-play, against whole denoisings in each step.

    OMP_NUM_THREADS=1 python benchmarks/steps_cost.py ../shared/data/bsds432 --prior epll

A prior that writes `denoise_in_step`, or has settings in ``tuned.toml``, saves time by that;
"before" is the same prior without either. The two alternate, picture by picture; CPU seconds are
those of a picture. Uses the training images of tune_handcrafted.py.
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


def main():
    parser = argparse.ArgumentParser(description=__doc__.splitlines()[0])
    parser.add_argument("folder", type=Path, help="training images")
    parser.add_argument("--prior", required=True)
    parser.add_argument("--channels", type=int, choices=(1, 3), default=1)
    parser.add_argument("--tasks", default=TASKS)
    parser.add_argument("--images", type=int, default=8)
    parser.add_argument("--side", type=int, default=256)
    options = parser.parse_args()
    torch.set_num_threads(1)
    registry = plugins.load()
    (now,) = registry.build_priors(options.prior)
    then = before(now)
    now.prepare(torch.device("cpu"), options.channels)
    margin = (256 - options.side) // 2
    inner = slice(margin, margin + options.side)
    images = crops(options.folder, options.channels)[: options.images]
    print("| task | PSNR before | now | CPU s before | now |\n|---|---:|---:|---:|---:|")
    for task in registry.build_tasks(options.tasks):
        pairs = np.array(
            [
                [measured(prior, task, image[..., inner, inner]) for prior in (then, now)]
                for image in images
            ]
        )
        (old, slow), (new, fast) = pairs.mean(0)
        print(f"| {task.spec()} | {old:.2f} | {new:.2f} | {slow:.2f} | {fast:.2f} |", flush=True)


if __name__ == "__main__":
    main()
