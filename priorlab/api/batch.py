"""Restore many pictures, with one prior or several: one that fails stops no other."""

from __future__ import annotations

import dataclasses
import logging
from collections.abc import Callable, Sequence
from pathlib import Path

from priorlab import plugins, restoration
from priorlab.api.choosing import draw_sheet
from priorlab.api.record import Record, file_digest
from priorlab.api.restoring import one_task, restore_file
from priorlab.api.time_left import TimeLeft
from priorlab.errors import UsageError, check_seed, printable
from priorlab.harness.results.names import safe_name
from priorlab.harness.run import keys
from priorlab.harness.run.progress import Progress
from priorlab.pictures import writing
from priorlab.pictures.collection import Collection, Found, collect
from priorlab.priors import Prior
from priorlab.registry import Registry
from priorlab.sources.digest import digest

_log = logging.getLogger("priorlab")


@dataclasses.dataclass
class Restored:
    """What came of the pictures.

    Attributes
    ----------
    written, skipped : list of Path
        The results that were written, and those that were there already.
    failed : dict of str to str
        The pictures that could not be restored, with the prior where there are several, and why.
    left_out : tuple of str
        The files of folders that are no pictures.
    """

    written: list[Path] = dataclasses.field(default_factory=list)
    skipped: list[Path] = dataclasses.field(default_factory=list)
    failed: dict[str, str] = dataclasses.field(default_factory=dict)
    left_out: tuple[str, ...] = ()

    @property
    def count(self) -> int:
        """How many jobs are over."""
        return len(self.written) + len(self.skipped) + len(self.failed)

    def summary(self) -> str:
        """Return in one line how many there are of each.

        Examples
        --------
        >>> Restored(written=[Path("a.png")], skipped=[Path("b.png")]).summary()
        'restored 1, skipped 1, done before'
        """
        parts = [f"restored {len(self.written)}"]
        parts += [f"skipped {len(self.skipped)}, done before"] if self.skipped else []
        parts += [f"failed {len(self.failed)}"] if self.failed else []
        return ", ".join(parts)


def restore_files(
    pictures: Sequence[str | Path],
    output: str | Path,
    task: str,
    priors: str,
    *,
    seed: int = 0,
    device: str = "cpu",
    overwrite: bool = False,
    registry: Registry | None = None,
    say: Callable[[str], object] = _log.info,
    progress: Progress | None = None,
) -> Restored:
    """Restore files, folders and patterns of files, as `restore_file` does each.

    In a folder a record is kept beside the results of what each depends on: the picture, the task,
    the prior, the seed, and the code that restored it. A result that is there and depends on the
    same is not made again. With several priors each has a result of its own, such as
    ``photo-tv.png``, and a contact sheet shows them side by side, ``photo-sheet.png``.

    Parameters
    ----------
    pictures : sequence of path
        See `priorlab.pictures.collection.collect`.
    output : path
        A folder, which is made if there is none; for a single file the file to write.
    task, seed, device, registry
        As `restore_file` takes them.
    priors : str
        Such as ``"tv"`` or ``"tv,bm3d,unet"``.
    overwrite : bool
        Whether files may be replaced that this function did not write, or that were changed since,
        among them the pictures themselves. A file to write that was named is always replaced,
        unless it is the picture.
    say : callable
        Called with a line on each file that was written and on what was estimated, which begins
        with the name of the picture, and with a last line on all of them, also after Ctrl-C.
    progress : Progress, optional
        Called with what is being done.

    Returns
    -------
    Restored
        What was written, skipped and failed.

    Raises
    ------
    UsageError
        If nothing can be restored, because of a wrong name, task or path; and if a single file
        cannot be restored by a single prior.

    Examples
    --------
    >>> done = restore_files(["*.png"], Path("out"), "denoise:sigma=25", "tv", say=print)
    photo.png: wrote out/photo.png
    restored 1
    >>> done = restore_files(["*.png"], Path("out"), "denoise:sigma=25", "tv", say=print)
    restored 0, skipped 1, done before
    """
    found = collect(pictures, output, overwrite=overwrite)
    work = _Work(task, priors, seed, device, registry or plugins.load(), say)
    if found.to_file:
        writing.check_writable(found.folder / found.pictures[0].place)
    else:
        _make_folder(found.folder)
        work.record, work.overwrite = Record(found.folder), overwrite
    return work.run(found, progress or Progress())


@dataclasses.dataclass(frozen=True)
class _Job:
    """One picture with one prior."""

    picture: Found
    prior: Prior
    place: Path


