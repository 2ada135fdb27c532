"""The shipped networks on the benchmark sets, against the figures to reach; run with -m slow.

Noise is unclipped, from ``numpy.random.default_rng(0)`` for each image; PSNR of the float output
clipped to [0, 1], on the whole image, mean over the images of the set.
"""

from pathlib import Path

import numpy as np
import pytest
import torch
from PIL import Image

from priorlab_learned.unet import UNet

DATA = Path(__file__).parents[3] / "shared" / "data"
TO_REACH = [
    ("bsd68", 15, 31.36),
    ("bsd68", 25, 28.91),
    ("bsd68", 50, 25.97),
    ("set12", 15, 32.34),
    ("set12", 25, 30.01),
    ("set12", 50, 26.92),
    # No reference of our own for colour: CBM3D as published (Dabov et al., ICIP 2007).
    ("cbsd68", 15, 33.52),
    ("cbsd68", 25, 30.71),
    ("cbsd68", 50, 27.38),
]


def mean_psnr(folder, level):
    values = []
    for path in sorted(folder.iterdir()):
        with Image.open(path) as image:
            clean = np.atleast_3d(np.asarray(image, np.float32) / 255).transpose(2, 0, 1)[None]
        noise = np.random.default_rng(0).standard_normal(clean.shape)
        v = torch.from_numpy((clean + noise * level / 255).astype(np.float32))
        error = UNet().denoise(v, level / 255).clamp(0, 1).numpy() - clean
        values.append(-10 * np.log10(np.mean(np.square(error, dtype=np.float64))))
    return float(np.mean(values))


@pytest.mark.slow
@pytest.mark.timeout(600)
@pytest.mark.parametrize(("name", "level", "least"), TO_REACH)
def test_reaches_the_reference(name, level, least, record_property):
    if not (DATA / name).is_dir():
        pytest.skip(f"{name} is not here")
    psnr = mean_psnr(DATA / name, level)
    record_property("psnr", psnr)
    print(f"{name} sigma {level}: {psnr:.3f} dB")
    assert psnr >= least
