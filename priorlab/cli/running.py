"""The commands `runs` and `status`."""

from __future__ import annotations

import argparse
import contextlib
import shlex
import time
from collections.abc import Callable
from pathlib import Path
from typing import TYPE_CHECKING

from priorlab import api
from priorlab.cli.parsing import OK, Parser, add_results_folder, say
from priorlab.errors import UsageError, counted

if TYPE_CHECKING:
    import pandas as pd

    from priorlab.cli.parsing import Commands


def add_runs(commands: Commands) -> None:
    """Add the command `runs`, which has commands of its own."""
    parser = commands.add_parser(
        "runs", help="list, show, rename, remove, merge, export or clear earlier runs"
    )
    verbs = parser.add_subparsers(metavar="WHAT", required=True)
    _add(verbs, "list", _list, "list the runs in the results folder")
    show = _add(verbs, "show", _show, "say what a run was")
    show.add_argument("run", help="its folder, or its name in the results folder")
    rename = _add(verbs, "rename", _rename, "give a run another name")
    rename.add_argument("old", help="its name or its folder")
    rename.add_argument("new", help="a name")
    remove = _add(verbs, "remove", _remove, "remove the folder of a run: its tables and its page")
    remove.add_argument("run", help="its name or its folder")
    remove.add_argument("--dry-run", action="store_true", help="only say what would be removed")
    merge = _add(verbs, "merge", _merge, "take over what other results folders know")
    merge.add_argument(
        "source", nargs="+", type=Path, help="results folders; what they know is added to --out"
    )
    export = _add(verbs, "export", _export, "write rows to a file")
    export.add_argument("run", nargs="?", help="the run (default: every cell in the store)")
    export.add_argument(
        "-o", "--output", type=Path, required=True, metavar="FILE", help=".csv or .parquet"
    )
    clear = _add(verbs, "gc", _clear, "remove cells, scores and pictures that no run names")
    clear.add_argument("--dry-run", action="store_true", help="only say what would be removed")


def add_status(commands: Commands) -> None:
    """Add the command `status`."""
    _add(commands, "status", _status, "say what is running, and how far it is")


def _add(
    commands: Commands, name: str, command: Callable[[argparse.Namespace], int], help: str
) -> Parser:
    parser = commands.add_parser(name, help=help)
    parser.set_defaults(command=command)
    add_results_folder(parser)
    return parser


def _list(options: argparse.Namespace) -> int:
    found = api.summaries(options.out)
    going_on = _going_on(options.out) if any(run.statuses is None for run in found) else set()
    for run in found:
        if run.problem:
            say(f"{run.name}: {run.problem}")
            continue
        priors, tasks = counted(len(run.priors), "prior"), counted(len(run.tasks), "task")
        grid = f"{priors}, {tasks} on {run.dataset}"
        state = _state(run.total, run.statuses)
        if run.name in going_on and run.statuses is None:
            state = f"{counted(run.total, 'cell')}, going on"
        say(f"{run.name}: {state}; {grid}; begun {run.started}")
    if not found:
        say(f"no runs in {options.out}")
    return OK


def _going_on(out: Path) -> set[str]:
    """Return the names of the runs that are going on; a damaged store says nothing of them."""
    with contextlib.suppress(UsageError):
        return {driver.run for driver in api.running(out) if not driver.is_silent}
    return set()


def _state(total: int, statuses: dict[str, int] | None) -> str:
    """Say how much of a run there is."""
    cells = counted(total, "cell")
    if statuses is None:
        return f"{cells}, cut short"
    if not statuses:  # written by an earlier version, or stopped before the first cell
        return cells
    counts = ", ".join(f"{count} {status}" for status, count in sorted(statuses.items()))
    done = sum(statuses.values())
    return f"{done} of {cells} ({counts})" if done < total else f"{cells} ({counts})"


