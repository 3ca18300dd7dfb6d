"""Replace damaged files with verified good copies, reversibly.

For each file: the file there must be what the scan found damaged, and a copy must have the digest
that it used to have. The copy is written into the quarantine, with the damaged file's owner, mode,
attributes and mtime, synced, and read again from the disk; then the two files are exchanged, so
that the file is never missing. The intent is journalled twice, before the copy is written and
before the exchange; a repair that is interrupted in between is finished like any killed run.
"""

from __future__ import annotations

import os
import stat
import time
from collections.abc import Callable, Iterator, Sequence
from contextlib import ExitStack, contextmanager, suppress
from dataclasses import dataclass, field, replace

from gorillacomb.dedupe.apply.locks import locked_roots
from gorillacomb.dedupe.apply.path_resolver import PathResolver
from gorillacomb.dedupe.apply.preflight import StepSkipped
from gorillacomb.dedupe.apply.repair_recovery import (
    MEANWHILE,
    FileFacts,
    SlotContent,
    digest_on_disk,
    finish_repair,
    inspect_file,
    inspect_slot,
)
from gorillacomb.dedupe.apply.undo import finish_interrupted_runs
from gorillacomb.dedupe.copies.tree_copy import copy_content
from gorillacomb.dedupe.model import PlanStep, RunOutcome, StepProblem
from gorillacomb.dedupe.quarantine.bases import bases_of, quarantine_base
from gorillacomb.dedupe.quarantine.journal_entries import (
    DONE,
    INTENT,
    REPAIR,
    STUCK,
    JournalContents,
    KeptCopy,
    MovedItem,
    RepairContents,
    StepRecord,
)
from gorillacomb.dedupe.quarantine.run import (
    Quarantine,
    create_run,
    new_run_id,
)
from gorillacomb.dedupe.roots import LiveRoot
from gorillacomb.dedupe.safety.policy import SafetyPolicy
from gorillacomb.fs import mutations
from gorillacomb.fs.comparison import extended_attributes
from gorillacomb.fs.lease import IN_USE, is_open_for_writing
from gorillacomb.fs.location import ContentDiffers, FileLocation
from gorillacomb.fs.openat import is_unchanged, open_file, os_error_text
from gorillacomb.fs.paths import path_text, relative_path
from gorillacomb.progress import Progress

_CHANGED = "changed since it was found damaged: scan it again"


@dataclass(frozen=True, slots=True)
class DamagedFile:
    """A damaged file, and where copies of its good content are said to be."""

    path: bytes
    """Absolute."""
    size: int
    mtime_ns: int
    ctime_ns: int
    digest: bytes
    """BLAKE3 of the good content, 32 bytes."""
    copies: tuple[bytes, ...]
    """Absolute paths."""


def repair_files(
    harms: Sequence[DamagedFile],
    roots: list[LiveRoot],
    guard: SafetyPolicy,
    progress: Progress,
    ended: Callable[[RunOutcome], None],
    now: Callable[[], int] = time.time_ns,
) -> RunOutcome:
    """Repair files; those that already have their good content count as done before.

    ``ended`` is called with the outcome in any case, also after Ctrl-C, while the locks are held.
    Raises Refused if another run holds a lock, OSError if a journal cannot be written.
    """
    places = PathResolver(roots)
    paths = {path for harm in harms for path in (harm.path, *harm.copies)}
    concerned = {root.path: root for path in paths if (root := places.root_of(path)) is not None}
    repairing = _RepairExecutor(places, guard, progress, now)
    with locked_roots(concerned):
        for path in sorted(concerned):
            for base in bases_of(concerned[path]):
                repairing.outcome.recovered += finish_interrupted_runs(base, now)
        try:
            repairing.run(harms)
        finally:
            ended(repairing.outcome)
    return repairing.outcome


@dataclass(slots=True)
class _PreparedRepair:
    """A repair that may be done."""

    run: Quarantine
    record: StepRecord
    place: FileLocation
    keep: FileLocation
    file: int
    """The damaged file, held open so that no other file can get its inode number."""
    damaged: FileFacts
    contents: RepairContents

    @property
    def move(self) -> MovedItem:
        return self.record.moves[0]

    @move.setter
    def move(self, move: MovedItem) -> None:
        self.record = replace(self.record, moves=(move,))

    def refuse_changed(self) -> None:
        """Refuse a file that has changed since it was looked at. Raises Different."""
        if not is_unchanged(self.damaged.facts, os.fstat(self.file)):
            raise ContentDiffers(self.place.path, MEANWHILE)
        if is_open_for_writing(self.file):
            raise ContentDiffers(self.place.path, IN_USE)


