"""Torch devices: whether one can be used here, and how to wait for it."""

from __future__ import annotations

import torch

from priorlab.errors import UsageError


def find(name: str) -> torch.device:
    """Return the device called `name`, such as "cpu" or "cuda:1".

    Raises
    ------
    UsageError
        If torch does not know it, or this machine does not have it.

    Examples
    --------
    >>> find("cpu")
    device(type='cpu')
    >>> find("gpu")
    Traceback (most recent call last):
    ...
    priorlab.errors.UsageError: device 'gpu' cannot be used here: ...
    """
    try:
        device = torch.device(name)
        torch.empty(1, device=device)
    except (RuntimeError, AssertionError, NotImplementedError) as error:
        reason = str(error).splitlines()[0].partition(". ")[0]
        raise UsageError(f"device {name!r} cannot be used here: {reason}") from None
    except TypeError:
        what = type(name).__name__
        raise UsageError(f"a device is a text such as 'cpu' or 'cuda:1', not {what}") from None
    return device


def synchronize(device: torch.device) -> None:
    """Wait until a device has done all the work that was queued on it.

    Accelerators work in the background: a clock that does not wait for them measures how fast
    work is queued. A CPU has always finished.
    """
    if device.type == "cpu":  # without an accelerator, torch 2.6 for CUDA cannot be asked for one
        return
    accelerator = torch.accelerator.current_accelerator()
    if accelerator is not None and accelerator.type == device.type:
        torch.accelerator.synchronize(device)
