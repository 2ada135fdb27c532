"""How the process of a slot begins: it forks the zygote, and only then imports what a scorer needs.

Started as ``python -m priorlab.harness.run.slot``. The zygote then has neither the modules of the
scorer, which would make each fork slower, nor anything that a prior must not know; and both
processes import at the same time.
"""

from __future__ import annotations

import contextlib
import faulthandler
import importlib
import json
import os
import sys
import tempfile
from io import FileIO
from pathlib import Path
from typing import Any, BinaryIO

from priorlab.ground import freed_memory, garbage, process_tree
from priorlab.harness.isolation import zygote
from priorlab.harness.isolation.channel import Channel
from priorlab.harness.isolation.output import Output
from priorlab.harness.isolation.setup import Setup

SCORER = "priorlab.harness.run.scorer"


def main() -> None:
    """Serve the driver until it hangs up."""
    freed_memory.keep()
    process_tree.hear_of_children()
    inbox, outbox, log = _keep_pipes()
    with contextlib.suppress(OSError):
        # When memory runs out, this process and those below it are to go, not the driver.
        Path("/proc/self/oom_score_adj").write_text("500")
    setup = Setup(**{key: _frozen(value) for key, value in json.loads(inbox.readline()).items()})
    if setup.temporary:
        os.environ["TMPDIR"] = tempfile.tempdir = setup.temporary
    printed = Output()
    for descriptor in (1, 2):
        os.dup2(printed.entry, descriptor)
    # The zygote is forked before this process knows anything that a prior must not know.
    control, pid = (
        _zygote(setup, [inbox.fileno(), outbox.fileno(), log]) if setup.forks else (None, 0)
    )
    process_tree.adopt_orphans()
    process_tree.keep_private()
    faulthandler.enable(log)
    printed.start()
    importlib.import_module(SCORER).serve(setup, (inbox, outbox, log), printed, control, pid)


def _frozen(value: Any) -> Any:
    return tuple(value) if isinstance(value, list) else value


def _keep_pipes() -> tuple[FileIO, BinaryIO, int]:
    """Take the pipes to the driver, and the log, away from descriptors 0, 1 and 2."""
    # Without a buffer: `_listen` reads on where the first line ended.
    inbox, outbox, log = os.fdopen(os.dup(0), "rb", 0), os.fdopen(os.dup(1), "wb"), os.dup(2)
    nothing = os.open(os.devnull, os.O_RDONLY)
    os.dup2(nothing, 0)
    os.close(nothing)
    return inbox, outbox, log


def _zygote(setup: Setup, private: list[int]) -> tuple[Channel, int]:
    """Fork the process from which those of priors are forked."""
    ours, theirs = Channel.pair()
    parent = os.getpid()
    garbage.freeze()
    pid = os.fork()
    if pid == 0:
        try:
            process_tree.end_with(parent)
            ours.close()
            for descriptor in private:
                os.close(descriptor)
            zygote.run(theirs, setup)
        finally:
            sys.stderr.flush()
            os._exit(1)
    theirs.close()
    return ours, pid


if __name__ == "__main__":
    main()