@dataclass(slots=True)
class _RepairExecutor:
    places: PathResolver
    guard: SafetyPolicy
    progress: Progress
    now: Callable[[], int]
    outcome: RunOutcome = field(init=False)
    _runs: dict[bytes, Quarantine] = field(default_factory=dict)
    _stack: ExitStack = field(default_factory=ExitStack)

    def __post_init__(self) -> None:
        self.outcome = RunOutcome(new_run_id(self.now()))

    def run(self, harms: Sequence[DamagedFile]) -> None:
        self.progress.stage("Repairing", len(harms), sum(harm.size for harm in harms) or 1)
        with self._stack:
            for number, harm in enumerate(harms, 1):
                try:
                    self._repair(number, harm)
                except StepSkipped as skip:
                    self._tell(skip.trouble, skip.failed)
                self.progress.advance(1, harm.size)

    def _tell(self, trouble: StepProblem, failed: bool) -> None:
        (self.outcome.failed if failed else self.outcome.skipped).append(trouble)

    def _repair(self, number: int, harm: DamagedFile) -> None:
        """Repair a file. Raises Skip if it cannot be repaired, OSError if the journal fails."""
        place = self._allowed(harm)
        with ExitStack() as stack:
            try:
                file = stack.enter_context(_opened(place))
                found = _look_at_damage(file, harm)
                if found is None:
                    self.outcome.before += 1
                    return
                damaged, digest = found
                keep = self._good(harm)
                run = self._run_for(harm.path)
            except ContentDiffers as different:
                raise StepSkipped(different.path, different.cause) from different
            except OSError as error:
                raise StepSkipped(harm.path, os_error_text(error), failed=True) from error
            contents = RepairContents(harm.digest, digest, harm.size)
            move = MovedItem(
                relative_path(harm.path, run.base),
                b"%d" % number,
                KeptCopy.of(keep.path, run.base),
                damaged.facts.st_ino,
                damaged.facts.st_mtime_ns,
                contents=contents,
            )
            size = damaged.facts.st_blocks * 512
            record = StepRecord(f"{number}", INTENT, "file", 1, size, (move,), when_ns=self.now())
            self._carry_out(_PreparedRepair(run, record, place, keep, file, damaged, contents))

    def _carry_out(self, ready: _PreparedRepair) -> None:
        run, path = ready.run, ready.place.path
        run.journal.note([ready.record])
        trouble, failed = None, False
        try:
            try:
                self._exchange(ready)
            except ContentDiffers as different:
                trouble = StepProblem(different.path, different.cause)
            except OSError as error:
                known = error.strerror if isinstance(error, mutations.CannotMove) else None
                trouble, failed = StepProblem(path, known or os_error_text(error)), True
        except BaseException:
            with suppress(OSError):  # the next run finds out what is not recorded
                self._note(ready, finish_repair(run, ready.record, self.now))
            raise
        ended = finish_repair(run, ready.record, self.now)
        if ended.state != DONE and trouble is None:
            trouble, failed = StepProblem(path, ended.cause or "was put back"), True
        if ended.state == STUCK and trouble is not None:
            trouble = replace(trouble, cause=f"{trouble.cause}; {ended.cause}")
        self._note(ready, ended)
        if ended.state != DONE and trouble is not None:
            self._tell(trouble, failed)

    def _note(self, ready: _PreparedRepair, ended: StepRecord) -> None:
        ready.run.journal.note([ended])
        if ended.state == DONE:
            record = ready.record
            step = PlanStep(record.step, "file", ready.place.path, ready.keep.path, 1, record.size)
            self.outcome.done.append(step)
            self.outcome.bytes_set_aside += record.size

    def _exchange(self, ready: _PreparedRepair) -> None:
        """Write a good copy into the slot, and exchange it with the damaged file.

        Raises Different, OSError; whatever was done until then is left.
        """
        run, contents = ready.run, ready.contents
        new = _written(ready)
        ready.refuse_changed()  # may have taken long
        with ready.place.opened() as (folder, name):
            if os.fstat(folder).st_dev != os.fstat(run.folder).st_dev:
                raise ContentDiffers(
                    ready.place.path, "is on another file system than its quarantine"
                )
            before = os.fstat(folder).st_mtime_ns
            written = ready.move
            ready.move = replace(written, put=REPAIR, parent_mtime_ns=before)
            run.journal.note([ready.record])
            ready.refuse_changed()
            try:
                swapped = run.exchange(written.slot, folder, name, ready.damaged.facts)
            except mutations.CannotMove:
                ready.move = written  # only we have seen the copy
                raise
            if not swapped:
                raise ContentDiffers(ready.place.path, MEANWHILE)
            held, aside = inspect_file(ready.file, contents)
            same = aside.has_metadata_of(ready.damaged) and aside.facts.st_nlink == 1
            if held is not SlotContent.DAMAGED or not same or aside.written:
                run.exchange(written.slot, folder, name, new)
                raise ContentDiffers(ready.place.path, MEANWHILE)
            after = os.fstat(folder).st_mtime_ns
            ready.move = replace(ready.move, parent_after_ns=after)

    def _allowed(self, harm: DamagedFile) -> FileLocation:
        place = self.places.location(harm.path)
        if place is None:
            raise StepSkipped(harm.path, "is in no scanned folder that is there now")
        try:
            refusal = self.guard.closed_to_repair(self.places.context(harm.path, False))
        except OSError as error:
            raise StepSkipped(harm.path, os_error_text(error)) from error
        if refusal is not None:
            raise StepSkipped(harm.path, f"{refusal.cause} ({refusal.rule})")
        return place

    def _run_for(self, path: bytes) -> Quarantine:
        root = self.places.root_of(path)
        assert root is not None, "asked only for what is in a root"
        base = quarantine_base(root.path, path)
        if base not in self._runs:
            recorded = JournalContents(self.outcome.run, "", REPAIR, base, self.now())
            run = create_run(root.path, base, recorded)
            self._stack.callback(run.close)
            self._runs[base] = run
        return self._runs[base]

    def _good(self, harm: DamagedFile) -> FileLocation:
        """Return a copy whose content, read now, is good. Raises Different."""
        contents = RepairContents(harm.digest, b"", harm.size)
        for path in harm.copies:
            spot = self.places.location(path)
            if spot is None or path == harm.path:
                continue
            with suppress(OSError), spot.opened() as (folder, name):
                held, _ = inspect_slot(folder, name, contents)
                if held is SlotContent.GOOD:
                    return spot
        raise ContentDiffers(harm.path, "has no copy with the good content that can be read now")


