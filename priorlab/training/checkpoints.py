"""What an interrupted training goes on from: a file beside its output."""

from __future__ import annotations

import os
from collections.abc import Mapping
from pathlib import Path
from typing import Any

import torch

from priorlab.errors import UsageError


class Checkpoint:
    """The file ``<output>.checkpoint`` of one training.

    Parameters
    ----------
    output : Path
        The weights file that the training is to write.
    settings : mapping of str to str
        All that decides what it learns. A checkpoint with other settings is of another training
        and is not overwritten.

    Examples
    --------
    >>> checkpoint = Checkpoint(Path("net.safetensors"), {"seed": "0"})
    >>> checkpoint.load() is None
    True
    >>> checkpoint.save({"step": 500})
    >>> checkpoint.load()
    {'step': 500}
    >>> Checkpoint(Path("net.safetensors"), {"seed": "1"}).load()
    Traceback (most recent call last):
    ...
    priorlab.errors.UsageError: net.safetensors.checkpoint is of another run (seed 0, not 1); \
remove it or choose another output
    >>> checkpoint.remove()
    """

    def __init__(self, output: Path, settings: Mapping[str, str]) -> None:
        self.path = output.with_name(output.name + ".checkpoint")
        self._settings = dict(settings)

    def load(self) -> dict[str, Any] | None:
        """Return what `save` was given last, or None if there is no checkpoint.

        Raises
        ------
        UsageError
            If it is of another training, or no checkpoint.
        """
        if not self.path.exists():
            return None
        try:
            content = torch.load(self.path, weights_only=True)
            known, state = content["settings"], content["state"]
        except Exception as error:
            raise UsageError(
                f"{self.path} is no checkpoint of a training ({error}); remove it"
            ) from None
        for key in sorted({*known, *self._settings}):
            is_, wanted = known.get(key, "unknown"), self._settings.get(key, "unknown")
            if is_ != wanted:
                raise UsageError(
                    f"{self.path} is of another run ({key} {is_}, not {wanted});"
                    " remove it or choose another output"
                )
        assert isinstance(state, dict)
        return state

    def save(self, state: Mapping[str, Any]) -> None:
        """Keep tensors, numbers and texts; the file is replaced when the new one is complete."""
        partial = self.path.with_name(self.path.name + ".partial")
        torch.save({"settings": self._settings, "state": dict(state)}, partial)
        os.replace(partial, self.path)

    def remove(self) -> None:
        """Remove the file, where there is one."""
        self.path.unlink(missing_ok=True)
