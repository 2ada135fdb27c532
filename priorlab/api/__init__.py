"""The Python interface. The command line calls nothing else.

Importing this package imports no torch; what it offers is imported when it is first used.
"""

from __future__ import annotations

import importlib
from typing import TYPE_CHECKING, Any

from priorlab import garbage
from priorlab.harness.run.progress import for_pictures
from priorlab.harness.run.settings import RunSettings, settle
from priorlab.pictures.collection import collect
from priorlab.plugin_kit.writing import WHAT

if TYPE_CHECKING:
    from priorlab.api.batch import restore_files
    from priorlab.api.catalogue import load_plugins, train
    from priorlab.api.checking import check_names
    from priorlab.api.comparing import (
        CutShort,
        Fault,
        bench,
        plan,
        run,
        table,
        table_parquet,
        terminal_table,
    )
    from priorlab.api.declared import declarations, describe
    from priorlab.api.degrading import degrade, degrade_file
    from priorlab.api.explaining import explain
    from priorlab.api.pairing import compare
    from priorlab.api.plugin_kit import compile_loops, conformance, new_plugin
    from priorlab.api.published_tables import describe_suite, suites
    from priorlab.api.ranking import check_diagram, draw_ranks, ranks
    from priorlab.api.reporting import Written, report
    from priorlab.api.restoring import restore, restore_file
    from priorlab.api.result import BenchResult
    from priorlab.api.runs import (
        collect_garbage,
        export_rows,
        load_run,
        merge_results,
        remove_run,
        rename_run,
        running,
        summaries,
    )
    from priorlab.api.tuning import Tuned, tune
    from priorlab.api.work import Restored

_PLACES = {
    "batch": ("restore_files",),
    "work": ("Restored",),
    "catalogue": ("load_plugins", "train"),
    "comparing": (
        "CutShort",
        "Fault",
        "bench",
        "plan",
        "run",
        "table",
        "table_parquet",
        "terminal_table",
    ),
    "checking": ("check_names",),
    "declared": ("declarations", "describe"),
    "explaining": ("explain",),
    "pairing": ("compare",),
    "ranking": ("check_diagram", "draw_ranks", "ranks"),
    "plugin_kit": ("compile_loops", "conformance", "new_plugin"),
    "runs": (
        "collect_garbage",
        "export_rows",
        "load_run",
        "merge_results",
        "remove_run",
        "rename_run",
        "running",
        "summaries",
    ),
    "tuning": ("Tuned", "tune"),
    "reporting": ("Written", "report"),
    "published_tables": ("describe_suite", "suites"),
    "result": ("BenchResult",),
    "degrading": ("degrade", "degrade_file"),
    "restoring": ("restore", "restore_file"),
}
_MODULES = {name: module for module, names in _PLACES.items() for name in names}

__all__ = [
    "WHAT",
    "BenchResult",
    "CutShort",
    "Fault",
    "Restored",
    "RunSettings",
    "Tuned",
    "Written",
    "bench",
    "check_diagram",
    "check_names",
    "collect",
    "collect_garbage",
    "compare",
    "compile_loops",
    "conformance",
    "declarations",
    "degrade",
    "degrade_file",
    "describe",
    "describe_suite",
    "draw_ranks",
    "explain",
    "export_rows",
    "for_pictures",
    "load_plugins",
    "load_run",
    "merge_results",
    "new_plugin",
    "plan",
    "ranks",
    "remove_run",
    "rename_run",
    "report",
    "restore",
    "restore_file",
    "restore_files",
    "run",
    "running",
    "settle",
    "suites",
    "summaries",
    "table",
    "table_parquet",
    "terminal_table",
    "train",
    "tune",
]


def __getattr__(name: str) -> Any:
    """Import a function on first use."""
    if name not in _MODULES:
        raise AttributeError(f"module 'priorlab.api' has no attribute {name!r}")
    with garbage.awaited():
        return getattr(importlib.import_module(f"priorlab.api.{_MODULES[name]}"), name)
