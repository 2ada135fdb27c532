"""The deep image prior as published, in plain eager PyTorch: what `dip` is compared with.

    python benchmarks/dip_baseline.py priorlab/photos/astronaut.png --sigma 25 -o baseline.csv
    python benchmarks/dip_baseline.py priorlab/photos/astronaut.png --prior dip -o dip.csv

Ulyanov, Vedaldi, Lempitsky, "Deep Image Prior", CVPR 2018: the hourglass with skip connections
(128 channels, 5 scales, 4 channels in each connection, reflection padding, bilinear up-sampling),
a code of 32 channels of uniform noise below 0.1, perturbed by 1/30 in each step, Adam with rate
0.01, and the running mean of the outputs with decay 0.99. Written from the paper and its
supplement, in float32, as one would write it down; it takes nothing from priorlab but the reading
of images. Follows one run, or with --prior one of priorlab's, and writes PSNR against step and
seconds.
"""

import argparse
import contextlib
import csv
import queue
import threading
import time
from collections.abc import Generator
from pathlib import Path

import torch
from torch import Tensor, nn

from priorlab import plugins
from priorlab.forward.measurement import Measurement
from priorlab.forward.noise import Gaussian
from priorlab.forward.operators import Identity
from priorlab.pictures import reading
from priorlab.trace import Trace

CHANNELS, SCALES, LINKS, INPUTS = 128, 5, 4, 32

Steps = Generator[tuple[Tensor, Tensor], None, None]


def block(inputs: int, outputs: int, size: int, stride: int = 1) -> nn.Sequential:
    return nn.Sequential(
        nn.Conv2d(inputs, outputs, size, stride, padding=size // 2, padding_mode="reflect"),
        nn.BatchNorm2d(outputs),
        nn.LeakyReLU(0.2),
    )


class Scale(nn.Module):
    """One scale of the hourglass, with all coarser ones inside."""

    def __init__(self, inputs: int, coarser: int) -> None:
        super().__init__()
        self.link = block(inputs, LINKS, 1)
        self.down = nn.Sequential(block(inputs, CHANNELS, 3, 2), block(CHANNELS, CHANNELS, 3))
        self.coarser = Scale(CHANNELS, coarser - 1) if coarser else nn.Identity()
        self.enlarge = nn.Upsample(scale_factor=2, mode="bilinear")
        self.up = nn.Sequential(
            nn.BatchNorm2d(LINKS + CHANNELS),
            block(LINKS + CHANNELS, CHANNELS, 3),
            block(CHANNELS, CHANNELS, 1),
        )

    def forward(self, x: Tensor) -> Tensor:
        large = self.enlarge(self.coarser(self.down(x)))
        joined: Tensor = self.up(torch.cat([self.link(x), large], 1))
        return joined


def fit(y: Tensor, seed: int = 0) -> Steps:
    """Yield the output and the running mean of the outputs after each step, without end."""
    torch.manual_seed(seed)
    body = Scale(INPUTS, SCALES - 1)
    network = nn.Sequential(body, nn.Conv2d(CHANNELS, y.shape[1], 1), nn.Sigmoid())
    code = torch.rand(1, INPUTS, *y.shape[2:]) / 10
    adam = torch.optim.Adam(network.parameters(), lr=0.01)
    mean = None
    while True:
        adam.zero_grad()
        output = network(code + torch.randn(code.shape) / 30)
        nn.functional.mse_loss(output, y).backward()
        adam.step()
        output = output.detach()
        mean = output.clone() if mean is None else 0.99 * mean + 0.01 * output
        yield output, mean


def fit_ours(spec: str, y: Tensor, sigma: float) -> Steps:
    """Yield the same of a prior of priorlab, which runs in a thread, one step at a time."""
    (prior,) = plugins.load().build_priors(spec)
    measurement = Measurement(y, Identity(), Gaussian(sigma), tuple(y.shape))
    made: queue.Queue[tuple[Tensor, Tensor] | None] = queue.Queue(1)

    enough = threading.Event()

    class Enough(Exception):
        pass

    class Follow(Trace):
        def report(self, iteration, total, image, *, output=None, **values):
            if enough.is_set():
                raise Enough
            # Fits side by side have no output that is that of all.
            made.put(((image if output is None else output).clone(), image.clone()))

    def run() -> None:
        try:
            with contextlib.suppress(Enough):
                prior.restore(measurement, Follow())
        finally:
            made.put(None)

    fitting = threading.Thread(target=run)
    fitting.start()
    try:
        while (pair := made.get()) is not None:
            yield pair
    finally:
        enough.set()
        while fitting.is_alive():
            with contextlib.suppress(queue.Empty):
                made.get(timeout=0.1)


def psnr(image: Tensor, clean: Tensor) -> float:
    return float(-10 * torch.log10((image - clean).square().mean()))


def main() -> None:
    parser = argparse.ArgumentParser()
    parser.add_argument("photo", type=Path, nargs="+", help="sides of a multiple of 32 pixels")
    parser.add_argument("--sigma", type=float, default=25.0)
    parser.add_argument("--steps", type=int, default=2500, help="most steps")
    parser.add_argument("--patience", type=int, default=250, help="steps without a better mean")
    parser.add_argument("--threads", type=int, default=1)
    parser.add_argument("--prior", help="follow this one instead")
    parser.add_argument("-o", "--output", type=Path, required=True)
    given = parser.parse_args()
    torch.set_num_threads(given.threads)
    with given.output.open("w", newline="") as file:
        table = csv.writer(file)
        table.writerow(["photo", "step", "last", "averaged", "wall_s", "cpu_s"])
        for path in given.photo:
            clean = torch.from_numpy(reading.read(path))[None]
            noise = torch.randn(clean.shape, generator=torch.Generator().manual_seed(0))
            y = clean + given.sigma / 255 * noise
            wall, cpu = time.perf_counter(), time.process_time()
            best, best_step = 0.0, 0
            level = given.sigma / 255
            steps = fit_ours(given.prior, y, level) if given.prior else fit(y)
            for step, (output, mean) in enumerate(steps, 1):
                averaged = psnr(mean, clean)
                seconds = time.perf_counter() - wall, time.process_time() - cpu
                figures = [psnr(output, clean), averaged, *seconds]
                table.writerow([path.stem, step, *(f"{figure:.3f}" for figure in figures)])
                if step % 10 == 0:
                    file.flush()
                if averaged > best:
                    best, best_step = averaged, step
                if step >= given.steps or step > best_step + given.patience:
                    break
            steps.close()
            print(f"{path.stem}: {best:.2f} dB at step {best_step}, ended at {step}", flush=True)


if __name__ == "__main__":
    main()
