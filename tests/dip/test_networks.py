"""The networks and codes: what they compute, against plain statements of what was published."""

import itertools

import pytest
import torch
from hypothesis import given, settings
from hypothesis import strategies as st
from torch import Tensor, nn
from torch.nn import functional

from priorlab.errors import UsageError
from priorlab.forward.measurement import Measurement
from priorlab.forward.noise import Gaussian
from priorlab.forward.operators import Identity
from priorlab_dip import codes
from priorlab_dip.blocks import Style, UpConvolution
from priorlab_dip.dip import DeepImagePrior
from priorlab_dip.networks import NETWORKS, SMALL_CODE


def parameters(network: nn.Module) -> int:
    return sum(tensor.numel() for tensor in network.parameters())


@settings(max_examples=25)
@given(
    network=st.sampled_from(sorted(NETWORKS)),
    code=st.sampled_from(codes.CODES),
    size=st.sampled_from([(16, 16), (16, 70), (17, 31), (33, 18), (1, 1), (3, 40)]),
    channels=st.sampled_from([1, 3]),
)
def test_any_network_from_any_code_at_any_size(network, code, size, channels) -> None:
    shape = (1, channels, *size)
    y = torch.rand(shape, generator=torch.Generator().manual_seed(size[0])) * 1.4 - 0.2
    measurement = Measurement(y, Identity(), Gaussian(0.1), shape)
    few = {} if code == "meshgrid" else {"inputs": 4}
    prior = DeepImagePrior(network=network, code=code, channels=4, iterations=3, depth=2, **few)
    image = prior.restore(measurement, seed=5)
    assert image.shape == shape and image.dtype == y.dtype
    # The slope lets it leave [0, 1], but no further than the data do.
    assert image.isfinite().all() and image.min() >= -0.2 and image.max() <= 1.2
    assert size == (1, 1) or image.std() > 0
    assert torch.equal(prior.restore(measurement, seed=5), image)


@pytest.mark.parametrize("network", sorted(NETWORKS))
def test_a_network_is_never_reused(network) -> None:
    """One that was trained on another picture makes another, usually worse, one of the next."""
    prior = DeepImagePrior(network=network, channels=4, inputs=4, depth=2, iterations=4)
    first, second = torch.rand(2, 1, 3, 20, 20, generator=torch.Generator().manual_seed(0))

    def restore(y: Tensor) -> Tensor:
        return prior.restore(Measurement(y, Identity(), Gaussian(0.1), tuple(y.shape)))

    alone = restore(second)
    restore(first)
    assert torch.equal(restore(second), alone)
    both = restore(torch.cat([first, second]))
    torch.testing.assert_close(both[1:], alone, rtol=0, atol=1e-6)
    assert not torch.equal(both[:1], both[1:])


@pytest.mark.parametrize("upsampling", ["nearest", "bilinear"])
@pytest.mark.parametrize("padding", ["zero", "reflect"])
@pytest.mark.parametrize("normalisation", ["batch", "none"])
@pytest.mark.parametrize("links", [0, 2])
def test_up_convolution_enlarges_then_joins_then_convolves(
    upsampling, padding, normalisation, links
) -> None:
    torch.manual_seed(0)
    style = Style(upsampling=upsampling, padding=padding, normalisation=normalisation)
    layer = UpConvolution(5, links, 7, style).double()
    x, link = torch.randn(1, 5, 6, 4).double(), torch.randn(1, links, 12, 8).double()
    large = functional.interpolate(x, scale_factor=2, mode=upsampling)
    mode = "reflect" if padding == "reflect" else "constant"
    padded = functional.pad(torch.cat([large, link], 1), (1, 1, 1, 1), mode)
    if upsampling == "bilinear" and padding == "zero":
        padded[:, :5] = functional.pad(large, (1, 1, 1, 1), "replicate")
    expected = functional.conv2d(padded, layer.layer.weight, layer.layer.bias)
    result = layer(x, link if links else None)
    torch.testing.assert_close(result, expected, rtol=1e-12, atol=1e-12)


