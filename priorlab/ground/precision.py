"""In which number format and memory layout convolutions are trained fastest."""

from __future__ import annotations

import torch


def bf16_hardware(device: torch.device) -> tuple[str, ...]:
    """Return the names of what multiplies bfloat16 on `device`; none where it is emulated, slowly.

    PyTorch keeps the question about CPUs (AMX or AVX-512 BF16) under private names that differ
    between versions; one that lacks them gets float32.

    Examples
    --------
    >>> bf16_hardware(torch.device("meta"))
    ()
    """
    if device.type == "cuda":
        return ("cuda",) if torch.cuda.is_bf16_supported(including_emulation=False) else ()
    if device.type != "cpu":
        return ()
    questions = {"amx": "_is_amx_tile_supported", "avx512_bf16": "_is_avx512_bf16_supported"}
    return tuple(name for name, ask in questions.items() if getattr(torch.cpu, ask, bool)())


def bf16_is_fast(device: torch.device) -> bool:
    """Return whether `device` multiplies bfloat16 in hardware.

    Examples
    --------
    >>> bf16_is_fast(torch.device("meta"))
    False
    """
    return bool(bf16_hardware(device))


def training_layout(device: torch.device) -> torch.memory_format:
    """Return how images and kernels that are trained should lie in memory on `device`.

    Channels last suits bfloat16. In float32 on a CPU it makes the gradients of kernels slow: four
    times with AVX2 and PyTorch 2.13, which is half of a whole step.

    Examples
    --------
    >>> training_layout(torch.device("meta"))  # no bfloat16 in hardware
    torch.contiguous_format
    """
    return torch.channels_last if bf16_is_fast(device) else torch.contiguous_format
