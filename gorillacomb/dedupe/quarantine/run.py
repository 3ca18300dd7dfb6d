"""The quarantine: ``.gorillacomb/quarantine/RUN`` in a root, where removed items are kept.

It is on the same file system as its items, so that a rename suffices; in a cloud-synced folder it
is inside that folder, so that nothing leaves it. The folder that contains ``.gorillacomb`` is
called the *base*.
"""

from __future__ import annotations

import errno
import json
import os
import secrets
import stat
import time
from collections.abc import Callable, Iterable, Iterator
from contextlib import AbstractContextManager, contextmanager, suppress
from dataclasses import dataclass

from gorillacomb.dedupe.quarantine import replacement
from gorillacomb.dedupe.quarantine.bases import QUARANTINE, open_below, remember_base
from gorillacomb.dedupe.quarantine.journal_entries import (
    HELD,
    PURGED,
    PURGING,
    REPAIR,
    JournalContents,
    MovedItem,
    StepRecord,
)
from gorillacomb.dedupe.quarantine.journal_format import (
    NO_JOURNAL,
    JournalWriter,
    parse_journal_header,
    read_journal,
)
from gorillacomb.dedupe.quarantine.partial import is_folder_at, put_back_rest
from gorillacomb.dedupe.quarantine.run_folders import (
    PURGE_MARK,
    SPARE_MARK,
    all_runs,
    header_of_run,
    list_runs,
    open_run_folder,
    run_folder,
)
from gorillacomb.errors import UntrustedInput
from gorillacomb.fs import mutations
from gorillacomb.fs.location import FileLocation, create_parents
from gorillacomb.fs.openat import (
    FOLDER_FLAGS,
    OUR_FOLDER,
    FileIdentity,
    OpenFolders,
    identity_of,
)
from gorillacomb.fs.paths import is_below, join, path_text
from gorillacomb.fs.volumes import COARSEST_GRAIN_NS


def new_run_id(now_ns: int) -> str:
    """Return a new name for a run: its start time (UTC), and a random part.

    Names sort by time, also those of one second: the last run is the one that is undone first.
    """
    second, rest_ns = divmod(now_ns, 1_000_000_000)
    moment = time.strftime("%Y%m%d-%H%M%S", time.gmtime(second))
    return f"{moment}-{(rest_ns << 16) // 1_000_000_000:04x}{secrets.token_hex(1)}"


