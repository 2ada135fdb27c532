"""What the priors that only undo blur have in common."""

import numpy as np
import pytest
import torch
from mostly_slow import mostly_slow
from sample_pictures import picture
from torch_threads import threads

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


@pytest.mark.parametrize("prior", [RichardsonLucy(iterations=10), Wiener()])
@pytest.mark.parametrize("boundary", mostly_slow(["circular", "reflect"], "reflect"))
def test_the_number_of_threads_does_not_matter(prior, boundary):
    clean = torch.from_numpy(picture(96, 80))[None]
    measurement, results = Deblur(boundary=boundary).measure(clean, seed=0), []
    for count in (1, 2):
        with threads(count):
            results.append(prior.restore(measurement))
    torch.testing.assert_close(*results, atol=1e-5, rtol=0)
