"""The new files that a drop kept, and what became of them."""

from __future__ import annotations

import os
from dataclasses import dataclass

from gorillacomb.api.dedupe.history import RunDetails
from gorillacomb.dedupe.model import DROP
from gorillacomb.dedupe.quarantine.bases import base_of_run
from gorillacomb.dedupe.quarantine.inventory import recorded_runs
from gorillacomb.dedupe.quarantine.journal_entries import INTENT, TAKEN_BACK, UNDONE
from gorillacomb.fs.paths import join

__all__ = ["FileOfDrop", "files_of_drop", "is_drop"]


@dataclass(frozen=True, slots=True)
class FileOfDrop:
    """A file that a drop kept."""

    path: bytes
    """Absolute."""
    size: int
    """Bytes that it had when it was kept."""
    is_there: bool
    """Whether something is at its place, which an undo would remove or leave."""
    cause: str | None
    """Why an undo left it."""


def is_drop(run: RunDetails) -> bool:
    """Return whether a run kept files that were dropped, and moved none."""
    return run.action == DROP


def files_of_drop(run: RunDetails) -> list[FileOfDrop]:
    """Return the files that a drop kept, on connected drives. Raises OSError."""
    named = [base_of_run(folder) for folder in run.quarantines]
    found = []
    for each in recorded_runs((), named):
        for copy in each.recorded.copies.values():
            if not copy.is_dropped or copy.state in (INTENT, TAKEN_BACK):
                continue
            path = join(each.base, copy.path)
            is_there = os.path.lexists(path) and not (copy.state == UNDONE and not copy.cause)
            found.append(FileOfDrop(path, copy.size, is_there, copy.cause if is_there else None))
    return found
