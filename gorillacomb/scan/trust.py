"""Which digests may be trusted again, and how damage is told from an edit."""

from __future__ import annotations

import stat

from gorillacomb.fs.racy import is_clamped
from gorillacomb.index.folder_digest import EntryFacts
from gorillacomb.index.rows import (
    BLOCKS,
    CAUSE,
    CHECKED,
    CTIME,
    DIGEST,
    INODE,
    MODE,
    MTIME,
    SIZE,
    STATE,
    EntryRow,
    is_row_provisional,
    with_changes,
)
from gorillacomb.model import DAMAGE, EntryState
from gorillacomb.scan.tasks import RootContext

_HOUR_NS = 3_600_000_000_000
_FAT_GRAIN_NS = 2_000_000_000
_READ_AGAIN = frozenset(
    {EntryState.FRESH, EntryState.UNREADABLE, EntryState.UNSTABLE, EntryState.PLACEHOLDER}
)
_WITH_CONTENT = frozenset({EntryState.HASHED, EntryState.FRESH})


def reusable_row(entry: EntryFacts, old: EntryRow, context: RootContext) -> EntryRow | None:
    """The row for an entry whose digest may be trusted again; None when it must be looked at."""
    if not same_fingerprint(entry, old, context):
        return None
    state = old[STATE]
    if entry[STATE] == EntryState.OTHER:
        return old if state == EntryState.OTHER else None
    if state in _READ_AGAIN or (context.rehash and old[SIZE]):
        return None
    if entry[SIZE] < context.min_size:
        if state != EntryState.TOO_SMALL:
            old = excluded_row(old, EntryState.TOO_SMALL)
        state = EntryState.TOO_SMALL
    elif state in (EntryState.EXCLUDED, EntryState.TOO_SMALL):
        if old[DIGEST] is None or (old[SIZE] and not old[CHECKED]):
            return None
        state = EntryState.HASHED
    elif state == EntryState.PENDING and not context.waits and entry[SIZE] <= context.hash_limit:
        return None
    if state == EntryState.HASHED and is_row_provisional(old):
        return None
    return (*entry[:STATE], state, *entry[MODE:], *old[CHECKED:CAUSE], None)


def excluded_row(old: EntryRow, state: EntryState) -> EntryRow:
    """The row of an entry that is not looked at from now on, with what it takes to come back.

    A digest that may be trusted keeps the time of its reading; one of damaged content stays without
    that time, so that it is compared again; one that was taken too early is dropped.
    """
    kept = None if old[STATE] == EntryState.FRESH else old[DIGEST]
    sound = old[STATE] in (EntryState.HASHED, EntryState.EXCLUDED, EntryState.TOO_SMALL)
    checked = old[CHECKED] if sound else 0
    return with_changes(old, {STATE: state, DIGEST: kept, CHECKED: checked, CAUSE: None})


def same_fingerprint(entry: EntryFacts, old: EntryRow, context: RootContext) -> bool:
    """Whether volume, inode, size, mtime and ctime are those of the time it was hashed.

    On FAT the mtime may have lost its odd second in the meantime, or have moved by whole hours with
    the computer's time zone.
    """
    if entry[SIZE] != old[SIZE] or entry[CTIME] != old[CTIME] or entry[INODE] != old[INODE]:
        return False
    if stat.S_IFMT(entry[MODE]) != stat.S_IFMT(old[MODE]):
        return False
    apart = abs(entry[MTIME] - old[MTIME])
    if not context.hour_shifts:
        return apart == 0
    off_the_hour = min(apart % _HOUR_NS, _HOUR_NS - apart % _HOUR_NS)
    return off_the_hour < _FAT_GRAIN_NS and apart <= 26 * _HOUR_NS


def classify_change(row: EntryRow, old: EntryRow, context: RootContext) -> EntryRow:
    """Tell an edit from damage, and keep the good digest where the new content cannot be trusted.

    Damage: content that differs although size and mtime are the same; only a suspicion when ctime
    or inode moved, since a restored backup looks like that too, and where the file system may hide
    a change. A provisional digest is no evidence of damage: with all times as they were, a content
    that differs from it is an edit.
    """
    if row[STATE] == EntryState.UNREADABLE and not row[BLOCKS] and not row[MTIME]:
        # Not even looked at: all that was known stays known.
        return with_changes(old, {STATE: EntryState.UNREADABLE, CAUSE: row[CAUSE]})
    same_times = row[SIZE] == old[SIZE] and row[MTIME] == old[MTIME] and old[DIGEST] is not None
    same_times = same_times and not is_clamped(old[MTIME])
    # Of what is damaged, the digest is not that of the last reading.
    provisional = old[STATE] not in DAMAGE and is_row_provisional(old)
    moved = row[CTIME] != old[CTIME] or row[INODE] != old[INODE] or old[STATE] == EntryState.SUSPECT
    if row[STATE] not in _WITH_CONTENT:
        # Not read this time: what was known stays known, as long as nothing says it was edited.
        # When its turn comes, a file that waits may be called suspect and no more.
        kept = not provisional or (moved and row[STATE] == EntryState.PENDING)
        return with_changes(row, {DIGEST: old[DIGEST]}) if same_times and kept else row
    if not same_times or row[DIGEST] == old[DIGEST] or old[STATE] == EntryState.FRESH:
        return row
    if provisional and not moved:
        return row
    suspect = moved or context.hides_changes
    state = EntryState.SUSPECT if suspect else EntryState.DAMAGED
    return with_changes(row, {STATE: state, DIGEST: old[DIGEST]})
