"""LPIPS and DISTS: the weights of the file are what counts, and a wrong file is told."""

from importlib.util import find_spec

import numpy as np
import pytest
import torch
from safetensors.torch import save_file

from priorlab.errors import UsageError
from priorlab_metrics.dists import DISTS
from priorlab_metrics.lpips import LPIPS

pytestmark = pytest.mark.skipif(
    not (find_spec("torchmetrics") and find_spec("torchvision")), reason="needs priorlab[metrics]"
)

CASES = [
    (LPIPS, "alexnet"),
    pytest.param(LPIPS, "vgg16", marks=pytest.mark.slow),
    pytest.param(DISTS, "vgg16", marks=pytest.mark.slow),
]


@pytest.fixture(scope="module")
def picture():
    rows, columns = np.mgrid[:48, :56] / 48
    return np.stack([rows, columns, rows * columns]).clip(0, 1).astype(np.float32)


def noisy(picture, sigma):
    noise = np.random.default_rng(0).normal(0, sigma, picture.shape)
    return (picture + noise).clip(0, 1).astype(np.float32)


@pytest.mark.slow
@pytest.mark.parametrize(("kind", "network"), CASES)
def test_equal_pictures_have_no_distance_and_noisier_ones_more(kind, network, backbones, picture):
    metric = kind(backbone=str(backbones[network])).metric()
    assert not metric.higher_is_better
    values = [metric.value(noisy(picture, sigma), picture) for sigma in (0, 0.02, 0.2)]
    assert values[0] == pytest.approx(0, abs=1e-5)
    assert values[0] < values[1] < values[2]
    gray = picture[:1], noisy(picture, 0.1)[:1]
    assert metric.value(*gray) == pytest.approx(metric.value(*(np.repeat(g, 3, 0) for g in gray)))
    assert np.isnan(metric.value(*np.zeros((2, 4, 48, 48), np.float32)))


def test_lpips_uses_the_weights_of_the_file(backbones, picture, tmp_path):
    state = torch.load(backbones["alexnet"], weights_only=True)
    degraded = noisy(picture, 0.1)
    first = LPIPS(backbone=str(backbones["alexnet"])).metric().value(degraded, picture)
    save_file({"0.weight" if key == "features.0.weight" else key: value.clone()
               for key, value in state.items()}, tmp_path / "same.safetensors")  # fmt: skip
    same = LPIPS(backbone=str(tmp_path / "same.safetensors")).metric()
    assert same.value(degraded, picture) == first
    state["features.0.weight"] = state["features.0.weight"].flip(0) * 2
    torch.save(state, tmp_path / "other.pth")
    other = LPIPS(backbone=str(tmp_path / "other.pth")).metric()
    assert other.value(degraded, picture) != first
    assert other.spec != same.spec


@pytest.mark.slow
def test_lpips_is_the_weighted_distance_of_unit_features(backbones, picture):
    """By hand, with the network of torchvision: the layers are where they belong."""
    from torchmetrics.functional.image import lpips
    from torchvision.models import alexnet

    layers = alexnet().features
    state = torch.load(backbones["alexnet"], weights_only=True)
    layers.load_state_dict({key.removeprefix("features."): value for key, value in state.items()})
    weights = lpips._LPIPS(net="alex", pnet_rand=True).lins
    pair = torch.from_numpy(np.stack([noisy(picture, 0.1), picture]))
    shift = torch.tensor([-0.030, -0.088, -0.188]).view(3, 1, 1)
    x = (2 * pair - 1 - shift) / torch.tensor([0.458, 0.448, 0.450]).view(3, 1, 1)
    expected = 0.0
    with torch.no_grad():
        for place, layer in enumerate(layers[:12]):
            x = layer(x)
            if place in (1, 4, 7, 9, 11):
                unit = x / x.square().sum(1, keepdim=True).add(1e-8).sqrt()
                kernel = weights[(1, 4, 7, 9, 11).index(place)].model[-1].weight
                apart = (unit[0] - unit[1]).square()
                expected += float((apart * kernel[0]).sum(0).mean())
    found = LPIPS(backbone=str(backbones["alexnet"])).metric().value(noisy(picture, 0.1), picture)
    assert found == pytest.approx(expected, rel=1e-4)


def test_too_small_pictures_have_no_lpips(backbones):
    metric = LPIPS(backbone=str(backbones["alexnet"])).metric()
    for side, defined in ((30, False), (31, True)):
        pair = np.random.default_rng(0).random((2, 3, side, side)).astype(np.float32)
        assert np.isfinite(metric.value(*pair)) == defined


def test_a_file_that_will_not_do_is_told_in_one_sentence(backbones, tmp_path):
    def refused(content, name="file.pth", kind=DISTS):
        file = tmp_path / name
        if isinstance(content, bytes):
            file.write_bytes(content)
        else:
            torch.save(content, file)
        with pytest.raises(UsageError) as error:
            kind(backbone=str(file)).metric()
        assert "\n" not in str(error.value)
        return str(error.value)

    assert "does not hold the weights of torchvision's VGG16" in refused({"a": torch.zeros(3)})
    assert "does not hold tensors by name" in refused([1, 2])
    assert "is damaged" in refused(b"<html>not found</html>")
    assert "is damaged" in refused(b"nothing", "file.safetensors")
    assert "holds more than tensors" in refused(torch.nn.Conv2d(1, 1, 1))
    state = torch.load(backbones["alexnet"], weights_only=True)
    assert "torchvision's VGG16" in refused(state)
    state["features.3.bias"][0] = float("nan")
    assert "holds NaN or infinity" in refused(state, kind=LPIPS)
    with pytest.raises(UsageError, match="nothing is downloaded"):
        LPIPS().metric()
    with pytest.raises(UsageError, match=r"cannot read .*nowhere"):
        LPIPS(backbone="nowhere.pth").metric()
