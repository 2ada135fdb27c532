"""What a prior reports while it works, on its way out of the cell's process."""

from __future__ import annotations

import logging
import os
import time
from typing import Any

import numpy as np
import torch
from torch import Tensor
from typing_extensions import override

from priorlab.harness.isolation import memory_files
from priorlab.harness.isolation.block import Block
from priorlab.harness.isolation.channel import Channel, Message
from priorlab.pictures.extra_pictures import PictureCollector

SHARE = 0.02
"""Handing out images takes at most about this share of the time that restoring takes: where steps
are too short for that, only some are handed out, and the oracle is a lower bound."""

INTERVAL = 0.25
"""Seconds between two words on how far a prior is."""


class ReportingTrace(PictureCollector):
    """Hands intermediate images out, as far as that takes no time, and says how far a prior is.

    Attributes
    ----------
    facts : dict
        "last" and "stop", the numbers of the last reported and of the returned iteration,
        "before", how many iterations the fits before the last one took, and "converged", whether
        every iteration reached its tolerance; each only if it was reported.
    """

    def __init__(self, channel: Channel, job: str, block: Block) -> None:
        super().__init__()
        self.facts: dict[str, Any] = {}
        self._channel = channel
        self._job = job
        self._block = block
        self._spent = 0.0
        self._began = time.perf_counter()
        self._next = 0.0
        self._ended = 0

    def report(
        self,
        iteration: int,
        total: int,
        image: Tensor,
        *,
        output: Tensor | None = None,
        **values: float,
    ) -> None:
        """See `Trace.report`."""
        start = time.perf_counter()
        number = whole_number(iteration)
        if number is None:
            return
        self.facts["last"] = number
        frame = self._hand_out(image) if self._spent <= SHARE * (start - self._began) else None
        if frame is not None or start >= self._next:
            message = {"event": "step", "job": self._job, "iteration": number, "frame": frame}
            message["total"] = whole_number(total) or 0
            if self._channel.send(message, wait=False):
                self._next = start + INTERVAL
            elif frame is not None:
                self._block.mark(frame, used=False)
        if frame is not None:
            self._spent += time.perf_counter() - start

    @override
    def returned(self, iteration: int) -> None:
        number = whole_number(iteration)
        if number is None:
            return
        self.facts["stop"] = number
        if self._ended:
            self.facts["before"] = self._ended
        self._ended = self.facts.get("last", 0)

    @override
    def converged(self, reached: bool, residual: float) -> None:
        self.facts["converged"] = bool(reached) and self.facts.get("converged") is not False

    def _hand_out(self, image: Any) -> int | None:
        """Return the frame into which an image was put, or None."""
        frame = self._block.free()
        if frame is None:
            return None
        place = self._block.frames[frame]
        try:
            if image.shape != place.shape or image.is_complex():
                return None
            with torch.no_grad():
                place.copy_(image.detach())
        except Exception:  # a plugin may report anything; that must not cost its result
            return None
        self._block.mark(frame, used=True)
        return frame

    def send_pictures(self) -> None:
        """Hand out the extra pictures, each in a file without a name."""
        for found in self.pictures():
            values = np.ascontiguousarray(found.image, np.float32)
            file = memory_files.holding(values.tobytes())
            message: Message = {"event": "picture", "job": self._job, "name": found.name}
            message |= {"white": found.white, "shape": list(values.shape)}
            self._channel.send(message, [file])
            os.close(file)


class Notes(logging.Handler):
    """Passes on what a user should know, such as that loops are being compiled."""

    def __init__(self, channel: Channel, job: str) -> None:
        super().__init__(logging.WARNING)
        self._channel = channel
        self._job = job

    @override
    def emit(self, record: logging.LogRecord) -> None:
        text = record.getMessage()[:LONGEST_NOTE]
        self._channel.send({"event": "note", "job": self._job, "text": text}, wait=False)


LONGEST_NOTE = 1000
"""Characters of a note."""


def whole_number(value: Any) -> int | None:
    """Return what a plugin reports as a number of steps, or None if it cannot be stored as one.

    Examples
    --------
    >>> whole_number(torch.tensor(12)), whole_number(float("nan")), whole_number("twelve")
    (12, None, None)
    """
    try:
        number = int(value)
    except Exception:  # a plugin may report anything
        return None
    return number if 0 <= number < 2**63 else None
