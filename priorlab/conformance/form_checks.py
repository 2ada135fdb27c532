"""What is asked of the functions of one form of prior: energies and proxes, denoisers, networks."""

from __future__ import annotations

from collections.abc import Callable

import torch
from torch import Tensor

from priorlab.conformance.checks import Check, Failed, Skipped
from priorlab.conformance.scenes import SIDE, channels_of, scene
from priorlab.priors import Denoiser, Generator, Prior, Regularizer
from priorlab.solvers import answers

STEP = 0.05
"""Of the prox that is checked: that of denoising with a standard deviation of 0.22."""

LEAST_GROWTH = 1.2
"""Times as much energy that an image of twice the size must have at least."""

SLACK = 0.02
"""Share of what a prox gains that it may leave: it may be an iteration that stops early."""


def _noisy(prior: Prior) -> Tensor:
    clean = scene(channels_of(prior))
    return clean + 0.1 * torch.randn(clean.shape, generator=torch.Generator().manual_seed(0))


def energy(prior: Regularizer) -> None:
    """The energy is a number for each image, and its gradient is that of finite differences."""
    value = answers.checked_energy(prior.name, prior.energy)
    x = _noisy(prior)
    prior.prepare(x.device, x.shape[1])
    before = x.clone()
    value(x)
    if not torch.equal(x, before):
        raise Failed("energy changed its input; work on a copy")
    _check_sums(value, scene(x.shape[1]), x)
    try:
        value(x.double())
    except (RuntimeError, TypeError):  # it has weights in single precision
        _check_gradient(value, x, eps=3e-3, tolerance=0.03)
    else:
        _check_gradient(value, x.double(), eps=1e-6, tolerance=1e-3)


def _check_sums(value: Callable[[Tensor], Tensor], clean: Tensor, noisy: Tensor) -> None:
    """See that each image of a batch has its own energy, and twice the image about twice as much.

    A norm of all pixels together grows by the root of 2, a mean not at all.
    """
    with torch.no_grad():
        alone = torch.cat([value(clean), value(noisy)]).double()
        together = value(torch.cat([clean, noisy])).double()
        double = torch.cat([value(torch.cat([x, x.flip(-1)], -1)) for x in (clean, noisy)])
    gap = float((together - alone).abs().max())
    if gap > 1e-3 * float(alone.abs().max()) + 1e-9:
        raise Failed(
            f"the energies of two images are {_shown(alone)} alone and {_shown(together)} in a"
            " batch; sum over dimensions 1 to 3 of each image, and take no mean over dimension 0"
        )
    once, twice = (float(energies[1] - energies[0]) for energies in (alone, double.double()))
    if abs(once) > 1e-3 * float(alone.abs().max()) and twice / once < LEAST_GROWTH:
        raise Failed(
            f"noise adds {once:.5g} to the energy of an image and {twice:.5g} to that of one twice"
            " as wide; sum over the pixels instead of taking a mean, or the weight that is right"
            " depends on the size of the picture"
        )


def _shown(numbers: Tensor) -> str:
    return " and ".join(f"{float(number):.5g}" for number in numbers)


def _check_gradient(
    value: Callable[[Tensor], Tensor], x: Tensor, eps: float, tolerance: float
) -> None:
    """Compare the gradient with central differences, in directions near that of the gradient."""
    start = x.clone().requires_grad_()
    (gradient,) = torch.autograd.grad(value(start).sum(), start)
    generator = torch.Generator().manual_seed(1)
    size = gradient.square().mean().sqrt().clamp_min(1e-12)
    for _ in range(3):
        direction = gradient / size + torch.randn(x.shape, generator=generator, dtype=x.dtype)
        with torch.no_grad():
            high, low = (
                float(value(x + sign * eps * direction).double().sum()) for sign in (1, -1)
            )
        slope, told = (high - low) / (2 * eps), float((gradient * direction).double().sum())
        if abs(slope - told) > tolerance * float(gradient.norm() * direction.norm()) + 1e-9:
            raise Failed(
                f"the energy changes by {slope:.5g} in a direction in which its gradient says"
                f" {told:.5g}; compute it from x by torch's functions, in the type of x, without"
                " detach and no_grad"
            )


