"""The row that every table needs: the input itself, interpolated linearly."""

import numpy as np
import pytest
import torch
from sample_pictures import picture
from scipy.interpolate import griddata

from priorlab.forward.measurement import Measurement
from priorlab.forward.noise import Gaussian, NoNoise
from priorlab.forward.operators import Identity, Mask
from priorlab_handcrafted.degraded import Degraded


def test_denoising_returns_the_input_clipped():
    y = torch.tensor([-0.5, 0.25, 1.5]).expand(1, 1, 16, 3)
    restored = Degraded().restore(Measurement(y, Identity(), Gaussian(0.1), (1, 1, 16, 3)))
    assert torch.equal(restored, y.clamp(0, 1))


def inpaint(clean, mask):
    y = torch.from_numpy(clean)[None] * mask
    return Degraded().restore(Measurement(y, Mask(mask), NoNoise(), tuple(y.shape)))[0].numpy()


@pytest.mark.parametrize("channels", [1, 3])
def test_missing_pixels_are_interpolated_linearly_as_scipy_does(channels):
    clean = picture(40, 36, channels)
    mask = (torch.rand(1, 1, 40, 36, generator=torch.Generator().manual_seed(0)) > 0.5).float()
    known = mask[0, 0].numpy() > 0.5
    filled = inpaint(clean, mask)
    assert np.array_equal(filled[:, known], clean[:, known])
    points, wanted = np.argwhere(known), np.argwhere(~known)
    for channel in range(channels):
        expected = griddata(points, clean[channel][known], wanted, method="linear")
        inside = ~np.isnan(expected)
        difference = np.abs(filled[channel][~known][inside] - expected[inside])
        # Squares can be cut along either diagonal: a few pixels may differ, no more.
        assert np.mean(difference > 1e-3) < 0.1
    assert np.isfinite(filled).all()


def test_a_linear_ramp_is_recovered_exactly_and_each_channel_has_its_own_mask():
    rows, columns = np.mgrid[:24, :30]
    ramp = np.stack([0.1 + rows / 40, 0.9 - columns / 50, (rows + columns) / 80])
    mask = (torch.rand(1, 3, 24, 30, generator=torch.Generator().manual_seed(1)) > 0.4).float()
    mask[..., [0, -1], :] = mask[..., :, [0, -1]] = 1
    assert np.abs(inpaint(ramp.astype(np.float32), mask) - ramp).max() < 1e-4


@pytest.mark.parametrize("known", [0, 1, 2])
def test_hardly_any_pixel_known(known):
    mask = torch.zeros(1, 1, 16, 16)
    mask[..., 3, :known] = 1
    filled = inpaint(np.full((1, 16, 16), 0.25, np.float32), mask)
    assert np.allclose(filled, 0.25 if known else 0.5)


def test_a_linear_ramp_is_recovered_up_to_the_border():
    rows, columns = np.mgrid[:40, :50]
    ramp = (0.1 + rows / 80 + columns / 200)[None].astype(np.float32)
    mask = (torch.rand(1, 1, 40, 50, generator=torch.Generator().manual_seed(2)) > 0.5).float()
    mask[..., [0, 0, -1, -1], [0, -1, 0, -1]] = 1  # the corners
    assert np.abs(inpaint(ramp, mask) - ramp).max() < 1e-5