class Published(nn.Module):
    """One scale of the published hourglass, with all coarser ones inside."""

    def __init__(self, inputs: int, channels: int, coarser: int) -> None:
        super().__init__()

        def block(inputs: int, outputs: int, size: int, stride: int = 1) -> nn.Sequential:
            half = size // 2
            layer = nn.Conv2d(inputs, outputs, size, stride, half, padding_mode="reflect")
            return nn.Sequential(layer, nn.BatchNorm2d(outputs), nn.LeakyReLU(0.2))

        self.link = block(inputs, 4, 1)
        self.down = nn.Sequential(block(inputs, channels, 3, 2), block(channels, channels, 3))
        self.coarser = Published(channels, channels, coarser - 1) if coarser else nn.Identity()
        self.enlarge = nn.Upsample(scale_factor=2, mode="bilinear", align_corners=False)
        width = 4 + channels
        self.up = nn.Sequential(
            nn.BatchNorm2d(width), block(width, channels, 3), block(channels, channels, 1)
        )

    def forward(self, x: Tensor) -> Tensor:
        return self.up(torch.cat([self.enlarge(self.coarser(self.down(x))), self.link(x)], 1))


def kernels(network: nn.Module) -> list[tuple[int, ...]]:
    return sorted(tuple(tensor.shape) for tensor in network.parameters() if tensor.ndim == 4)


def test_the_hourglass_is_the_published_one() -> None:
    torch.manual_seed(0)
    plain = nn.Sequential(Published(6, 8, 2), nn.Conv2d(8, 3, 1), nn.Sigmoid()).double()
    prior = DeepImagePrior(
        network="hourglass",
        inputs=6,
        guides=0,
        links=4,
        channels=8,
        depth=3,
        upsampling="bilinear",
        padding="reflect",
        slope=0,
    )
    shape = (1, 3, 32, 48)
    network = prior.make_network(shape).double()
    assert kernels(network) == kernels(plain)
    ours = network.body
    scales = [plain[0], plain[0].coarser, plain[0].coarser.coarser]
    for index, scale in enumerate(scales):
        # The plain one has biases; a normalisation follows them and cancels them.
        for target, source in (
            (ours.links[index], scale.link),
            (ours.down[index], scale.down),
            (ours.up[index], scale.up),
        ):
            kept = [value for key, value in source.named_parameters() if not biased(source, key)]
            for tensor, value in zip(target.parameters(), kept, strict=True):
                tensor.data.copy_(value)
    ours.output.load_state_dict(plain[1].state_dict())
    code = torch.rand(1, 6, 32, 48).double()
    expected = plain(code)
    assert expected.std() > 0.01
    torch.testing.assert_close(network(code).double(), expected, rtol=0, atol=1e-6)


def biased(network: nn.Module, key: str) -> bool:
    """Tell whether a parameter is the bias of a convolution."""
    owner, _, name = key.rpartition(".")
    return name == "bias" and isinstance(network.get_submodule(owner), nn.Conv2d)


@pytest.mark.parametrize(("channels", "published"), [(64, 25_536), (128, 100_224)])
def test_the_deep_decoder_has_the_published_size(channels, published) -> None:
    prior = DeepImagePrior(network="decoder", channels=channels, inputs=channels, depth=5)
    shape = (1, 3, 512, 512)
    assert parameters(prior.make_network(shape)) == published
    assert prior.make_code(shape).shape == (1, channels, 16, 16)


def test_the_deep_decoder_interpolates_before_it_rectifies() -> None:
    torch.manual_seed(0)
    prior = DeepImagePrior(network="decoder", channels=6, inputs=5, depth=2, slope=0)
    network = prior.make_network((1, 3, 32, 24)).double()
    x = code = prior.make_code((1, 3, 32, 24)).double()
    weights = [tensor for tensor in network.parameters() if tensor.ndim == 4]
    for index, weight in enumerate(weights[:-1]):
        if index < 2:
            x = functional.interpolate(x, scale_factor=2, mode="bilinear", align_corners=False)
        x = functional.conv2d(x, weight).relu()
        x = (x - x.mean((2, 3), keepdim=True)) / (x.var((2, 3), False, keepdim=True) + 1e-5).sqrt()
    expected = functional.conv2d(x, weights[-1]).sigmoid()
    torch.testing.assert_close(network(code).double(), expected, rtol=0, atol=1e-6)


