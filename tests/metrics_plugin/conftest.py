"""Networks of the right layers with random weights, as files: nothing is downloaded."""

import pytest
import torch

from priorlab.ground.extras import prepare_torchvision


@pytest.fixture(autouse=True)
def no_network(monkeypatch):
    """Downloads fail."""

    def refuse(*args, **kwargs):
        raise AssertionError("a download was tried")

    monkeypatch.setattr("torch.hub.load_state_dict_from_url", refuse)
    prepare_torchvision()
    monkeypatch.setattr("torchvision._internally_replaced_utils.load_state_dict_from_url", refuse)
    monkeypatch.setattr("torchvision.models._api.load_state_dict_from_url", refuse)


@pytest.fixture(scope="session")
def backbones(tmp_path_factory):
    """Return the files of AlexNet and VGG16, of their convolutions only."""
    pytest.importorskip("torchvision")
    prepare_torchvision()
    from torchvision import models

    folder = tmp_path_factory.mktemp("backbones")
    files = {}
    for name in ("alexnet", "vgg16"):
        torch.manual_seed(0)
        layers = getattr(models, name)().features
        files[name] = folder / f"{name}.pth"
        state = {f"features.{key}": value for key, value in layers.state_dict().items()}
        torch.save(state, files[name])
    return files
