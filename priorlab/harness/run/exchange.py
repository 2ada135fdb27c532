"""The folder in which the driver and its child processes hand each other pictures."""

from __future__ import annotations

import tempfile
from collections.abc import Mapping
from pathlib import Path
from typing import Any

from priorlab.errors import UsageError
from priorlab.files import write_atomically
from priorlab.harness.results import outputs
from priorlab.harness.results.outputs import DATA
from priorlab.harness.results.schema import Outcome
from priorlab.harness.results.store import picture_names


class Exchange:
    """A folder that is gone after the run.

    Attributes
    ----------
    folder : Path
        Where it is.
    """

    def __init__(self) -> None:
        self._temporary = tempfile.TemporaryDirectory(
            prefix="priorlab-", ignore_cleanup_errors=True
        )
        self.folder = Path(self._temporary.name)

    def close(self) -> None:
        """Remove the folder."""
        self._temporary.cleanup()

    def lend(self, digest: str, content: bytes) -> None:
        """Put a restored picture where a child that is to score it finds it.

        Raises
        ------
        UsageError
            If it cannot be written.
        """
        target = outputs.path(self.folder, digest, DATA)
        try:
            target.parent.mkdir(exist_ok=True)
        except OSError as error:
            raise UsageError(f"cannot write {target}: {error.strerror or error}") from None
        write_atomically(target, content)

    def collect(self, message: Mapping[str, Any]) -> dict[str, bytes]:
        """Return the pictures of a result: those in the message, or left in the folder."""
        if "pictures" in message:
            return dict(message["pictures"])
        facts = {name: message.get(name, "") for name in ("output", "clean", "degraded", "extras")}
        names = picture_names(Outcome(message["status"], **facts))
        return {name: outputs.path(self.folder, name, "").read_bytes() for name in names}
