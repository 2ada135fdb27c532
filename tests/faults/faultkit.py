"""How a fault is written down: a few nasty lines, and what its row has to say."""

import dataclasses
import os
from pathlib import Path
from typing import Any, ClassVar

from priorlab.priors import Prior
from priorlab.trace import SILENT


@dataclasses.dataclass(frozen=True)
class Fault:
    """A nasty prior, and what is to come of it.

    Attributes
    ----------
    name : str
    does : str
        For the table.
    status : str
        Of its row; several that are right are joined by "|".
    message : str
        A pattern that the message of its row has to have; "" stands for no message.
    check : callable or None
        Receives the row and asserts what else has to be true.
    """

    name: str
    does: str
    status: str
    message: str
    check: Any


class Group(dict[str, Fault]):
    """The faults of one plugin file, and the priors that commit them."""

    def __init__(self) -> None:
        super().__init__()
        self.priors: list[type[Prior]] = []

    def fault(self, status="ok", message="", check=None, **members):
        """Make a function a prior: its name is the prior's, its first line says what it does."""

        def note(act):
            name = act.__name__.strip("_").replace("_", "-")
            does = act.__doc__.strip().partition("\n")[0].rstrip(".")
            self[name] = Fault(name, does, status, message, check)
            self.priors.append(_prior(name, act, does, members))
            return act

        return note


def _prior(name, act, does, members):
    def restore(self, measurement, trace=SILENT, seed=0):
        return act(measurement, trace, seed)

    body = {"name": name, "__doc__": does + ".", "restore": restore, **members}
    body["__annotations__"] = {"name": ClassVar[str]}
    kind = type(name.title().replace("-", ""), (Prior,), body)
    return dataclasses.dataclass(frozen=True, kw_only=True)(kind)


def guess(measurement):
    """What an honest prior would return that has no ideas."""
    return measurement.initial_guess().clone()


def scratch(name):
    """A file that a nasty prior may write to."""
    return Path(os.environ["FAULTS_SCRATCH"]) / name


def run_folder():
    """The folder of the run, with its images and results: anybody may guess where it is."""
    return Path(os.environ["FAULTS_RUN"])


def note_pid(name, pid=None):
    """Note the number of a process that must not outlive its cell."""
    with scratch(name).open("a") as file:
        file.write(f"{pid or os.getpid()}\n")


def alive(name):
    """Return the processes noted under a name that are still there."""
    numbers = scratch(name).read_text().split() if scratch(name).exists() else []
    return [number for number in numbers if _runs(number)]


def _runs(number):
    try:
        status = Path(f"/proc/{number}/stat").read_text().rpartition(")")[2].split()[0]
    except OSError:
        return False
    return status not in "ZX"
