"""Priors that each do one thing wrong, by the check that is to find it; all else they do right."""

from __future__ import annotations

import collections
import dataclasses
import hashlib
import itertools
import os
import time
from pathlib import Path
from typing import Any, ClassVar

import torch
from torch import Tensor
from torch.nn import functional

from priorlab import Denoiser, Measurement, Regularizer, parameter
from priorlab.forward.operators import Identity


@dataclasses.dataclass(frozen=True, kw_only=True)
class Good(Denoiser):
    """A mean of neighbours, weighted by sigma: it does all that is asked for."""

    name: ClassVar[str] = "good"
    knows_exposure: ClassVar[bool] = True

    def denoise(self, v: Tensor, sigma: float) -> Tensor:
        return blurred(v, sigma)

    def unsupported(self, measurement: Measurement) -> str | None:
        """Denoise only, so that the tests are quick."""
        plain = measurement.operator.is_identity and measurement.noise.is_gaussian
        return None if plain else "it only removes Gaussian noise"

    def restore(self, measurement: Measurement, trace: object = None, seed: int = 0) -> Tensor:
        return self.denoise(measurement.y.clone(), measurement.noise.level)


class WithoutDefaults(Good):
    """Its `restore` takes what the core gives it, and has no defaults."""

    def restore(self, measurement: Measurement, trace: object, seed: int) -> Tensor:
        return super().restore(measurement, trace, seed)


def blurred(v: Tensor, sigma: float) -> Tensor:
    around = functional.avg_pool2d(functional.pad(v, (1, 1, 1, 1), mode="replicate"), 3, stride=1)
    weight = sigma / (sigma + 0.02)
    return weight * around + (1 - weight) * v


Unexplained = dataclasses.make_dataclass(  # type: ignore[misc]
    "Unexplained",
    [("strength", float, dataclasses.field(default=1.0))],
    bases=(Good,),
    namespace={"__doc__": "A parameter without a text.", "__module__": __name__},
    frozen=True,
    kw_only=True,
)


class SecondTask(Good):
    """It says that it takes inpainting, and does not."""

    def unsupported(self, measurement: Measurement) -> str | None:
        known = measurement.operator.known_pixels is not None
        return None if known else super().unsupported(measurement)

    def restore(self, measurement: Measurement, trace: object = None, seed: int = 0) -> Tensor:
        if not isinstance(measurement.operator, Identity):
            raise NotImplementedError("inpainting")
        return super().restore(measurement)


class GrayOnly(Good):
    """Colour is an error, and not said before."""

    def restore(self, measurement: Measurement, trace: object = None, seed: int = 0) -> Tensor:
        assert measurement.shape[1] == 1, "gray pictures only"
        return super().restore(measurement)


