"""Find what changed in a folder since it was indexed."""

from __future__ import annotations

import os
import stat
from collections.abc import Iterable, Mapping
from dataclasses import dataclass, field
from typing import Any

from gorillacomb.fs.openat import INT64, clamp_int64, open_file, to_signed64
from gorillacomb.fs.racy import YOUNG_NS, is_provisional
from gorillacomb.index.folder_digest import SETTLED, EntryFacts, folder_digest
from gorillacomb.index.paths import FileKey
from gorillacomb.index.rows import (
    CHECKED,
    DIGEST,
    HASHED_WIDTH,
    INODE,
    LATER_WIDTH,
    MODE,
    MTIME,
    NAME,
    SHORT_CTIME,
    SHORT_INODE,
    SHORT_MTIME,
    SHORT_SIZE,
    SIZE,
    STATE,
    EntryRow,
    HashedRow,
    MoveKey,
    is_row_provisional,
    was_row_young,
)
from gorillacomb.index.snapshot import IndexSnapshot
from gorillacomb.index.writer import IndexChanges
from gorillacomb.model import DAMAGE, EntryState
from gorillacomb.scan.damage import classify_change
from gorillacomb.scan.listing import ListedFile
from gorillacomb.scan.read_file import (
    HAS_PLACEHOLDERS,
    found_row,
    read_file,
    read_files,
    stat_row,
    unread_row,
    without_false_alarm,
)
from gorillacomb.scan.tasks import RootContext
from gorillacomb.scan.trust import reusable_row, same_fingerprint

_HASHED, _OTHER = int(EntryState.HASHED), int(EntryState.OTHER)
_PLACEHOLDER = int(EntryState.PLACEHOLDER)
_TOO_SMALL, _UNREADABLE = int(EntryState.TOO_SMALL), int(EntryState.UNREADABLE)
"""Plain ints, as in rows: accessing an enum member costs more than comparing with it."""


def move_key(row: EntryRow) -> MoveKey:
    """Return what stays the same when a file is renamed."""
    return (row[INODE], row[SIZE], row[MTIME])


@dataclass(slots=True)
class VisitDiff:
    """The difference between folders and their rows, summed over all folders of one visit."""

    first: bool
    """Whether there is no index yet, so that new entries cannot have been moved."""
    writes: IndexChanges = field(default_factory=IndexChanges)
    new: int = 0
    changed: int = 0
    files: int = 0
    bytes: int = 0
    hashed_files: int = 0
    hashed_bytes: int = 0
    read_again_young: list[FileKey] = field(default_factory=list)

    def leave(self, folder: int, old: EntryRow) -> None:
        """Count an entry that no longer exists."""
        self.writes.gone.append((folder, old[NAME]))
        self.writes.unsealed.append(folder)
        self.writes.touched += [old[DIGEST]] if old[DIGEST] else []
        if old[STATE] != EntryState.EXCLUDED:
            self.writes.went.append(move_key(old))

    def put(self, folder: int, row: EntryRow, old: EntryRow | None) -> None:
        """Have an entry's row written; ``old`` is the one that it replaces."""
        self.writes.rows.append((folder, row))
        if old is None or row[:CHECKED] != old[:CHECKED]:
            self.writes.unsealed.append(folder)
        if old is not None and old[DIGEST]:
            self.writes.touched.append(old[DIGEST])

    def count(self, listed: list[EntryFacts]) -> None:
        """Count entries of a folder that is already indexed."""
        sizes = [entry[SIZE] for entry in listed if entry[STATE] != _OTHER]
        self.files += len(sizes)
        self.bytes += sum(sizes)

    def count_read(self, row: EntryRow) -> None:
        """Count an entry whose content was read."""
        if row[CHECKED]:
            self.hashed_files += 1
            self.hashed_bytes += row[SIZE]


def describe_all(
    descriptor: int,
    folder: int,
    files: Iterable[ListedFile],
    others: Iterable[bytes],
    context: RootContext,
    moment: int,
    changes: VisitDiff,
) -> bytes | None:
    """Describe every entry of a folder without any rows yet; return the folder digest."""
    writes = changes.writes
    hashed: list[HashedRow] = []
    settled = final = True
    if context.hash_limit:
        hashed, rows = read_files(descriptor, folder, files, context, moment)
        if hashed:
            hashed.sort()
            values: list[Any] = []
            for short in hashed:
                values += short
            writes.hashed += values
            size = _count_short(values, HASHED_WIDTH, changes)
            changes.hashed_files += len(hashed)
            changes.hashed_bytes += size
            final = _are_final(hashed, values)
    else:
        values, rest, untold = _left_for_later(descriptor, folder, files, context)
        writes.later += values
        _count_short(values, LATER_WIDTH, changes)
        others, rows = [*others, *rest], []
        for name in untold:
            rows += found_row(read_file(descriptor, name, context, moment))
        settled = not values
    for name in others:
        rows += found_row(stat_row(descriptor, name, context))
    if rows:
        rows.sort()
        _count_rows(folder, rows, changes)
    return _seal(hashed, rows) if settled and final else None


