"""Which floating-point format convolutions should run in."""

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
