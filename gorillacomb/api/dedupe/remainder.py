"""What a run still has in quarantine after an undo, and what is in the way of it."""

from __future__ import annotations

import errno
import os
import stat
from collections.abc import Iterable, Iterator
from dataclasses import dataclass

from gorillacomb.dedupe.model import StepProblem
from gorillacomb.dedupe.quarantine.inventory import RecordedRun, recorded_runs, waiting_in
from gorillacomb.dedupe.quarantine.items import ItemState, items_at
from gorillacomb.dedupe.quarantine.journal_entries import REPAIR
from gorillacomb.dedupe.quarantine.replacement import SOMETHING_ELSE

__all__ = ["BlockedItem", "RunRemainder"]

_TAKEN = {SOMETHING_ELSE, *(os.strerror(each).lower() for each in (errno.EEXIST, errno.ENOTDIR))}
"""Causes that mean that a place is taken."""


@dataclass(frozen=True, slots=True)
class BlockedItem:
    """An item that could not be put back because something else is at its place."""

    path: bytes
    """Its place."""
    in_the_way: bytes
    """What is there: at its place, or a file where it needs a folder."""
    kind: str
    """``file``, ``folder`` or ``other``: of what is there."""
    size: int
    """Bytes of that, if it is a file."""
    mtime_ns: int
    quarantine: bytes | None
    """Where the item is; None if it is missing."""


@dataclass(frozen=True, slots=True)
class RunRemainder:
    """What a run still has in quarantine after an undo."""

    steps: int
    files: int
    bytes: int
    """On disk."""
    blocked: tuple[BlockedItem, ...]


def remainder_of(bases: Iterable[bytes], name: str, failed: Iterable[StepProblem]) -> RunRemainder:
    """Return what a run still has in quarantine in some bases; ``failed`` was not put back."""
    runs = list(recorded_runs((), [(base, name) for base in bases]))
    held = [found for run in runs for found in waiting_in(run)]
    return RunRemainder(
        sum(files > 0 for files, _ in held),  # an emptied folder is a step without files
        sum(files for files, _ in held),
        sum(size for _, size in held),
        tuple(_blocked(runs, failed)),
    )


def _blocked(runs: Iterable[RecordedRun], failed: Iterable[StepProblem]) -> Iterator[BlockedItem]:
    runs = [run for run in runs if run.recorded.action != REPAIR]
    for path in dict.fromkeys(each.path for each in failed if each.cause in _TAKEN):
        found = _in_the_way(path)
        if found is None:
            continue
        there, facts = found
        items = (item for run in runs for item in items_at(run, path) if item.path == path)
        aside = next((item.aside for item in items if item.state is ItemState.WAITING), None)
        yield BlockedItem(path, there, _kind(facts), facts.st_size, facts.st_mtime_ns, aside)


def _in_the_way(path: bytes) -> tuple[bytes, os.stat_result] | None:
    """Return what is at a path, or the file around it that should be a folder; None if nothing."""
    while True:
        try:
            return path, os.lstat(path)
        except NotADirectoryError:
            path = os.path.dirname(path)
        except OSError:
            return None  # it disappeared since


def _kind(facts: os.stat_result) -> str:
    if stat.S_ISREG(facts.st_mode):
        return "file"
    return "folder" if stat.S_ISDIR(facts.st_mode) else "other"