def _are_final(hashed: list[HashedRow], values: list[Any]) -> bool:
    """Return whether none of these digests is provisional; ``values`` are all of the same rows."""
    newest = max(*values[SHORT_MTIME::HASHED_WIDTH], *values[SHORT_CTIME::HASHED_WIDTH])
    if newest < hashed[0][9] - YOUNG_NS:
        return True  # no time in such rows is negative, and all have the same time of reading
    return not any(is_provisional(each[4], each[5], each[9]) for each in hashed)


def _seal(hashed: list[HashedRow], rows: list[EntryRow]) -> bytes | None:
    """Return the folder digest for these entries; None if one of them must be looked at."""
    listed: list[EntryFacts] = [(each[1], _HASHED, *each[2:9]) for each in hashed]
    if rows:
        if any(row[STATE] not in SETTLED or is_row_provisional(row) for row in rows):
            return None
        listed += (row[:CHECKED] for row in rows)
        listed.sort()
    return folder_digest(listed)


def _count_short(values: list[Any], width: int, changes: VisitDiff) -> int:
    """Count the new files of these short rows; return their total size."""
    sizes = values[SHORT_SIZE::width]
    size: int = sum(sizes)
    changes.new += len(sizes)
    changes.files += len(sizes)
    changes.bytes += size
    if not changes.first:
        changes.writes.came += zip(
            values[SHORT_INODE::width], sizes, values[SHORT_MTIME::width], strict=True
        )
    return size


def _count_rows(folder: int, rows: list[EntryRow], changes: VisitDiff) -> None:
    """Add and count rows of new entries."""
    changes.writes.rows += [(folder, row) for row in rows]
    changes.new += len(rows)
    for row in rows:
        if row[STATE] != EntryState.OTHER:
            changes.files += 1
            changes.bytes += row[SIZE]
        changes.count_read(row)
    if not changes.first:
        changes.writes.came += map(move_key, rows)


def _left_for_later(
    descriptor: int, folder: int, files: Iterable[ListedFile], context: RootContext
) -> tuple[list[Any], list[bytes], list[bytes]]:
    """Return the values of `LaterRow`s for files not opened now, and the names of the others.

    Not opened are the files that are not read at this stage, and those that claim to be empty,
    which only reading can confirm.
    """
    later: list[Any] = []
    rest: list[bytes] = []
    untold: list[bytes] = []
    for entry in fingerprints(descriptor, [name for _, name in files], context):
        if entry[STATE] == _HASHED and entry[SIZE] and not HAS_PLACEHOLDERS:
            later += (folder, entry[NAME], *entry[MODE:])
        elif entry[STATE] == _HASHED and not entry[SIZE]:
            untold.append(entry[NAME])
        else:
            rest.append(entry[NAME])
    return later, rest, untold


def diff_folder(
    descriptor: int,
    listed: list[EntryFacts],
    folder: int,
    context: RootContext,
    moment: int,
    baseline: IndexSnapshot,
    changes: VisitDiff,
    window: tuple[bytes, bytes] | None,
    kept: frozenset[bytes] = frozenset(),
    moved: bool = False,
) -> None:
    """Compare entries on disk with the rows of ``folder``, and read what cannot be trusted.

    ``listed`` is sorted; ``window`` holds the first and last name unless the whole folder is
    listed. Entries that are in the index but not on disk are `gone`, but only for a whole folder,
    and not those ``kept``. A folder that ``moved`` is recognized by its inode alone, which may have
    been reused: if it contains none of the known files, nothing in it is taken for damage.
    """
    stored = baseline.fingerprints(folder, window)
    if listed == stored and not context.rehash:
        return
    rows = baseline.rows(folder, window)
    judges = not moved or any(
        entry[NAME] in rows and entry[INODE] == rows[entry[NAME]][INODE] for entry in listed
    )
    for entry in listed:
        _settle_entry(descriptor, folder, entry, rows, context, moment, changes, judges)
    if window is None:
        for name in sorted(rows.keys() - {entry[NAME] for entry in listed} - kept):
            changes.leave(folder, rows[name])


