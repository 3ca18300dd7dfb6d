"""What becomes of a repair: one that was cut short is ended, one that is done can be taken back.

A repair exchanges a damaged file with a copy of its good content, written beforehand into the slot
where the damaged one is to wait. How far it came is told by what the place and the slot hold, never
by inodes: a copy of the drive has others. Nothing is unlinked here but such a copy, and only where
no program can be writing to it.
"""

from __future__ import annotations

import os
import stat
from collections.abc import Callable
from dataclasses import dataclass, replace
from enum import Enum, auto

from gorillacomb.bytepaths import join, readable
from gorillacomb.dedupe import disk
from gorillacomb.dedupe.file_content import attributes
from gorillacomb.dedupe.journal import DONE, STUCK, TAKEN_BACK, Contents, Move, Record
from gorillacomb.dedupe.quarantine import Run
from gorillacomb.dedupe.sighting import Sighting
from gorillacomb.dedupe.spot import Different, Spot, make_folders
from gorillacomb.dedupe.steps import Trouble
from gorillacomb.fingerprint import digest_of_descriptor, forget_cached
from gorillacomb.openat import cause_of, is_same, open_file


class Held(Enum):
    """What a name holds."""

    NOTHING = auto()
    GOOD = auto()
    DAMAGED = auto()
    OTHER = auto()


@dataclass(frozen=True, slots=True)
class File:
    """What is known of a regular file beside its content."""

    facts: os.stat_result
    attributes: dict[str, bytes]
    written: bool | None
    """Whether a program has it open for writing; None where nobody can tell."""

    def is_dressed_as(self, other: File) -> bool:
        """Whether owner, mode, mtime and extended attributes are those of another file."""
        return self._dress() == other._dress()

    def _dress(self) -> object:
        facts = self.facts
        return facts.st_uid, facts.st_gid, facts.st_mode, facts.st_mtime_ns, self.attributes


def look(folder: int, name: bytes, contents: Contents) -> tuple[Held, File | None]:
    """Read from the disk what a name in an open folder holds; None for no regular file.

    Raises OSError.
    """
    try:
        if not stat.S_ISREG(os.stat(name, dir_fd=folder, follow_symlinks=False).st_mode):
            return Held.OTHER, None
        file = open_file(name, folder)
    except FileNotFoundError:
        return Held.NOTHING, None
    try:
        return look_into(file, contents)
    finally:
        os.close(file)


def look_into(file: int, contents: Contents) -> tuple[Held, File]:
    """Read an open file from the disk. Raises OSError."""
    before = os.fstat(file)
    digest, got = digest_on_disk(file, contents.size)
    known = {contents.good: Held.GOOD, contents.damaged: Held.DAMAGED}
    held = known.get(digest, Held.OTHER)
    if not got == contents.size == before.st_size or not is_same(before, os.fstat(file)):
        held = Held.OTHER
    return held, File(before, attributes(file), disk.is_being_written(file))


def digest_on_disk(file: int, size: int) -> tuple[bytes, int]:
    """As `digest_of_descriptor`, from the beginning of an open file and past the cache."""
    forget_cached(file)
    os.lseek(file, 0, os.SEEK_SET)
    return digest_of_descriptor(file, size)


def swap(run: Run, slot: bytes, folder: int, name: bytes, here: os.stat_result) -> bool:
    """Exchange what a slot holds with what stands at a place, if that still is ``here``.

    If not, the two are as they were before; returns which. Raises OSError.
    """
    aside = os.stat(slot, dir_fd=run.folder, follow_symlinks=False)
    disk.exchange(run.folder, slot, folder, name)
    if os.path.samestat(os.stat(slot, dir_fd=run.folder, follow_symlinks=False), here):
        return True
    # Somebody put another thing there at that very moment, and that is to stand there.
    if os.path.samestat(os.stat(name, dir_fd=folder, follow_symlinks=False), aside):
        disk.exchange(run.folder, slot, folder, name)
    return False


def end(run: Run, record: Record, now: Callable[[], int]) -> Record:
    """End a repair of which only the intent is known; what came of it is in the record returned.

    Raises OSError when the journal cannot be written.
    """
    [move] = record.moves
    try:
        state, cause = _end(run, move)
    except OSError as error:
        state, cause = STUCK, cause_of(error)
    if state == STUCK:
        cause = f"{cause}: {readable(join(run.path, move.slot))}"
    return replace(record, state=state, cause=cause, when_ns=now())


