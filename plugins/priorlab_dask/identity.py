"""What a machine would compute with: its versions, its code, its hardware.

Started as ``python -m priorlab_dask.identity ANSWER`` in a process of its own, which imports the
plugins: the question is JSON on standard input, the answer is written to a file.
"""

from __future__ import annotations

import json
import subprocess
import sys
import tempfile
from collections.abc import Mapping, Sequence
from pathlib import Path
from typing import Any

import torch

from priorlab import components, plugins
from priorlab.errors import UsageError
from priorlab.harness.run import keys, machine
from priorlab.harness.run.child import START_TIMEOUT, environment

Facts = Mapping[str, Any]


def ask(setup: Facts, parts: Sequence[tuple[str, Facts]]) -> dict[str, Any]:
    """Return what this machine would compute a run with.

    Parameters
    ----------
    setup : mapping
        The fields of a child's `Setup`.
    parts : sequence of (str, mapping)
        All priors and tasks, each with its kind.

    Returns
    -------
    dict
        "setting" and "components": what results depend on, see `priorlab.harness.run.keys`;
        "versions", "machine" and "accelerators". Or only "problem": a sentence.
    """
    with tempfile.TemporaryDirectory() as folder:
        answer = Path(folder, "answer.json")
        command = [sys.executable, "-P", "-m", "priorlab_dask.identity", str(answer)]
        try:
            done = subprocess.run(
                command,
                input=json.dumps({"setup": setup, "components": parts}).encode(),
                capture_output=True,
                env=environment(setup["threads"]),
                timeout=START_TIMEOUT,
            )
        except subprocess.TimeoutExpired:
            return {"problem": f"loading its plugins took more than {START_TIMEOUT:.0f} s"}
        if answer.exists():
            facts: dict[str, Any] = json.loads(answer.read_text())
            return facts
        said = done.stderr.decode(errors="replace").strip().splitlines() or [""]
        return {"problem": f"the process that loads its plugins ended: {said[-1]}"}


def difference(here: Facts, there: Facts) -> str:
    """Return what another machine would compute differently, in a sentence; empty if nothing.

    Examples
    --------
    >>> one = {"setting": {"libraries": {"numpy": "2.3"}}, "components": [], "versions": {}}
    >>> two = {"setting": {"libraries": {"numpy": "1.26"}}, "components": [], "versions": {}}
    >>> difference(one, one), difference(one, two)
    ('', 'it has numpy 1.26, not 2.3')
    """
    if "problem" in there:
        return str(there["problem"])
    own, other = here["setting"], there["setting"]
    for library, version in own["libraries"].items():
        if (found := other["libraries"].get(library)) != version:
            return f"it has {library} {found}, not {version}"
    if own.get("core") != other.get("core"):
        versions = [facts["versions"]["priorlab"] for facts in (there, here)]
        if versions[0] != versions[1]:
            return f"it has priorlab {versions[0]}, not {versions[1]}"
        return f"the code of its priorlab {versions[0]} is not the same as here"
    for key in own:
        if own[key] != other.get(key):
            return f"its {key} is {other.get(key)!r}, not {own[key]!r}"
    for mine, its in zip(here["components"], there["components"], strict=True):
        for key, noun in {"code": "code", "parameters": "parameters"}.items():
            if mine.get(key) != its.get(key):
                return f"the {noun} of {mine['name']} is not the same there as here"
        if mine != its:
            return f"{mine['name']} is not the same there as here"
    return ""


def answer(question: Facts) -> dict[str, Any]:
    """Answer in this process; see `ask`."""
    setup = question["setup"]
    registry = plugins.load(setup["plugin_files"], setup["plugin_folders"])
    device = setup["device"]
    try:
        built = [
            (kind, components.from_description(facts, kind, registry.find))
            for kind, facts in question["components"]
        ]
        return {
            "setting": keys.setting(device),
            "components": [keys.identity(kind, one, registry) for kind, one in built],
            "versions": machine.versions(),
            "machine": machine.name(device),
            "accelerators": torch.get_device_module(device).device_count(),
        }
    except UsageError as error:
        return {"problem": str(error)}


if __name__ == "__main__":
    Path(sys.argv[1]).write_text(json.dumps(answer(json.load(sys.stdin))))