def _is_edit(row: EntryRow, old: EntryRow) -> bool:
    """Return whether an entry has other content, as far as is known, and not just another state."""
    if row[SIZE] != old[SIZE] or row[MTIME] != old[MTIME]:
        return old[STATE] != EntryState.EXCLUDED or bool(old[MTIME])
    return row[DIGEST] != old[DIGEST] and None not in (row[DIGEST], old[DIGEST])


def fingerprints(descriptor: int, names: list[bytes], context: RootContext) -> list[EntryFacts]:
    """Return the `lstat` facts of each name, with the state that such an entry should have.

    A rescan spends its time here, so the common case is handled in this loop.
    """
    weak, least = context.weak, context.min_size
    look, is_regular, placeholders = os.lstat, stat.S_ISREG, HAS_PLACEHOLDERS
    found: list[EntryFacts] = []
    for name in names:
        try:
            facts = look(name, dir_fd=descriptor)
        except OSError:
            # Removed since it was listed, or lstat failed: read_file finds out which.
            found.append((name, _UNREADABLE, 0, 0, 0, 0, 0, 0, 0))
            continue
        mode, size, blocks = facts.st_mode, facts.st_size, facts.st_blocks
        mtime, ctime, inode = facts.st_mtime_ns, facts.st_ctime_ns, facts.st_ino
        state = _OTHER
        if is_regular(mode):
            state = _HASHED if size >= least else _TOO_SMALL
            if placeholders and unread_row(name, facts, context)[STATE] == _PLACEHOLDER:
                state = _PLACEHOLDER
        if not weak and 0 <= mtime | ctime | inode < INT64:  # neither negative nor too large
            links = facts.st_nlink
        else:
            mtime, ctime = clamp_int64(mtime), 0 if weak else clamp_int64(ctime)
            inode, links = (0, 1) if weak else (to_signed64(inode), facts.st_nlink)
        found.append((name, state, mode, size, mtime, ctime, inode, links, blocks))
    return found


def _settle_entry(
    descriptor: int,
    folder: int,
    entry: EntryFacts,
    rows: Mapping[bytes, EntryRow],
    context: RootContext,
    moment: int,
    changes: VisitDiff,
    judges: bool,
) -> None:
    """Decide about one entry: keep its row from the folder's known rows, or write a new one.

    ``judges`` says whether an entry whose content differs may be reported as damaged.
    """
    old = rows.get(entry[NAME])
    row = None if old is None else reusable_row(entry, old, context)
    if row is None:
        if entry[STATE] == EntryState.OTHER:
            row = stat_row(descriptor, entry[NAME], context)
        else:
            row = read_file(descriptor, entry[NAME], context, moment, context.rehash)
        if row is None:
            if old is not None:
                changes.leave(folder, old)
            return
        changes.count_read(row)
        if old is not None:
            if not context.rehash and was_row_young(old) and same_fingerprint(entry, old, context):
                changes.read_again_young.append((folder, entry[NAME]))
            # If the file system reports no true size, only the content reveals an edit.
            told = row[DIGEST] is None or row[SIZE] == entry[SIZE]
            judged = classify_change(row, old, context) if judges and told else row
            if judged[STATE] in DAMAGE and (context.accept or _was_renamed(row, rows.values())):
                judged = row
            elif judged[STATE] in DAMAGE:
                judged = _look_closer(descriptor, judged, old, context, moment)
            row = judged
    if old is None:
        changes.new += 1
        changes.put(folder, row, None)
        changes.writes.came.append(move_key(row))
    elif row != old:
        changes.changed += _is_edit(row, old)
        changes.put(folder, row, old)


def _look_closer(
    descriptor: int, row: EntryRow, old: EntryRow, context: RootContext, moment: int
) -> EntryRow:
    """Judge an apparently damaged file a second time.

    The first read may have failed because of bad memory or a bad cable, or a program may be writing
    to it.
    """
    again = read_file(descriptor, row[NAME], context, moment, past_cache=True)
    if again is not None:
        row = classify_change(again, old, context)
    if row[STATE] not in DAMAGE or old[STATE] in DAMAGE:
        return row
    try:
        file = open_file(row[NAME], descriptor)
    except OSError:
        return row  # it existed a moment ago: the next scan decides
    try:
        return without_false_alarm(file, row)
    finally:
        os.close(file)


def _was_renamed(row: EntryRow, before: Iterable[EntryRow]) -> bool:
    """Return whether the folder had this very file, with this content, under another name."""
    return any((each[INODE], each[DIGEST]) == (row[INODE], row[DIGEST]) for each in before)
