"""Torch as it is in a fresh process, whatever the caller has set."""

from __future__ import annotations

import contextlib
from collections.abc import Iterator

import torch

CPU = torch.device("cpu")


@contextlib.contextmanager
def usual(device: torch.device = CPU) -> Iterator[None]:
    """Compute in float32, with gradients and on the CPU where nothing else is said; put it back.

    Networks and tensors are made with torch's default number format, on its default device, and
    are of no use for gradients where inference mode is on; automatic casts change the number
    format of what is computed. How precise or how reproducible a device's products are is left as
    it is: whoever sets that means these, too.

    Parameters
    ----------
    device : torch.device
        Where work is done: nothing is cast there, nor on the CPU.

    Examples
    --------
    >>> torch.set_default_dtype(torch.float64)
    >>> with torch.inference_mode(), usual():
    ...     made = torch.zeros(1)
    >>> made.dtype, made.is_inference(), torch.zeros(1).dtype
    (torch.float32, False, torch.float64)
    >>> torch.set_default_dtype(torch.float32)
    """
    dtype = torch.get_default_dtype()
    with contextlib.ExitStack() as stack:
        stack.enter_context(torch.inference_mode(False))
        stack.enter_context(torch.enable_grad())
        _stop_casts(stack, {CPU.type, device.type})
        if default_device() != CPU:  # as a context it slows down every call
            stack.enter_context(CPU)
        torch.set_default_dtype(torch.float32)
        stack.callback(torch.set_default_dtype, dtype)
        yield


def default_device() -> torch.device:
    """Return where tensors are made if nothing else is said.

    With torch 2.6, `torch.get_default_device` does not see a device that is a context, and fails
    after ``set_default_device(None)``.

    Examples
    --------
    >>> with torch.device("meta"):
    ...     default_device()
    device(type='meta')
    """
    return torch.empty(0).device


def _stop_casts(stack: contextlib.ExitStack, kinds: set[str]) -> None:
    """Switch off the casts of a caller, without a context of torch's own.

    Casts keep what they made of weights until the outermost context ends: a fit within another one
    would go on with the weights of its first step.
    """
    for kind in kinds:
        if torch.amp.is_autocast_available(kind) and torch.is_autocast_enabled(kind):
            torch.set_autocast_enabled(kind, False)
            stack.callback(torch.set_autocast_enabled, kind, True)
    within = torch.autocast_increment_nesting() > 1
    torch.autocast_decrement_nesting()
    if within and torch.is_autocast_cache_enabled():
        torch.set_autocast_cache_enabled(False)
        stack.callback(torch.set_autocast_cache_enabled, True)
