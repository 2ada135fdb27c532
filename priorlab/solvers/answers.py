"""Check what the functions of a prior return, where a wrong answer would pass for a right one.

A float instead of a tensor, a value without a gradient or NaN end a descent before its first step:
the degraded image would be returned as if it were restored. Other shapes are broadcast in silence.
"""

from __future__ import annotations

from collections.abc import Callable
from typing import Any

import torch
from torch import Tensor, nn

from priorlab.errors import UsageError

Shape = tuple[int, ...]


def checked_energy(name: str, energy: Callable[[Tensor], Tensor]) -> Callable[[Tensor], Tensor]:
    """Return an energy that raises a `UsageError` for what is no energy.

    Parameters
    ----------
    name : str
        The prior's, for the error.
    energy : callable
        Maps images (B, C, H, W) to (B,), differentiably where a gradient is needed.

    Examples
    --------
    >>> checked_energy("dark", lambda x: float(x.sum()))(torch.ones(2, 1, 4, 5))
    Traceback (most recent call last):
    ...
    priorlab.errors.UsageError: dark: energy returned float; expected a tensor of shape (2,)...
    """

    def checked(x: Tensor) -> Tensor:
        value = energy(x)
        _check(
            f"{name}: energy",
            value,
            (len(x),),
            ", one value for each image, such as x.square().flatten(1).sum(1)",
        )
        if torch.is_grad_enabled() and x.requires_grad and not value.requires_grad:
            raise UsageError(
                f"{name}: energy returned values without a gradient; it must compute them from x "
                "by torch's functions, without detach, no_grad, numpy or item"
            )
        if bool(value.isnan().any()):
            raise UsageError(f"{name}: energy returned NaN; it must be a number for every image")
        return value

    return checked


def checked_image(
    name: str, function: Callable[[Tensor, float], Tensor]
) -> Callable[[Tensor, float], Tensor]:
    """Return a `denoise` or `prox` that raises a `UsageError` for what is no image like its input.

    It gets a copy, and what it returns is copied: solvers go on using both, whatever it writes into
    them, as one does that returns the same tensor each time, with other values.

    Examples
    --------
    >>> def denoise(v, sigma):
    ...     return v.mean()
    >>> checked_image("mean: denoise", denoise)(torch.ones(2, 1, 4, 5), 0.1)
    Traceback (most recent call last):
    ...
    priorlab.errors.UsageError: mean: denoise returned a tensor of shape (); expected a tensor of...
    """

    def checked(v: Tensor, level: float) -> Tensor:
        image = function(v.clone(), level)
        check_image(name, image, v)
        return image.clone()

    return checked


def check_image(name: str, image: Any, v: Tensor) -> None:
    """Raise a `UsageError` if what `name` returned is no image like its input `v`.

    Examples
    --------
    >>> check_image("mean: denoise", torch.ones(()), torch.ones(2, 1, 4, 5))
    Traceback (most recent call last):
    ...
    priorlab.errors.UsageError: mean: denoise returned a tensor of shape (); expected a tensor of...
    """
    _check(name, image, tuple(v.shape), ", that of its input")
    if image.dtype != v.dtype:
        raise UsageError(f"{name} returned {image.dtype}; expected {v.dtype}, as its input has")


def checked_network(name: str, network: nn.Module, shape: Shape) -> nn.Module:
    """Return a network that raises a `UsageError` when its output has another shape.

    Examples
    --------
    >>> network = checked_network("small", nn.Conv2d(2, 1, 3), (1, 1, 16, 16))
    >>> network(torch.zeros(1, 2, 16, 16))
    Traceback (most recent call last):
    ...
    priorlab.errors.UsageError: small: the network returned a tensor of shape (1, 1, 14, 14)...
    """
    if not isinstance(network, nn.Module):
        found = _kind(network)
        raise UsageError(f"{name}: make_network returned {found}; expected a torch.nn.Module")

    def check(module: nn.Module, inputs: Any, output: Any) -> None:
        _check(f"{name}: the network", output, shape, ", that of the image")

    network.register_forward_hook(check)
    return network


def checked_code(name: str, code: Tensor) -> Tensor:
    """Return the input of a network, or raise a `UsageError` unless it has the shape (1, C, H, W).

    Examples
    --------
    >>> checked_code("small", torch.zeros(1, 2, 16, 16)).shape
    torch.Size([1, 2, 16, 16])
    """
    if not isinstance(code, Tensor) or code.ndim != 4 or len(code) != 1:
        expected = "a tensor of shape (1, channels, height, width)"
        raise UsageError(f"{name}: make_code returned {_kind(code)}; expected {expected}")
    return code


def _check(what: str, answer: Any, shape: Shape, meaning: str) -> None:
    if not isinstance(answer, Tensor) or tuple(answer.shape) != shape:
        expected = f"a tensor of shape {shape}{meaning}"
        hint = "; torch.from_numpy makes one of an array" * (type(answer).__module__ == "numpy")
        raise UsageError(f"{what} returned {_kind(answer)}; expected {expected}{hint}")


def _kind(answer: Any) -> str:
    if isinstance(answer, Tensor):
        return f"a tensor of shape {tuple(answer.shape)}"
    return type(answer).__name__
