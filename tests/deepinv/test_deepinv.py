"""What the library deepinv has, as priors: it returns what deepinv returns."""

import importlib
from importlib.util import find_spec

import pytest
import torch

from priorlab import restoration
from priorlab.errors import UsageError
from priorlab.tasks.builtin import Deblur, Denoise, DenoisePoisson, Inpaint
from priorlab.testing import check_adjoint
from priorlab_deepinv.adapter import DeepInverse

pytestmark = pytest.mark.skipif(not find_spec("deepinv"), reason="pip install 'priorlab[deepinv]'")
CPU = torch.device("cpu")
SHORT = "n_it_max=20"


@pytest.fixture(scope="module")
def deepinv():
    """The library, which takes long to import."""
    return importlib.import_module("deepinv")


@pytest.fixture(scope="module")
def physics(deepinv):
    return importlib.import_module("priorlab_deepinv.physics")


@pytest.fixture
def drunet(tmp_path, deepinv):
    """A small network of deepinv, and the parameters of the prior that has it."""
    torch.manual_seed(0)
    settings = {"in_channels": 1, "out_channels": 1, "nc": (4, 6, 8, 10), "nb": 1}
    network = deepinv.models.DRUNet(pretrained=None, **settings).eval()
    torch.save(network.state_dict(), tmp_path / "drunet.pth")
    text = ";".join(f"{key}={value}" for key, value in settings.items())
    return network, text, str(tmp_path / "drunet.pth")


@pytest.fixture
def clean():
    return torch.rand(1, 1, 24, 24, generator=torch.Generator().manual_seed(0))


@torch.no_grad()
def test_a_denoiser_returns_what_deepinv_returns(drunet):
    network, settings, weights = drunet
    v = torch.rand(2, 1, 24, 24)
    prior = DeepInverse(denoiser="DRUNet", arguments=settings, weights=weights)
    torch.testing.assert_close(prior.denoise(v, 0.1), network(v, 0.1), atol=1e-5, rtol=0)


def test_a_denoiser_that_keeps_state_is_new_for_every_image(deepinv):
    prior = DeepInverse(denoiser="TVDenoiser", arguments=SHORT)
    v = torch.rand(2, 1, 24, 24)
    alone = [deepinv.models.TVDenoiser(n_it_max=20)(image, 0.1) for image in v.split(1)]
    assert torch.equal(prior.denoise(v, 0.1), torch.cat(alone))
    assert torch.equal(prior.denoise(v, 0.1), torch.cat(alone))


def test_a_denoiser_serves_other_tasks(clean):
    prior = DeepInverse(denoiser="TVDenoiser", arguments=SHORT, steps=2)
    measurement = Inpaint().measure(clean, seed=0)
    assert restoration.run(prior, measurement).shape == clean.shape


@pytest.mark.parametrize("task", [Deblur(sigma=10 / 255), Inpaint(sigma=10 / 255), Denoise()])
@torch.no_grad()
def test_dpir_returns_what_deepinv_returns(deepinv, physics, drunet, clean, task):
    network, settings, weights = drunet
    measurement = task.measure(clean, seed=0)
    prior = DeepInverse(model="DPIR", denoiser="DRUNet", network=settings, weights=weights)
    direct = deepinv.optim.DPIR(sigma=measurement.noise.level, denoiser=network)
    expected = direct(measurement.y, physics.physics_of(measurement))
    torch.testing.assert_close(prior.restore(measurement), expected, atol=1e-4, rtol=0)


@torch.no_grad()
def test_ddrm_returns_what_deepinv_returns(deepinv, physics, drunet, clean):
    network, settings, weights = drunet
    measurement = Inpaint(sigma=10 / 255).measure(clean, seed=0)
    prior = DeepInverse(
        model="DDRM", denoiser="DRUNet", network=settings, weights=weights, arguments="eta=0.5"
    )
    torch.manual_seed(3)
    expected = deepinv.sampling.DDRM(network, eta=0.5)(
        measurement.y, physics.physics_of(measurement)
    )
    torch.testing.assert_close(
        prior.restore(measurement, seed=3), expected.float(), atol=1e-4, rtol=0
    )


def test_a_measurement_is_a_physics_of_deepinv(physics, clean):
    measurement = Deblur(sigma=10 / 255).measure(clean, seed=0)
    ours = physics.MeasuredBy(measurement)
    assert torch.equal(ours.A(clean), measurement.operator.forward(clean))
    check_adjoint(measurement.operator, tuple(clean.shape))
    z, gamma = torch.rand_like(clean), 3.0
    x = ours.prox_l2(z, measurement.y, gamma)
    slope = gamma * ours.A_adjoint(ours.A(x) - measurement.y) + x - z
    assert slope.abs().max() < 1e-4


def test_a_model_is_told_of_gaussian_noise_only(clean):
    prior = DeepInverse(model="DPIR")
    assert prior.unsupported(DenoisePoisson().measure(clean, seed=0)).startswith("deepinv's models")


def test_nothing_is_downloaded(monkeypatch):
    def refuse(*args, **kwargs):
        raise AssertionError("a download")

    monkeypatch.setattr("torch.hub.load_state_dict_from_url", refuse)
    for prior in (
        DeepInverse(denoiser="DRUNet"),
        DeepInverse(denoiser="DRUNet", arguments="pretrained=download"),
        DeepInverse(model="DPIR"),
    ):
        with pytest.raises(UsageError, match=r"weights=|denoiser="):
            prior.prepare(CPU, 1)


@pytest.mark.parametrize(
    ("settings", "says"),
    [
        ({"denoiser": "TVDenoisr"}, "unknown denoiser of deepinv 'TVDenoisr'; did you mean 'TVDen"),
        ({"model": "TVDenoiser"}, "unknown reconstructor of deepinv"),
        ({"denoiser": "TVDenoiser", "arguments": "n_it=3"}, "unknown argument of deepinv's TVDen"),
        ({"denoiser": "TVDenoiser", "arguments": "20"}, "'20' is no argument; expected key=value"),
        ({"denoiser": "DRUNet", "weights": __file__}, "no file of weights"),
    ],
)
def test_what_is_wrong_is_one_sentence(settings, says):
    with pytest.raises(UsageError, match=says) as caught:
        DeepInverse(**settings).prepare(CPU, 1)
    assert "\n" not in str(caught.value)


def test_without_deepinv_the_error_says_what_to_install(monkeypatch):
    monkeypatch.setattr("importlib.util.find_spec", lambda name: None)
    with pytest.raises(UsageError, match=r"needs deepinv: pip install 'priorlab\[deepinv\]'"):
        DeepInverse(denoiser="TVDenoiser").prepare(CPU, 1)