@pytest.mark.parametrize("network", SMALL_CODE)
def test_the_code_of_a_decoder_is_small(network) -> None:
    prior = DeepImagePrior(network=network, inputs=8, channels=4, depth=5)
    assert prior.make_code((1, 3, 250, 333)).shape == (1, 8, 8, 11)
    image = prior.make_network((1, 3, 250, 333))(prior.make_code((1, 3, 250, 333)))
    assert image.shape == (1, 3, 250, 333)


def test_the_code_is_drawn_from_the_seeded_generator() -> None:
    shape = (1, 3, 40, 70)
    prior = DeepImagePrior(inputs=8, guides=0)
    torch.manual_seed(1)
    first = prior.make_code(shape)
    torch.manual_seed(1)
    assert torch.equal(prior.make_code(shape), first)
    assert first.shape[0:2] == (1, 8) and first.min() >= 0 and first.max() <= 0.1


def test_meshgrid_holds_the_coordinates() -> None:
    grid = DeepImagePrior(code="meshgrid", guides=0).make_code((1, 3, 40, 70))
    assert grid[0, :, 0, 0].tolist() == [0, 0] and grid[0, :, -1, -1].tolist() == [1, 1]


def test_fourier_holds_waves_of_growing_frequency_along_both_axes() -> None:
    height, width = 24, 64
    waves = codes.fourier(32, height, width)
    assert waves.shape == (1, 32, height, width) and waves.abs().max() <= 0.1
    constant = [plane for plane in waves[0] if torch.equal(plane, plane[:1].expand_as(plane))]
    assert len(constant) == 16
    energy = torch.stack(constant)[:, 0].double()
    peaks = torch.fft.rfft(energy).abs()[:, 1:].argmax(1) + 1
    assert peaks.min() == 1 and 16 < peaks.max() <= 32
    assert sorted(peaks[:8].tolist()) == peaks[:8].tolist()
    pairs = waves.reshape(2, 2, 8, height, width)
    torch.testing.assert_close(pairs.square().sum(1), torch.full((2, 8, height, width), 0.01))


@pytest.mark.parametrize(
    ("given", "message"),
    [
        ({"network": "glass"}, "network=glass is not one of skip, hourglass, unet"),
        ({"network": "unet", "links": 8}, "links= is for network=skip, hourglass only"),
        ({"network": "resnet", "upsampling": "bilinear"}, "upsampling= is for network=skip, "),
        ({"network": "decoder", "activation": "elu"}, "activation= is for network=skip, "),
        ({"network": "convdecoder", "padding": "reflect"}, "padding= is for network=skip, "),
        ({"network": "decoder", "normalisation": "none"}, "normalisation= is for network="),
        ({"code": "meshgrid", "inputs": 8}, "inputs= is for code=noise and code=fourier only"),
        ({"code": "fourier", "inputs": 6}, "inputs=6 is not a multiple of 4"),
    ],
)
def test_what_means_nothing_is_refused(given, message) -> None:
    with pytest.raises(UsageError, match=message):
        DeepImagePrior(**given)


STYLES = list(
    itertools.product(
        ["skip", "hourglass", "unet", "resnet"],
        ["leaky-relu", "relu", "elu", "swish"],
        ["batch", "none"],
        ["zero", "reflect"],
    )
)


