"""Run a comparison: compute the cells that are missing, and return a row for each."""

from __future__ import annotations

import contextlib

from priorlab.engines import Engine
from priorlab.errors import UsageError
from priorlab.harness.report import gallery, tables
from priorlab.harness.results.folder import RunFolder
from priorlab.harness.results.runs import Run, to_rows
from priorlab.harness.results.store import Store, stamp_of_now
from priorlab.harness.run.audience import Audience
from priorlab.harness.run.computation import Computation, Stopped
from priorlab.harness.run.interrupts import interruptible
from priorlab.harness.run.keeping import patiently
from priorlab.harness.run.manifest import manifest, now
from priorlab.harness.run.plan import plan
from priorlab.harness.run.progress import Progress
from priorlab.harness.run.settings import RunSettings
from priorlab.registry import Registry


class CutShort(UsageError):
    """A run ended early, or without its files, for a reason that the user can do something about.

    Such as a full disk, a store that was removed, code that was edited meanwhile, or a limit of the
    system on processes.

    Attributes
    ----------
    run : Run
        With the cells that were computed until then.
    """

    def __init__(self, message: str, run: Run) -> None:
        super().__init__(message)
        self.run = run


class Fault(Exception):
    """A run ended early because of a fault of priorlab itself, which is the cause of this.

    So is any error of the system that the code beside it does not expect: to call it one of the
    disk would hide where it comes from.

    Attributes
    ----------
    run : Run
        With the cells that were computed until then.
    """

    def __init__(self, cause: Exception, run: Run) -> None:
        super().__init__(f"{type(cause).__name__}: {cause}")
        self.run = run


def run(
    settings: RunSettings,
    registry: Registry,
    *,
    progress: Progress | None = None,
    command: str = "",
) -> Run:
    """Compute every cell of a grid that is not known yet, and return a row for each.

    Parameters
    ----------
    settings : RunSettings
        What to compare and how.
    registry : Registry
        Where names are looked up; the child processes load the same plugins.
    progress : Progress, optional
        Called with everything that happens.
    command : str
        The command line, noted in the run's folder.

    Returns
    -------
    Run
        After Ctrl-C, SIGTERM or SIGHUP: `interrupted`, with the cells finished so far.

    Raises
    ------
    UsageError
        For an empty grid, or an argument that cannot be used.
    CutShort
        If results can no longer be written, or nothing more can be computed.
    Fault
        If something in priorlab itself is wrong.
    """
    audience = Audience(progress or Progress())
    engine = _engine(settings, registry)
    since = stamp_of_now()
    planned = plan(settings, registry)
    info = manifest(planned, settings, registry, command)
    problem = ""
    fault: Exception | None = None
    with interruptible() as stop:
        store = patiently(lambda: Store(settings.out), audience.note, stop)
        with contextlib.closing(store):
            folder = RunFolder(settings.out / planned.name)
            folder.begin(info)
            computation = Computation(
                planned, settings, registry, store, folder, audience, since, engine
            )
            try:
                computation.run(stop)
            except (Stopped, UsageError) as error:
                problem = str(error)
            except KeyboardInterrupt:  # a second Ctrl-C: what is known is told all the same
                pass
            except Exception as error:
                fault = error
            finally:
                audience.ended()
        info["finished"] = now()
        labelled = ((cell.labels, cell.key) for cell in planned.cells)
        done = Run(folder.path, to_rows(labelled, computation.results), info)
        try:
            folder.finish(info, done.rows, computation.details())
            if len(done.rows):
                tables.write(done.folder, done.rows, done.header)
                gallery.write(folder, done.rows, audience.note)
        except UsageError as error:
            problem = problem or str(error)
        except Exception as error:
            fault = fault or error
    if fault:
        raise Fault(fault, done) from fault
    if problem:
        raise CutShort(problem, done)
    return done


def _engine(settings: RunSettings, registry: Registry) -> Engine:
    """Return the engine, or raise a `UsageError` if it cannot be used."""
    engine = settings.engine
    if isinstance(engine, str):
        engine = registry.build_engine(engine)
    if not isinstance(engine, Engine):
        raise UsageError(f"engine={engine!r} is neither an engine nor the name of one")
    if engine.elsewhere and settings.exclusive:
        raise UsageError(
            f"timing=exclusive needs a machine to itself; it does not go with engine={engine.name}"
        )
    engine.check()
    return engine
