"""Follow one fit of `dip`: PSNR at each step, where stopping rules end, CPU seconds.

    python benchmarks/tune_dip.py ../shared/data/bsds432/10081.jpg --sigma 25
    python benchmarks/tune_dip.py PHOTO --missing 0.5 --prior dip:channels=64,iterations=1000

Meant for training images: what is tuned here must not be reported on.
"""

import argparse
import time

import torch
from torch import Tensor
from torch.nn.functional import avg_pool2d

from priorlab import images, plugins, specs
from priorlab.measurement import Measurement
from priorlab.noise import Gaussian, NoNoise
from priorlab.operators import Identity, Mask
from priorlab.priors import Trace

SIZE = 256
WINDOW = 30
"""Steps over which the moving variance of the outputs is taken."""


def psnr(image: Tensor, clean: Tensor) -> float:
    return float(-10 * torch.log10((image.clamp(0, 1) - clean).square().mean()))


class Path(Trace):
    """PSNR, residual and a half-size copy of every image reported."""

    def __init__(self, measurement: Measurement, clean: Tensor) -> None:
        self.measurement, self.clean = measurement, clean
        self.psnr: list[float] = []
        self.residual: list[float] = []
        self.small: list[Tensor] = []

    def report(self, iteration: int, total: int, image: Tensor, **values: float) -> None:
        u, y = self.measurement.operator.forward(image), self.measurement.y
        self.psnr.append(psnr(image, self.clean))
        self.residual.append(float((u - y).square().mean()))
        self.small.append(avg_pool2d(image, 2).half().clone())

    def at(self, index: int) -> str:
        return f"{self.psnr[index]:.2f} @{index + 1}"

    def discrepancy(self, sigma: float) -> str:
        """The first image whose residual is below the noise."""
        found = [index for index, value in enumerate(self.residual) if value < sigma**2]
        return self.at(found[0]) if found else "never"

    def moving_variance(self) -> str:
        """The middle of the window in which the averaged outputs vary least."""
        ends = range(WINDOW, len(self.small), 5)
        least = min(
            ends, key=lambda e: float(torch.stack(self.small[e - WINDOW : e]).float().var(0).mean())
        )
        return self.at(least - WINDOW // 2)


def measure(clean: Tensor, sigma: float, missing: float) -> Measurement:
    shape = tuple(clean.shape)
    if missing:
        draw = torch.rand(1, 1, *shape[2:], generator=torch.Generator().manual_seed(7))
        mask = (draw > missing).float()
        return Measurement(clean * mask, Mask(mask), NoNoise(), shape)
    noise = torch.randn(shape, generator=torch.Generator().manual_seed(0))
    return Measurement(clean + sigma * noise, Identity(), Gaussian(sigma), shape)


def main() -> None:
    parser = argparse.ArgumentParser()
    parser.add_argument("photo")
    parser.add_argument("--sigma", type=float, default=25.0)
    parser.add_argument("--missing", type=float, default=0.0)
    parser.add_argument("--gray", action="store_true")
    parser.add_argument("--prior", default="dip")
    parser.add_argument("-o", "--output", help="write measurement, restored and truth here")
    given = parser.parse_args()
    torch.set_num_threads(1)
    photo = torch.from_numpy(images.read(given.photo))[None]
    if given.gray:
        weights = torch.tensor([0.299, 0.587, 0.114])[:, None, None]
        photo = ((photo * weights).sum(1, keepdim=True) * 255).round() / 255
    top, left = ((side - SIZE) // 2 for side in photo.shape[2:])
    clean = photo[..., top : top + SIZE, left : left + SIZE]
    measurement = measure(clean, given.sigma / 255, given.missing)
    (prior,) = specs.build(given.prior, "prior", plugins.load().priors)
    path = Path(measurement, clean)
    start = time.process_time()
    restored = prior.restore(measurement, path)
    seconds = time.process_time() - start
    best = max(range(len(path.psnr)), key=path.psnr.__getitem__)
    print(f"held-out pixels {psnr(restored, clean):.2f}, best {path.at(best)}", end=", ")
    print(f"last {path.at(len(path.psnr) - 1)}, {seconds:.1f} CPU s", end=", ")
    if not given.missing:
        print(f"discrepancy {path.discrepancy(given.sigma / 255)}", end=", ")
    print(f"moving variance {path.moving_variance()}")
    if given.output:
        shown = [measurement.y.clamp(0, 1), restored, clean]
        images.write(given.output, torch.cat(shown, 3)[0].numpy())


if __name__ == "__main__":
    main()
