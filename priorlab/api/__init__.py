"""The Python interface. The command line calls nothing else.

Importing this package imports no torch; what it offers is imported when it is first used.
"""

from __future__ import annotations

import importlib
from typing import TYPE_CHECKING, Any

from priorlab.ground import garbage
from priorlab.harness.run.progress import for_pictures as for_pictures
from priorlab.harness.run.settings import RunSettings as RunSettings
from priorlab.harness.run.settings import settle as settle
from priorlab.pictures.collection import collect as collect
from priorlab.plugin_kit.writing import WHAT as WHAT

if TYPE_CHECKING:
    from priorlab.api.batch import restore_files as restore_files
    from priorlab.api.catalogue import load_plugins as load_plugins
    from priorlab.api.catalogue import train as train
    from priorlab.api.checking import check_names as check_names
    from priorlab.api.comparing import bench as bench
    from priorlab.api.comparing import run as run
    from priorlab.api.comparing import table as table
    from priorlab.api.comparing import table_parquet as table_parquet
    from priorlab.api.comparing import terminal_table as terminal_table
    from priorlab.api.declared import declarations as declarations
    from priorlab.api.degrading import degrade as degrade
    from priorlab.api.degrading import degrade_file as degrade_file
    from priorlab.api.explaining import explain as explain
    from priorlab.api.pairing import compare as compare
    from priorlab.api.plugin_kit import compile_loops as compile_loops
    from priorlab.api.plugin_kit import conformance as conformance
    from priorlab.api.plugin_kit import new_plugin as new_plugin
    from priorlab.api.published_tables import describe_suite as describe_suite
    from priorlab.api.published_tables import suites as suites
    from priorlab.api.ranking import check_diagram as check_diagram
    from priorlab.api.ranking import draw_ranks as draw_ranks
    from priorlab.api.ranking import ranks as ranks
    from priorlab.api.reporting import report as report
    from priorlab.api.restoring import restore as restore
    from priorlab.api.restoring import restore_file as restore_file
    from priorlab.api.result import BenchResult as BenchResult
    from priorlab.api.runs import collect_garbage as collect_garbage
    from priorlab.api.runs import export_rows as export_rows
    from priorlab.api.runs import load_run as load_run
    from priorlab.api.runs import merge_results as merge_results
    from priorlab.api.runs import remove_run as remove_run
    from priorlab.api.runs import rename_run as rename_run
    from priorlab.api.runs import running as running
    from priorlab.api.runs import summaries as summaries
    from priorlab.api.tuning import Tuned as Tuned
    from priorlab.api.tuning import tune as tune
    from priorlab.api.work import Restored as Restored
    from priorlab.describe import describe as describe
    from priorlab.harness.report.page.writing import Written as Written
    from priorlab.harness.run.bench import CutShort as CutShort
    from priorlab.harness.run.bench import Fault as Fault
    from priorlab.harness.run.plan import plan as plan

SURFACE = {
    "BenchResult": "priorlab.api.result",
    "CutShort": "priorlab.harness.run.bench",
    "Fault": "priorlab.harness.run.bench",
    "Restored": "priorlab.api.work",
    "Tuned": "priorlab.api.tuning",
    "Written": "priorlab.harness.report.page.writing",
    "bench": "priorlab.api.comparing",
    "check_diagram": "priorlab.api.ranking",
    "check_names": "priorlab.api.checking",
    "collect_garbage": "priorlab.api.runs",
    "compare": "priorlab.api.pairing",
    "compile_loops": "priorlab.api.plugin_kit",
    "conformance": "priorlab.api.plugin_kit",
    "declarations": "priorlab.api.declared",
    "degrade": "priorlab.api.degrading",
    "degrade_file": "priorlab.api.degrading",
    "describe": "priorlab.describe",
    "describe_suite": "priorlab.api.published_tables",
    "draw_ranks": "priorlab.api.ranking",
    "explain": "priorlab.api.explaining",
    "export_rows": "priorlab.api.runs",
    "load_plugins": "priorlab.api.catalogue",
    "load_run": "priorlab.api.runs",
    "merge_results": "priorlab.api.runs",
    "new_plugin": "priorlab.api.plugin_kit",
    "plan": "priorlab.harness.run.plan",
    "ranks": "priorlab.api.ranking",
    "remove_run": "priorlab.api.runs",
    "rename_run": "priorlab.api.runs",
    "report": "priorlab.api.reporting",
    "restore": "priorlab.api.restoring",
    "restore_file": "priorlab.api.restoring",
    "restore_files": "priorlab.api.batch",
    "run": "priorlab.api.comparing",
    "running": "priorlab.api.runs",
    "suites": "priorlab.api.published_tables",
    "summaries": "priorlab.api.runs",
    "table": "priorlab.api.comparing",
    "table_parquet": "priorlab.api.comparing",
    "terminal_table": "priorlab.api.comparing",
    "train": "priorlab.api.catalogue",
    "tune": "priorlab.api.tuning",
}
"""The module from which each name is imported on first use; types see the same above."""

__all__ = ["WHAT", "RunSettings", "collect", "for_pictures", "settle", *SURFACE]


def __getattr__(name: str) -> Any:
    """Import a function on first use."""
    if name not in SURFACE:
        raise AttributeError(f"module 'priorlab.api' has no attribute {name!r}")
    with garbage.awaited():
        return getattr(importlib.import_module(SURFACE[name]), name)
