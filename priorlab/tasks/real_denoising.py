"""Denoising pictures of cameras: nothing is known of the noise but what the picture shows."""

from __future__ import annotations

import dataclasses
from pathlib import Path
from typing import Any, ClassVar

import numpy as np
import torch
from torch import Tensor
from typing_extensions import override

from priorlab.components import parameter
from priorlab.errors import UsageError
from priorlab.forward.camera import Camera
from priorlab.forward.measurement import Measurement
from priorlab.forward.noise import Noise
from priorlab.forward.operators import Identity, LinearOperator, Shape
from priorlab.forward.real_noise import RealNoise
from priorlab.pictures import arrays, noise_profile
from priorlab.pictures.picture import Picture
from priorlab.tasks import shots
from priorlab.tasks.base import Protocol, Task


@dataclasses.dataclass(frozen=True, kw_only=True)
class DenoiseReal(Task):
    """Remove the noise of a camera, whose level, colour and grain are not told.

    Priors are given the noise that `priorlab.pictures.noise_profile` finds in the picture itself.
    A test image becomes the scene before a simulated camera: a mosaic of colour filters, photons,
    demosaicking, tone curve, smoothing, JPEG. It is compared with what the camera shows without
    noise. Of gray images there is no mosaic. With `shots` nothing is simulated: a test image is the
    mean of many shots of a scene, and one of these is what a prior gets.

    Examples
    --------
    >>> scene = torch.full((1, 3, 96, 96), 0.5)
    >>> measurement = DenoiseReal(electrons=500).measure(scene, seed=0)
    >>> measurement.noise.is_independent, bool(measurement.noise.level > 0.02)
    (False, True)
    """

    name: ClassVar[str] = "denoise-real"
    called: ClassVar[str] = "Real noise"
    electrons: float = parameter(
        1000.0, "simulated: what a pixel counts in white light", low=10, high=1e6, shown=True
    )
    read_noise: float = parameter(
        3.0, "simulated: deviation that reading adds", unit="electrons", low=0, high=100
    )
    smoothing: float = parameter(
        0.5, "simulated: width of the camera's smoothing", unit="pixels", low=0, high=3
    )
    quality: int = parameter(95, "simulated: quality of the JPEG file; 0 for none", low=0, high=100)
    strength: float = parameter(
        1.0, "what the level that is found is multiplied by: less keeps grain", low=0.1, high=5
    )

    shots: str = parameter(
        "", "folder of real pictures NAME_real of the test images NAME_mean, instead of simulating"
    )

    def __post_init__(self) -> None:
        super().__post_init__()
        if self.shots:  # typed as ./a//b, it is called a/b as well
            object.__setattr__(self, "shots", str(Path(self.shots)))
        simulated = set(super().shown()) - {"electrons", "shots", "strength"}
        if self.shots and (simulated or self.electrons != 1000):
            raise UsageError(
                f"{self.name}: with shots= nothing is simulated; only strength= counts"
            )

    @override
    def shown(self) -> list[str]:
        means_nothing = {"electrons"} if self.shots else set()
        return [key for key in super().shown() if key not in means_nothing]

    @override
    def fingerprint(self) -> dict[str, Any]:
        """Return what results depend on: shots by content."""
        facts = super().fingerprint()
        if self.shots:
            facts["parameters"]["shots"] = f"sha256:{shots.digest(self.shots)}"
        return facts

    @override
    def is_test_image(self, path: Path) -> bool:
        """Whether it is not one of the shots, which often lie beside their truths."""
        return not (self.shots and shots.is_shot(path, self.shots))

    @property
    @override
    def protocol(self) -> Protocol:
        return Protocol(clipped=True, rounded=True)

    @property
    def camera(self) -> Camera:
        """The camera that is simulated."""
        return Camera(self.electrons, self.read_noise, self.smoothing, quality=self.quality)

    @property
    def noise(self) -> Noise:
        """What a pixel adds in mid-gray light; each measurement has the noise that it shows."""
        deviation = (0.5 * self.electrons + self.read_noise**2) ** 0.5 / self.electrons
        return RealNoise((deviation * self.strength,))

    def operator(self, shape: Shape, rng: np.random.Generator) -> LinearOperator:
        """Return the identity."""
        return Identity()

    def truth(self, clean: Tensor) -> Tensor:
        """Return what the camera shows of the scene without noise; of `shots` their mean."""
        if self.shots:
            return clean
        scene = clean[0].detach().cpu().double().numpy()
        return torch.from_numpy(self._developed(scene, None))[None].to(clean)

    @override
    def measure(self, clean: Tensor, seed: int) -> Measurement:
        if self.shots:
            shot = shots.shot_of(arrays.from_tensor(clean), self.shots)
            y = arrays.to_tensor(shot).to(clean)
        else:
            scene = clean[0].detach().cpu().double().numpy()
            _, rng = self._generators(arrays.digest(scene), seed)
            y = torch.from_numpy(self._developed(scene, rng))[None].to(clean)
        noise, _ = self.noise_in(Picture(image=arrays.from_tensor(y)))
        return dataclasses.replace(self.adopt(y), noise=noise)

    def noise_in(self, picture: Picture) -> tuple[Noise, str]:
        """Return the noise that a picture shows, times `strength`, and a line on it."""
        found = noise_profile.profile(picture)
        noise, text = found.noise.scaled(self.strength), found.text
        if self.strength != 1:
            text += f"; removed at {self.strength:g} times that"
        return noise, text

    def _developed(
        self,
        scene: np.ndarray[tuple[int, ...], np.dtype[np.float64]],
        rng: np.random.Generator | None,
    ) -> np.ndarray[tuple[int, ...], np.dtype[np.float64]]:
        if len(scene) not in (1, 3):
            raise UsageError(f"{self.name} treats 1 or 3 channels, as cameras do, not {len(scene)}")
        return self.camera.develop(scene, rng)
