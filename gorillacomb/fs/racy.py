"""Racy timestamps: times so close to a read that a later write may not change them.

A file system stamps files with a clock of a certain grain. Anything written within one grain of a
read may get the same timestamps that the read saw, and so go unnoticed (git's "racy" rule). Each of
the two times is judged on its own: one in the future, left by a wrong clock or an unpacker, proves
nothing and must not mask the other.

The type of a file system does not determine its grain: ext4 with 128-byte inodes keeps whole
seconds, and on a converted drive only some files do. The ctime, which only the system sets, shows
it (an unpacker may leave an mtime in whole seconds anywhere): if it is a whole second, that file's
clock is assumed to count in seconds. With a finer clock, this happens once in a million reads.
"""

from __future__ import annotations

import os
from typing import Final

from gorillacomb.fs.openat import INT64
from gorillacomb.model import SECOND, EntryState

YOUNG_NS: Final = 60 * SECOND
"""Content read this soon after one of its file's times is read again at the next scan."""


def settled_before_ns(looked_ns: int, grain_ns: int) -> int:
    """Return the time before which both times of a file are settled at a read, whatever they are.

    For loops over many files; `is_racy` judges the remaining ones.
    """
    return looked_ns - max(grain_ns, SECOND)


def grain_of(ctime_ns: int, grain_ns: int) -> int:
    """Return the grain of the clock that stamped a file, given its file system type's grain."""
    return grain_ns if ctime_ns % SECOND else max(grain_ns, SECOND)


def is_racy(mtime_ns: int, ctime_ns: int, looked_ns: int, now_ns: int, grain_ns: int) -> bool:
    """Return whether a write after a read may leave, or have left, both times unchanged.

    ``looked_ns`` is before the read, ``now_ns`` after it; all in ns since the epoch.
    """
    grain_ns = grain_of(ctime_ns, grain_ns)
    start, end = looked_ns - grain_ns, now_ns + grain_ns
    return start <= mtime_ns <= end or start <= ctime_ns <= end


def time_to_settle_ns(facts: os.stat_result, now_ns: int, grain_ns: int) -> int:
    """Return how long to wait until any write must change a file's times; 0 for not at all."""
    grain_ns = grain_of(facts.st_ctime_ns, grain_ns)
    return max(
        (
            time_ns + grain_ns - now_ns
            for time_ns in (facts.st_mtime_ns, facts.st_ctime_ns)
            if now_ns - grain_ns < time_ns <= now_ns + grain_ns
        ),
        default=0,
    )


def was_young(mtime_ns: int, ctime_ns: int, read_ns: int) -> bool:
    """Return whether a file was read within `YOUNG_NS` of one of its times; 0 means never read.

    A program that has it mapped may store into a page that is already dirty, which changes the
    content but no timestamp. The system writes such pages out within about half a minute, and the
    first store after that updates the times.
    """
    if not read_ns:
        return False
    start, end = read_ns - YOUNG_NS, read_ns + YOUNG_NS
    return start <= mtime_ns <= end or start <= ctime_ns <= end


def is_provisional(mtime_ns: int, ctime_ns: int, read_ns: int) -> bool:
    """Return whether a digest must be taken again at the next scan and does not prove damage."""
    if not read_ns:
        return False
    return was_young(mtime_ns, ctime_ns, read_ns) or is_clamped(mtime_ns) or is_clamped(ctime_ns)


def is_clamped(time_ns: int) -> bool:
    """Return whether a time in the index was clamped (`clamp_int64`)."""
    return not -INT64 < time_ns < INT64 - 1


def judge_content(provisional: bool, moved: bool, hides_changes: bool) -> EntryState | None:
    """Judge content that differs from its digest while size and mtime do not.

    DAMAGED; SUSPECT if ctime or inode ``moved``, since a restored backup looks like that too, or if
    the file system may hide a change; None for an edit: the digest is ``provisional`` and nothing
    moved.
    """
    if provisional and not moved:
        return None
    return EntryState.SUSPECT if moved or hides_changes else EntryState.DAMAGED
