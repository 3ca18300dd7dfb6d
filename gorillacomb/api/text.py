"""Format sizes, numbers, times and warnings, for errors and the front ends."""

from __future__ import annotations

from datetime import datetime
from typing import TYPE_CHECKING

from gorillacomb.fs.paths import path_text
from gorillacomb.vault.settings import parse_size as parse_size

if TYPE_CHECKING:
    from gorillacomb.model import Root


def format_size(count: int) -> str:
    """Format bytes in decimal units: 999 B, 1.5 kB, 24.7 MB."""
    if abs(count) < 1000:
        return f"{count} B"
    value = float(count)
    for unit in ("kB", "MB", "GB", "TB", "PB"):
        value /= 1000
        if abs(value) < 999.95 or unit == "PB":
            break
    return f"{value:.1f} {unit}"


def format_count(number: int, one: str, many: str = "") -> str:
    """Format a number with its noun: 1 file, 12,345 files."""
    return f"{number:,} {one if number == 1 else many or one + 's'}"


def format_time(time_ns: int) -> str:
    """Format a time in the local zone, to the minute."""
    try:
        return datetime.fromtimestamp(time_ns / 1e9).strftime("%Y-%m-%d %H:%M")
    except (OverflowError, ValueError, OSError):
        return f"{time_ns} ns"


def nested_text(inner: str, outer: str) -> str:
    """Say that one of two compared folders is inside the other."""
    return f"{inner} is inside {outer}, which is compared without it."


def suspect_texts(root: Root) -> tuple[str, str]:
    """Say why a root is suspect, and what to do about it."""
    import shlex

    path = path_text(root.path)
    return (
        f"{path} may not be what it was: {root.suspect}.",
        "What is known about it is kept, and copies in it do not count. Mount what belongs"
        " there and scan it again; if it was deleted:"
        f" gorillacomb scan {shlex.quote(path)} --accept-loss",
    )