@dataclass(slots=True)
class Quarantine:
    """The open folder of a run in one base."""

    base: bytes
    identity: FileIdentity
    """The identity of the base."""
    folder: int
    journal: JournalWriter

    @property
    def path(self) -> bytes:
        return run_folder(self.base, self.journal.recorded.run)

    def slot_location(self, slot: bytes, grain_ns: int = COARSEST_GRAIN_NS) -> FileLocation:
        """Return where a quarantined item is."""
        return FileLocation(self.path, identity_of(os.fstat(self.folder)), slot, grain_ns)

    def original_location(self, move: MovedItem) -> FileLocation:
        """Return where a quarantined item was."""
        return FileLocation(self.base, self.identity, move.path, COARSEST_GRAIN_NS)

    def store(self, move: MovedItem, folder: int, name: bytes) -> None:
        """Move ``name`` of an open folder into its slot; `sync_stored` makes that durable.

        Raises OSError.
        """
        mutations.rename_no_replace(folder, name, self.folder, move.slot)

    def put_back(self, move: MovedItem, make_parents: bool = True) -> None:
        """Move what is in a slot back to its place, which is free or has a link put there for it.

        Do nothing for an empty slot: it was never filled, or was emptied by a run that was killed.
        `sync_put_back` makes it durable, and is needed in either case before a journal may say that
        it is back. Raises OSError: FileExistsError if something else is there.
        """
        if not self.has_slot(move):
            return
        if move.put not in (None, self.journal.recorded.action):
            raise OSError(errno.EINVAL, "the journal says two things of what was done")
        place = self.original_location(move)
        if make_parents:
            create_parents(place)
        with place.opened() as (folder, name):
            if self.has_both_names(move, folder, name):
                mutations.fsync(folder)
                mutations.remove(self.folder, move.slot)
            elif move.slot in self.journal.recorded.opened and is_folder_at(folder, name):
                put_back_rest(self.slot_location(move.slot), place)
                return
            elif not self._exchange_with_link(move, folder, name):
                replacement.remove_link(move, folder, name, move.keep.at(self.base))
                try:
                    mutations.rename_no_replace(self.folder, move.slot, folder, name)
                except FileExistsError as error:
                    raise FileExistsError(replacement.SOMETHING_ELSE) from error
            _restore_own_mtime(move, folder, name)

    def _exchange_with_link(self, move: MovedItem, folder: int, name: bytes) -> bool:
        """Exchange a quarantined item with the link in its place; return whether that was done.

        It is not done if there is no such link, or the file system does not support it.
        """
        keep = move.keep.at(self.base)
        if not replacement.is_link(move, folder, name, keep):
            return False
        replacement.refuse_changed(move, folder, name, keep, self.folder)
        try:
            done = self._exchange_if(
                move.slot,
                folder,
                name,
                lambda: replacement.is_link(move, self.folder, move.slot, keep),
            )
        except mutations.CannotMove:
            return False
        if not done:
            raise FileExistsError(replacement.SOMETHING_ELSE)
        return True

    def has_both_names(self, move: MovedItem, folder: int, name: bytes) -> bool:
        """Return whether a file is at its place and still linked in its slot."""
        try:
            here = os.stat(name, dir_fd=folder, follow_symlinks=False)
        except FileNotFoundError:
            return False
        aside = os.stat(move.slot, dir_fd=self.folder, follow_symlinks=False)
        return stat.S_ISREG(here.st_mode) and os.path.samestat(aside, here)

    def exchange(self, slot: bytes, folder: int, name: bytes, expected: os.stat_result) -> bool:
        """Exchange what is in a slot with what is at a place, if that is still ``expected``.

        Otherwise leave the two as they were; return which. The caller keeps ``expected`` open, or
        another file could get its inode number. Raises OSError.
        """

        def came() -> bool:
            facts = os.stat(slot, dir_fd=self.folder, follow_symlinks=False)
            return os.path.samestat(facts, expected)

        return self._exchange_if(slot, folder, name, came)

    def _exchange_if(self, slot: bytes, folder: int, name: bytes, came: Callable[[], bool]) -> bool:
        """Exchange a slot and a place; ``came`` says whether the slot has what was expected."""
        aside = os.stat(slot, dir_fd=self.folder, follow_symlinks=False)
        mutations.rename_exchange(self.folder, slot, folder, name)
        if came():
            return True
        # Someone put something else there at that very moment, and that must stay there.
        if os.path.samestat(os.stat(name, dir_fd=folder, follow_symlinks=False), aside):
            mutations.rename_exchange(self.folder, slot, folder, name)
        return False

    def sync_stored(self, moves: Iterable[MovedItem]) -> None:
        """Sync quarantined items to disk, their new names before the loss of the old ones.

        A file system that does not log both halves of a rename as one, such as FAT, may keep one
        alone; so a file may have two names after a power cut, but never none. Raises OSError.
        """
        mutations.fsync(self.folder)
        self._sync_places(moves)

    def sync_put_back(self, moves: Iterable[MovedItem]) -> None:
        """Sync what was put back to disk, in the same way. Raises OSError.

        Only then are the links removed that were moved into the slots in exchange.
        """
        moves = list(moves)
        self._sync_places(moves)
        for move in moves:
            if replacement.is_link(move, self.folder, move.slot, move.keep.at(self.base)):
                mutations.remove(self.folder, move.slot)
        mutations.fsync(self.folder)

    def _sync_places(self, moves: Iterable[MovedItem]) -> None:
        folders = OpenFolders(self.base, self.identity)
        try:
            for path in sorted({os.path.dirname(move.path) for move in moves}):
                try:
                    folder = folders.open(path)
                except OSError:
                    continue  # someone moved or removed it since
                mutations.fsync(folder)
        finally:
            folders.close()

    @property
    def repairs(self) -> bool:
        """Whether the run replaces damaged files with good copies."""
        return self.journal.recorded.action == REPAIR

    def has_slot(self, move: MovedItem) -> bool:
        """Return whether a quarantined item is still here. Raises OSError.

        A link of ours that is to replace it does not count.
        """
        try:
            os.stat(move.slot, dir_fd=self.folder, follow_symlinks=False)
        except FileNotFoundError:
            return False
        return not replacement.is_link(move, self.folder, move.slot, move.keep.at(self.base))

    def has_done(self, record: StepRecord) -> bool:
        """Return whether a step is done and not taken back, even if its items were deleted.

        An undo may have been killed before it was recorded.
        """
        if record.state in (PURGING, PURGED):
            return True
        return record.state in HELD and any(map(self.has_slot, record.moves))

    def mark_purging(self, move: MovedItem) -> None:
        """Record durably, without a line in the journal, that an item is about to be deleted.

        Raises OSError.
        """
        with suppress(FileExistsError):  # the mark of a purge that was killed
            try:
                spare, mark = SPARE_MARK, PURGE_MARK + move.slot
                mutations.rename_no_replace(self.folder, spare, self.folder, mark)
            except FileNotFoundError:
                os.close(mutations.create(self.folder, mark))
        mutations.fsync(self.folder)

    def unmark_purging(self, record: StepRecord) -> None:
        """Remove such marks of a step, once the journal says what became of it. Raises OSError."""
        for move in record.moves:
            with suppress(FileNotFoundError):
                mutations.remove(self.folder, PURGE_MARK + move.slot)

    def close(self) -> None:
        self.journal.close()
        os.close(self.folder)


