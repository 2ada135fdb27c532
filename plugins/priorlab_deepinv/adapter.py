"""The ``deepinv`` prior: what the library of that name has. It loads no deepinv before it runs."""

from __future__ import annotations

import dataclasses
import inspect
from typing import Any, ClassVar

import torch
from torch import Tensor
from typing_extensions import override

from priorlab.components import parameter
from priorlab.errors import Unsupported
from priorlab.forward.measurement import Measurement
from priorlab.ground.extras import check_installed, prepare_torchvision
from priorlab.priors import Denoiser
from priorlab.trace import SILENT, Trace
from priorlab_deepinv import arguments


@dataclasses.dataclass(frozen=True, kw_only=True)
class DeepInverse(Denoiser):
    """A denoiser or a method of reconstruction of the library deepinv.

    ``deepinv:denoiser=TVDenoiser`` is a denoiser as any other here, and serves every task.
    ``deepinv:model=DPIR,denoiser=DRUNet,weights=drunet.pth`` has deepinv itself restore: it gets
    the data, the operator and the noise as a physics of its own. Each is built anew for every
    image, so that nothing it keeps between calls, such as the dual variables of TVDenoiser, passes
    from one to the next. Nothing is downloaded: networks need ``weights=``.

    Arguments of the classes are typed as ``arguments="n_it_max=200;crit=1e-4"`` (of the model where
    one is named, else of the denoiser) and ``network="in_channels=1"`` (of the denoiser of a
    model). The noise level goes where a class takes a ``sigma``.

    Needs deepinv: ``pip install 'priorlab[deepinv]'``. J. Tachella and others: DeepInverse, a
    Python package for solving imaging inverse problems with deep learning, JOSS 2025.

    Examples
    --------
    >>> DeepInverse(denoiser="TVDenoiser").spec()
    'deepinv:denoiser=TVDenoiser'
    """

    name: ClassVar[str] = "deepinv"
    by_default: ClassVar[bool] = False

    denoiser: str = parameter(
        "", "class of a denoiser, such as TVDenoiser, DRUNet or WaveletDenoiser"
    )
    model: str = parameter("", "class of a reconstructor, such as DPIR, DDRM, DiffPIR or DPS")
    weights: str = parameter(
        "", "local file with the weights of the denoiser, or of a model", file=True
    )
    arguments: str = parameter("", "arguments of the model, or else of the denoiser: key=value;...")
    network: str = parameter("", "arguments of the denoiser of a model: key=value;...")

    def prepare(self, device: torch.device, channels: int) -> None:
        """Import deepinv, and build once what is used, so that what is wrong shows here.

        Raises
        ------
        UsageError
            If deepinv or weights are missing, or a name or an argument is wrong.
        """
        if not (self.denoiser or self.model):
            raise Unsupported(f"{self.name}: {_NOTHING}")
        if self.denoiser:
            self._denoiser(device)
        if self.model:
            self._model(_LEAST, device)

    @override
    def unsupported(self, measurement: Measurement) -> str | None:
        if not (self.denoiser or self.model):
            return _NOTHING
        if not self.model:
            return super().unsupported(measurement)
        if not measurement.noise.is_gaussian and not measurement.noise.is_exact:
            return "deepinv's models are told of Gaussian noise only"
        return None

    @torch.no_grad()
    def denoise(self, v: Tensor, sigma: float) -> Tensor:
        """Remove Gaussian noise by deepinv's denoiser.

        Parameters
        ----------
        v : Tensor
            Noisy images (B, C, H, W) in about [0, 1].
        sigma : float
            Standard deviation of the noise on the [0, 1] scale.

        Returns
        -------
        Tensor
            The denoised images, same shape and type.
        """
        if not self.denoiser:
            raise Unsupported(f"{self.name}: model={self.model} is no denoiser")
        images = [self._denoiser(v.device)(image, sigma) for image in v.split(1)]
        return torch.cat(images).to(v.dtype)

    def restore(self, measurement: Measurement, trace: Trace = SILENT, seed: int = 0) -> Tensor:
        """Plug the denoiser in here, or have a model of deepinv restore each image."""
        self.require(measurement)
        if not self.model:
            return super().restore(measurement, trace, seed)
        from priorlab_deepinv.physics import physics_of

        results = []
        for index in range(measurement.shape[0]):
            one = measurement.image(index)
            torch.manual_seed(seed)
            model = self._model(max(one.noise.level, _LEAST), one.y.device)
            result = model(one.y, physics_of(one).to(one.y.device))
            results.append(result.detach().to(torch.float32))
        return torch.cat(results)

    def _denoiser(self, device: torch.device) -> Any:
        building = _building(self.name)
        given = self.network if self.model else self.arguments
        found = building.find(self.denoiser, "Denoiser")
        return building.build(found, arguments.parse(given), self.weights).to(device)

    def _model(self, level: float, device: torch.device) -> Any:
        building = _building(self.name)
        found = building.find(self.model, "Reconstructor")
        known, typed = inspect.signature(found).parameters, arguments.parse(self.arguments)
        optim = building.deepinv.optim
        ready: dict[str, Any] = {
            **dict.fromkeys(("sigma", "sigma_denoiser"), level),
            "data_fidelity": optim.L2(),
            "device": device,
            "verbose": False,
        }
        if self.denoiser:
            denoiser = self._denoiser(device)
            samples = found.__module__.startswith("deepinv.sampling")
            ready["prior"] = (optim.ScorePrior if samples else optim.PnP)(denoiser)
            ready |= dict.fromkeys(building.NETWORKS, denoiser)
        given = {key: value for key, value in ready.items() if key in known} | typed
        own = "" if self.denoiser else self.weights
        return building.build(found, given, own).to(device)


_NOTHING = "it needs denoiser= or model=, a class of deepinv"
_LEAST = 0.5 / 255
"""The least noise level that models are told: they divide by it."""


def _building(name: str) -> Any:
    """Return the module that builds, which imports deepinv."""
    check_installed("deepinv", "deepinv", name)
    prepare_torchvision()
    from priorlab_deepinv import building

    return building
