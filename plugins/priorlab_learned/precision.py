"""Which floating-point format the convolutions should run in."""

from __future__ import annotations

import torch


def bf16_is_fast() -> bool:
    """Return whether this CPU multiplies bfloat16 in hardware (AMX or AVX-512 BF16).

    PyTorch also emulates bfloat16 on other CPUs, several times slower than float32.
    """
    return bool(torch.ops.mkldnn._is_mkldnn_bf16_supported()) and _has_bf16_instructions()


def _has_bf16_instructions() -> bool:
    cpu = torch.cpu
    return any(
        getattr(cpu, name, lambda: False)()
        for name in ("_is_amx_tile_supported", "_is_avx512_bf16_supported")
    )
