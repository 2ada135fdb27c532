"""Check what a plugin's task and operator return, where a wrong answer fails elsewhere.

A complex image, double precision or data without a batch go a long way before something breaks,
and then the prior is blamed for it.
"""

from __future__ import annotations

from typing import Any

import torch
from torch import Tensor

from priorlab.components import is_of_core
from priorlab.errors import UsageError
from priorlab.forward.measurement import Measurement
from priorlab.forward.noise import Noise
from priorlab.forward.operators import LinearOperator


def checked_operator(task: str, found: Any) -> LinearOperator:
    """Return what `operator` of a task returned, or raise a `UsageError` if it is none.

    Examples
    --------
    >>> checked_operator("fog", None)
    Traceback (most recent call last):
    ...
    priorlab.errors.UsageError: fog: operator returned NoneType; expected a LinearOperator
    """
    if isinstance(found, LinearOperator):
        return found
    raise UsageError(f"{task}: operator returned {_kind(found)}; expected a LinearOperator")


def checked_noise(task: str, found: Any) -> Noise:
    """Return the `noise` of a task, or raise a `UsageError` if it is none.

    Examples
    --------
    >>> checked_noise("fog", 0.1)
    Traceback (most recent call last):
    ...
    priorlab.errors.UsageError: fog: noise is float; expected a Noise, such as Gaussian(0.1)
    """
    if isinstance(found, Noise):
        return found
    raise UsageError(f"{task}: noise is {_kind(found)}; expected a Noise, such as Gaussian(0.1)")


def checked_data(operator: LinearOperator, x: Tensor) -> Tensor:
    """Return ``A x``, or raise a `UsageError` if `forward` returns no data.

    Examples
    --------
    >>> from priorlab.forward.operators import Identity
    >>> checked_data(Identity(), torch.zeros(1, 1, 4, 5)).shape
    torch.Size([1, 1, 4, 5])
    """
    data = operator.forward(x)
    if problem := _wrong_data(type(operator).__name__, data, x):
        raise UsageError(problem)
    return data


def wrong_answer(measurement: Measurement) -> str | None:
    """Return in a sentence what a plugin's operator returns that it must not, or None.

    The core's own are tested for that. Nothing is said of a function that fails: a prior that needs
    it says what is wrong.

    Examples
    --------
    >>> from priorlab.tasks.builtin import Denoise
    >>> wrong_answer(Denoise().measure(torch.zeros(1, 1, 16, 16), seed=0)) is None
    True
    """
    parts = measurement.operator.made_of()
    if all(is_of_core(type(part)) for part in parts):
        return None
    x = torch.zeros(measurement.shape, device=measurement.y.device)
    try:
        with torch.no_grad():
            for part in reversed(parts):
                name, data = type(part).__name__, part.forward(x.clone())
                if not is_of_core(type(part)):
                    problem = _wrong_data(name, data, x)
                    if problem := problem or _wrong_image(name, part.adjoint(data.clone()), x):
                        return problem
                x = data
    except Exception:  # a plugin may raise anything
        return None
    return None


def _wrong_data(name: str, data: Any, x: Tensor) -> str | None:
    if not isinstance(data, Tensor):
        return f"{name}.forward returned {_kind(data)}; expected a tensor"
    if data.ndim == 0 or len(data) != len(x):
        return (
            f"{name}.forward returned a tensor of shape {(*data.shape,)} for images of shape"
            f" {(*x.shape,)}; expected ({len(x)}, ...): the first axis counts the images"
        )
    return _wrong_numbers(f"{name}.forward", data, (x.dtype, x.dtype.to_complex()))


def _wrong_image(name: str, image: Any, x: Tensor) -> str | None:
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
