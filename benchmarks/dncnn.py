"""DnCNN from a published checkpoint, as a plugin: does the harness reproduce a published table?

    priorlab bench --plugin benchmarks/dncnn.py \
        --priors dncnn:weights=../shared/weights/dncnn_25.pth \
        --tasks denoise:sigma=25 --dataset ../shared/data/set12

K. Zhang, W. Zuo, Y. Chen, D. Meng, L. Zhang: Beyond a Gaussian denoiser: residual learning of
deep CNN for image denoising, TIP 2017.
"""

from dataclasses import dataclass
from functools import lru_cache
from pathlib import Path

import torch
from torch import nn

from priorlab.components import parameter
from priorlab.errors import UsageError
from priorlab.hookspecs import hookimpl
from priorlab.priors import Denoiser


@dataclass(frozen=True, kw_only=True)
class DnCNN(Denoiser):
    """DnCNN: 17 convolutions, trained for one noise level, gray images."""

    name = "dncnn"
    weights: str = parameter("", "checkpoint with convolutions only (.pth)", file=True)

    def unsupported(self, measurement):
        return None if measurement.shape[1] == 1 else "its network is for gray images"

    def prepare(self, device, channels):
        load(self.weights, device)

    @torch.no_grad()
    def denoise(self, v, sigma):
        return v - load(self.weights, v.device)(v)


@lru_cache(maxsize=1)
def load(path, device):
    if not Path(path).is_file():
        raise UsageError(f"dncnn: weights={path} is no file; name a checkpoint")
    state = torch.load(path, map_location=device, weights_only=True)
    layers = []
    for key in (key for key in state if key.endswith("weight")):
        outputs, inputs = state[key].shape[:2]
        layers += [nn.Conv2d(inputs, outputs, 3, padding=1), nn.ReLU()]
    network = nn.Sequential(*layers[:-1])
    network.load_state_dict({key.removeprefix("model."): value for key, value in state.items()})
    return network.to(device).eval()


@hookimpl
def priorlab_priors():
    return [DnCNN]
