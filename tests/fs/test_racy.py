"""Racy timestamps: which times a later write may leave as they are, and how long that lasts."""

from __future__ import annotations

import os
from pathlib import Path

import pytest
from hypothesis import given
from hypothesis import strategies as st

from gorillacomb.fs.comparison import wait_until_settled
from gorillacomb.fs.racy import grain_of, is_racy, settled_before_ns, time_to_settle_ns
from gorillacomb.model import SECOND

YEAR = 365 * 24 * 3600 * SECOND
LOOKED = 1_700_000_000 * SECOND
times = st.one_of(
    st.integers(LOOKED - 5 * SECOND, LOOKED + 8 * SECOND), st.integers(-(10**20), 10**20)
)
grains = st.sampled_from([20_000_000, SECOND, 2 * SECOND])


def facts(mtime_ns: int, ctime_ns: int) -> os.stat_result:
    """What `os.stat` says of a file with these times."""
    return os.stat_result(
        (0o100644, 1, 1, 1, 0, 0, 1, 0, 0, 0), {"st_mtime_ns": mtime_ns, "st_ctime_ns": ctime_ns}
    )


@given(times, times, st.integers(0, 3 * SECOND), grains)
def test_whatever_is_settled_is_never_racy(mtime: int, ctime: int, took: int, grain: int) -> None:
    settled = settled_before_ns(LOOKED, grain)
    if mtime < settled and ctime < settled:
        assert not is_racy(mtime, ctime, LOOKED, LOOKED + took, grain)


@given(times, times, grains)
def test_an_absurd_time_never_hides_the_other_one(mtime: int, ctime: int, grain: int) -> None:
    """Each time is judged by itself: what one alone makes racy no other time makes settled."""
    far = LOOKED + 10**20
    alone = is_racy(far, ctime, LOOKED, LOOKED, grain)
    assert is_racy(mtime, ctime, LOOKED, LOOKED, grain) >= alone
    assert is_racy(ctime, mtime, LOOKED, LOOKED, grain) >= alone
    left = time_to_settle_ns(facts(far, ctime), LOOKED, grain)
    assert time_to_settle_ns(facts(mtime, ctime), LOOKED, grain) >= left


@given(times, times, grains)
def test_what_has_settled_is_never_waited_for_again(mtime: int, ctime: int, grain: int) -> None:
    left = time_to_settle_ns(facts(mtime, ctime), LOOKED, grain)
    grain = grain_of(ctime, grain)
    assert 0 <= left <= 2 * grain
    later = LOOKED + left
    racy = {time for time in (mtime, ctime) if LOOKED - grain < time <= LOOKED + grain}
    assert not any(later - grain < time <= later for time in racy), "a grain lies behind them"


@pytest.mark.parametrize(
    "mtime", [LOOKED - YEAR, LOOKED, LOOKED + YEAR, -SECOND], ids=["old", "now", "ahead", "1969"]
)
def test_a_recent_ctime_is_waited_for_whatever_the_mtime_is(mtime: int) -> None:
    assert time_to_settle_ns(facts(mtime, LOOKED), LOOKED, 2 * SECOND) == 2 * SECOND
    assert is_racy(mtime, LOOKED, LOOKED, LOOKED, 2 * SECOND)


def test_a_file_with_an_mtime_ahead_settles_by_its_ctime(tmp_path: Path) -> None:
    """Before a copy is deleted: an mtime in the future must not hide a write of this moment."""
    path = tmp_path / "file"
    path.write_text("content")
    os.utime(path, ns=(LOOKED, path.stat().st_mtime_ns + YEAR))
    ctime = path.stat().st_ctime_ns
    waited: list[float] = []
    descriptor = os.open(path, os.O_RDONLY)
    try:
        wait_until_settled(descriptor, 2 * SECOND, lambda: ctime + SECOND, waited.append)
    finally:
        os.close(descriptor)
    assert waited == [1.0]


@given(st.integers(0, SECOND - 1), st.integers(1, SECOND - 1))
def test_a_ctime_in_whole_seconds_tells_of_a_clock_that_counts_them(after: int, rest: int) -> None:
    """Written in the second of the look, in which it may be written again: by the ctime alone."""
    grain = 20_000_000
    old, looked = LOOKED - YEAR, LOOKED + after
    assert is_racy(old, LOOKED, looked, looked, grain)
    assert time_to_settle_ns(facts(old, LOOKED), looked, grain) == SECOND - after
    assert is_racy(old, LOOKED + rest, looked, looked, grain) == (
        looked - grain <= LOOKED + rest <= looked + grain
    )
    assert not is_racy(LOOKED - SECOND, LOOKED - SECOND + rest, LOOKED + SECOND, LOOKED, grain)
