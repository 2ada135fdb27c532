"""Check what a plugin's task and operator return, where a wrong answer fails elsewhere.

A complex image, double precision or data without a batch go a long way before something breaks,
and then the prior is blamed for it.
"""

from __future__ import annotations

from typing import Any

import torch
from torch import Tensor

from priorlab.errors import UsageError
from priorlab.forward.noise import Noise
from priorlab.forward.operators import LinearOperator

_EXPECTED: dict[type, tuple[str, str]] = {
    LinearOperator: ("operator returned", "a LinearOperator"),
    Noise: ("noise is", "a Noise, such as Gaussian(0.1)"),
}


def checked_part(task: str, kind: type, found: Any) -> Any:
    """Return what a task has as its operator or noise, or raise a `UsageError` if it is none.

    Examples
    --------
    >>> checked_part("fog", LinearOperator, None)
    Traceback (most recent call last):
    ...
    priorlab.errors.UsageError: fog: operator returned NoneType; expected a LinearOperator
    >>> checked_part("fog", Noise, 0.1)
    Traceback (most recent call last):
    ...
    priorlab.errors.UsageError: fog: noise is float; expected a Noise, such as Gaussian(0.1)
    """
    if isinstance(found, kind):
        return found
    what, expected = _EXPECTED[kind]
    raise UsageError(f"{task}: {what} {_kind(found)}; expected {expected}")


def checked_data(operator: LinearOperator, x: Tensor) -> Tensor:
    """Return ``A x``, or raise a `UsageError` if `forward` returns no data.

    Examples
    --------
    >>> from priorlab.forward.operators import Identity
    >>> checked_data(Identity(), torch.zeros(1, 1, 4, 5)).shape
    torch.Size([1, 1, 4, 5])
    """
    data = operator.forward(x)
    if problem := wrong_data(type(operator).__name__, data, x):
        raise UsageError(problem)
    return data


def wrong_data(name: str, data: Any, x: Tensor) -> str | None:
    """Return in a sentence why what `forward` returned for x is no data, or None."""
    if not isinstance(data, Tensor):
        return f"{name}.forward returned {_kind(data)}; expected a tensor"
    if data.ndim == 0 or len(data) != len(x):
        return (
            f"{name}.forward returned a tensor of shape {(*data.shape,)} for images of shape"
            f" {(*x.shape,)}; expected ({len(x)}, ...): the first axis counts the images"
        )
    return _wrong_numbers(f"{name}.forward", data, (x.dtype, x.dtype.to_complex()))


def wrong_image(name: str, image: Any, x: Tensor) -> str | None:
    """Return in a sentence why what `adjoint` returned is no image of the kind of x, or None."""
    if not isinstance(image, Tensor) or image.shape != x.shape:
        return (
            f"{name}.adjoint returned {_kind(image)}; expected a tensor of shape {(*x.shape,)},"
            " that of the image"
        )
    if image.is_complex() and not x.is_complex():
        return f"{name}.adjoint returned complex numbers; images are real: return their .real"
    return _wrong_numbers(f"{name}.adjoint", image, (x.dtype,))


def _wrong_numbers(name: str, answer: Tensor, right: tuple[torch.dtype, ...]) -> str | None:
    if answer.dtype in right:
        return None
    return (
        f"{name} returned {answer.dtype} for {right[0]}; expected {' or '.join(map(str, right))}:"
        " tensors that it holds take the precision of its input, as in mask.to(x.dtype)"
    )


def _kind(found: Any) -> str:
    if isinstance(found, Tensor):
        return f"a tensor of shape {(*found.shape,)}"
    return f"the class {found.__name__}" if isinstance(found, type) else type(found).__name__
