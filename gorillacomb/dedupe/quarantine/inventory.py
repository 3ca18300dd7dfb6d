"""What is or was in quarantines: the runs and their items, according to journals and the disk."""

from __future__ import annotations

import os
import stat
import time
from collections.abc import Iterable, Iterator
from contextlib import suppress
from dataclasses import dataclass

from gorillacomb import clock
from gorillacomb.dedupe.quarantine import replacement
from gorillacomb.dedupe.quarantine.bases import (
    known_bases,
    quarantine_bases,
    quarantine_identity,
)
from gorillacomb.dedupe.quarantine.journal_entries import (
    HELD,
    INTENT,
    PURGED,
    REPAIR,
    TAKEN_BACK,
    CopyRecord,
    JournalContents,
    StepRecord,
)
from gorillacomb.dedupe.quarantine.run import read_run
from gorillacomb.dedupe.quarantine.run_folders import (
    begun_runs,
    list_runs,
    open_run_folder,
    run_folder,
    run_slots,
)
from gorillacomb.dedupe.roots import LiveRoot
from gorillacomb.errors import UntrustedInput
from gorillacomb.fs.darwin import system
from gorillacomb.fs.openat import FileIdentity
from gorillacomb.fs.paths import is_below, join

BLOCK = 512
"""Bytes, of `st_blocks`."""


@dataclass(frozen=True, slots=True)
class RecordedRun:
    """What one run did in one base."""

    base: bytes
    run: str
    recorded: JournalContents
    names: frozenset[bytes]
    """The names of everything in its folder except the journal."""
    slots: frozenset[bytes]
    """The names of what is quarantined there: a link that is to replace something is our own."""

    @property
    def folder(self) -> bytes:
        """The absolute path of its folder in the quarantine."""
        return run_folder(self.base, self.run)

    @property
    def is_open(self) -> bool:
        """Whether something is to be taken back, if only a link that a killed undo left here."""
        copies = self.recorded.copies_left()
        if any(self._may_go(copy) for copy in copies):
            return True
        steps = (*self.recorded.held(), *self.recorded.half_done())
        return any(move.slot in self.names for step in steps for move in step.moves)

    def _may_go(self, copy: CopyRecord) -> bool:
        """Return whether the original of a copy is back; or, of a dropped file, it is there."""
        place = join(self.base, copy.path) if copy.is_dropped else copy.source.at(self.base)
        return os.path.lexists(place)

    @property
    def has_copies_that_stayed(self) -> bool:
        """Whether an undo left copies at their place that may be removed by now."""
        copies = self.recorded.copies_that_stayed()
        return any(os.path.lexists(join(self.base, copy.path)) for copy in copies)

    def done_steps(self) -> list[StepRecord]:
        """Return the steps that were done, whatever became of them since."""
        return [
            step
            for step in self.recorded.steps.values()
            if step.state not in (INTENT, TAKEN_BACK)
            or any(move.slot in self.slots for move in step.moves)
        ]


@dataclass(frozen=True, slots=True)
class QuarantinedRun:
    """What one run has in the quarantine of one base."""

    base: bytes
    run: str
    action: str
    started_ns: int
    age_ns: int | None
    """How long ago that was; None if unknown."""
    steps: int
    """0 if there is only a link of ours that a killed run left."""
    files: int
    size: int
    """Bytes on disk."""

    @property
    def folder(self) -> bytes:
        """The absolute path of its folder in the quarantine."""
        return run_folder(self.base, self.run)


def recorded_runs(
    roots: Iterable[LiveRoot],
    also: Iterable[tuple[bytes, str]] = (),
    waiting: bool = False,
    invalid: list[str] | None = None,
) -> Iterator[RecordedRun]:
    """Read the runs in the quarantines of roots, oldest first in each base, each once.

    ``also`` names runs by a root and their name, which are looked for even if no root is there now.
    ``waiting`` leaves out runs without quarantined items. A run with an invalid journal is skipped;
    what is wrong with it is added to ``invalid``. Raises OSError.
    """
    seen: set[tuple[FileIdentity | None, str]] = set()
    listed = list_runs if waiting else begun_runs
    for base, within in known_bases(roots).items():
        identity = quarantine_identity(base)
        for name in listed(base):
            found = _recorded(base, name, invalid)
            if found is not None and (within is None or _concerns(found, within)):
                seen.add((identity, name))
                yield found
    for root, names in _by_root(also).items():
        for base in quarantine_bases(root):
            identity = quarantine_identity(base)
            left = [name for name in names if identity and (identity, name) not in seen]
            for name in set(left).intersection(listed(base)) if left else ():
                seen.add((identity, name))
                found = _recorded(base, name, invalid)
                if found is not None:
                    yield found


def _by_root(also: Iterable[tuple[bytes, str]]) -> dict[bytes, list[str]]:
    found: dict[bytes, list[str]] = {}
    for root, name in also:
        found.setdefault(root, []).append(name)
    return found


