"""Putting a verified good copy in the place of a damaged file, so that it can be taken back.

For each file: what stands there must be what the scan found damaged, and the copy must have the
digest that the file had. It is written into the quarantine with the damaged file's owner, mode,
attributes and mtime, synced, and read again from the disk; the intent is journalled; the damaged
file is set aside by a rename, and the new one renamed to its place, replacing nothing.
"""

from __future__ import annotations

import os
import stat
import time
from collections.abc import Callable, Iterator, Sequence
from contextlib import ExitStack, contextmanager, suppress
from dataclasses import dataclass, field

from gorillacomb.bytepaths import below, readable
from gorillacomb.dedupe import disk, put
from gorillacomb.dedupe.checks import Skip
from gorillacomb.dedupe.file_content import attributes
from gorillacomb.dedupe.guards import Guard
from gorillacomb.dedupe.journal import DONE, INTENT, Move, Record, Recorded, Survivor
from gorillacomb.dedupe.live import LiveRoot
from gorillacomb.dedupe.locks import locked
from gorillacomb.dedupe.place import Places
from gorillacomb.dedupe.quarantine import Run, base_of, bases_of, begin, new_run
from gorillacomb.dedupe.set_aside import Ended, Prepared, Thing, sync
from gorillacomb.dedupe.sighting import Sighting
from gorillacomb.dedupe.spot import Different, Spot
from gorillacomb.dedupe.steps import Outcome, Step, Trouble
from gorillacomb.dedupe.undo import recover
from gorillacomb.fingerprint import digest_of_descriptor
from gorillacomb.model import Progress
from gorillacomb.openat import cause_of, is_same, open_file

_CHUNK = 1 << 20


@dataclass(frozen=True, slots=True)
class Harm:
    """A damaged file, and where copies of its good content are said to stand."""

    path: bytes
    """Absolute."""
    size: int
    mtime_ns: int
    digest: bytes
    """BLAKE3 of the good content, 32 bytes."""
    copies: tuple[bytes, ...]
    """Absolute paths."""


def repair(
    harms: Sequence[Harm],
    roots: list[LiveRoot],
    guard: Guard,
    progress: Progress,
    ended: Callable[[Outcome], None],
    now: Callable[[], int] = time.time_ns,
) -> Outcome:
    """Repair files.

    ``ended`` is called with the outcome in any case, also after Ctrl-C, while the locks are held.
    Raises Refused when another run holds a lock, OSError when a journal cannot be written.
    """
    places = Places(roots)
    paths = {path for harm in harms for path in (harm.path, *harm.copies)}
    concerned = {root.path for path in paths if (root := places.root_of(path)) is not None}
    with locked(concerned):
        repairing = _Repairing(places, guard, progress, now)
        for path in sorted(concerned):
            for base in bases_of(path):
                repairing.outcome.recovered += recover(base, now)
        try:
            repairing.run(harms)
        finally:
            ended(repairing.outcome)
    return repairing.outcome


