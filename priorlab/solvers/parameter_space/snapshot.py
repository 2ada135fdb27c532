"""Backtracking: a fit that suddenly gets much worse returns to its last good state."""

from __future__ import annotations

import torch
from torch import Tensor

from priorlab.solvers.parameter_space.muon import Muon
from priorlab.solvers.parameter_space.stacked import Networks

INTERVAL = 50
"""Steps between two snapshots."""

DROP = 10**0.5
"""A loss that has grown by this factor, 5 dB, since the last snapshot is an accident."""


class Snapshot:
    """Copies of all that a fit changes: the parameters, the optimisers and the running mean.

    Of several networks that are fitted together it follows the one at `index`. They share the
    count of steps of Adam, which therefore goes on.
    """

    def __init__(
        self,
        networks: Networks,
        adam: torch.optim.Optimizer,
        muon: Muon,
        mean: Tensor,
        index: int = 0,
    ) -> None:
        self.networks, self.adam, self.muon = networks, adam, muon
        self.mean, self.index = mean, index
        self.loss = float("inf")
        self.saved: dict[tuple[int, str], Tensor] = {}

    def kept(self, step: int, loss: Tensor) -> bool:
        """Look at the loss every `INTERVAL` steps; return False if the fit was taken back."""
        if step % INTERVAL:
            return True
        value, state = float(loss), self._state()
        if not value < DROP * self.loss:  # also if it is NaN
            for key, now in state.items() if self.saved else ():
                # What the optimiser had not begun to optimise then starts over.
                now.copy_(self.saved.get(key, torch.zeros_like(now)))
            return not self.saved
        self.loss = value
        self.saved = {key: now.clone() for key, now in state.items()}
        return True

    def _state(self) -> dict[tuple[int, str], Tensor]:
        """Return what the fit changes, not copied, by number of the parameter and name."""
        state = {(-1, "mean"): self.mean}
        for number, parameter in enumerate(self.networks.parameters):
            values = {"parameter": parameter.detach(), **self.adam.state[parameter]}
            if parameter in self.muon.momenta:
                values["momentum"] = self.muon.momenta[parameter]
            for name, value in values.items():
                if value.ndim or self.networks.count == 1:
                    state[number, name] = self.networks.of(self.index, value)
        return state