def _recorded(base: bytes, name: str, invalid: list[str] | None) -> RecordedRun | None:
    try:
        recorded = read_run(base, name)
        names = run_slots(base, name)
        return RecordedRun(base, name, recorded, names, _waiting_slots(base, recorded, names))
    except UntrustedInput as error:
        text = f"{error.message} {error.hint}"
        if invalid is not None and text not in invalid:
            invalid.append(text)
        return None


def _waiting_slots(
    base: bytes, recorded: JournalContents, found: frozenset[bytes]
) -> frozenset[bytes]:
    """Return the names in a run's folder without our links. Raises OSError."""
    moves = [move for record in recorded.steps.values() for move in record.moves if move.put]
    if not moves or not found:
        return found
    folder, _ = open_run_folder(base, recorded.run)
    try:
        return found - {
            move.slot
            for move in moves
            if move.slot in found
            and replacement.is_link(move, folder, move.slot, move.keep.at(base))
        }
    finally:
        os.close(folder)


def _concerns(run: RecordedRun, roots: Iterable[bytes]) -> bool:
    """Return whether an item of a run was in one of some folders."""
    inner = [each.path for step in run.recorded.steps.values() for each in step.moves]
    inner += [each.path for each in run.recorded.copies.values()]
    paths = [join(run.base, each) for each in inner]
    return any(is_below(path, root) for root in roots for path in paths)


def quarantined_runs(
    roots: Iterable[LiveRoot], also: Iterable[tuple[bytes, str]] = ()
) -> Iterator[QuarantinedRun]:
    """Summarize what is in the quarantines of roots, like `recorded_runs`, by what is on disk."""
    for each in recorded_runs(roots, also, waiting=True):
        held = waiting_in(each)
        if each.is_open:
            yield QuarantinedRun(
                each.base,
                each.run,
                each.recorded.action,
                each.recorded.started_ns,
                run_age_ns(each.recorded, time.time_ns()),
                len(held),
                sum(files for files, _ in held),
                sum(size for _, size in held),
            )


def waiting_in(run: RecordedRun) -> list[tuple[int, int]]:
    """Count files and bytes on disk of each step of a run that has quarantined items."""
    steps = run.recorded.steps.values()
    return [found for step in steps if (found := _waiting_of(run, step)) is not None]


def _waiting_of(run: RecordedRun, record: StepRecord) -> tuple[int, int] | None:
    """Count the quarantined files and bytes on disk of a step; None if there are none."""
    here = [move.slot for move in record.moves if move.slot in run.slots]
    if not here or record.state not in (INTENT, *HELD):
        return None
    if len(here) == len(record.moves) and not record.back:
        return record.files, record.size
    found = [size_below(join(run.folder, slot)) for slot in here]
    return sum(files for files, _ in found), sum(size for _, size in found)


def size_below(path: bytes) -> tuple[int, int]:
    """Count the files at a path and below it, and the bytes on disk that all there takes.

    Links and the like do not count as files, as in plans and journals; their bytes do.
    """
    files = 0
    blocks: dict[int, int] = {}
    for facts in _facts_below(path):
        files += stat.S_ISREG(facts.st_mode)
        blocks[facts.st_ino] = facts.st_blocks
    return files, sum(blocks.values()) * BLOCK


def _facts_below(path: bytes) -> Iterator[os.stat_result]:
    """Stat a file, or everything but folders in a folder; skip what disappears in the meantime."""
    waiting = [path]
    while waiting:
        at = waiting.pop()
        try:
            facts = os.lstat(at)
            if stat.S_ISDIR(facts.st_mode):
                waiting += [join(at, name) for name in os.listdir(at)]
            else:
                yield facts
        except OSError:
            continue


def run_age_ns(
    recorded: JournalContents, now_ns: int, record: StepRecord | None = None
) -> int | None:
    """Return how long ago a run began, or a step of it ended; None if unknown.

    As long as the machine has not been restarted, the age comes from the clock that no one sets:
    the other one may have been years behind, and be right by now.
    """
    if recorded.boot and recorded.boot == system.boot_id():
        age: int | None = max(0, clock.since_boot_ns() - recorded.uptime_ns)
    else:
        age = clock.age_ns(recorded.started_ns, now_ns)
    took = 0 if record is None else record.when_ns - recorded.started_ns
    return age if age is None or not 0 <= took <= age else age - took


def held_in(bases: Iterable[bytes]) -> Iterator[tuple[bytes, StepRecord]]:
    """Return the steps with quarantined items in some folders, except repairs."""
    for base in bases:
        for name in list_runs(base):
            with suppress(UntrustedInput):
                recorded = read_run(base, name)
                if recorded.action != REPAIR:
                    yield from ((base, record) for record in recorded.held() if not record.emptied)


def deleted_paths(places: Iterable[bytes]) -> Iterator[tuple[bytes, int]]:
    """Yield each path that was deleted for good from quarantines in some folders, and when, in ns.

    An unreadable journal is skipped: apply and undo report it.
    """
    for base in dict.fromkeys(base for place in places for base in quarantine_bases(place)):
        for name in begun_runs(base):
            with suppress(UntrustedInput, OSError):
                recorded = read_run(base, name)
                for record in (each for each in recorded.steps.values() if each.state == PURGED):
                    for move in record.moves:
                        yield join(base, move.path), record.when_ns
