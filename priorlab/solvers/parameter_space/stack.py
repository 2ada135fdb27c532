"""Networks that are fitted as one: the loss, and the step of the optimisers."""

from __future__ import annotations

import contextlib

import torch
from torch import Tensor

from priorlab.ground import precision
from priorlab.solvers.parameter_space.member import Member, noisy
from priorlab.solvers.parameter_space.muon import Muon
from priorlab.solvers.parameter_space.penalties import RED, REDPenalty, total_variation
from priorlab.solvers.parameter_space.settings import CAREFUL, HANDOVER, FitSettings
from priorlab.solvers.parameter_space.snapshot import Snapshot
from priorlab.solvers.parameter_space.stacked import Networks


class Stack:
    """Networks that are fitted as one, each to the measurement of one image.

    Attributes
    ----------
    outputs : Tensor
        What the networks made in the last step, (members, C, H, W).
    """

    def __init__(self, settings: FitSettings, members: list[Member], red: RED | None) -> None:
        self.settings, self.members = settings, members
        one = members[0].measurement
        self.operator, self.noise = one.operator, one.noise
        self.y = torch.cat([member.measurement.y for member in members])
        self.noisy = noisy(one)
        self.networks = Networks([member.network for member in members])
        # Muon is not for the kernels of a few inputs or outputs.
        large = [kernel for kernel in self.networks.kernels if min(kernel.shape[-4:-2]) > 4]
        chosen = {id(kernel) for kernel in large}
        others = [values for values in self.networks.parameters if id(values) not in chosen]
        self.muon = Muon(large, settings.muon_rate)
        self.adam = torch.optim.Adam([{"params": others}, {"params": large}], fused=True)
        self.bf16 = torch.autocast(
            self.y.device.type, torch.bfloat16, enabled=precision.bf16_is_fast(self.y.device)
        )
        self.red = REDPenalty(red, one.noise.level) if red else None
        self.snapshots = [
            Snapshot(self.networks, self.adam, self.muon, member.mean, index)
            for index, member in enumerate(members)
        ]
        self.outputs = torch.zeros(len(members), *one.shape[1:], device=self.y.device)

    def advance(self, step: int) -> None:
        """Take a step for those fits that have not ended, and let each look at its output."""
        if all(member.ended for member in self.members):
            return
        self.outputs, losses = self._step(step)
        for member, snapshot, output, loss in zip(
            self.members, self.snapshots, torch.split(self.outputs, 1), losses, strict=True
        ):
            if member.ended:
                continue
            if snapshot.kept(step, loss):
                member.follow(step, output)
            else:
                member.look(step, member.mean)

    def advance_alone(self, step: int) -> bool:
        """Do the same with the random state of its member; return whether layers drew from it.

        While it works, nothing else may draw from torch's global generator.
        """
        with contextlib.ExitStack() as own:
            if len(self.members) == 1:
                own.enter_context(self.members[0].own_randomness())
            before = torch.get_rng_state()
            self.advance(step)
            return not torch.equal(before, torch.get_rng_state())

    def _step(self, step: int) -> tuple[Tensor, Tensor]:
        """Take one step of the optimisers; return the outputs before it and their losses."""
        settings, members, noise = self.settings, self.members, self.noise
        with self.bf16:
            images = self.networks.images([member.draw() for member in members])
        images = images.float().contiguous()
        data = torch.split(self.operator.forward(images), 1)
        seen = [member.rule.hide(u) for member, u in zip(members, data, strict=True)]
        losses = noise.fit_loss(torch.cat(seen), self.y)
        if settings.weight_tv:
            losses = losses + settings.weight_tv / noise.level * total_variation(images)
        if self.red:
            means = torch.cat([member.mean for member in members])
            losses = losses + self.red.energy(step, images, means)
        # Mean squared error for Gaussian noise, whatever the image's size and the noise level.
        losses = 2 * noise.level**2 / self.y[0].numel() * losses
        self.adam.zero_grad()
        # No network has a part in another's loss, so the sum has the gradient of each.
        torch.autograd.backward(losses.sum())
        self._turn(step)
        if settings.langevin:
            self._shake(settings.langevin * settings.learning_rate)
        return images.detach(), losses.detach()

    def _turn(self, step: int) -> None:
        """Let the optimisers take their step number `step`."""
        settings, (others, large) = self.settings, self.adam.param_groups
        share = self._share_of_muon(step)
        # So large that the outputs stay apart from each other: their mean gains, and the noise is
        # fitted later. Without noise it only disturbs what Muon does.
        others["lr"] = settings.learning_rate * (1 if self.noisy or not share else CAREFUL)
        large["lr"] = others["lr"] * (1 - share)
        if share:
            self.muon.step(share)
        self.adam.step()

    def _share_of_muon(self, step: int) -> float:
        """Return which part of a step Muon takes, where Adam takes the rest."""
        last = self.settings.warm_up
        if not last or not self.muon.momenta:
            return 0.0
        if not self.noisy:
            return 1.0
        return min(1.0, max(0.0, 1 - (step - last) / (HANDOVER + 1)))

    @torch.no_grad()
    def _shake(self, deviation: float) -> None:
        """Add Gaussian noise to the kernels: stochastic gradient Langevin dynamics."""
        for kernel in self.networks.kernels:
            for index, member in enumerate(self.members):
                own = self.networks.of(index, kernel)
                # Drawn in the layout of a network that is alone, in which the numbers are its own.
                noise = torch.empty_like(own, memory_format=precision.training_layout(own.device))
                own.add_(noise.normal_(generator=member.shaking), alpha=deviation)
