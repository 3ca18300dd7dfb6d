"""Finish interrupted repairs, and take back completed ones.

A repair exchanges a damaged file with a copy of its good content, written beforehand into the slot
where the damaged one is to be kept. How far it got is determined by what the place and the slot
contain, never by inodes: a copy of the drive has others. Only such a copy is ever unlinked here,
and only if the content exists elsewhere too and no program can be writing to it.
"""

from __future__ import annotations

import os
import stat
from collections.abc import Callable
from dataclasses import dataclass, replace
from enum import Enum, auto

from gorillacomb.dedupe.apply.folder_times import FolderTimes
from gorillacomb.dedupe.compare.snapshot import TreeSnapshot
from gorillacomb.dedupe.model import StepProblem
from gorillacomb.dedupe.quarantine.journal_entries import (
    DONE,
    STUCK,
    TAKEN_BACK,
    MovedItem,
    RepairContents,
    StepRecord,
)
from gorillacomb.dedupe.quarantine.run import Quarantine, later_run_holding
from gorillacomb.fs import mutations
from gorillacomb.fs.comparison import extended_attributes, is_prefix_of
from gorillacomb.fs.lease import IN_USE, is_open_for_writing
from gorillacomb.fs.location import ContentDiffers, FileLocation, create_parents
from gorillacomb.fs.openat import identity_of, is_unchanged, open_file, os_error_text
from gorillacomb.fs.paths import join, path_text, relative_path
from gorillacomb.fs.volumes import COARSEST_GRAIN_NS
from gorillacomb.hashing import digest_of_descriptor, drop_page_cache

MEANWHILE = "changed meanwhile"
_CHANGED = "was changed since it was repaired"
_UNKNOWN = (
    "waits, since nobody can tell whether a program has it open: --empty-quarantine deletes it"
)


class SlotContent(Enum):
    """What a name contains."""

    NOTHING = auto()
    GOOD = auto()
    DAMAGED = auto()
    OTHER = auto()


@dataclass(frozen=True, slots=True)
class FileFacts:
    """The facts about a regular file, apart from its content."""

    facts: os.stat_result
    attributes: dict[str, bytes]
    written: bool | None
    """Whether a program has it open for writing; None if that is unknown."""

    def has_metadata_of(self, other: FileFacts) -> bool:
        """Return whether owner, mode, mtime and extended attributes equal those of another file."""
        return self._dress() == other._dress()

    def _dress(self) -> object:
        facts = self.facts
        return facts.st_uid, facts.st_gid, facts.st_mode, facts.st_mtime_ns, self.attributes


def inspect_slot(
    folder: int, name: bytes, contents: RepairContents
) -> tuple[SlotContent, FileFacts | None]:
    """Read from disk what a name in an open folder contains; None if it is not a regular file.

    Raises OSError.
    """
    try:
        if not stat.S_ISREG(os.stat(name, dir_fd=folder, follow_symlinks=False).st_mode):
            return SlotContent.OTHER, None
        file = open_file(name, folder)
    except FileNotFoundError:
        return SlotContent.NOTHING, None
    try:
        return inspect_file(file, contents)
    finally:
        os.close(file)


def inspect_file(file: int, contents: RepairContents) -> tuple[SlotContent, FileFacts]:
    """Read an open file from the disk. Raises OSError."""
    before = os.fstat(file)
    digest, got = digest_on_disk(file, contents.size)
    known = {contents.good: SlotContent.GOOD, contents.damaged: SlotContent.DAMAGED}
    held = known.get(digest, SlotContent.OTHER)
    if not got == contents.size == before.st_size or not is_unchanged(before, os.fstat(file)):
        held = SlotContent.OTHER
    return held, FileFacts(before, extended_attributes(file), is_open_for_writing(file))


def digest_on_disk(file: int, size: int) -> tuple[bytes, int]:
    """Like `digest_of_descriptor`, but from the beginning of an open file and past the cache."""
    drop_page_cache(file)
    os.lseek(file, 0, os.SEEK_SET)
    return digest_of_descriptor(file, size)


