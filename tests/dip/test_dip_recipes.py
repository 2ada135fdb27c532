"""What ``recipe=paper`` means for the priors that fit a network."""

import pytest
import torch
from photograph import measure, picture

import priorlab_dip
from priorlab import plugins
from priorlab.errors import UsageError
from priorlab.forward.convolution import Downsampling
from priorlab.forward.noise import Gaussian, NoNoise, Poisson, SaltAndPepper
from priorlab.forward.operators import Identity, Mask
from priorlab.recipes import WithRecipe
from priorlab.solvers.parameter_space.member import Code
from priorlab.trace import Trace
from priorlab_dip import dip, noise2fast, self2self, zs_n2n
from priorlab_dip.dip import DeepImagePrior
from priorlab_dip.noise2fast import Noise2Fast
from priorlab_dip.partial_unet import PartialUNet, PublishedUNet
from priorlab_dip.published import FIXED, run_for
from priorlab_dip.self2self import Self2Self
from priorlab_dip.zs_n2n import ZeroShotNoise2Noise

PRIORS = priorlab_dip.priorlab_priors()
WITH_RECIPE = [prior for prior in PRIORS if issubclass(prior, WithRecipe)]
MASK = Mask((torch.rand(1, 1, 64, 64, generator=torch.manual_seed(1)) > 0.5).float())


def box(factor):
    return Downsampling(torch.full((factor, factor), 1 / factor**2), factor)


def built(spec):
    return plugins.load().build_priors(spec)


def shortened(monkeypatch, prior, **values):
    """Let the paper's recipe of a prior have these values."""
    monkeypatch.setattr(prior, "published", prior.published | values)


def test_every_prior_says_how_it_differs_from_its_paper():
    assert {prior.name for prior in PRIORS} - {prior.name for prior in WITH_RECIPE} == {"siren"}
    for prior in PRIORS:
        assert "Differences from the paper" in prior.__doc__
        assert "recipe=paper" in prior.__doc__


@pytest.mark.parametrize("prior", WITH_RECIPE, ids=lambda prior: prior.name)
def test_tables_name_it_and_nothing_else(prior):
    paper = prior(recipe="paper")
    assert paper.spec() == f"{prior.name}:recipe=paper"
    assert built(paper.spec()) == [paper]
    assert prior().recipe == "ours"


@pytest.mark.parametrize(
    "given",
    [
        "dip:recipe=paper,iterations=3000",
        "dip:recipe=paper,iterations=450",
        "dip:recipe=paper,links=8",
        "zs-n2n:recipe=paper,window=64",
        "noise2fast:recipe=paper,iterations=600",
        "self2self:recipe=paper,samples=50",
    ],
)
def test_what_the_paper_decides_is_not_given_beside_it(given):
    """Our default counts as given where it is typed."""
    name, field = given.split(":")[0], given.split(",")[1].split("=")[0]
    with pytest.raises(UsageError, match=f"{name}: {field}= has no meaning with recipe=paper"):
        built(given)


def test_what_the_paper_leaves_open_may_be_given_beside_it():
    (prior,) = built("dip:recipe=paper,averaging=0,runs=2")
    ours = prior.as_published()
    assert (ours.averaging, ours.runs, ours.channels) == (0, 2, 128)


@pytest.mark.parametrize(
    ("operator", "noise", "iterations", "rate", "deviation"),
    [
        (Identity(), Gaussian(25 / 255), 1800, 0.01, 1 / 30),
        (Identity(), Gaussian(5 / 255), 1800, 0.01, 1 / 30),
        (Identity(), Gaussian(50 / 255), 1800, 0.01, 1 / 20),
        (Identity(), Poisson(30.0), 1800, 0.01, 1 / 30),
        (MASK, NoNoise(), 11000, 0.001, 0.03),
        (Identity(), SaltAndPepper(0.3), 11000, 0.001, 0.03),
        (box(4), NoNoise(), 2000, 0.01, 0.03),
        (box(8), NoNoise(), 4000, 0.01, 0.05),
    ],
)
@pytest.mark.parametrize("channels", [1, 3])
def test_dip_has_the_steps_and_the_noise_of_the_paper(
    operator, noise, iterations, rate, deviation, channels
):
    measurement = measure(picture(64, channels), operator, noise)
    stated = run_for(measurement)
    assert (stated["iterations"], stated["learning_rate"]) == (iterations, rate)
    fitted = measurement.without_outliers()
    code = Code(torch.zeros(1, 32, 64, 64), fitted, stated["perturbation"])
    assert float(code.noise.float().std()) == pytest.approx(deviation, rel=0.02)


def test_dip_is_what_its_parameters_say(monkeypatch):
    """The recipe only sets parameters, and needs no others."""
    small = FIXED | {"channels": 4, "depth": 2}
    shortened(monkeypatch, DeepImagePrior, **small)
    monkeypatch.setattr(dip, "run_for", lambda m: run_for(m) | {"iterations": 5})
    measurement = measure(picture(32), Identity(), Gaussian(25 / 255))
    restored = DeepImagePrior(recipe="paper").restore(measurement, seed=3)
    given = {"learning_rate": 0.01, "perturbation": 1 / 30 / (25 / 255), "iterations": 5}
    plain = DeepImagePrior(**small | given).restore(measurement, seed=3)
    torch.testing.assert_close(restored, plain)
    assert not torch.allclose(restored, DeepImagePrior(iterations=5).restore(measurement, seed=3))


