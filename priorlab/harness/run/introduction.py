"""What a machine says of itself before it gets cells: what it would compute them with.

Started as ``python -m priorlab.harness.run.introduction ANSWER`` in a process of its own, which
imports the plugins: the question is JSON on standard input, the answer is written to a file.
"""

from __future__ import annotations

import contextlib
import dataclasses
import json
import subprocess
import sys
from collections.abc import Iterable, Mapping, Sequence
from pathlib import Path
from typing import Any, cast

import torch

from priorlab import components, plugins
from priorlab.components import Component
from priorlab.errors import UsageError
from priorlab.ground.temporary import TemporaryFolder
from priorlab.harness.isolation.setup import Setup
from priorlab.harness.run import machine
from priorlab.harness.run.child import START_TIMEOUT, environment
from priorlab.harness.run.credentials import credentials
from priorlab.priors import Prior
from priorlab.tasks.base import Task

Described = tuple[str, Mapping[str, Any]]
"""A component as JSON can hold it: its kind and `priorlab.components.description`."""


def described(parts: Iterable[tuple[str, Component]]) -> list[Described]:
    """Return components as `ask` takes them."""
    return [(kind, components.description(component)) for kind, component in parts]


def ask(setup: Setup, parts: Sequence[Described], modules: Sequence[str]) -> dict[str, Any]:
    """Ask this machine.

    Parameters
    ----------
    setup : Setup
        What children need.
    parts : sequence of (str, mapping)
        All priors, tasks and metrics with parameters; see `described`.
    modules : sequence of str
        Those of the plugins that provide them; no other plugin is loaded.

    Returns
    -------
    dict
        "credentials", see `priorlab.harness.run.credentials`; "machine", its name; and
        "accelerators", how many of the kind of the device it has. Or only "problem": in a
        sentence why it can compute nothing.
    """
    facts = {"setup": dataclasses.asdict(setup), "parts": parts, "modules": modules}
    question = json.dumps(facts)
    with contextlib.closing(TemporaryFolder()) as folder:
        file = Path(folder.name, "answer.json")
        try:
            done = subprocess.run(
                [sys.executable, "-P", "-m", "priorlab.harness.run.introduction", str(file)],
                input=question.encode(),
                capture_output=True,
                env=environment(setup.threads),
                timeout=START_TIMEOUT,
            )
        except subprocess.TimeoutExpired:
            return {"problem": f"loading its plugins took more than {START_TIMEOUT:.0f} s"}
        if file.exists():
            return cast("dict[str, Any]", json.loads(file.read_text()))
        said = done.stderr.decode(errors="replace").strip().splitlines() or [""]
        return {"problem": f"the process that loads its plugins ended: {said[-1]}"}


def answer(setup: Setup, parts: Iterable[Described], modules: Sequence[str]) -> dict[str, Any]:
    """Answer in this process; see `ask`.

    Examples
    --------
    >>> sorted(answer(Setup(), [], []))
    ['accelerators', 'credentials', 'machine']
    """
    registry = plugins.load(setup.plugin_files, setup.plugin_folders, only=modules)
    built: dict[str, list[Component]] = {"priors": [], "tasks": [], "metrics": []}
    try:
        for kind, facts in parts:
            built[kind].append(components.from_description(facts, kind, registry.find))
        return {
            "credentials": credentials(
                cast("list[Prior]", built["priors"]),
                cast("list[Task]", built["tasks"]),
                registry,
                setup.device,
            ),
            "machine": machine.name(setup.device),
            "accelerators": torch.get_device_module(setup.device).device_count(),
        }
    except UsageError as error:
        return {"problem": str(error)}


if __name__ == "__main__":
    question = json.load(sys.stdin)
    introduced = answer(Setup(**question["setup"]), question["parts"], question["modules"])
    Path(sys.argv[1]).write_text(json.dumps(introduced))
