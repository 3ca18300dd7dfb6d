"""Tell damage, mere suspicion and an ordinary edit apart when a file was read again."""

from __future__ import annotations

from gorillacomb.fs.racy import is_clamped, judge_content
from gorillacomb.index.rows import (
    BLOCKS,
    CAUSE,
    CTIME,
    DIGEST,
    INODE,
    MTIME,
    SIZE,
    STATE,
    EntryRow,
    is_row_provisional,
    with_changes,
)
from gorillacomb.model import DAMAGE, EntryState
from gorillacomb.scan.tasks import (
    RootContext,
)

_WITH_CONTENT = frozenset({EntryState.HASHED, EntryState.FRESH})


def classify_change(row: EntryRow, old: EntryRow, context: RootContext) -> EntryRow:
    """Tell an edit from damage, and keep the good digest where the new content cannot be trusted.

    Damage, or a suspicion of it, is content that differs although size and mtime are the same:
    `judge_content`.
    """
    if row[STATE] == EntryState.UNREADABLE and not row[BLOCKS] and not row[MTIME]:
        # Even lstat failed: keep everything that was known.
        return with_changes(old, {STATE: EntryState.UNREADABLE, CAUSE: row[CAUSE]})
    same_times = row[SIZE] == old[SIZE] and row[MTIME] == old[MTIME] and old[DIGEST] is not None
    same_times = same_times and not is_clamped(old[MTIME])
    # For a damaged file, the stored digest is not that of the last read.
    provisional = old[STATE] not in DAMAGE and is_row_provisional(old)
    moved = row[CTIME] != old[CTIME] or row[INODE] != old[INODE] or old[STATE] == EntryState.SUSPECT
    if row[STATE] not in _WITH_CONTENT:
        # Not read this time: keep what was known as long as nothing indicates an edit. When its
        # turn comes, a deferred file can at most be called suspect.
        kept = not provisional or (moved and row[STATE] == EntryState.PENDING)
        return with_changes(row, {DIGEST: old[DIGEST]}) if same_times and kept else row
    if not same_times or row[DIGEST] == old[DIGEST] or old[STATE] == EntryState.FRESH:
        return row
    state = judge_content(provisional, moved, context.hides_changes)
    return row if state is None else with_changes(row, {STATE: state, DIGEST: old[DIGEST]})


def classify_late_change(found: EntryRow, pending: EntryRow, context: RootContext) -> EntryRow:
    """Judge like `classify_change`, for a file that the walk left PENDING with its digest.

    The walk has already stored the new ctime, and kept the digest only because nothing else had
    moved.
    """
    judged = classify_change(found, pending, context)
    if judged[STATE] == EntryState.DAMAGED:
        return with_changes(judged, {STATE: EntryState.SUSPECT})
    return judged