def test_dip_makes_the_network_and_the_code_of_the_paper():
    shape = (1, 3, 64, 64)
    paper = DeepImagePrior(recipe="paper")
    kernels = [p.shape for p in paper.make_network(shape).parameters() if p.ndim == 4]
    plain = DeepImagePrior(**FIXED).make_network(shape)
    assert kernels == [p.shape for p in plain.parameters() if p.ndim == 4]
    assert paper.make_code(shape).shape == (1, 32, 64, 64)


class Followed(Trace):
    """How a fit went: the sizes that each step saw, and its step sizes."""

    def __init__(self, monkeypatch, module) -> None:
        self.sizes, self.rates, self.steps = [], [], []
        crop, descend = getattr(module, "random_crop", None), module.descend

        def cropped(image, size):
            window = crop(image, size)
            self.sizes.append(tuple(window.shape[2:]))
            return window

        def descended(loss, optimiser):
            self.rates.append(optimiser.param_groups[0]["lr"])
            descend(loss, optimiser)

        monkeypatch.setattr(module, "random_crop", cropped)
        monkeypatch.setattr(module, "descend", descended)

    def report(self, iteration, total, image, **values) -> None:
        self.steps.append(iteration)
        self.image = image.clone()


def test_zs_n2n_sees_the_whole_picture_and_halves_its_step_once(monkeypatch):
    shortened(monkeypatch, ZeroShotNoise2Noise, iterations=5, channels=4)
    monkeypatch.setattr(zs_n2n, "PUBLISHED_HALVING", 4)
    followed = Followed(monkeypatch, zs_n2n)
    measurement = measure(picture(72), Identity(), Gaussian(0.1))
    ZeroShotNoise2Noise(recipe="paper").restore(measurement, followed)
    assert set(followed.sizes) == {(72, 72)}
    assert followed.rates == [0.001] * 4 + [0.0005]


def test_self2self_sees_the_whole_picture_and_keeps_its_step(monkeypatch):
    shortened(monkeypatch, Self2Self, iterations=5, channels=4, samples=2)
    followed = Followed(monkeypatch, self2self)
    plain, made = self2self.placed, []

    def placed(network, device):
        made.append(type(network))
        return plain(network, device)

    monkeypatch.setattr(self2self, "placed", placed)
    measurement = measure(picture(136), Identity(), Gaussian(0.1))
    restored = Self2Self(recipe="paper").restore(measurement, followed)
    # Five scales below full resolution: sides are enlarged to multiples of 32.
    assert made == [PublishedUNet]
    assert set(followed.sizes) == {(160, 160)}
    assert followed.rates == pytest.approx([0.0001] * 5)
    assert restored.isfinite().all()


def test_dropout_of_the_published_network_hits_single_pixels():
    """After features are enlarged and not before, and the output is within (0, 1)."""
    blocks = {}
    for kind in (PartialUNet, PublishedUNet):
        torch.manual_seed(0)
        network = kind(1, 4, 2, 0.5)
        up = network.up[0]
        torch.nn.init.zeros_(up.layer.weight)
        up.layer.weight.data[0, 0, 1, 1] = 1
        features = network.enlarged(up, torch.ones(1, 4, 8, 8), torch.ones(1, 4, 16, 16))[0, 0]
        quads = features.unfold(0, 2, 2).unfold(1, 2, 2).flatten(2)
        blocks[kind] = bool((quads == quads[..., :1]).all())
        assert 0.3 < float((features == 0).float().mean()) < 0.7
    assert blocks == {PartialUNet: True, PublishedUNet: False}
    image = network(torch.full((1, 1, 16, 16), 9.0), torch.ones(1, 1, 16, 16))
    assert image.min() > 0 and image.max() < 1


def test_noise2fast_ends_when_no_output_has_come_closer_for_long(monkeypatch):
    shortened(monkeypatch, Noise2Fast, channels=4, depth=2, averaged=3)
    monkeypatch.setattr(noise2fast, "PUBLISHED_PATIENCE", 6)
    followed = Followed(monkeypatch, noise2fast)
    measurement = measure(picture(32), Identity(), Gaussian(0.1))
    looks = []

    def applied(network, image):
        output = plain(network, image)
        if image.shape[3] == image.shape[2] == 32:
            looks.append(float((output.detach().sigmoid() - image).square().mean()))
        return output

    plain = noise2fast.applied
    monkeypatch.setattr(noise2fast, "applied", applied)
    restored = Noise2Fast(recipe="paper").restore(measurement, followed)
    best = looks.index(min(looks)) + 1
    assert followed.sizes == []
    assert len(looks) == len(followed.rates) == best + 7 == followed.steps[-1]
    torch.testing.assert_close(restored, followed.image)


def test_noise2fast_stays_within_the_values_of_the_picture(monkeypatch):
    """They are scaled to [0, 1], where the sigmoid ends."""
    shortened(monkeypatch, Noise2Fast, channels=4, depth=2, learning_rate=0.02)
    monkeypatch.setattr(noise2fast, "PUBLISHED_PATIENCE", 3)
    measurement = measure(0.4 + 0.1 * picture(32), Identity(), Gaussian(0.01))
    restored = Noise2Fast(recipe="paper").restore(measurement)
    assert measurement.y.min() <= restored.min() and restored.max() <= measurement.y.max()


@pytest.mark.timeout(20)
def test_noise2fast_ends_on_a_picture_of_one_value(monkeypatch):
    """The sigmoid comes nearer with every step, and never arrives."""
    shortened(monkeypatch, Noise2Fast, channels=4, depth=2, learning_rate=0.05)
    monkeypatch.setattr(noise2fast, "PUBLISHED_PATIENCE", 3)
    flat = measure(torch.full((1, 1, 16, 16), 0.5), Identity(), NoNoise())
    torch.testing.assert_close(Noise2Fast(recipe="paper").restore(flat), flat.y)
