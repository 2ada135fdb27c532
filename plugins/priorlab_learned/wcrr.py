"""The ``wcrr`` and ``crr`` priors: learned filters and potentials, an explicit energy."""

from __future__ import annotations

import dataclasses
from collections.abc import Callable
from functools import lru_cache
from pathlib import Path
from typing import ClassVar, Self

import torch
from torch import Tensor
from typing_extensions import override

from priorlab.components import PER_GRAY_LEVEL, parameter
from priorlab.forward.measurement import Measurement
from priorlab.ground import torch_settings
from priorlab.ground.weights_file import WeightsError, read_weights
from priorlab.priors import Regularizer
from priorlab.trace import SILENT, Trace, TraceOfOne
from priorlab.training.memory import freed_memory_kept
from priorlab_learned.ridge.minimisation import minimise, noisy_image
from priorlab_learned.ridge.planes import PlanesEnergy, energy_of_planes
from priorlab_learned.ridge.ridge_network import RidgeNetwork

FOLDER = Path(__file__).parent / "weights"
WITHOUT_LEVEL = 25 * PER_GRAY_LEVEL
"""Noise level of the potentials of `energy` and `prox`, which know no measurement, if not set."""
LEAST_LEVEL_ELSEWHERE = 10 * PER_GRAY_LEVEL
"""Least level of the potentials where the image is not only noisy: below it, almost nothing is
taken for noise, and so almost nothing is known of what was not measured."""
HIGHEST_LEVEL = 1.0
"""Highest level of the potentials: noise may be stronger, in a dark picture that is shown brighter
or of a few photons, and then the energy weighs more."""
WEIGHT_ELSEWHERE = 0.5
"""Factor on the weight there: noise and blur together ask for less smoothing than noise
alone. `weights/README.md` has the sweeps of these."""
SPLITTING_TOLERANCE = 5.0
"""Factor on the tolerance of the splitting that noise other than Gaussian needs."""
WARM_ITERATIONS = 5
"""Most iterations of a prox that begins where one before ended."""


@dataclasses.dataclass(frozen=True, kw_only=True)
class RidgeRegularizer(Regularizer):
    """Base of the priors whose energy is a sum of learned potentials of filtered images."""

    knows_exposure: ClassVar[bool] = True
    share_of_grain: ClassVar[float] = 1.0  # its filters are small
    weights: str = parameter(
        "", "safetensors file that `priorlab train` wrote; empty: the shipped ones", file=True
    )
    weight: float = parameter(1.0, "strength of the energy", low=0, search=(0.1, 5))
    level: float = parameter(
        0.0,
        "noise level that the potentials are for; 0: that of the measurement, if its image is only "
        "noisy, else at least 10 and half the weight",
        unit="0-255",
        low=0,
        high=HIGHEST_LEVEL,
        scale=PER_GRAY_LEVEL,
    )
    tolerance: float = parameter(
        1e-4, "minimisation stops when the gradient is this small, relative to the image", low=0
    )

    def prepare(self, device: torch.device, channels: int) -> None:
        """Read and verify the weights; see `Prior.prepare`.

        Raises
        ------
        WeightsError
            If they are missing, damaged or of something else.
        """
        self._network(device)

    def energy(self, x: Tensor) -> Tensor:
        """Return ``weight R(x) / level`` of each image (B, C, H, W): shape (B,).

        R is for noise of the `level`; for 25 if that is not set.
        """
        level = self.level or WITHOUT_LEVEL
        return self._energy(x, level, 1 / level).value(x)

    @override
    def prox(self, v: Tensor, step: float) -> Tensor:
        return self._prox(v, step, v, self.iterations)

    @override
    def warm_prox(self, trace: Trace = SILENT) -> Callable[[Tensor, float], Tensor]:
        last: list[Tensor] = []

        def prox(v: Tensor, step: float) -> Tensor:
            most = WARM_ITERATIONS if last else self.iterations
            last[:] = [self._prox(v, step, last[0] if last else v, most)]
            return last[0]

        return prox

    @override
    def restore(self, measurement: Measurement, trace: Trace = SILENT, seed: int = 0) -> Tensor:
        """Minimise ``1/2 |A x - y|^2 + s energy(x)`` over the image, s being the noise level.

        Where the noise is Gaussian, by accelerated proximal gradients (`ridge.minimisation`), each
        image of a batch by itself. Other noise of an image is stabilised first; what cannot be,
        such as the errors of JPEG compression, is taken for Gaussian.
        """
        noise, only_noisy = measurement.noise, measurement.operator.is_identity
        if only_noisy and not noise.level:
            return measurement.y
        gaussian = noise.is_gaussian or measurement.has_outliers
        if only_noisy and not gaussian:
            # A splitting with so slow a prox would take minutes.
            if noise.stabiliser():
                return self._stabilised(measurement, trace)
            return self._without_white(measurement.y, noise.level, trace)
        if not self.level:
            return self._for(measurement).restore(measurement, trace, seed)
        if not gaussian:
            loose = dataclasses.replace(self, tolerance=SPLITTING_TOLERANCE * self.tolerance)
            return super(RidgeRegularizer, loose).restore(measurement, trace, seed)
        result = measurement.initial_guess()
        for index in range(len(result)):
            one = measurement.image(index).without_outliers()
            result[index] = self._minimise(one, TraceOfOne(trace, result, index))[0]
        return result

    def _for(self, measurement: Measurement) -> Self:
        """Return the prior with the level, and the weight, that suit a measurement."""
        level = min(measurement.noise.level, HIGHEST_LEVEL)
        if measurement.operator.is_identity and not measurement.has_outliers:
            return dataclasses.replace(self, level=level)
        weight = WEIGHT_ELSEWHERE * self.weight
        return dataclasses.replace(self, level=max(level, LEAST_LEVEL_ELSEWHERE), weight=weight)

    @torch.no_grad()
    def _minimise(self, measurement: Measurement, trace: Trace) -> Tensor:
        y, level = measurement.y, self.level
        solve = measurement.operator.solver()
        start = y if measurement.operator.is_identity else measurement.initial_guess()
        share = self.share_of_energy(measurement.noise)
        energy = self._energy(start, level, share * measurement.noise.level / level)

        def report(iteration: int, x: Tensor, residual: float) -> None:
            trace.report(iteration, self.iterations, x, gradient=residual)

        def fit(v: Tensor, rho: float) -> Tensor:
            return solve(y, v, rho)

        with freed_memory_kept():  # otherwise most of the time goes into getting it anew
            minimum = minimise(energy, fit, start, self.tolerance, self.iterations, report)
        trace.converged(minimum.residual <= self.tolerance, minimum.residual)
        return minimum.x

    def _prox(self, v: Tensor, step: float, start: Tensor, iterations: int) -> Tensor:
        level = self.level or WITHOUT_LEVEL
        energy = self._energy(v, level, step / level)
        return minimise(energy, noisy_image(v), start, self.tolerance, iterations).x

    def _energy(self, x: Tensor, level: float, factor: float) -> PlanesEnergy:
        network = self._network(x.device)
        return energy_of_planes(network, x.shape[1], level, self.weight * factor)

    def _network(self, device: torch.device) -> RidgeNetwork:
        path = Path(self.weights) if self.weights else FOLDER / f"{self.name}_gray.safetensors"
        return _load(path, path.stat().st_mtime_ns if path.exists() else 0, device)