class EvenOnly(Good):
    """Half of an odd side is rounded down."""

    def restore(self, measurement: Measurement, trace: object = None, seed: int = 0) -> Tensor:
        height, width = (2 * (side // 2) for side in measurement.shape[2:])
        return super().restore(measurement)[..., :height, :width]


class FarBelow(Good):
    """Its darkest pixel is far below black."""

    def restore(self, measurement: Measurement, trace: object = None, seed: int = 0) -> Tensor:
        image = super().restore(measurement)
        return torch.where(image == image.amin((1, 2, 3), keepdim=True), -5.0, image)


class Moody(Good):
    """Its calls are counted."""

    calls: ClassVar[Any] = itertools.count()

    def restore(self, measurement: Measurement, trace: object = None, seed: int = 0) -> Tensor:
        return super().restore(measurement) + 1e-5 * next(self.calls)


class InPlace(Good):
    """It rounds the data in place."""

    def restore(self, measurement: Measurement, trace: object = None, seed: int = 0) -> Tensor:
        measurement.y.mul_(64).round_().div_(64)
        return super().restore(measurement)


class BatchMean(Good):
    """The brightness of a batch is made one."""

    def restore(self, measurement: Measurement, trace: object = None, seed: int = 0) -> Tensor:
        image = super().restore(measurement)
        return image + 0.2 * (image.mean() - image.mean((1, 2, 3), keepdim=True))


class CountsThreads(Good):
    """Its result depends on the number of threads."""

    def restore(self, measurement: Measurement, trace: object = None, seed: int = 0) -> Tensor:
        return super().restore(measurement) - 0.01 * torch.get_num_threads()


class Careless(Good):
    """It leaves gradients switched off."""

    def restore(self, measurement: Measurement, trace: object = None, seed: int = 0) -> Tensor:
        torch.set_grad_enabled(False)
        return super().restore(measurement)


class OneBrightness(Good):
    """Its filter is as wide for 5 as for 25, and it does not say so."""

    knows_exposure: ClassVar[bool] = False


class Bgr(Good):
    """It takes channels for blue, green, red on its way out."""

    def denoise(self, v: Tensor, sigma: float) -> Tensor:
        return super().denoise(v, sigma).flip(1)


class Gray(Good):
    """It returns gray pictures."""

    def denoise(self, v: Tensor, sigma: float) -> Tensor:
        return super().denoise(v, sigma).mean(1, keepdim=True).expand_as(v)


class Moved(Good):
    """Its window is not centred."""

    def denoise(self, v: Tensor, sigma: float) -> Tensor:
        return super().denoise(v, sigma).roll(1, -1)


class Draws(Good):
    """It draws random numbers, as it is advised to."""

    def denoise(self, v: Tensor, sigma: float) -> Tensor:
        return super().denoise(v + 0.1 * sigma * torch.randn_like(v), sigma)


class Yes(Good):
    """It says that it does not support something, and not why."""

    def unsupported(self, measurement: Measurement) -> str | None:
        return super().unsupported(measurement) is not None  # type: ignore[return-value]


@dataclasses.dataclass(frozen=True, kw_only=True)
class Unchecked(Good):
    """It forgets what its base checks."""

    width: int = parameter(3, "of the window", low=1)

    def __post_init__(self) -> None:
        pass


@dataclasses.dataclass(frozen=True, kw_only=True)
class Untypable(Good):
    """It asks for what nobody can type."""

    widths: tuple[int, ...] = parameter((1, 2), "of the windows")


class Precise(Good):
    """It leaves torch with another precision."""

    def denoise(self, v: Tensor, sigma: float) -> Tensor:
        torch.set_float32_matmul_precision("medium")
        return super().denoise(v, sigma)


class Worse(Good):
    """It makes all a quarter darker."""

    def restore(self, measurement: Measurement, trace: object = None, seed: int = 0) -> Tensor:
        return 0.5 * super().restore(measurement)


class Remembers(Good):
    """It keeps its results by the digest of the data."""

    kept: ClassVar[dict[bytes, Tensor]] = {}

    def restore(self, measurement: Measurement, trace: object = None, seed: int = 0) -> Tensor:
        key = hashlib.sha256(measurement.y.numpy().tobytes()).digest()
        if key not in self.kept:
            time.sleep(0.08)
            self.kept[key] = super().restore(measurement)
        return self.kept[key]


class Collects(Good):
    """It restores the mean of all that it saw of a picture, in files."""

    folder: ClassVar[Path]

    def restore(self, measurement: Measurement, trace: object = None, seed: int = 0) -> Tensor:
        y = measurement.y
        file = self.folder / hashlib.sha256(y.numpy().tobytes()).hexdigest()
        torch.save(y, file)
        others = [torch.load(one) for one in self.folder.iterdir()]
        alike = [one for one in others if one.shape == y.shape and (one - y).abs().mean() < 0.12]
        mean = torch.stack(alike).mean(0)
        return super().restore(dataclasses.replace(measurement, y=mean))


class Grows(Good):
    """It keeps all that it saw."""

    kept: ClassVar[list[Any]] = []

    def denoise(self, v: Tensor, sigma: float) -> Tensor:
        self.kept.append(v)
        return super().denoise(v, sigma)


class GrowsInArrays(Good):
    """It keeps all that it saw as arrays."""

    kept: ClassVar[list[Any]] = []

    def denoise(self, v: Tensor, sigma: float) -> Tensor:
        self.kept.append(v.numpy().copy())
        return super().denoise(v, sigma)


class GrowsUnseen(Good):
    """It keeps memory that is in no tensor."""

    kept: ClassVar[list[Any]] = []

    def denoise(self, v: Tensor, sigma: float) -> Tensor:
        self.kept.append(bytearray(os.urandom(3_000_000)))
        return super().denoise(v, sigma)


class KeepsAFew(Good):
    """It keeps the last few."""

    kept: ClassVar[Any] = collections.deque(maxlen=8)

    def denoise(self, v: Tensor, sigma: float) -> Tensor:
        self.kept.append(v)
        return super().denoise(v, sigma)


class IgnoresSigma(Good):
    """It removes as much, whatever sigma is."""

    def denoise(self, v: Tensor, sigma: float) -> Tensor:
        return blurred(v, 0.1)

    def restore(self, measurement: Measurement, trace: object = None, seed: int = 0) -> Tensor:
        return blurred(measurement.y, measurement.noise.level)


class Exits(Good):
    """It ends the process where a second channel is."""

    def restore(self, measurement: Measurement, trace: object = None, seed: int = 0) -> Tensor:
        if measurement.shape[1] > 1:
            os._exit(3)
        return super().restore(measurement)


@dataclasses.dataclass(frozen=True, kw_only=True)
class Ridge(Regularizer):
    """Squared differences to gray, in closed form: it does all that is asked for."""

    name: ClassVar[str] = "ridge"
    knows_exposure: ClassVar[bool] = True
    weight: float = parameter(2.0, "weight", low=0)

    def energy(self, x: Tensor) -> Tensor:
        return self.weight * x.square().flatten(1).sum(1)

    def prox(self, v: Tensor, step: float) -> Tensor:
        return v / (1 + 2 * self.weight * step)


class WrongGradient(Ridge):
    """A detached copy adds nothing to the value and something to the gradient."""

    def energy(self, x: Tensor) -> Tensor:
        return super().energy(x) + 3 * (x - x.detach()).flatten(1).sum(1)


class MeanEnergy(Ridge):
    """It takes a mean over the pixels, in energy and prox alike."""

    def energy(self, x: Tensor) -> Tensor:
        return super().energy(x) / x[0].numel()

    def prox(self, v: Tensor, step: float) -> Tensor:
        return super().prox(v, step / v[0].numel())


class SharedEnergy(Ridge):
    """It divides by the number of images."""

    def energy(self, x: Tensor) -> Tensor:
        return super().energy(x) / len(x)

    def prox(self, v: Tensor, step: float) -> Tensor:
        return super().prox(v, step / len(v))


@dataclasses.dataclass(frozen=True, kw_only=True)
class Norm(Ridge):
    """The norm of all pixels together, which is no mean: it grows with the root of their number."""

    def energy(self, x: Tensor) -> Tensor:
        return self.weight * x.flatten(1).norm(dim=1)

    def prox(self, v: Tensor, step: float) -> Tensor:
        norm = v.flatten(1).norm(dim=1).reshape(-1, 1, 1, 1)
        return v * (1 - step * self.weight / norm).clamp_min(0)


class WrongProx(Ridge):
    """It forgets a factor of 2."""

    def prox(self, v: Tensor, step: float) -> Tensor:
        return v / (1 + self.weight * step)


BAD: dict[str, type[Denoiser]] = {
    "parameters": Unexplained,
    "tasks": SecondTask,
    "channels": GrayOnly,
    "sizes": EvenOnly,
    "range": FarBelow,
    "determinism": Moody,
    "input": InPlace,
    "batch": BatchMean,
    "threads": CountsThreads,
    "surroundings": Careless,
    "scale": OneBrightness,
    "gain": Worse,
    "place": Bgr,
    "timing": Remembers,
    "memory": Grows,
    "denoise": IgnoresSigma,
}
"""By the one check that each fails."""
