"""The tasks that come with priorlab: denoising, inpainting, super-resolution, deblurring, JPEG."""

from __future__ import annotations

from priorlab.tasks.base import Task
from priorlab.tasks.deblurring import Deblur
from priorlab.tasks.dejpeg import Dejpeg
from priorlab.tasks.denoising import Denoise, DenoiseImpulse, DenoisePoisson
from priorlab.tasks.inpainting import Inpaint
from priorlab.tasks.real_denoising import DenoiseReal
from priorlab.tasks.superresolution import SuperResolution

__all__ = [
    "BUILTIN_TASKS",
    "Deblur",
    "Dejpeg",
    "Denoise",
    "DenoiseImpulse",
    "DenoisePoisson",
    "DenoiseReal",
    "Inpaint",
    "SuperResolution",
]

BUILTIN_TASKS: tuple[type[Task], ...] = (
    Denoise,
    DenoisePoisson,
    DenoiseImpulse,
    DenoiseReal,
    Inpaint,
    SuperResolution,
    Deblur,
    Dejpeg,
)
