"""Racy timestamps: times so near to a look that a later write may leave them as they are.

A file system stamps files with a clock of a certain grain. Whatever is written within one grain of
a look may get the times that the look saw, and so pass unnoticed (git's "racy" rule). Each of the
two times is judged by itself: one that lies in the future, as a wrong clock or an unpacker leaves
it, says nothing and must not hide the other one.

The type of a file system does not tell its grain: ext4 with inodes of 128 bytes keeps whole
seconds, and on a converted drive some files have them and others do not. The ctime tells it, which
only the system sets (an unpacker may leave an mtime in whole seconds anywhere): where it is a whole
second, the clock of that file is taken to count in seconds. With a finer clock one in a million
looks so.
"""

from __future__ import annotations

import os
from typing import Final

from gorillacomb.fs.openat import INT64
from gorillacomb.model import SECOND, EntryState

COARSEST_GRAIN_NS: Final = 2 * SECOND
"""FAT's grain, which no file system exceeds: for files of which the real grain is not known."""

YOUNG_NS: Final = 60 * SECOND
"""Content that was read so soon after a time of its file is read again at the next scan."""


def settled_before_ns(looked_ns: int, grain_ns: int) -> int:
    """Return the time before which both times of a file are settled at a look, whatever they are.

    For loops over many files; `is_racy` judges those that this leaves.
    """
    return looked_ns - max(grain_ns, SECOND)


def grain_of(ctime_ns: int, grain_ns: int) -> int:
    """Return the grain of the clock that stamped a file, given that of its type of file system."""
    return grain_ns if ctime_ns % SECOND else max(grain_ns, SECOND)


def is_racy(mtime_ns: int, ctime_ns: int, looked_ns: int, now_ns: int, grain_ns: int) -> bool:
    """Whether a write after a look may have left, or may yet leave, both times as they are.

    ``looked_ns`` is a moment before the look, ``now_ns`` one after it; all in ns since the epoch.
    """
    grain_ns = grain_of(ctime_ns, grain_ns)
    start, end = looked_ns - grain_ns, now_ns + grain_ns
    return start <= mtime_ns <= end or start <= ctime_ns <= end


def time_to_settle_ns(facts: os.stat_result, now_ns: int, grain_ns: int) -> int:
    """Return how long to wait until a write must change the times of a file; 0 for not at all."""
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
    """Whether a file was read within `YOUNG_NS` of one of its times; 0 is for one never read.

    A program that has it mapped may store into a page that is not on the disk yet, which changes
    the content and no time. The system writes such pages out within half a minute or so, and the
    first store after that moves the times.
    """
    if not read_ns:
        return False
    start, end = read_ns - YOUNG_NS, read_ns + YOUNG_NS
    return start <= mtime_ns <= end or start <= ctime_ns <= end


def is_provisional(mtime_ns: int, ctime_ns: int, read_ns: int) -> bool:
    """Whether a digest is to be taken again at the next scan, and is no evidence of damage."""
    if not read_ns:
        return False
    return was_young(mtime_ns, ctime_ns, read_ns) or is_clamped(mtime_ns) or is_clamped(ctime_ns)


def is_clamped(time_ns: int) -> bool:
    """Whether a time, as the index holds it, stands for all that lie beyond it (`clamp_int64`)."""
    return not -INT64 < time_ns < INT64 - 1


def judge_content(provisional: bool, moved: bool, hides_changes: bool) -> EntryState | None:
    """Say what content is that differs from a digest while size and mtime do not.

    DAMAGED; SUSPECT where ctime or inode ``moved``, since a restored backup looks like that too,
    and where the file system may hide a change; None for an edit, which it is where the digest is
    ``provisional`` and nothing moved.
    """
    if provisional and not moved:
        return None
    return EntryState.SUSPECT if moved or hides_changes else EntryState.DAMAGED
