"""What one job of the array does: its share of the cells, one after the other.

Each result is a file of its own as soon as it is there, so that a job that is ended, by SLURM or
with its machine, loses no more than the cell that it was at.
"""

from __future__ import annotations

import dataclasses
import pickle
import socket
from collections.abc import Sequence
from pathlib import Path
from typing import Any

from priorlab.ground.files import write_atomically
from priorlab.harness.run import introduction
from priorlab.harness.run.credentials import difference
from priorlab.harness.run.placing import Place

REFUSED = "refused.txt"
"""The file in which a job says why its machine must not compute."""


@dataclasses.dataclass(frozen=True)
class Share:
    """The cells of one job.

    Attributes
    ----------
    folder : Path
        Takes the results.
    setup : Setup
        What children need.
    introduction : dict
        What the machine of the driver says of itself; see `priorlab.harness.run.introduction`.
    components, modules
        The priors and tasks, as `introduction.ask` takes them.
    requests : dict of int to dict
        The cells, by number.
    """

    folder: Path
    setup: Any
    introduction: dict[str, Any]
    components: list[Any]
    modules: Sequence[str]
    requests: dict[int, dict[str, Any]]


def serve(share: Share) -> None:
    """Compute a share."""
    mine = introduction.ask(share.setup, share.components, share.modules)
    problem = mine.get("problem")
    if not problem:
        other = difference(share.introduction["credentials"], mine["credentials"])
        problem = f"it has {other}" if other else ""
    if problem:
        write_atomically(share.folder / REFUSED, f"{socket.gethostname()}: {problem}")
        return
    log = share.folder / f"share{min(share.requests)}.log"
    place = Place(share.setup, log)
    try:
        for number, request in share.requests.items():
            notes: list[str] = []
            done = place.run(
                request,
                on_event=lambda event, notes=notes: notes.append(event.get("text", "")),
                wanted=lambda: True,
            )
            result = (*done, [text for text in notes if text]) if done else None
            write_atomically(result_file(share.folder, number), pickle.dumps(result))
    finally:
        place.close()


def result_file(folder: Path, number: int) -> Path:
    """Return where the result of a cell is put."""
    return folder / f"result{number}.pickle"
