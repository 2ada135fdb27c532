"""What was restored into a folder: so that a second run does only what is left."""

from __future__ import annotations

import dataclasses
import hashlib
import json
from pathlib import Path
from typing import Any

from priorlab.api.one import one_task
from priorlab.errors import UsageError
from priorlab.ground.files import check_regular
from priorlab.harness.run import keys
from priorlab.priors import Prior
from priorlab.registry import Registry
from priorlab.sources.digest import digest

NAME = "priorlab-restored.jsonl"
"""The file beside the results, with a line of JSON for each of them; the last one counts."""


@dataclasses.dataclass(frozen=True)
class Entry:
    """A result that was written.

    Attributes
    ----------
    place : str
        Below the folder, with slashes.
    key : str
        What the result depends on.
    source : str
        Digest of the file that was restored.
    result : str
        Digest of the file that was written.
    """

    place: str
    key: str
    source: str
    result: str


class Record:
    """The record of a folder, which need not exist yet.

    Examples
    --------
    >>> _ = Path("out.png").write_bytes(b"restored")
    >>> Record(Path()).add("out.png", "key", "digest of the source")
    >>> Record(Path()).is_done("out.png", "key"), Record(Path()).is_done("out.png", "another")
    (True, False)
    """

    def __init__(self, folder: Path) -> None:
        self._folder = folder
        self._entries: dict[str, Entry] = {}
        self._written: dict[str, set[str]] = {}
        self._torn, self._offset = False, 0
        self._read()

    def _read(self) -> None:
        """Read the lines that were added since, by this run or by another at the same time."""
        try:
            with (self._folder / NAME).open("rb") as file:
                file.seek(self._offset)
                found = file.read()
            lines = found.decode().splitlines()
        except FileNotFoundError:
            return
        except (OSError, ValueError) as error:
            raise UsageError(f"cannot read {self._folder / NAME}: {error}") from None
        self._torn = not found.endswith(b"\n") and bool(found)
        self._offset += found.rfind(b"\n") + 1
        for line in lines:
            try:
                self._note(Entry(**json.loads(line)))
            except (ValueError, TypeError):
                continue  # cut short when the machine was switched off: that result is made again

    def is_done(self, place: str, key: str) -> bool:
        """Return whether a result is there as it was written, and depends on the same."""
        self._read()
        entry = self._entries.get(place)
        return (
            entry is not None
            and entry.key == key
            and entry.result == file_digest(self._folder / place)
        )

    def source(self, place: str, digest: str) -> str:
        """Return the digest of what was restored, for a file that its result has replaced."""
        entry = self._entries.get(place)
        return entry.source if entry and entry.result == digest else digest

    def is_own(self, place: str) -> bool:
        """Return whether nothing is lost if a place is written to."""
        digest = file_digest(self._folder / place)
        return not digest or digest in self._written.get(place, ())

    def add(self, place: str, key: str, source: str) -> None:
        """Note that a result has been written."""
        entry = Entry(place, key, source, file_digest(self._folder / place))
        self._note(entry)
        line = "\n" * self._torn + json.dumps(dataclasses.asdict(entry)) + "\n"
        self._torn = False
        try:
            with (self._folder / NAME).open("a", encoding="utf-8") as file:
                file.write(line)
        except OSError as error:
            raise UsageError(f"cannot write {self._folder / NAME}: {error.strerror}") from None

    def _note(self, entry: Entry) -> None:
        self._entries[entry.place] = entry
        self._written.setdefault(entry.place, set()).add(entry.result)


class ResultKeys:
    """What the results of some pictures depend on, by the rule of `priorlab.harness.run.keys`.

    That is the picture as it is stored, the task and the prior with their parameters and their
    code, the seed, the device and the libraries, and the code that reads and writes pictures.
    """

    def __init__(self, task: str, seed: int, device: str, registry: Registry) -> None:
        built, typed = one_task(task, registry)
        self._registry, self._seed = registry, seed
        self._task = keys.identity("tasks", built, registry)
        self._priors: dict[Prior, dict[str, Any]] = {}
        self._setting = keys.setting(device) | {
            "typed": sorted(typed),  # what was not typed is estimated
            "code": digest(["priorlab.api.restoring"]),
        }

    def key(self, prior: Prior, picture: str) -> str:
        """Return the key of the result that a prior makes of a picture, given by its digest."""
        if prior not in self._priors:
            self._priors[prior] = keys.identity("priors", prior, self._registry)
        return keys.cell_key(self._priors[prior], self._task, picture, self._seed, self._setting)


def file_digest(path: Path) -> str:
    """Return the SHA-256 of a file, or nothing if there is none.

    Examples
    --------
    >>> len(file_digest(Path("photo.png"))), file_digest(Path("none.png"))
    (64, '')
    """
    try:
        if path.exists():
            check_regular(path)
        with path.open("rb") as file:
            return hashlib.file_digest(file, "sha256").hexdigest()
    except FileNotFoundError:
        return ""
    except OSError as error:
        raise UsageError(f"cannot read {path}: {error.strerror or error}") from None
