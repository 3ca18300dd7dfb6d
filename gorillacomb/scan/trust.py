"""Decide which digests may be trusted again without reading the file."""

from __future__ import annotations

import stat

from gorillacomb.fs.volumes import FAT_GRAIN_NS
from gorillacomb.index.folder_digest import EntryFacts
from gorillacomb.index.rows import (
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
from gorillacomb.model import SECOND, EntryState
from gorillacomb.scan.tasks import RootContext

_HOUR_NS = 3600 * SECOND
_READ_AGAIN = frozenset(
    {EntryState.FRESH, EntryState.UNREADABLE, EntryState.UNSTABLE, EntryState.PLACEHOLDER}
)


def reusable_row(entry: EntryFacts, old: EntryRow, context: RootContext) -> EntryRow | None:
    """Return the row of an entry with a digest to trust; None if the file must be looked at."""
    if not same_fingerprint(entry, old, context):
        return None
    state = old[STATE]
    if entry[STATE] == EntryState.PLACEHOLDER:
        return None  # its content was moved to the cloud since, which changes nothing else
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
    """Return the row of an entry that is excluded from now on, with what it needs to come back.

    A trusted digest keeps its read time; a digest of damaged content loses it, so that it is
    compared again; one taken too soon after a change is dropped.
    """
    kept = None if old[STATE] == EntryState.FRESH else old[DIGEST]
    sound = old[STATE] in (EntryState.HASHED, EntryState.EXCLUDED, EntryState.TOO_SMALL)
    checked = old[CHECKED] if sound else 0
    return with_changes(old, {STATE: state, DIGEST: kept, CHECKED: checked, CAUSE: None})


def unseen_row(name: bytes) -> EntryRow:
    """Return the row of an excluded file, known by its name only."""
    mode = stat.S_IFREG
    return (name, EntryState.EXCLUDED, mode, 0, 0, 0, 0, 1, 0, 0, None, None, None, None)


def same_fingerprint(entry: EntryFacts, old: EntryRow, context: RootContext) -> bool:
    """Return whether volume, inode, size, mtime and ctime are the same as when it was hashed.

    On FAT, the mtime may since have lost its odd second, or have shifted by whole hours with the
    computer's time zone.
    """
    if entry[SIZE] != old[SIZE] or entry[CTIME] != old[CTIME] or entry[INODE] != old[INODE]:
        return False
    if stat.S_IFMT(entry[MODE]) != stat.S_IFMT(old[MODE]):
        return False
    apart = abs(entry[MTIME] - old[MTIME])
    if not context.hour_shifts:
        return apart == 0
    off_the_hour = min(apart % _HOUR_NS, _HOUR_NS - apart % _HOUR_NS)
    return off_the_hour < FAT_GRAIN_NS and apart <= 26 * _HOUR_NS