@dataclasses.dataclass(frozen=True, kw_only=True)
class WeaklyConvexRidge(RidgeRegularizer):
    """A weakly convex ridge regulariser: learned filters, whose potentials flatten out.

    ``R(x) = sum over i, k of psi_i((W_i x)[k])`` has 48 filters of 7x7 and some 300 values of
    potentials, which depend on the noise level. It is so little concave that the noisy image's
    objective, ``1/2 |x - y|^2 + R(x)``, is convex all the same: its one minimum is found, and the
    residual bounds the distance from it (20 times the norm of the gradient at most).

    A. Goujon, S. Neumayer, M. Unser: Learning weakly convex regularizers for convergent
    image-reconstruction algorithms, SIAM Journal on Imaging Sciences 17(1), 2024
    (arXiv 2308.10542). Unlike there, the filters are not products of three convolutions and see
    7x7 pixels instead of 13x13; psi' is made of two clipped lines instead of two splines; images
    are mirrored beyond their border instead of black; the concavity is 0.95 instead of 1. Colour
    is taken as brightness and two differences of colours, each with the energy of a gray image.

    Examples
    --------
    >>> noise = torch.randn(1, 1, 32, 32, generator=torch.Generator().manual_seed(0))
    >>> prior = WeaklyConvexRidge(level=0.1)
    >>> flat, noisy = prior.energy(torch.full((1, 1, 32, 32), 0.5)), prior.energy(0.1 * noise)
    >>> float(flat) < 1e-6 < float(noisy)
    True
    """

    name: ClassVar[str] = "wcrr"


@dataclasses.dataclass(frozen=True, kw_only=True)
class ConvexRidge(RidgeRegularizer):
    """A convex ridge regulariser: learned filters, whose potentials go on like ``|v|``.

    As `WeaklyConvexRidge`, without its concave part: whatever the measurement, there is one
    minimum, and no better one elsewhere.

    A. Goujon, S. Neumayer, P. Bohra, S. Ducotterd, M. Unser: A neural-network-based convex
    regularizer for inverse problems, IEEE Transactions on Computational Imaging 9, 2023
    (arXiv 2211.12461). Unlike there, potentials depend on the noise level and are Huber functions;
    for the rest see `WeaklyConvexRidge`.

    Examples
    --------
    >>> a, b = torch.rand(2, 1, 1, 24, 24, generator=torch.Generator().manual_seed(0))
    >>> prior = ConvexRidge()
    >>> middle, ends = prior.energy((a + b) / 2), (prior.energy(a) + prior.energy(b)) / 2
    >>> bool(middle < ends)
    True
    """

    name: ClassVar[str] = "crr"
    by_default: ClassVar[bool] = False


@lru_cache(maxsize=8)
def _load(path: Path, modified: int, device: torch.device) -> RidgeNetwork:
    """Read a network once per file, time of change and device."""
    state, _ = read_weights(path)
    try:
        with torch_settings.usual(device):  # what is kept serves whoever comes next
            return RidgeNetwork.from_state(state).requires_grad_(False).to(device)
    except (KeyError, RuntimeError, IndexError) as error:
        raise WeightsError(f"{path} does not hold a ridge regulariser: {error}") from None
