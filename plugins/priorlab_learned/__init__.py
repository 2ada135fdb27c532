"""Learned priors: networks trained on photographs, their training and their weights."""

from __future__ import annotations

from typing import TYPE_CHECKING

from priorlab.hookspecs import hookimpl

if TYPE_CHECKING:
    from priorlab.priors import Prior
    from priorlab.training import Trainer


@hookimpl
def priorlab_priors() -> list[type[Prior]]:
    """Return the learned priors."""
    from priorlab_learned.checkpoint import Checkpoint
    from priorlab_learned.gs_unet import GradientStepUNet
    from priorlab_learned.unet import UNet
    from priorlab_learned.unet_inpaint import UNetInpaint
    from priorlab_learned.unet_jpeg import UNetJpeg
    from priorlab_learned.wcrr import ConvexRidge, WeaklyConvexRidge

    return [
        Checkpoint,
        UNet,
        GradientStepUNet,
        UNetJpeg,
        UNetInpaint,
        WeaklyConvexRidge,
        ConvexRidge,
    ]


@hookimpl
def priorlab_trainers() -> list[type[Trainer]]:
    """Return the trainings that made the shipped weights."""
    from priorlab_learned.ridge.ridge_training import ConvexTraining, WeaklyConvexTraining
    from priorlab_learned.training.gradient_step_training import GradientStepTraining
    from priorlab_learned.training.inpaint_training import UNetInpaintTraining
    from priorlab_learned.training.jpeg_training import UNetJpegTraining
    from priorlab_learned.training.unet_training import UNetTraining

    return [
        UNetTraining,
        GradientStepTraining,
        UNetJpegTraining,
        UNetInpaintTraining,
        WeaklyConvexTraining,
        ConvexTraining,
    ]