def finish_repair(run: Quarantine, record: StepRecord, now: Callable[[], int]) -> StepRecord:
    """Finish a repair with only its intent recorded; return the record with its outcome.

    Raises OSError if the journal cannot be written.
    """
    [move] = record.moves
    try:
        state, cause = _end(run, move)
    except OSError as error:
        state, cause = STUCK, os_error_text(error)
    if state == STUCK:
        cause = f"{cause}: {path_text(join(run.path, move.slot))}"
    return replace(record, state=state, cause=cause, when_ns=now())


def _end(run: Quarantine, move: MovedItem) -> tuple[str, str | None]:
    """Bring a repair to done or not begun; return its state, and why it is stuck."""
    contents = _contents(move)
    held, _ = inspect_slot(run.folder, move.slot, contents)
    if held is SlotContent.NOTHING:
        run.sync_put_back([move])
        return TAKEN_BACK, None
    if held is SlotContent.DAMAGED:
        run.sync_stored([move])
        return DONE, None
    if held is SlotContent.GOOD:
        cause = _drop(run, move)
    elif move.put is None:
        cause = _drop_unfinished(run, move)
    else:
        cause = _give_back(run, move, False)
    return (TAKEN_BACK if cause is None else STUCK), cause


def undo_repair(run: Quarantine, record: StepRecord) -> StepProblem | None:
    """Swap the damaged file and the good copy back; return why not."""
    [move] = record.moves
    try:
        cause = _give_back(run, move, record.state != STUCK)
    except OSError as error:
        cause = os_error_text(error)
    return None if cause is None else StepProblem(join(run.base, move.path), cause)


def _give_back(run: Quarantine, move: MovedItem, was_done: bool) -> str | None:
    """Put the file in the slot back in its place; return why not. Raises OSError.

    ``was_done`` says that the slot received the damaged file, whatever became of that since; else
    it may contain a save made at the moment of the exchange.
    """
    contents, place = _contents(move), run.original_location(move)
    held, aside = inspect_slot(run.folder, move.slot, contents)
    if held is SlotContent.GOOD:
        return _drop(run, move)  # the run that put the damaged file back was killed before that
    if held is SlotContent.OTHER and move.put is None:
        return _drop_unfinished(run, move)
    if held is not SlotContent.NOTHING:
        later = later_run_holding(run, place.path)
        if later is not None:
            return f"was set aside since by run {later}: take that back first"
        create_parents(place)
    with place.opened() as (folder, name):
        held_here, _ = inspect_slot(folder, name, contents)
        if held is SlotContent.NOTHING:
            return None if held_here is SlotContent.DAMAGED else "is not in the quarantine any more"
        times = FolderTimes(run, [move])
        if held_here is SlotContent.GOOD:
            like = aside if was_done or held is SlotContent.DAMAGED else None
            cause = _exchange_back(run, move, folder, name, like)
        elif held_here is SlotContent.NOTHING or run.has_both_names(move, folder, name):
            run.put_back(move)
            cause = None
        else:
            cause = _CHANGED
        if cause is None:
            times.restore()
    run.sync_put_back([move])
    return cause or (_drop(run, move) if run.has_slot(move) else None)


def _exchange_back(
    run: Quarantine, move: MovedItem, folder: int, name: bytes, like: FileFacts | None
) -> str | None:
    """Exchange the quarantined file with the good copy in its place; return why not.

    The good copy must be as it was made: with the owner, mode, mtime and attributes of ``like``.
    """
    contents = _contents(move)
    aside = os.stat(move.slot, dir_fd=run.folder, follow_symlinks=False)
    file = open_file(name, folder)
    try:
        held, here = inspect_file(file, contents)
        if held is not SlotContent.GOOD or (like is not None and not here.has_metadata_of(like)):
            return _CHANGED
        if here.written:
            return IN_USE
        if _good(_keep(run, move), contents, here.facts) is None:
            return _last_of(run, move)
        if not run.exchange(move.slot, folder, name, here.facts):
            return MEANWHILE
        held, now = inspect_slot(run.folder, move.slot, contents)
        if held is SlotContent.GOOD and now and now.has_metadata_of(here) and not now.written:
            return None
        # It was written to, or is about to be.
        run.exchange(move.slot, folder, name, aside)
        return MEANWHILE
    finally:
        os.close(file)


