"""When a folder is due."""

from __future__ import annotations

import threading
import time

import pytest
from hypothesis import given
from hypothesis import strategies as st

from gorillacomb.model import SECOND
from gorillacomb.watch.debounce import ChangeQueue

QUIET = 2 * SECOND


class Clock:
    def __init__(self) -> None:
        self.ns = 0

    def __call__(self) -> int:
        return self.ns


@pytest.fixture
def clock() -> Clock:
    return Clock()


@pytest.fixture
def pending(clock: Clock) -> ChangeQueue:
    return ChangeQueue(QUIET, clock)


def test_a_folder_waits_until_it_is_quiet(pending: ChangeQueue, clock: Clock) -> None:
    pending.mark(b"/a")
    clock.ns = QUIET - 1
    assert pending.take() == ()
    pending.mark(b"/a")
    clock.ns = 2 * QUIET - 2
    assert pending.take() == ()
    clock.ns = 2 * QUIET
    assert pending.take() == (b"/a",)
    assert (pending.take(), len(pending)) == ((), 0)


def test_who_never_is_quiet_is_looked_at_all_the_same(pending: ChangeQueue, clock: Clock) -> None:
    taken = []
    for number in range(100):
        clock.ns = number * SECOND
        pending.mark(b"/log")
        if pending.take():
            taken.append(number)
    assert taken == [20, 41, 62, 83]  # the first change after a scan begins a new wait


def test_a_burst_is_one_batch(pending: ChangeQueue, clock: Clock) -> None:
    """Folders that are quiet by themselves wait while many others change."""
    for number in range(3000):
        clock.ns = number * SECOND // 500
        pending.mark(b"/%d" % number)
        assert pending.take() == ()
    clock.ns += QUIET
    assert len(pending.take()) == 3000


def test_what_comes_with_a_whole_scan_is_dropped(pending: ChangeQueue, clock: Clock) -> None:
    pending.mark(b"/a")
    pending.mark(b"/b")
    pending.drop(lambda path: path == b"/a")
    clock.ns = QUIET
    assert pending.take() == (b"/b",)


@given(st.lists(st.tuples(st.integers(0, 5), st.integers(0, 3 * SECOND)), max_size=60))
def test_nothing_is_forgotten(steps: list[tuple[int, int]]) -> None:
    """Each change is in a batch that was taken after it, at the latest ten quiet spans later."""
    clock = Clock()
    pending = ChangeQueue(QUIET, clock)
    open_since: dict[bytes, int] = {}
    for folder, later in steps:
        clock.ns += later
        for each in pending.take():
            assert clock.ns - open_since.pop(each) <= 10 * QUIET + 3 * SECOND
        path = b"/%d" % folder
        open_since.setdefault(path, clock.ns)
        pending.mark(path)
    clock.ns += QUIET
    assert set(pending.take()) == set(open_since)


@pytest.mark.parametrize("woken", [False, True])
def test_a_wait_ends(woken: bool) -> None:
    pending = ChangeQueue(SECOND // 10)
    act = pending.wake if woken else lambda: pending.mark(b"/a")
    timer = threading.Timer(0.1, act)
    timer.start()
    before = time.monotonic()
    pending.wait(30)
    timer.join()
    assert time.monotonic() - before < 10
    assert pending.take() == (() if woken else (b"/a",))
