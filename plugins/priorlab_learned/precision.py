"""Which floating-point format the convolutions of a training should run in."""

from __future__ import annotations

import torch


def bf16_is_fast() -> bool:
    """Return whether this CPU multiplies bfloat16 in hardware (AMX or AVX-512 BF16).

    PyTorch also emulates bfloat16 on other CPUs, several times slower than float32. It keeps the
    question under private names that differ between versions; one that lacks them gets float32.
    """
    questions = ("_is_amx_tile_supported", "_is_avx512_bf16_supported")
    return any(getattr(torch.cpu, question, bool)() for question in questions)