def prox(prior: Regularizer) -> None:
    """What the prox returns has the least energy(x) + |x - v|^2 / (2 step)."""
    if not prior.has_prox:
        raise Skipped("it has no prox; the core descends by its gradient")
    v = _noisy(prior)
    prior.prepare(v.device, v.shape[1])
    before = v.clone()
    least = prior.prox(v, STEP)
    answers.check_image(f"{prior.name}: prox", least, before)
    if not torch.equal(v, before):
        raise Failed("prox changed its input; work on a copy")
    value = answers.checked_energy(prior.name, prior.energy)

    def objective(x: Tensor) -> float:
        fit = (x - v).double().square().sum() / (2 * STEP)
        with torch.no_grad():
            return float(value(x).double().sum() + fit)

    reached, start = objective(least), objective(v)
    allowed = SLACK * max(start - reached, 0.0) + 1e-5 * abs(reached)
    for name, other in _rivals(v, least):
        if (found := objective(other)) < reached - allowed:
            raise Failed(
                f"prox(v, {STEP}) is not the minimum of energy(x) + |x - v|^2 / (2 step): there it"
                f" is {reached:.5g}, {name} {found:.5g}"
            )


def _rivals(v: Tensor, least: Tensor) -> list[tuple[str, Tensor]]:
    """Return images near that which a prox returned, which must not be better."""
    generator = torch.Generator().manual_seed(2)
    noise = torch.randn(v.shape, generator=generator)
    way = least - v
    return [
        ("at v", v),
        *((f"{t:g} times as far from v", v + t * way) for t in (0.5, 0.8, 0.9, 1.1, 1.25, 2.0)),
        *(("beside it", least + size * noise) for size in (0.01, -0.01)),
    ]


def denoise(prior: Denoiser) -> None:
    """It removes noise of any level, the more the higher it is, without changing its input."""
    v = _noisy(prior)
    prior.prepare(v.device, v.shape[1])
    images = {}
    for sigma in (0.005, 0.1, 0.5):
        given = v.clone()
        images[sigma] = prior.denoise(given, sigma)
        answers.check_image(f"{prior.name}: denoise", images[sigma], v)
        if not torch.equal(given, v):
            raise Failed(
                "denoise changed its input; work on a copy (v.clone()), without in-place"
                " functions such as v.mul_() or v[...] = ..."
            )
        if not bool(images[sigma].isfinite().all()):
            raise Failed(f"denoise returned NaN or infinity for sigma = {sigma}")
    if torch.equal(images[0.005], images[0.5]):
        raise Failed(
            "denoise returned the same image for sigma = 0.005 and 0.5; let it remove as much as"
            " sigma says: plug-and-play lowers it from step to step"
        )


def network(prior: Generator) -> None:
    """The network makes images of the shape asked for, and its parameters get gradients."""
    channels = channels_of(prior)
    for height, width in ((SIDE, SIDE), (17, 31)):
        shape = (1, channels, height, width)
        made = answers.checked_network(prior.name, prior.make_network(shape), shape)
        code = answers.checked_code(prior.name, prior.make_code(shape))
        image = made(code)
        if not bool(image.isfinite().all()):
            raise Failed("the network returned NaN or infinity from its random start")
        image.square().sum().backward()
        parameters = [one for one in made.parameters() if one.requires_grad]
        if not any(one.grad is not None and bool(one.grad.any()) for one in parameters):
            raise Failed("no parameter of the network gets a gradient: nothing can be fitted")


def checks_of(prior: Prior) -> tuple[Check, ...]:
    """Return the checks of a prior's form; none for one that only has `restore`."""
    return tuple(check for form, check in _CHECKS if isinstance(prior, form))


_CHECKS: tuple[tuple[type[Prior], Check], ...] = (
    (Regularizer, Check("energy", energy, 60.0)),
    (Regularizer, Check("prox", prox, 60.0)),
    (Denoiser, Check("denoise", denoise, 60.0)),
    (Generator, Check("network", network, 60.0)),
)
