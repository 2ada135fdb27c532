"""The process in which something of a plugin is checked: one check after the other."""

from __future__ import annotations

import dataclasses
import json
import os
import sys
from typing import Any

import torch

from priorlab import plugins
from priorlab.conformance import suite
from priorlab.conformance.checks import run
from priorlab.ground import process_tree

COMMAND = "import sys; from priorlab.conformance import child; child.serve(sys.argv[1])"
"""What a process runs in which something is checked."""


def serve(argument: str) -> None:
    """Make the checks that are asked for, and write lines of JSON on them; then end the process.

    Parameters
    ----------
    argument : str
        JSON: `files` and `folders` of plugins, the `module` of the one to load, `kind` and `name`
        of what is checked, the number of the `first` check to make, the descriptor for `report`.
    """
    given = json.loads(argument)
    process_tree.end_with(os.getppid())
    torch.set_num_threads(1)
    report = given["report"]
    registry = plugins.load(given["files"], given["folders"], only=[given["module"]])
    item = made(registry.find(given["kind"], given["name"]))
    checks = suite.checks_of(given["kind"], item)
    _send(report, checks=[[check.name, check.seconds] for check in checks])
    for check in checks[given["first"] :]:
        outcome = run(check, item)
        sys.stdout.flush()
        _send(report, outcome=dataclasses.asdict(outcome))
    os._exit(0)


def made(found: Any) -> Any:
    """Return what a name stands for, with its default parameters if it has any."""
    return found() if isinstance(found, type) else found


def _send(report: int, **message: Any) -> None:
    os.write(report, json.dumps(message).encode() + b"\n")
