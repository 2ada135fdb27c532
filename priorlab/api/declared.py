"""What can be named, looked up and explained without importing torch, where that is possible."""

from __future__ import annotations

from collections.abc import Sequence
from pathlib import Path

from priorlab import remembered
from priorlab.registry import Registry, check_places


def declarations(
    files: Sequence[str | Path] = (), folders: Sequence[str | Path] = ()
) -> Registry | None:
    """Return what the plugins declare, without importing one; None where that is not known.

    Parameters
    ----------
    files, folders : sequence of path
        As `load_plugins` takes them. What they declare is never known: they must be imported.

    Returns
    -------
    Registry or None
        Its classes can be explained and given parameters, and do nothing else.

    Raises
    ------
    UsageError
        For a file or folder that does not exist.

    Examples
    --------
    >>> _ = Path("my_prior.py").write_text("")
    >>> declarations(files=["my_prior.py"]) is None
    True
    """
    check_places(files, folders)
    return None if files or folders else remembered.recall()
