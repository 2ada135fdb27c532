"""What the priors that only undo blur have in common."""

import numpy as np
import pytest
import torch
from sample_pictures import picture

from priorlab import metrics
from priorlab.tasks.builtin import Deblur
from priorlab_handcrafted.richardson_lucy import RichardsonLucy
from priorlab_handcrafted.wiener import Wiener


@pytest.mark.parametrize("prior", [RichardsonLucy(), Wiener()], ids=lambda prior: prior.name)
@pytest.mark.parametrize("boundary", ["circular", "reflect", "unknown"])
@pytest.mark.parametrize("kind", ["gaussian", "motion"])
def test_blurred_pictures_become_sharper_up_to_the_border(prior, kind, boundary):
    scene = picture(96, 80, 3)
    task = Deblur(kind=kind, boundary=boundary)
    measurement = task.measure(torch.from_numpy(scene)[None], seed=0)
    clean = task.truth(torch.from_numpy(scene)[None])[0].numpy()
    before = measurement.y.clone()
    frame = measurement.operator.frame
    restored = frame(prior.restore(measurement))[0].numpy()
    blurred = frame(measurement.initial_guess())[0].numpy()
    assert metrics.psnr(restored, clean) > metrics.psnr(blurred, clean) + 1
    border = np.ones(clean.shape[1:], bool)
    border[8:-8, 8:-8] = False
    rms = np.sqrt(np.mean((restored - clean)[:, border] ** 2))
    assert rms < np.sqrt(np.mean((blurred - clean)[:, border] ** 2))
    assert torch.equal(measurement.y, before)