def _drop(run: Quarantine, move: MovedItem) -> str | None:
    """Remove the good copy in a slot if it is not needed; return why not."""
    contents = _contents(move)
    held, copy = inspect_slot(run.folder, move.slot, contents)
    if held is not SlotContent.GOOD or copy is None:
        return MEANWHILE
    if move.put is not None and copy.written is not False:  # it was where programs could open it
        return IN_USE if copy.written else _UNKNOWN
    places = (run.original_location(move), _keep(run, move))
    if not any(_good(each, contents, copy.facts) for each in places):
        return _last_of(run, move)
    _remove_slot(run, move)
    return None


def _last_of(run: Quarantine, move: MovedItem) -> str:
    keep = path_text(move.keep.at(run.base))
    return f"holds the good content, and {keep} does no more: put a copy there first"


def _drop_unfinished(run: Quarantine, move: MovedItem) -> str | None:
    """Remove a copy that was being written: it contains the first bytes of its original.

    Return why not. Anything else may be what was at the place: a drive that was copied during a
    repair may have a journal that is older than the rest of it.
    """
    try:
        with _keep(run, move).opened() as (folder, name):
            source = open_file(name, folder)
        try:
            part = open_file(move.slot, run.folder)
            try:
                is_part = is_prefix_of(source, part)
            finally:
                os.close(part)
        finally:
            os.close(source)
    except OSError:
        is_part = False
    if not is_part:
        return "is no copy that was being written; what it is, nobody knows"
    _remove_slot(run, move)
    return None


def _remove_slot(run: Quarantine, move: MovedItem) -> None:
    """Remove our copy, once what it was exchanged for is sure to be back on the disk."""
    run.sync_put_back([move])
    mutations.remove(run.folder, move.slot)
    mutations.fsync(run.folder)


def _keep(run: Quarantine, move: MovedItem) -> FileLocation:
    """Return where the copy was from which a file was repaired. Raises OSError."""
    if move.keep.inside:
        root, inner = run.base, move.keep.path
    else:
        root, inner = b"/", relative_path(move.keep.path, b"/")
    return FileLocation(root, identity_of(os.stat(root)), inner, COARSEST_GRAIN_NS)


def verify_before_purge(
    run: Quarantine, move: MovedItem, spot: FileLocation, keep: Callable[[], FileLocation]
) -> TreeSnapshot:
    """Return a damaged file that may be deleted, and a path at which its good content exists.

    ``spot`` is where it is quarantined; ``keep`` returns where the copy was from which it was
    repaired, and is called if the place itself no longer has the good content. Raises Different,
    OSError.
    """
    contents, place = _contents(move), run.original_location(move)
    with spot.opened() as (folder, name):
        held, aside = inspect_slot(folder, name, contents)
    if aside is None or held is SlotContent.OTHER:
        raise ContentDiffers(spot.path, "was written to since it was set aside")
    if aside.written:
        raise ContentDiffers(spot.path, IN_USE)
    survivor = _good(place, contents, aside.facts) or _good(keep(), contents, aside.facts)
    if survivor is None:
        raise ContentDiffers(
            place.path, "was repaired, and its good content stands nowhere any more"
        )
    return TreeSnapshot({b"": aside.facts}, [survivor])


def _good(
    spot: FileLocation, contents: RepairContents, other: os.stat_result
) -> tuple[FileLocation, os.stat_result] | None:
    """Return a path, if it has the good content, in a file other than ``other`` and on the disk."""
    try:
        with spot.opened() as (folder, name):
            file = open_file(name, folder)
        try:
            held, found = inspect_file(file, contents)
            if held is not SlotContent.GOOD or os.path.samestat(found.facts, other):
                return None
            mutations.fsync(file)
        finally:
            os.close(file)
    except OSError:
        return None  # an unreadable file is not a good copy
    return spot, found.facts


def _contents(move: MovedItem) -> RepairContents:
    assert move.contents is not None, "a journal of a repair that lacks them is not read"
    return move.contents