@pytest.mark.parametrize(("network", "activation", "normalisation", "padding"), STYLES)
def test_every_style_of_every_network_can_be_trained(
    network, activation, normalisation, padding
) -> None:
    torch.manual_seed(0)
    prior = DeepImagePrior(
        network=network,
        activation=activation,
        normalisation=normalisation,
        padding=padding,
        channels=8,  # skip has half of them at full resolution
        inputs=4,
    )
    shape = (1, 1, 16, 20)
    body = prior.make_network(shape)
    body(prior.make_code(shape)).square().mean().backward()
    assert all(tensor.grad.isfinite().all() for tensor in body.parameters())
    assert all(tensor.grad.any() for tensor in body.parameters() if tensor.ndim == 4)
    assert any(isinstance(layer, nn.BatchNorm2d) for layer in body.modules()) == (
        normalisation == "batch"
    )


@pytest.mark.parametrize("network", ["skip", "hourglass", "unet", "resnet"])
def test_activations_differ(network) -> None:
    """Each is the published function, and a network of one seed makes another image with it."""
    x = torch.linspace(-2, 2, 9)[None, None, None]
    functions = {
        "leaky-relu": functional.leaky_relu(x, 0.2),
        "relu": functional.relu(x),
        "elu": functional.elu(x),
        "swish": functional.silu(x),
    }
    images = []
    for activation, expected in functions.items():
        layer = Style(activation=activation, normalisation="none").activated(1)
        torch.testing.assert_close(layer(x.clone()), expected)
        torch.manual_seed(0)
        prior = DeepImagePrior(network=network, activation=activation, channels=4, inputs=4)
        images.append(prior.make_network((1, 1, 16, 16))(prior.make_code((1, 1, 16, 16))))
    for one, other in itertools.combinations(images, 2):
        assert (one - other).abs().max() > 1e-3


@pytest.mark.parametrize("network", sorted(NETWORKS))
def test_depth_counts_scales_or_residual_blocks(network) -> None:
    shape = (1, 3, 33, 70)
    sizes, layers = [], []
    plain = {} if network in SMALL_CODE else {"guides": 0}
    for depth in (1, 2, 3):
        prior = DeepImagePrior(network=network, depth=depth, channels=4, inputs=4, **plain)
        sizes.append(tuple(prior.make_code(shape).shape[2:]))
        layers.append(len(kernels(prior.make_network(shape))))
    if network == "resnet":
        assert sizes == [(33, 70)] * 3
        assert [layers[1] - layers[0], layers[2] - layers[1]] == [2, 2], "of two convolutions"
    else:
        coarse = [(17, 35), (9, 18), (5, 9)]
        fine = [(34, 70), (36, 72), (40, 72)]
        assert sizes == (coarse if network in SMALL_CODE else fine)
        assert layers[0] < layers[1] < layers[2]


@pytest.mark.parametrize("network", ["skip", "hourglass"])
def test_links_have_as_many_features_as_asked(network) -> None:
    prior = DeepImagePrior(network=network, links=7, channels=5, inputs=6, guides=0, depth=3)
    links = [shape for shape in kernels(prior.make_network((1, 3, 32, 32))) if shape[0] == 7]
    assert links == [(7, 5, 1, 1), (7, 5, 1, 1), (7, 6, 1, 1)]


@pytest.mark.parametrize("network", ["skip", "hourglass"])
def test_an_hourglass_without_links(network) -> None:
    prior = DeepImagePrior(network=network, links=0, channels=4, inputs=4, depth=2)
    torch.manual_seed(0)
    shape = (1, 3, 16, 24)
    image = prior.make_network(shape)(prior.make_code(shape))
    assert image.shape == shape and image.isfinite().all() and image.std() > 0


@pytest.mark.parametrize(("recipe", "alive"), [("ours", True), ("paper", False)])
def test_what_became_black_can_become_lighter(recipe: str, alive: bool) -> None:
    """Beyond black a sigmoid is flat: the paper's network has no gradient there."""
    prior = DeepImagePrior(recipe=recipe, **({} if recipe == "paper" else {"guides": 0}))
    image = prior.make_network((1, 1, 32, 32))
    image.body = torch.nn.Identity()
    logits = torch.full((1, 1, 32, 32), -120.0, requires_grad=True)
    image(logits).sum().backward()
    assert bool((logits.grad > 0).all()) == alive