@dataclass(slots=True)
class _Repairing:
    places: Places
    guard: Guard
    progress: Progress
    now: Callable[[], int]
    outcome: Outcome = field(init=False)
    _runs: dict[bytes, Run] = field(default_factory=dict)
    _stack: ExitStack = field(default_factory=ExitStack)

    def __post_init__(self) -> None:
        self.outcome = Outcome(new_run(self.now()))

    def run(self, harms: Sequence[Harm]) -> None:
        self.progress.stage("Repairing", len(harms), sum(harm.size for harm in harms) or 1)
        with self._stack:
            for number, harm in enumerate(harms, 1):
                try:
                    self._repair(number, harm)
                except Skip as skip:
                    to = self.outcome.failed if skip.failed else self.outcome.skipped
                    to.append(skip.trouble)
                self.progress.advance(1, harm.size)

    def _repair(self, number: int, harm: Harm) -> None:
        """Repair a file. Raises Skip where it cannot be; OSError when the journal fails."""
        spot = self._allowed(harm)
        try:
            with spot.opened() as (folder, name), _opened(name, folder) as damaged:
                facts = _still_damaged(damaged, harm)
                dress = attributes(damaged)
            keep, kept = self._good(harm, facts)
            run = self._run_for(harm.path)
        except Different as different:
            raise Skip(different.path, different.cause) from different
        except OSError as error:
            raise Skip(harm.path, cause_of(error), failed=True) from error
        slot, size = f"{number}".encode(), facts.st_blocks * 512
        move = Move(
            below(harm.path, run.base),
            slot,
            Survivor.of(keep.path, run.base),
            facts.st_ino,
            facts.st_mtime_ns,
            put=put.REPAIR,
        )
        thing = Thing(spot, run.spot(slot + put.NEW), Sighting({b"": facts}, [(keep, kept)]), move)
        record = Record(slot.decode(), INTENT, "file", 1, size, (move,), when_ns=self.now())
        step = Step(slot.decode(), "file", harm.path, keep.path, 1, size)
        self._carry_out(Prepared(step, run, record, [thing], self.now), keep, harm, dress)

    def _carry_out(
        self, prepared: Prepared, keep: Spot, harm: Harm, dress: dict[str, bytes]
    ) -> None:
        [thing], run = prepared.things, prepared.run
        new = thing.keep.name
        run.journal.note([prepared.record])
        try:
            try:
                _write_copy(run, new, keep, harm, thing.sighting.victim[b""], dress)
                done = prepared.set_aside({})
            except (Different, OSError) as error:
                known = isinstance(error, Different)
                cause = error.cause if isinstance(error, Different) else cause_of(error)
                back = prepared.take_back(cause)
                done = Ended(prepared, back, Trouble(harm.path, cause), not known)
            sync([prepared])
            _drop(run, new)
            run.journal.note([done.record])
        except BaseException:
            back = prepared.take_back("interrupted")
            with suppress(OSError):  # what is not noted, the next run finds out
                _drop(run, new)
                run.journal.note([back])
            raise
        if done.record.state == DONE:
            self.outcome.done.append(prepared.step)
            self.outcome.bytes_set_aside += done.record.size
        else:
            assert done.trouble is not None, "it was not done"
            (self.outcome.failed if done.failed else self.outcome.skipped).append(done.trouble)

    def _allowed(self, harm: Harm) -> Spot:
        spot = self.places.spot(harm.path)
        if spot is None:
            raise Skip(harm.path, "is in no scanned folder that is there now")
        try:
            refusal = self.guard.closed_to_repair(self.places.site(harm.path, False))
        except OSError as error:
            raise Skip(harm.path, cause_of(error)) from error
        if refusal is not None:
            raise Skip(harm.path, f"{refusal.cause} ({refusal.rule})")
        return spot

    def _run_for(self, path: bytes) -> Run:
        root = self.places.root_of(path)
        assert root is not None
        base = base_of(root.path, path)
        if base not in self._runs:
            recorded = Recorded(self.outcome.run, "", put.REPAIR, base, self.now())
            run = begin(root.path, base, recorded)
            self._stack.callback(run.close)
            self._runs[base] = run
        return self._runs[base]

    def _good(self, harm: Harm, facts: os.stat_result) -> tuple[Spot, os.stat_result]:
        """A copy that has the good content, read now. Raises Different."""
        for path in harm.copies:
            spot = self.places.spot(path)
            if spot is None:
                continue
            with suppress(OSError), spot.opened() as (folder, name), _opened(name, folder) as file:
                before = os.fstat(file)
                if os.path.samestat(before, facts) or not stat.S_ISREG(before.st_mode):
                    continue
                found = _digest(file, harm.size)
                if found == harm.digest and is_same(before, os.fstat(file)):
                    return spot, before
        raise Different(harm.path, "has no copy with the good content that can be read now")


@contextmanager
def _opened(name: bytes, folder: int) -> Iterator[int]:
    file = open_file(name, folder)
    try:
        yield file
    finally:
        os.close(file)


def _still_damaged(file: int, harm: Harm) -> os.stat_result:
    """What the open file is that was found damaged. Raises Different where it is not that."""
    facts = os.fstat(file)
    if not stat.S_ISREG(facts.st_mode) or facts.st_size != harm.size:
        raise Different(harm.path, "changed since it was found damaged")
    if facts.st_mtime_ns != harm.mtime_ns:
        raise Different(harm.path, "was edited since it was found damaged")
    if facts.st_nlink > 1:
        raise Different(harm.path, f"has {facts.st_nlink:,} names, which a repair would part")
    try:
        found: bytes | None = _digest(file, harm.size)
    except OSError:
        found = None  # a drive that fails cannot read it at all
    if found == harm.digest:
        raise Different(harm.path, "is not damaged any more: scan it")
    return facts


def _digest(file: int, size: int) -> bytes | None:
    """The digest of an open file, read from the disk; None when it has another size."""
    if hasattr(os, "posix_fadvise"):
        os.posix_fadvise(file, 0, 0, os.POSIX_FADV_DONTNEED)
    os.lseek(file, 0, os.SEEK_SET)
    digest, got = digest_of_descriptor(file, size)
    return digest if got == size else None


def _write_copy(
    run: Run,
    name: bytes,
    keep: Spot,
    harm: Harm,
    like: os.stat_result,
    dress: dict[str, bytes],
) -> None:
    """Write a copy into the quarantine that is to stand for a damaged file.

    Raises Different, OSError; what is written until then is left.
    """
    file = disk.create(run.folder, name)
    try:
        with keep.opened() as (folder, kept), _opened(kept, folder) as source:
            while data := os.read(source, _CHUNK):
                disk.write(file, data)
        disk.dress(file, like, dress)
        disk.sync(file)
        if _digest(file, harm.size) != harm.digest:
            raise Different(harm.path, f"could not be copied whole from {readable(keep.path)}")
    finally:
        os.close(file)


def _drop(run: Run, name: bytes) -> None:
    """Remove a copy that is not needed; none is there where it was put in place."""
    with suppress(FileNotFoundError):
        disk.remove(run.folder, name)
