"""Clocks that nobody sets, for what must not be decided by one that somebody does."""

from __future__ import annotations

import sys
import time
from pathlib import Path


def boot_id() -> str:
    """Return what is another one after each start of the machine; empty where nobody tells."""
    try:
        return Path("/proc/sys/kernel/random/boot_id").read_text().strip()
    except OSError:
        return ""


def uptime_ns() -> int:
    """Return the time of a clock that nobody sets, and that goes on while the machine sleeps."""
    if sys.platform == "linux":
        return time.clock_gettime_ns(time.CLOCK_BOOTTIME)
    return time.monotonic_ns()


def since_boot_ns() -> int:
    """Return the same as the system writes it down, to 10 ms.

    That is the system's for every program, also for one that runs under a clock of its own.
    """
    try:
        return int(Path("/proc/uptime").read_text().split()[0].replace(".", "")) * 10_000_000
    except (OSError, ValueError):
        return uptime_ns()


def age_ns(then_ns: int, now_ns: int) -> int | None:
    """Return how long ago a moment was, by the clock on the wall, ns.

    None for one that lies in the future: the clock was ahead then, and it proves nothing.
    """
    return now_ns - then_ns if then_ns <= now_ns else None
