"""The implicit representation: coordinates in, any task out."""

import math

import pytest
import torch
from mostly_slow import mostly_slow, slow_where
from photograph import error, measure, picture
from torch.nn import functional

from priorlab.forward.convolution import Downsampling
from priorlab.forward.measurement import Measurement
from priorlab.forward.noise import Gaussian, NoNoise
from priorlab.forward.operators import Identity, Mask
from priorlab_dip.siren import ImplicitRepresentation, Siren, coordinates, joined, split

ENCODINGS = ("sine", "fourier")


@pytest.mark.parametrize("encoding", ENCODINGS)
@pytest.mark.parametrize("size", [(16, 16), (17, 131), (16, 200), (1, 1)])
@pytest.mark.parametrize("channels", [1, 3])
def test_any_size_gray_or_colour(encoding, size, channels) -> None:
    shape = (2, channels, *size)
    measurement = Measurement(torch.rand(shape), Identity(), Gaussian(0.1), shape)
    kept = measurement.y.clone()
    prior = ImplicitRepresentation(encoding=encoding, units=8, iterations=2)
    image = prior.restore(measurement)
    assert image.shape == shape and image.min() >= 0 and image.max() <= 1
    assert torch.equal(prior.restore(measurement), image)
    assert torch.equal(prior.restore(measurement.image(1)), image[1:])
    assert torch.equal(measurement.y, kept)


KNOWN = (torch.rand(1, 1, 48, 48, generator=torch.manual_seed(1)) > 0.5).float()


@pytest.mark.parametrize("encoding", mostly_slow(ENCODINGS, "sine"))
@pytest.mark.parametrize(
    ("operator", "noise", "most"),
    slow_where(
        lambda operator, noise, most: isinstance(operator, Downsampling),
        [
            (Identity(), Gaussian(50 / 255), 0.2),
            (Mask(KNOWN), NoNoise(), 1.7),
            (Downsampling(torch.full((2, 2), 0.25), 2), NoNoise(), 1.3),
        ],
    ),
    ids=["denoise", "inpaint", "superres"],
)
def test_every_kind_of_measurement_is_fitted(encoding, operator, noise, most) -> None:
    clean = picture(48)
    measurement = measure(clean, operator, noise)
    prior = ImplicitRepresentation(encoding=encoding, iterations=120, units=64)
    assert error(prior.restore(measurement), clean) < most * error(
        measurement.initial_guess(), clean
    )


def test_neighbours_are_as_far_apart_in_all_pictures() -> None:
    for height, width in [(5, 9), (256, 256), (300, 20)]:
        grid = coordinates(height, width)
        assert grid.shape == (1, 2, height, width)
        across, down = grid[0]
        torch.testing.assert_close(across.diff(dim=1), torch.full((height, width - 1), 1 / 128))
        torch.testing.assert_close(down.diff(dim=0), torch.full((height - 1, width), 1 / 128))
        assert abs(float(grid.mean())) < 1e-6
    assert float(coordinates(256, 256).max()) == pytest.approx(1, abs=0.01)


def test_coordinates_survive_bfloat16() -> None:
    """The core may store a code in bfloat16, which alone would mix up neighbouring pixels."""
    grid = coordinates(1000, 800)
    code = split(grid)
    distance = float(grid[0, 0, 0, 1] - grid[0, 0, 0, 0])
    assert (grid.bfloat16().float() - grid).abs().max() > distance / 3
    assert (joined(code.bfloat16()) - grid).abs().max() < distance / 50


def test_the_signal_keeps_its_strength_through_the_layers() -> None:
    """By the initialisation of the paper, phases have about unit variance in each layer."""
    torch.manual_seed(0)
    network = Siren(3, units=256, depth=3, omega=30.0)
    x = network.first(coordinates(64, 64))
    for layer in network.rest:
        phase = 30 * functional.conv2d(x, layer.weight)
        assert float(phase.detach().std()) == pytest.approx(1, abs=0.15)
        x = layer(x)
        shift = 30 * layer.bias[:, None, None]
        torch.testing.assert_close(x, torch.sin(phase + shift), rtol=0, atol=1e-4)
    assert float(x.detach().square().mean()) == pytest.approx(0.5, abs=0.1)


@pytest.mark.slow
def test_random_waves_have_the_bandwidth() -> None:
    torch.manual_seed(0)
    code = ImplicitRepresentation(encoding="fourier", bandwidth=3.0).make_code((1, 3, 200, 200))
    sines, cosines = code.chunk(2, 1)
    torch.testing.assert_close(sines**2 + cosines**2, torch.ones_like(sines))
    # A wave of f periods per 256 pixels turns by 2 pi f / 256 per pixel.
    phases = torch.atan2(sines, cosines)[0, :, 0]
    turn = phases.diff(dim=-1)[:, 0]
    turn = torch.remainder(turn + math.pi, 2 * math.pi) - math.pi
    periods = turn * 256 / (2 * math.pi)
    assert float(periods.std()) == pytest.approx(3, rel=0.2)


@pytest.mark.parametrize("encoding", ENCODINGS)
@pytest.mark.parametrize("depth", [0, 1, 3])
def test_depth_counts_the_layers_between_the_first_and_the_last(encoding, depth) -> None:
    prior = ImplicitRepresentation(encoding=encoding, units=8, depth=depth)
    network = prior.make_network((1, 3, 16, 16))
    layers = [tensor for tensor in network.parameters() if tensor.ndim == 4]
    assert [tuple(layer.shape[:2]) for layer in layers[1:]] == [(8, 8)] * depth + [(3, 8)]


def test_omega_is_the_frequency_of_the_sines() -> None:
    """A wave of the first layer turns by omega times a weight of up to 1/2 per unit of length."""
    slopes = []
    for omega in (10.0, 20.0):
        torch.manual_seed(0)
        prior = ImplicitRepresentation(omega=omega, depth=0)
        shape = (1, 1, 64, 64)
        network, code = prior.make_network(shape), prior.make_code(shape)
        waves = network.body.first(joined(code)).detach()
        slopes.append(float(waves.diff(dim=3).square().mean().sqrt()))
    assert slopes[1] == pytest.approx(2 * slopes[0], rel=0.05)


@pytest.mark.parametrize("encoding", ENCODINGS)
def test_networks_fitted_together_are_as_fitted_alone(encoding) -> None:
    shape = (2, 3, 20, 17)
    y = torch.rand(shape, generator=torch.manual_seed(0))
    measurement = Measurement(y, Identity(), Gaussian(0.1), shape)
    settings = {"encoding": encoding, "units": 16, "iterations": 6}
    alone = ImplicitRepresentation(**settings).restore(measurement)
    together = ImplicitRepresentation(**settings, batch=2).restore(measurement)
    # To the rounding of bfloat16, where that is fast.
    torch.testing.assert_close(together, alone, rtol=0, atol=0.02)
