"""Losses without clean images: they prefer what the loss beside the clean image would prefer."""

import numpy as np
import pytest
import torch
from torch import nn
from torch.nn import functional as F

from priorlab_learned.training import losses
from priorlab_learned.training.losses import LOSSES

LEVEL = 25 / 255


class Mean(nn.Module):
    """A denoiser with one parameter: the mean of a square, in part."""

    def __init__(self, side, share=1.0):
        super().__init__()
        self.side, self.share = side, nn.Parameter(torch.tensor(share))

    def forward(self, v, sigma):
        mean = F.avg_pool2d(v, self.side, 1, self.side // 2, count_include_pad=False)
        return v + self.share * (mean - v)


@pytest.fixture
def pair():
    """A smooth picture, twice, and the same with noise."""
    y, x = torch.meshgrid(torch.arange(192.0), torch.arange(192.0), indexing="ij")
    clean = (0.5 + 0.3 * torch.sin(y / 19) * torch.cos(x / 17)).expand(2, 3, -1, -1)
    noise = torch.randn(clean.shape, generator=torch.Generator().manual_seed(0))
    return clean, clean + LEVEL * noise, torch.full((2,), LEVEL)


def loss(name, network, noisy, sigma, seed=0):
    return LOSSES[name](network, noisy, sigma, np.random.default_rng(seed))


@pytest.mark.parametrize("name", ["noise2void", "r2r", "sure"])
def test_prefers_the_better_denoiser_without_seeing_the_clean_image(name, pair):
    clean, noisy, sigma = pair
    denoisers = [Mean(side) for side in (1, 3, 7, 31)]
    truth = [(f(noisy, sigma) - clean).square().mean().item() for f in denoisers]
    seen = [loss(name, f, noisy, sigma).item() for f in denoisers]
    assert np.argsort(seen).tolist() == np.argsort(truth).tolist()


def test_sure_is_the_mean_squared_error(pair):
    clean, noisy, sigma = pair
    for network in (Mean(3), Mean(5, 0.5), Mean(1)):
        truth = (network(noisy, sigma) - clean).square().mean().item()
        assert loss("sure", network, noisy, sigma).item() == pytest.approx(truth, rel=0.03)


@pytest.mark.slow
@pytest.mark.parametrize("name", sorted(LOSSES))
def test_descent_leads_to_the_share_that_is_best_beside_the_clean_image(name, pair):
    clean, noisy, sigma = pair
    network = Mean(7, share=0.2)
    optimiser = torch.optim.SGD(network.parameters(), lr=8)
    for step in range(60):
        optimiser.zero_grad()
        loss(name, network, noisy, sigma, step).backward()
        optimiser.step()
    with torch.no_grad():
        change, wanted = network(noisy, sigma) - noisy, clean - noisy
        best = network.share * (change * wanted).sum() / change.square().sum()
    # Half the size, less of a square, more noise: what they see is not quite the same problem.
    assert network.share.item() == pytest.approx(best.item(), abs=0.12)


def test_noise2void_does_not_show_what_it_asks_for(pair):
    _, noisy, sigma = pair
    seen = []

    def network(v, sigma):
        seen.append(v)
        return v

    error = LOSSES["noise2void"](network, noisy, sigma, np.random.default_rng(0))
    hidden = seen[0] != noisy
    assert 0.5 * losses.HIDDEN < hidden.float().mean() < 1.5 * losses.HIDDEN
    assert torch.equal(hidden[:, :1].expand_as(hidden), hidden)
    # What is seen instead is another pixel nearby, of the same image and channel.
    assert error.item() == pytest.approx(2 * LEVEL**2, rel=0.2)
    for row, column in hidden[0, 0].nonzero()[:50].tolist():
        near = noisy[0, :, max(0, row - 2) : row + 3, max(0, column - 2) : column + 3]
        value = seen[0][0, :, row, column]
        assert (near == value[:, None, None]).all(0).any()


def test_halves_of_neighbours_are_neighbours():
    cells = F.pixel_unshuffle(torch.arange(64.0).view(1, 1, 8, 8), 2)
    place = torch.from_numpy(np.random.default_rng(0).integers(4, size=(1, 4, 4)))
    for turn in (1, 2):
        first, second = losses._picked(cells, place), losses._picked(cells, place ^ turn)
        assert set((first - second).abs().flatten().tolist()) == {turn if turn == 1 else 8.0}