@contextmanager
def _opened(place: FileLocation) -> Iterator[int]:
    """Open a regular file for reading and return its descriptor. Raises Different, OSError."""
    with place.opened() as (folder, name):
        if not stat.S_ISREG(os.stat(name, dir_fd=folder, follow_symlinks=False).st_mode):
            raise ContentDiffers(place.path, _CHANGED)
        file = open_file(name, folder)
    try:
        yield file
    finally:
        os.close(file)


def _look_at_damage(file: int, harm: DamagedFile) -> tuple[FileFacts, bytes] | None:
    """Return a damaged file and the digest of its content; None if it is good again.

    Raises Different if it is not what was found damaged, OSError.
    """
    mutations.fsync(file)  # a write through a memory map shows in the times from then on
    digest, got = digest_on_disk(file, harm.size)
    if got == harm.size and digest == harm.digest:
        return None
    held, found = inspect_file(file, RepairContents(harm.digest, digest, harm.size))
    facts = found.facts
    times = facts.st_mtime_ns, facts.st_ctime_ns
    if held is not SlotContent.DAMAGED or times != (harm.mtime_ns, harm.ctime_ns):
        raise ContentDiffers(harm.path, _CHANGED)
    if facts.st_nlink > 1:
        raise ContentDiffers(harm.path, f"has {facts.st_nlink:,} names, which a repair would part")
    if found.written:
        raise ContentDiffers(harm.path, IN_USE)
    return found, digest


def _written(ready: _PreparedRepair) -> os.stat_result:
    """Like `_write_copy`, but remove a copy that is not good, which only we have seen."""
    try:
        return _write_copy(ready)
    except BaseException:
        with suppress(OSError):
            held, _ = inspect_slot(ready.run.folder, ready.move.slot, ready.contents)
            if held is not SlotContent.GOOD:
                mutations.remove(ready.run.folder, ready.move.slot)
        raise


def _write_copy(ready: _PreparedRepair) -> os.stat_result:
    """Write a copy into the slot that will replace a damaged file; return its facts.

    Raises Different, OSError; what is written until then is left.
    """
    damaged, contents = ready.damaged, ready.contents
    file = mutations.create(ready.run.folder, ready.move.slot)
    try:
        with ready.keep.opened() as (folder, name):
            source = open_file(name, folder)
            try:
                sparse = any(map(mutations.has_holes, (os.fstat(source), damaged.facts)))
                copy_content(source, file, contents.size, sparse)
            finally:
                os.close(source)
        mutations.copy_metadata(file, damaged.facts, extended_attributes(file), damaged.attributes)
        mutations.fsync(file)
        held, new = inspect_file(file, contents)
        if held is not SlotContent.GOOD or not new.has_metadata_of(damaged):
            cause = f"could not be copied whole from {path_text(ready.keep.path)}"
            raise ContentDiffers(ready.place.path, cause)
        return new.facts
    finally:
        os.close(file)