class _Work:
    """What is done to each picture, and what is noted of it."""

    record: Record | None = None
    overwrite = True

    def __init__(
        self,
        task: str,
        priors: str,
        seed: int,
        device: str,
        registry: Registry,
        say: Callable[[str], object],
    ) -> None:
        check_seed(seed)
        self.task, self.seed, self.device = task, seed, device
        self.registry, self.say = registry, say
        self.priors = registry.build_priors(priors)
        built, typed = one_task(task, registry)
        self._task = keys.identity("tasks", built, registry)
        self._priors = {prior: keys.identity("priors", prior, registry) for prior in self.priors}
        self._setting = keys.setting(device) | {
            "typed": sorted(typed),
            "code": digest(["priorlab.api.restoring"]),
        }

    def run(self, found: Collection, progress: Progress) -> Restored:
        """Restore all of the pictures."""
        output = found.folder
        done = Restored(left_out=found.left_out)
        groups = [self._jobs(picture) for picture in found.pictures]
        jobs = [job for group in groups for job in group]
        alone = found.to_file and len(jobs) == 1
        clock = TimeLeft((job.prior.spec(), job.picture.source) for job in jobs)
        progress.started(len(jobs), 0, 1)
        try:
            for group in groups:
                say = self._speaker(group[0].picture, not found.to_file)
                before = len(done.written)
                for job in group:
                    self._do(job, output, done, say, progress, clock)
                if len(group) > 1:
                    self._sheet(group, output, done, say, fresh=len(done.written) > before)
        except KeyboardInterrupt:
            left = len(jobs) - done.count
            goes_on = "; the same command goes on from here" if self.record else ""
            self.say(f"stopped: {done.summary()}, {left} left{goes_on}")
            raise
        finally:
            progress.ended()
        if alone:
            for reason in done.failed.values():
                raise UsageError(reason)
        else:
            self.say(done.summary())
        return done

    def _jobs(self, picture: Found) -> list[_Job]:
        """Return the jobs on a picture; with several priors the results get their names."""
        if len(self.priors) == 1:
            return [_Job(picture, self.priors[0], picture.place)]
        return [
            _Job(picture, prior, _named(picture.place, safe_name(prior.spec())))
            for prior in self.priors
        ]

    def _speaker(self, picture: Found, several: bool) -> Callable[[str], object]:
        """Return what says a line on a picture: with its name, and not for each prior again."""
        name, said = printable(str(picture.source)), set[str]()

        def say(line: str) -> None:
            if line not in said:
                said.add(line)
                self.say(f"{name}: {line}" if several else line)

        return say

    def _do(
        self,
        job: _Job,
        output: Path,
        done: Restored,
        say: Callable[[str], object],
        progress: Progress,
        clock: TimeLeft,
    ) -> None:
        """Do a job unless it was done before, and note what came of it."""
        name = self._name(job)

        def step(iteration: int, total: int) -> None:
            share = iteration / total if total else 0.0
            progress.working(0, name, share, clock.seconds_left(share))

        clock.begin()
        step(0, 0)
        try:
            if self._restore(job, output, say, step):
                done.written.append(output / job.place)
            else:
                clock.skipped()
                done.skipped.append(output / job.place)
        except Exception as error:  # whatever it is, the other pictures are not to blame
            done.failed[name] = restoration.reason(error)
        clock.finished()
        progress.finished({"status": "ok"}, done.count, clock.seconds_left())

    def _restore(
        self,
        job: _Job,
        output: Path,
        say: Callable[[str], object],
        step: Callable[[int, int], None],
    ) -> bool:
        """Restore a picture; returns whether that was necessary."""
        target, place = output / job.place, job.place.as_posix()
        key = source = ""
        if self.record:
            source = self._source(job, target, place, self.record)
            key = keys.cell_key(
                self._priors[job.prior], self._task, source, self.seed, self._setting
            )
            if self.record.is_done(place, key):
                return False
            if not self.overwrite and not self.record.is_own(place):
                raise UsageError(
                    f"{target} exists, and was not written by this command or was changed since;"
                    " --overwrite replaces it"
                )
            _make_folder(target.parent)
        restore_file(
            job.picture.source,
            target,
            self.task,
            job.prior,
            seed=self.seed,
            device=self.device,
            registry=self.registry,
            say=say,
            step=step,
        )
        if self.record:
            self.record.add(place, key, source)
        return True

    @staticmethod
    def _source(job: _Job, target: Path, place: str, record: Record) -> str:
        """Return the digest of what is to be restored, which its result may have replaced."""
        found = file_digest(job.picture.source)
        same = target.exists() and target.samefile(job.picture.source)
        return record.source(place, found) if same else found

    def _sheet(
        self,
        group: Sequence[_Job],
        output: Path,
        done: Restored,
        say: Callable[[str], object],
        *,
        fresh: bool,
    ) -> None:
        """Draw the contact sheet of a picture, unless it is there and nothing is new."""
        picture = group[0].picture
        sheet = (output / _named(picture.place, "sheet")).with_suffix(".png")
        results = {
            job.prior.spec(): done.failed.get(self._name(job)) or output / job.place
            for job in group
        }
        if (sheet.exists() and not fresh) or all(isinstance(one, str) for one in results.values()):
            return
        try:
            draw_sheet(picture.source, results, sheet)
        except Exception as error:
            done.failed[str(sheet)] = restoration.reason(error)
            return
        say(f"wrote {sheet}: the picture and the results side by side")

    def _name(self, job: _Job) -> str:
        """Return what a job is called: by its picture, and by its prior if there are several."""
        name = printable(str(job.picture.source))
        return f"{name} with {job.prior.spec()}" if len(self.priors) > 1 else name


def _named(place: Path, name: str) -> Path:
    return place.with_name(f"{place.stem}-{name}{place.suffix}")


def _make_folder(folder: Path) -> None:
    try:
        folder.mkdir(parents=True, exist_ok=True)
    except OSError as error:
        raise UsageError(f"cannot make the folder {folder}: {error.strerror or error}") from None