def _end(run: Run, move: Move) -> tuple[str, str | None]:
    """Bring a repair to where it is done, or not begun; returns its state, and why it is stuck."""
    held, _ = look(run.folder, move.slot, _contents(move))
    if held is Held.NOTHING:
        return TAKEN_BACK, None
    if move.put is None:
        disk.remove(run.folder, move.slot)  # ours, perhaps half of it: it was being written
        return TAKEN_BACK, None
    if held is Held.DAMAGED:
        with run.place(move).opened() as (folder, _):
            disk.sync(folder)
        disk.sync(run.folder)
        return DONE, None
    cause = _drop(run, move) if held is Held.GOOD else _give_back(run, move)
    return (TAKEN_BACK if cause is None else STUCK), cause


def undo(run: Run, record: Record) -> Trouble | None:
    """Have the damaged file and the good copy take each other's place again; returns why not."""
    [move] = record.moves
    try:
        cause = _give_back(run, move)
    except OSError as error:
        cause = cause_of(error)
    return None if cause is None else Trouble(join(run.base, move.path), cause)


def _give_back(run: Run, move: Move) -> str | None:
    """Put what waits in the slot back in its place; returns why not. Raises OSError."""
    contents, place = _contents(move), run.place(move)
    held, aside = look(run.folder, move.slot, contents)
    if held is not Held.NOTHING:
        make_folders(place)
    with place.opened() as (folder, name):
        held_here, here = look(folder, name, contents)
        if held in (Held.NOTHING, Held.GOOD):
            if held_here is not Held.DAMAGED:
                return "is not in the quarantine any more"
            return None if held is Held.NOTHING else _drop(run, move)  # killed before that
        alone = os.fstat(folder).st_mtime_ns == move.parent_after_ns
        cause = None
        if held_here is Held.NOTHING:
            disk.move(run.folder, move.slot, folder, name)
        elif held_here is not Held.GOOD or not aside or not here or not here.is_dressed_as(aside):
            cause = "was changed since it was repaired"
        elif here.written:
            cause = "is open in a program that may write to it"
        elif not swap(run, move.slot, folder, name, here.facts):
            cause = "changed meanwhile"
        if cause is None and alone and move.parent_mtime_ns is not None:
            disk.set_mtime(folder, move.parent_mtime_ns)
        disk.sync(folder)
        disk.sync(run.folder)
    return cause or (_drop(run, move) if run.holds(move) else None)


def _drop(run: Run, move: Move) -> str | None:
    """Remove the good copy in a slot, if nobody can be writing to it; returns why not."""
    held, copy = look(run.folder, move.slot, _contents(move))
    if held is not Held.GOOD or copy is None or copy.facts.st_mtime_ns != move.mtime_ns:
        return "is put back; what stood there had changed by then, and waits in the quarantine"
    if copy.written:
        return "is put back; what stood there waits until no program has it open any more"
    if copy.written is False:  # where nobody can tell, it stays for good
        disk.remove(run.folder, move.slot)
    return None


def last_look(run: Run, move: Move, spot: Spot, keep: Callable[[], Spot]) -> Sighting:
    """A damaged file that may leave the disk, with a place where its good content stands.

    ``spot`` is where it waits; ``keep`` says where the copy stood that it was repaired from, and is
    asked when the place itself holds the good content no more. Raises Different, OSError.
    """
    contents, place = _contents(move), run.place(move)
    with spot.opened() as (folder, name):
        held, aside = look(folder, name, contents)
    if held is not Held.DAMAGED or aside is None:
        raise Different(spot.path, "was written to since it was set aside")
    if aside.written:
        raise Different(spot.path, "is open in a program that may write to it")
    survivor = _good(place, contents) or _good(keep(), contents)
    if survivor is None:
        raise Different(place.path, "was repaired, and its good content stands nowhere any more")
    return Sighting({b"": aside.facts}, [survivor])


def _good(spot: Spot, contents: Contents) -> tuple[Spot, os.stat_result] | None:
    """A place, if it holds the good content."""
    try:
        with spot.opened() as (folder, name):
            held, file = look(folder, name, contents)
    except OSError:
        return None  # what cannot be read is no good copy
    return (spot, file.facts) if held is Held.GOOD and file is not None else None


def _contents(move: Move) -> Contents:
    assert move.contents is not None, "a journal of a repair that lacks them is not read"
    return move.contents
