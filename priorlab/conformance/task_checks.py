"""What every task must do, and the operator and the noise model of its measurements."""

from __future__ import annotations

import numpy as np
import torch

from priorlab.conformance.adjoint import check_adjoint
from priorlab.conformance.checks import Check, Failed, Skipped
from priorlab.conformance.component_checks import PARAMETERS
from priorlab.conformance.scenes import scene
from priorlab.errors import UsageError
from priorlab.forward.measurement import Measurement
from priorlab.forward.trying import tried
from priorlab.tasks.base import Task

NORMS = (0.1, 3.0)
"""The norm of an operator is one, or not far from it: the settings of solvers expect that."""


def _measured(task: Task, channels: int = 0, height: int = 48, width: int = 60) -> Measurement:
    """Measure the usual picture; 0 channels stand for one, or for three where one is refused."""
    if channels:
        return task.measure(scene(channels, height, width), seed=0)
    try:
        return _measured(task, 1, height, width)
    except UsageError:
        return _measured(task, 3, height, width)


def shapes(task: Task) -> None:
    """It measures gray and coloured pictures of odd sides, or says why not in a UsageError."""
    taken, refusal = 0, ""
    for channels, height, width in ((1, 48, 60), (3, 48, 60), (1, 33, 47), (3, 33, 47)):
        try:
            measurement = _measured(task, channels, height, width)
        except UsageError as error:
            refusal = str(error)
            continue
        taken += 1
        where = f"{channels} x {height} x {width}"
        if answer := tried(measurement).answer:
            raise Failed(f"{where}: {answer}")
        guess, truth = measurement.initial_guess(), task.truth(scene(channels, height, width))
        if tuple(guess.shape) != tuple(measurement.shape):
            raise Failed(
                f"{where}: the operator's initial_guess has the shape {tuple(guess.shape)}, not"
                f" that of the image, {tuple(measurement.shape)}"
            )
        if tuple(truth.shape) != measurement.frame_shape:
            raise Failed(
                f"{where}: truth has the shape {tuple(truth.shape)}, and what is restored"
                f" {measurement.frame_shape}; metrics compare the two"
            )
        if not bool(guess.isfinite().all()):
            raise Failed(f"{where}: the operator's initial_guess holds NaN or infinity")
    if not taken:
        raise Failed(f"it takes none of the pictures: {refusal}")


def determinism(task: Task) -> None:
    """Equal seeds give equal data, so that every prior sees the same."""
    first, again = _measured(task).y, _measured(task).y
    if not torch.equal(first, again):
        raise Failed(
            "the same picture and seed gave other data; draw only from the `rng` that `operator`"
            " and `Noise.sample` are given"
        )


def unchanged_input(task: Task) -> None:
    """It does not change the clean picture, nor do its operator and noise what they are given."""
    for channels in (1, 3):
        clean = scene(channels, 48, 60)
        before = clean.clone()
        try:
            task.measure(clean, seed=0)
        except UsageError:
            continue
        if not torch.equal(clean, before):
            raise Failed("measure changed the clean picture; forward must work on a copy")
    if effect := tried(_measured(task)).effect:
        raise Failed(effect)


def adjoint(task: Task) -> None:
    """The operator's adjoint is the adjoint of its forward."""
    measurement = _measured(task)
    check_adjoint(measurement.operator, measurement.shape, dtype=torch.float32, tolerance=1e-5)


