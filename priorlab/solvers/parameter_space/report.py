"""Report fits to a trace."""

from __future__ import annotations

from collections.abc import Sequence

import torch
from torch import Tensor

from priorlab.solvers.parameter_space.member import Member
from priorlab.solvers.parameter_space.settings import FitSettings
from priorlab.trace import Trace


class Report:
    """Reports the fits of one batch of networks to a trace.

    It shows the batch of images, each as the mean of its runs so far. Iterations count on from
    one batch of networks to the next, which is expected to take as many as those before, and the
    first one all that it may. What concerns a single fit is reported where an image is fitted by
    itself.
    """

    def __init__(
        self,
        settings: FitSettings,
        trace: Trace,
        images: Tensor,
        first: int,
        batch: int,
        taken: Sequence[int],
    ) -> None:
        """Prepare for the fits from the `first` to the one before ``first + batch``.

        `images` has those that all fits have found so far, run by run, image by image; `taken` has
        how many steps each batch before took.
        """
        self.trace, runs = trace, settings.runs
        self.images, self.place = images, slice(first, first + batch)
        self.before = sum(taken)
        self.expected = sum(taken) / len(taken) if taken else settings.iterations
        self.after = -(-len(images) // batch) - len(taken) - 1
        self.alone = batch == 1 and len(images) == runs
        self.by_run = images.view(-1, runs, *images.shape[1:])
        begun = [min(max(first + batch - index, 1), runs) for index in range(0, len(images), runs)]
        self.begun = torch.tensor(begun, device=images.device).view(-1, 1, 1, 1)

    def step(self, step: int, members: list[Member], outputs: Tensor) -> None:
        """Report what a step made."""
        shown = [
            # Of several, one that has ended shows what it returns while the others go on.
            member.rule.best if member.ended and not self.alone else member.shown
            for member in members
        ]
        self.images[self.place] = torch.cat(shown)
        self.trace.report(
            self.before + step,
            self.before + round(max(step, self.expected) + self.after * self.expected),
            self.by_run.sum(1) / self.begun,
            output=outputs if self.alone else None,
        )

    def end(self, members: list[Member]) -> None:
        """Report which images the fits return."""
        if self.alone:
            self.trace.returned(self.before + members[0].rule.best_step)
