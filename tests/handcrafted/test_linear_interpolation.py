"""Linear interpolation: inpainting only. What it computes is tested with `degraded`."""

import torch
from sample_pictures import picture

from priorlab.tasks.builtin import Inpaint
from priorlab_handcrafted.degraded import Degraded
from priorlab_handcrafted.linear_interpolation import Linear


def test_the_degraded_image_is_filled_linearly():
    measurement = Inpaint().measure(torch.from_numpy(picture(40, 36, 3))[None], seed=0)
    assert torch.equal(Linear().restore(measurement), Degraded().restore(measurement))
