"""When a digest may be trusted again, and how damage is told from an edit."""

from __future__ import annotations

import sqlite3
from dataclasses import replace

from hypothesis import given
from hypothesis import strategies as st

from gorillacomb.index.rows import (
    CHECKED,
    CTIME,
    DIGEST,
    INODE,
    MTIME,
    SIZE,
    SQL_PROVISIONAL,
    STATE,
    EntryRow,
    is_row_provisional,
    with_changes,
)
from gorillacomb.model import EntryState
from gorillacomb.scan.damage import classify_change
from gorillacomb.scan.tasks import RootContext
from gorillacomb.scan.trust import reusable_row, same_fingerprint

HOUR = 3_600_000_000_000
SECOND = 1_000_000_000
CONTEXT = RootContext(
    path=b"/r",
    device=1,
    inode=2,
    volume="v",
    weak=False,
    hour_shifts=False,
    grain_ns=20_000_000,
    exclude=(),
    min_size=0,
    hash_limit=1 << 20,
    waits=False,
    rehash=False,
    accept=False,
    hydrate_limit=None,
    boundaries=frozenset(),
    own=frozenset(),
    index=None,
)
OLD: EntryRow = (b"x", 0, 0o100644, 5, 10 * HOUR, 7, 8, 1, 8, 5 * HOUR, b"d" * 32, None, None, None)


def looked_at(row: EntryRow) -> tuple[bytes, int, int, int, int, int, int, int, int]:
    return row[:9]


@given(place=st.sampled_from([SIZE, MTIME, CTIME, INODE]), by=st.integers(-(2**40), 2**40))
def test_any_part_of_the_fingerprint_that_moved_ends_the_trust(place: int, by: int) -> None:
    now = looked_at(with_changes(OLD, {place: OLD[:9][place] + by}))  # type: ignore[operator]
    assert same_fingerprint(now, OLD, CONTEXT) == (by == 0)


@given(by=st.integers(-30 * HOUR, 30 * HOUR))
def test_fat_may_lose_a_second_and_shift_by_whole_hours(by: int) -> None:
    context = replace(CONTEXT, weak=True, hour_shifts=True)
    now = looked_at(with_changes(OLD, {MTIME: OLD[MTIME] + by}))
    off = min(abs(by) % HOUR, HOUR - abs(by) % HOUR)
    assert same_fingerprint(now, OLD, context) == (off < 2 * SECOND and abs(by) <= 26 * HOUR)


def test_states_that_are_looked_at_again() -> None:
    for state in EntryState:
        row = with_changes(OLD, {STATE: int(state)})
        kept = reusable_row(looked_at(with_changes(OLD, {STATE: 0})), row, CONTEXT)
        again = state in (
            EntryState.FRESH,
            EntryState.UNREADABLE,
            EntryState.UNSTABLE,
            EntryState.PLACEHOLDER,
            EntryState.PENDING,
        )
        assert (kept is None) == again, state
        if state in (EntryState.EXCLUDED, EntryState.TOO_SMALL):
            assert kept is not None
            assert kept[STATE] == EntryState.HASHED


def test_damage_and_suspicion_keep_the_good_digest() -> None:
    read = with_changes(OLD, {DIGEST: b"e" * 32})
    damaged = classify_change(read, OLD, CONTEXT)
    assert (damaged[STATE], damaged[DIGEST]) == (EntryState.DAMAGED, OLD[DIGEST])
    suspect = classify_change(with_changes(read, {CTIME: 8}), OLD, CONTEXT)
    assert (suspect[STATE], suspect[DIGEST]) == (EntryState.SUSPECT, OLD[DIGEST])
    restored = classify_change(with_changes(read, {INODE: 9, CTIME: 8}), OLD, CONTEXT)
    assert (restored[STATE], restored[DIGEST]) == (EntryState.SUSPECT, OLD[DIGEST])


def test_edits_are_edits() -> None:
    for change in ({MTIME: 11 * HOUR}, {SIZE: 6}):
        read = with_changes(OLD, {DIGEST: b"e" * 32, **change})
        assert classify_change(read, OLD, CONTEXT) == read
    fresh = with_changes(OLD, {STATE: int(EntryState.FRESH)})
    read = with_changes(OLD, {DIGEST: b"e" * 32})
    assert classify_change(read, fresh, CONTEXT) == read, "written again within the clock's grain"


