"""What a plugin may offer: one hook for each kind of thing, and `hookimpl`, which marks them.

A plugin is a module with functions of these names, each marked with `hookimpl`. It is found
through the entry-point group ``priorlab`` of its distribution, or named by its file
(``--plugin FILE``) or folder (``--plugin-dir DIR``). This module imports no torch.
"""

from __future__ import annotations

from typing import TYPE_CHECKING

import pluggy

if TYPE_CHECKING:
    from priorlab.engines import Engine
    from priorlab.metrics import Metric
    from priorlab.optional_metrics import OptionalMetric
    from priorlab.pictures.datasets import DatasetSource
    from priorlab.priors import Prior
    from priorlab.tasks.base import Task
    from priorlab.training import Trainer

GROUP = "priorlab"
"""The name of the entry-point group."""

hookimpl = pluggy.HookimplMarker(GROUP)
_hookspec = pluggy.HookspecMarker(GROUP)


class Hooks:
    """The hooks, each of which returns a list. Names are of small letters, digits and hyphens.

    What a hook returns depends on files of its package and on what is installed, and on nothing
    else: of installed plugins it is remembered until one of them changes.
    """

    @_hookspec
    def priorlab_priors(self) -> list[type[Prior]]:
        """Return prior classes.

        Each is a frozen dataclass with a `name`, a default for every field, and a docstring
        whose first line `priorlab list` prints. It derives from `Regularizer`, `Denoiser` or
        `Generator`, or from `Prior` itself.
        """
        raise AssertionError("a hook specification is never called")

    @_hookspec
    def priorlab_tasks(self) -> list[type[Task]]:
        """Return task classes: frozen dataclasses like priors, derived from `Task`."""
        raise AssertionError("a hook specification is never called")

    @_hookspec
    def priorlab_datasets(self) -> list[DatasetSource]:
        """Return named sets of images, for ``--dataset NAME``."""
        raise AssertionError("a hook specification is never called")

    @_hookspec
    def priorlab_metrics(self) -> list[Metric | type[OptionalMetric]]:
        """Return metrics, for columns next to PSNR and SSIM.

        A `Metric` is computed in every comparison that does not name others; of a class derived
        from `OptionalMetric` it is computed where ``--metrics`` names it.
        """
        raise AssertionError("a hook specification is never called")

    @_hookspec
    def priorlab_trainers(self) -> list[type[Trainer]]:
        """Return trainings for ``priorlab train NAME``: frozen dataclasses of `Trainer`."""
        raise AssertionError("a hook specification is never called")

    @_hookspec
    def priorlab_engines(self) -> list[type[Engine]]:
        """Return engines, for ``bench --engine NAME``: frozen dataclasses derived from `Engine`.

        What an engine needs besides priorlab it imports when it runs.
        """
        raise AssertionError("a hook specification is never called")


KINDS = tuple(name.removeprefix("priorlab_") for name in vars(Hooks) if name[0] != "_")
"""What plugins provide: priors, tasks, datasets, metrics, trainers, engines."""