def _restore_own_mtime(move: MovedItem, folder: int, name: bytes) -> None:
    """Restore the mtime of a folder put back: on some systems its ``..`` changed it."""
    facts = os.stat(name, dir_fd=folder, follow_symlinks=False)
    if stat.S_ISDIR(facts.st_mode) and facts.st_mtime_ns != move.mtime_ns:
        descriptor = os.open(name, FOLDER_FLAGS, dir_fd=folder)
        try:
            with suppress(OSError):  # the folder belongs to someone else, but is back
                mutations.set_mtime(descriptor, move.mtime_ns)
        finally:
            os.close(descriptor)


def create_run(root: bytes, base: bytes, recorded: JournalContents) -> Quarantine:
    """Create the folder of a run in a base and begin its journal. Raises OSError."""
    top = os.open(base, FOLDER_FLAGS & ~os.O_NOFOLLOW)
    own = quarantine = -1
    try:
        identity = identity_of(os.fstat(top))
        own = open_below(top, OUR_FOLDER, True)
        quarantine = open_below(own, QUARANTINE, True)
        mutations.make_folder(quarantine, recorded.run.encode())
        folder = os.open(recorded.run.encode(), FOLDER_FLAGS, dir_fd=quarantine)
    finally:
        for each in (top, own, quarantine):
            if each >= 0:
                os.close(each)
    try:
        if base != root:
            remember_base(root, base)
        os.close(mutations.create(folder, SPARE_MARK))
        return Quarantine(base, identity, folder, JournalWriter.begin(folder, recorded))
    except BaseException:
        os.close(folder)
        raise


def runs_of_plan(base: bytes, plan: str) -> list[str]:
    """Return the runs in a base that applied a plan, given by its uid, oldest first."""
    found = []
    for name, run in all_runs(base):
        with suppress(*NO_JOURNAL):
            header = header_of_run(run)
            if header is not None and parse_journal_header(json.loads(header)).plan == plan:
                found.append(name)
    return found


def later_run_holding(run: Quarantine, path: bytes) -> str | None:
    """Return another run that quarantined what was at a path, or a folder around it."""
    for name, record in _held_by_others(run):
        moves = () if record.moves[0].contents else record.moves
        if any(is_below(path, join(run.base, move.path)) for move in moves):
            return name
    return None


def _held_by_others(run: Quarantine) -> Iterator[tuple[str, StepRecord]]:
    """Yield what other runs in the same base have in the quarantine, with their names."""
    for name in list_runs(run.base):
        if name != run.journal.recorded.run:
            with suppress(UntrustedInput, OSError):
                for record in read_run(run.base, name).held():
                    yield name, record


def why_not_yet(run: Quarantine, record: StepRecord) -> str | None:
    """Return why a copy of a tree cannot be put back yet: another one, in which it was, is not.

    Folders created for it would take the place of those that are in the quarantine.
    """
    if not record.is_member or not record.moves:
        return None
    place = record.moves[0].path
    for other in run.journal.recorded.held():
        for move in other.moves if other.is_member and other.step != record.step else ():
            if is_below(place, move.path) and run.has_slot(move):
                around = path_text(join(run.base, move.path))
                return f"was in {around}, which is in the quarantine: put that back first"
    for name, other in _held_by_others(run):
        paths = [move.path for move in other.moves] if other.is_member else []
        if any(is_below(place, path) and place != path for path in paths):
            return f"was in a folder that is in the quarantine of run {name}: undo that first"
    return None


def read_run(base: bytes, run: str) -> JournalContents:
    """Read the journal of a run. Raises Untrusted, OSError."""
    folder, _ = open_run_folder(base, run)
    try:
        return read_journal(folder, run_folder(base, run))
    finally:
        os.close(folder)


@contextmanager
def _closing(run: Quarantine) -> Iterator[Quarantine]:
    try:
        yield run
    finally:
        run.close()


def open_run(base: bytes, run: str) -> AbstractContextManager[Quarantine]:
    """Open an existing run to continue its journal. Raises Untrusted, OSError."""
    folder, identity = open_run_folder(base, run)
    try:
        recorded = read_journal(folder, run_folder(base, run))
        journal = JournalWriter.resume(folder, recorded)
        return _closing(Quarantine(base, identity, folder, journal))
    except BaseException:
        os.close(folder)
        raise