def linear(task: Task) -> None:
    """The operator is linear, and treats each image of a batch as it is alone."""
    measurement = _measured(task)
    operator, shape = measurement.operator, (2, *measurement.shape[1:])
    x = torch.rand(shape, generator=torch.Generator().manual_seed(0))
    together = operator.forward(x)
    alone = torch.cat([operator.forward(x[:1]), operator.forward(x[1:])])
    size = float(alone.abs().max()) + 1e-12
    if together.shape != alone.shape or float((together - alone).abs().max()) > 1e-4 * size:
        raise Failed("forward of a batch of two differs from that of each image alone")
    mixed = operator.forward(0.5 * x[:1] - 2 * x[1:])
    if float((mixed - (0.5 * alone[:1] - 2 * alone[1:])).abs().max()) > 1e-4 * size:
        raise Failed(
            "forward is not linear: A(a x + b z) is not a A x + b A z; noise, clipping and"
            " rounding belong to the noise model and the protocol"
        )


def norm(task: Task) -> None:
    """The norm of the operator is about one, which the settings of solvers expect."""
    measurement = _measured(task)
    like = torch.zeros(measurement.shape)
    found = measurement.operator.squared_norm(like) ** 0.5
    if not NORMS[0] <= found <= NORMS[1]:
        raise Failed(
            f"the norm of the operator is {found:.3g}; divide forward and adjoint by it, so that"
            " it is about 1"
        )


def solve(task: Task) -> None:
    """The operator's `solve` returns the minimum of 1/2 |Ax - y|^2 + rho/2 |x - v|^2."""
    measurement = _measured(task)
    operator, rho = measurement.operator, 0.3
    v = torch.rand(measurement.shape, generator=torch.Generator().manual_seed(1))
    x = operator.solve(measurement.y, v, rho)
    slope = operator.adjoint(operator.forward(x) - measurement.y) + rho * (x - v)
    size = float(operator.adjoint(measurement.y).norm() + rho * v.norm())
    if not float(slope.norm()) <= 1e-3 * size:
        raise Failed(
            f"the gradient at what solve returned is {float(slope.norm()) / size:.2g} of the data,"
            " and should be 0; without a `solve` of its own an operator has conjugate gradients"
        )


def noise(task: Task) -> None:
    """What the noise model draws has the variance that it says it has."""
    measurement = _measured(task, height=96, width=96)
    model = measurement.noise
    if model.is_gaussian and model.level > 1:
        raise Failed(
            f"the standard deviation of the noise is {model.level:g}, and white is 1: divide a"
            " level that users type on the 0-255 scale by 255"
        )
    exact = torch.full((1, 1, 256, 256), 0.5, dtype=torch.float64)
    drawn = torch.from_numpy(np.asarray(model.sample(exact.numpy(), np.random.default_rng(0))))
    if drawn.shape != exact.shape or not bool(drawn.isfinite().all()):
        raise Failed("Noise.sample must return finite data of the shape that it is given")
    if model.is_exact or model.has_outliers or not model.is_independent:
        raise Skipped("the variance of a single value says little of this noise")
    told = float(model.variance(exact.float()).mean())
    found = float((drawn - exact).square().mean())
    if abs(found - told) > 0.1 * told + 1e-9:
        raise Failed(
            f"where a value is 0.5, the variance of what sample draws is {found:.3g}, and"
            f" `variance` says {told:.3g}"
        )


def device(task: Task) -> None:
    """On a GPU its operator gives what it gives on the CPU."""
    if not torch.cuda.is_available():
        raise Skipped("there is no GPU here")
    measurement = _measured(task)
    x = torch.rand(measurement.shape, generator=torch.Generator().manual_seed(0))
    here = measurement.operator.forward(x)
    there = measurement.to("cuda").operator.forward(x.cuda())
    if float((here - there.cpu()).abs().max()) > 1e-3:
        raise Failed("forward on the GPU differs from that on the CPU")


CHECKS = (
    PARAMETERS,
    Check("shapes", shapes, 60.0),
    Check("determinism", determinism, 60.0),
    Check("input", unchanged_input, 60.0),
    Check("adjoint", adjoint, 60.0),
    Check("linear", linear, 60.0),
    Check("norm", norm, 60.0),
    Check("solve", solve, 60.0),
    Check("noise", noise, 60.0),
    Check("device", device, 60.0),
)
