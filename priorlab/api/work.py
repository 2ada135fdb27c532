"""The work on many pictures: one that fails stops no other, and what is done is noted."""

from __future__ import annotations

import dataclasses
import functools
import hashlib
from collections.abc import Callable, Sequence
from pathlib import Path

from priorlab import restoration
from priorlab.api import jobs
from priorlab.api.choosing import draw_sheet
from priorlab.api.jobs import Group, Job
from priorlab.api.one import one_task
from priorlab.api.record import Record, ResultKeys, file_digest
from priorlab.api.restoring import restore_file
from priorlab.api.spared import check_spared, files_read, pictures_read
from priorlab.api.time_left import TimeLeft
from priorlab.errors import UsageError, check_seed, printable
from priorlab.ground import devices
from priorlab.ground.files import why_no_folder
from priorlab.harness.run import keys
from priorlab.harness.run.progress import Progress
from priorlab.pictures.collection import Collection, Found
from priorlab.pictures.formats import split_frame
from priorlab.registry import Registry


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


class Work:
    """What is done to each picture, and what is noted of it."""

    record: Record | None = None
    overwrite = False
    _alone = False

    def __init__(
        self,
        task: str,
        priors: str | Sequence[str],
        seed: int,
        device: str,
        registry: Registry,
        say: Callable[[str], object],
    ) -> None:
        self.task, self.seed, self.device = task, check_seed(seed), device
        self.registry, self.say = registry, say
        self.priors = registry.build_priors(priors)
        self._files = files_read([one_task(task, registry)[0], *self.priors])
        self._spared: dict[Path, str] = {}
        devices.find(device)

    def run(self, found: Collection, progress: Progress) -> Restored:
        """Restore all of the pictures."""
        output = found.folder
        done = Restored(left_out=found.left_out)
        groups = jobs.groups(found.pictures, self.priors)
        todo = [job for group in groups for job in group.jobs]
        self._spared = self._what_is_spared(found, groups)
        self._alone = found.to_file and len(todo) == 1
        clock = TimeLeft((job.prior.spec(), job.picture.file) for job in todo)
        progress.started(len(todo), 0, 1)
        try:
            for group in groups:
                say = self._speaker(group.picture, not found.to_file)
                for job in group.jobs:
                    self._do(job, output, done, say, progress, clock)
                if group.sheet:
                    self._sheet(group, group.sheet, output, done, say)
        except KeyboardInterrupt:
            left = len(todo) - done.count
            goes_on = "; the same command goes on from here" if self.record else ""
            self.say(f"stopped: {done.summary()}, {left} left{goes_on}")
            raise
        finally:
            progress.ended()
        if not self._alone:
            self.say(done.summary())
        return done

    def _what_is_spared(self, found: Collection, groups: Sequence[Group]) -> dict[Path, str]:
        """Return what extra pictures may not replace; a `UsageError` if results would as much."""
        read = pictures_read(picture.source for picture in found.pictures)
        results = {}
        for group in groups:
            if group.sheet:
                check_spared(found.folder / group.sheet, read | self._files)
            for job in group.jobs:
                result = found.folder / job.place
                check_spared(result, self._files if self.overwrite else read | self._files)
                results[result.resolve()] = f"the result of {job.picture.source}"
        return results | read

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
        job: Job,
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
            if self._alone:
                raise
            done.failed[name] = restoration.reason(error)
        clock.finished()
        progress.finished({"status": "ok"}, done.count, clock.seconds_left())

    def _restore(
        self,
        job: Job,
        output: Path,
        say: Callable[[str], object],
        step: Callable[[int, int], None],
    ) -> bool:
        """Restore a picture; returns whether that was necessary."""
        target, place = output / job.place, job.place.as_posix()
        key = source = ""
        if self.record:
            source = self._source(job, target, place, self.record)
            key = self._keys.key(job.prior, source)
            if self.record.is_done(place, key):
                return False
            self._check_own(target, place, self.record)
            make_folder(target.parent)
        restore_file(
            job.picture.source,
            target,
            self.task,
            job.prior,
            seed=self.seed,
            device=self.device,
            overwrite=self.overwrite,
            spared=self._spared,
            stem=job.stem,
            registry=self.registry,
            say=say,
            step=step,
        )
        if self.record:
            self.record.add(place, key, source)
        return True

    @functools.cached_property
    def _keys(self) -> ResultKeys:
        return ResultKeys(self.task, self.seed, self.device, self.registry)

    def _check_own(self, target: Path, place: str, record: Record) -> None:
        """Raise a `UsageError` where something else would be replaced by a result."""
        if not self.overwrite and not record.is_own(place):
            raise UsageError(
                f"{target} exists, and was not written by this command or was changed since;"
                " --overwrite replaces it"
            )

    @staticmethod
    def _source(job: Job, target: Path, place: str, record: Record) -> str:
        """Return the digest of what is to be restored, which its result may have replaced."""
        file, number = split_frame(job.picture.source)
        found = file_digest(file) + ("" if number is None else f"[{number}]")
        same = target.exists() and target.samefile(file)
        return record.source(place, found) if same else found

    def _sheet(
        self,
        group: Group,
        place: Path,
        output: Path,
        done: Restored,
        say: Callable[[str], object],
    ) -> None:
        """Draw the contact sheet of a picture, unless it is there and shows the same."""
        results = {
            job.prior.spec(): done.failed.get(self._name(job)) or output / job.place
            for job in group.jobs
        }
        if all(isinstance(result, str) for result in results.values()):
            return
        shown = [(name, _digest(result)) for name, result in results.items()]
        key = hashlib.sha256(keys.canonical(shown).encode()).hexdigest()
        try:
            if self.record:
                if self.record.is_done(place.as_posix(), key):
                    return
                self._check_own(output / place, place.as_posix(), self.record)
            draw_sheet(group.picture.source, results, output / place)
            if self.record:
                self.record.add(place.as_posix(), key, "")
        except Exception as error:
            done.failed[str(output / place)] = restoration.reason(error)
            return
        say(f"wrote {output / place}: the picture and the results side by side")

    def _name(self, job: Job) -> str:
        """Return what a job is called: by its picture, and by its prior if there are several."""
        name = printable(str(job.picture.source))
        return f"{name} with {job.prior.spec()}" if len(self.priors) > 1 else name


def _digest(result: Path | str) -> str:
    return result if isinstance(result, str) else file_digest(result)


def make_folder(folder: Path) -> None:
    """Make a folder and those above it, unless they are there."""
    try:
        folder.mkdir(parents=True, exist_ok=True)
    except OSError as error:
        raise UsageError(f"cannot make the folder {folder}: {why_no_folder(error)}") from None
