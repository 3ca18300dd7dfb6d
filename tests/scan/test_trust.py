"""When a digest may be trusted again, and how damage is told from an edit."""

from __future__ import annotations

from dataclasses import replace

from hypothesis import given
from hypothesis import strategies as st

from gorillacomb.index.rows import CTIME, DIGEST, INODE, MTIME, SIZE, STATE, EntryRow, with_changes
from gorillacomb.model import EntryState
from gorillacomb.scan.diff import classify_change, reusable_row, same_fingerprint
from gorillacomb.scan.tasks import RootContext

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
OLD: EntryRow = (b"x", 0, 0o100644, 5, 10 * HOUR, 7, 8, 1, 8, 99, b"d" * 32, None, None, None)


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
    damaged = classify_change(read, OLD)
    assert (damaged[STATE], damaged[DIGEST]) == (EntryState.DAMAGED, OLD[DIGEST])
    suspect = classify_change(with_changes(read, {CTIME: 8}), OLD)
    assert (suspect[STATE], suspect[DIGEST]) == (EntryState.SUSPECT, OLD[DIGEST])
    restored = classify_change(with_changes(read, {INODE: 9, CTIME: 8}), OLD)
    assert (restored[STATE], restored[DIGEST]) == (EntryState.SUSPECT, OLD[DIGEST])


def test_edits_are_edits() -> None:
    for change in ({MTIME: 11 * HOUR}, {SIZE: 6}):
        read = with_changes(OLD, {DIGEST: b"e" * 32, **change})
        assert classify_change(read, OLD) == read
    fresh = with_changes(OLD, {STATE: int(EntryState.FRESH)})
    read = with_changes(OLD, {DIGEST: b"e" * 32})
    assert classify_change(read, fresh) == read, "written again within the clock's grain"


def test_what_cannot_be_read_keeps_what_was_known() -> None:
    failed = with_changes(OLD, {STATE: int(EntryState.UNREADABLE), DIGEST: None})
    assert classify_change(failed, OLD)[DIGEST] == OLD[DIGEST]
    edited = with_changes(failed, {SIZE: 6})
    assert classify_change(edited, OLD)[DIGEST] is None
