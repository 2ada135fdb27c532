"""In which number format and memory layout convolutions are trained fastest."""

from __future__ import annotations

import torch


def bf16_is_fast(device: torch.device) -> bool:
    """Return whether `device` multiplies bfloat16 in hardware; others emulate it, slowly.

    PyTorch keeps the question about CPUs (AMX or AVX-512 BF16) under private names that differ
    between versions; one that lacks them gets float32.
    """
    if device.type == "cuda":
        return bool(torch.cuda.is_bf16_supported(including_emulation=False))
    questions = ("_is_amx_tile_supported", "_is_avx512_bf16_supported")
    return device.type == "cpu" and any(
        getattr(torch.cpu, question, bool)() for question in questions
    )


def training_layout(device: torch.device) -> torch.memory_format:
    """Return how images and kernels that are trained should lie in memory on `device`.

    Channels last suits bfloat16. In float32 on a CPU it makes the gradients of kernels slow: four
    times with AVX2 and PyTorch 2.13, which is half of a whole step.
    """
    return torch.channels_last if bf16_is_fast(device) else torch.contiguous_format
