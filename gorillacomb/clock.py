"""Clocks that cannot be set, for decisions that must not depend on the wall clock."""

from __future__ import annotations

import sys
import time
from pathlib import Path


def process_start(pid: int) -> str:
    """Return when a process was started, in ticks since the machine's start.

    Empty if that is unknown, or it has ended and nobody has waited for it. With the boot id it
    tells a process from a later one that got the same number.
    """
    try:
        state, *rest = Path(f"/proc/{pid}/stat").read_text().rpartition(")")[2].split()
        return "" if state == "Z" else rest[18]
    except (OSError, ValueError, IndexError):
        return ""


def uptime_ns() -> int:
    """Return the time of a clock that cannot be set, and that runs while the machine sleeps."""
    if sys.platform == "linux":
        return time.clock_gettime_ns(time.CLOCK_BOOTTIME)
    # On macOS it runs on during sleep (clock_gettime(3)); Python's own monotonic clock stops there.
    return time.clock_gettime_ns(time.CLOCK_MONOTONIC)


def since_boot_ns() -> int:
    """Return the same as reported by the system, to 10 ms.

    It is the system's own for every program, even one that runs under a faked clock.
    """
    try:
        return int(Path("/proc/uptime").read_text().split()[0].replace(".", "")) * 10_000_000
    except (OSError, ValueError):
        return uptime_ns()


def age_ns(then_ns: int, now_ns: int) -> int | None:
    """Return how long ago a moment was by the wall clock, ns.

    None if it is in the future: the clock was ahead then, and it proves nothing.
    """
    return now_ns - then_ns if then_ns <= now_ns else None