def _show(options: argparse.Namespace) -> int:
    run = api.load_run(options.run, options.out)
    counts = {str(name): int(count) for name, count in run.rows["status"].value_counts().items()}
    facts = {
        "run": run.folder,
        "cells": _state(int(run.info["total"]), counts),
        "priors": ", ".join(run.info["priors"]),
        "tasks": ", ".join(run.info["tasks"]),
        "dataset": run.info["dataset"],
        "seeds": ", ".join(map(str, run.info["seeds"])),
        "command": run.info["command"],
        "begun": run.info["started"],
        "finished": run.info["finished"],
        "machine": run.info["machine"],
        **_times(run.rows),
        "versions": ", ".join(f"{name} {what}" for name, what in run.info["versions"].items()),
    }
    for name, value in facts.items():
        say(f"{name}: {value}")
    return OK


def _times(rows: pd.DataFrame) -> dict[str, str]:
    """Return what the restorations took, and on what, as far as rows say it."""
    good = rows[rows["status"] == "ok"]
    load = good["load"].dropna()
    computed = [name for name in good["machine"].unique() if name]
    busy = f"{load.median():.3g} in the median, {load.max():.3g} at most" if len(load) else ""
    facts = {
        "seconds": f"{good['seconds'].sum():.3g}, CPU seconds {good['cpu_seconds'].sum():.3g}",
        "load": busy,
        "computed on": ", ".join(computed) if len(computed) > 1 else "",
    }
    return {name: text for name, text in facts.items() if text}


def _rename(options: argparse.Namespace) -> int:
    say(f"now {api.rename_run(options.old, options.new, options.out)}")
    return OK


def _remove(options: argparse.Namespace) -> int:
    found = api.remove_run(options.run, options.out, dry_run=options.dry_run)
    say(f"{'would remove' if options.dry_run else 'removed'} {found}/ with all that is in it")
    say("what was computed stays in the store for other runs; 'runs gc' removes what none names")
    return OK


def _merge(options: argparse.Namespace) -> int:
    found = api.merge_results(options.source, options.out)
    say(
        f"{counted(found.cells, 'cell')} read: {found.new} new,"
        f" {found.better} in place of failures;"
        f" {counted(found.scores, 'score')} and {counted(found.pictures, 'picture')} added"
        f" to {options.out}"
    )
    place = shlex.quote(str(options.out))
    say(f"now type the command of the run again with --out {place}, and without --shard: it makes")
    say("the tables from what is known; until then 'runs gc' counts such cells as unused")
    return OK


def _export(options: argparse.Namespace) -> int:
    count = api.export_rows(options.output, options.run, options.out)
    say(f"wrote {counted(count, 'row')} to {options.output}")
    return OK


def _clear(options: argparse.Namespace) -> int:
    found = api.collect_garbage(options.out, dry_run=options.dry_run)
    would = "would remove" if options.dry_run else "removed"
    say(
        f"{would} {counted(len(found.cells), 'cell')} and"
        f" {counted(len(found.pictures), 'picture')},"
        f" {found.bytes / 1e6:.1f} MB"
    )
    for folder in found.folders:
        say(f"{would} {folder}/, the pictures of an earlier version")
    return OK


def _status(options: argparse.Namespace) -> int:
    drivers = api.running(options.out)
    for driver in drivers:
        where = f"process {driver.pid} on {driver.place.partition(':')[0]}"
        cells = counted(driver.total, "cell")
        say(f"{driver.run}: {driver.done} of {cells}, {driver.failed} failed")
        if driver.is_silent:
            silent = (time.time() - driver.beat) / 60
            say(f"  no sign of life for {silent:.0f} min ({where}); its command goes on from there")
            continue
        left = ""
        if driver.seconds_left is not None:
            left = f", about {driver.seconds_left / 60:.0f} min left"
        say(f"  {where}, begun {driver.started} UTC{left}")
        for index, text in enumerate(driver.doing):
            say(f"  {index + 1}: {text}")
    if not drivers:
        say(f"nothing is running in {options.out}")
    return OK