def test_what_cannot_be_read_keeps_what_was_known() -> None:
    failed = with_changes(OLD, {STATE: int(EntryState.UNREADABLE), DIGEST: None})
    assert classify_change(failed, OLD, CONTEXT)[DIGEST] == OLD[DIGEST]
    edited = with_changes(failed, {SIZE: 6})
    assert classify_change(edited, OLD, CONTEXT)[DIGEST] is None


times = st.integers(-(2**62), 2**62) | st.integers(5 * HOUR - 99 * SECOND, 5 * HOUR + 99 * SECOND)


@given(mtime=times, ctime=times)
def test_what_was_read_young_is_read_again_and_never_damaged(mtime: int, ctime: int) -> None:
    old = with_changes(OLD, {MTIME: mtime, CTIME: ctime})
    young = any(abs(time - old[CHECKED]) <= 60 * SECOND for time in (mtime, ctime))
    kept = reusable_row(looked_at(old), old, CONTEXT)
    assert (kept is None) == young
    read = with_changes(old, {DIGEST: b"e" * 32, CHECKED: old[CHECKED] + HOUR})
    judged = classify_change(read, old, CONTEXT)
    assert judged == read if young else judged[STATE] == EntryState.DAMAGED


@given(ctime=st.integers(5 * HOUR - 59 * SECOND, 5 * HOUR))
def test_what_was_read_young_may_be_suspect_when_its_ctime_moved(ctime: int) -> None:
    """A mapped page that is stored to moves no time: to set one back is another thing."""
    old = with_changes(OLD, {CTIME: ctime})
    read = with_changes(old, {DIGEST: b"e" * 32, CTIME: ctime + 1})
    assert classify_change(read, old, CONTEXT)[STATE] == EntryState.SUSPECT


def test_what_was_read_young_and_cannot_be_read_now_leaves_no_evidence() -> None:
    old = with_changes(OLD, {CTIME: OLD[CHECKED]})
    for state in (EntryState.UNREADABLE, EntryState.PENDING, EntryState.UNSTABLE):
        unread = with_changes(old, {STATE: int(state), DIGEST: None, CHECKED: 0})
        assert classify_change(unread, old, CONTEXT)[DIGEST] is None


@given(time=st.sampled_from([2**63 - 1, -(2**63)]), place=st.sampled_from([MTIME, CTIME]))
def test_a_clamped_time_is_never_trusted(time: int, place: int) -> None:
    """All times beyond the year 2262 are one in the index: that it is the same says nothing."""
    old = with_changes(OLD, {place: time})
    assert reusable_row(looked_at(old), old, CONTEXT) is None
    read = with_changes(old, {DIGEST: b"e" * 32})
    assert classify_change(read, old, CONTEXT) == read
    if place == MTIME:
        moved = with_changes(read, {CTIME: 8})
        assert classify_change(moved, old, CONTEXT) == moved, "one absurd time after the other"


@given(change=st.sampled_from([{}, {CTIME: 8}, {INODE: 9}]))
def test_nothing_is_more_than_suspect_where_changes_are_hidden(change: dict[int, object]) -> None:
    context = replace(CONTEXT, hides_changes=True)
    read = with_changes(OLD, {DIGEST: b"e" * 32, **change})
    judged = classify_change(read, OLD, context)
    assert (judged[STATE], judged[DIGEST]) == (EntryState.SUSPECT, OLD[DIGEST])


int64 = st.integers(-(2**63), 2**63 - 1) | st.sampled_from(
    [-(2**63), 1 - 2**63, 2**63 - 2, 2**63 - 1, 0]
)


@given(mtime=int64 | times, ctime=int64 | times, read=st.sampled_from([0, 5 * HOUR]) | int64)
def test_sql_and_python_agree_on_what_is_provisional(mtime: int, ctime: int, read: int) -> None:
    row = with_changes(OLD, {MTIME: mtime, CTIME: ctime, CHECKED: read})
    connection = sqlite3.connect(":memory:")
    try:
        [(found,)] = connection.execute(
            f"SELECT {SQL_PROVISIONAL} FROM (SELECT ? AS mtime_ns, ? AS ctime_ns, ? AS checked_ns)",
            (mtime, ctime, read),
        )
    finally:
        connection.close()
    if abs(read) < 2**63 - 60 * SECOND:  # beyond that SQLite adds as floating-point numbers
        assert bool(found) == is_row_provisional(row)
