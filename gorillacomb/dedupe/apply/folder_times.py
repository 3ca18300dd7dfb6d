"""Restore the mtime that a folder had before a run, if only the run has written to it since."""

from __future__ import annotations

import os
from collections.abc import Iterable
from contextlib import suppress

from gorillacomb.dedupe.copies.run_copies import ONE_CALL_NS
from gorillacomb.dedupe.quarantine.journal_entries import MovedItem
from gorillacomb.dedupe.quarantine.replacement import is_link
from gorillacomb.dedupe.quarantine.run import Quarantine
from gorillacomb.fs import mutations


class FolderTimes:
    """The folders that things were taken from, as they are before those are put back.

    The journal records what a run did last to a folder. For a run that was killed it does not, but
    then the ctime of what was moved is the mtime of the folder: a rename sets both. So a write by
    someone else right after that, or before a second attempt to take it back, goes unnoticed.
    """

    def __init__(self, run: Quarantine, moves: Iterable[MovedItem]) -> None:
        self._run = run
        self._before: dict[bytes, tuple[MovedItem, int]] = {}
        """By folder: something that was in it, and the mtime to restore, in ns."""
        for move in moves:
            if move.parent_mtime_ns is None:
                continue
            before_ns = self._time_before(move, move.parent_mtime_ns)
            if before_ns is not None:
                self._before[os.path.dirname(move.path)] = move, before_ns

    def _time_before(self, move: MovedItem, before_ns: int) -> int | None:
        """Return the mtime to restore on a folder; None if the run was not the last to write there.

        What was put back before need not be what was removed last.
        """
        run, known = self._run, []
        starts = run.journal.recorded.starts.get(os.path.dirname(move.path), {})
        try:
            with run.original_location(move).opened() as (folder, name):
                now = os.fstat(folder).st_mtime_ns
                if now in starts or now in (before_ns, move.parent_after_ns):
                    return starts.get(now, before_ns)
                with suppress(FileNotFoundError):
                    here = os.stat(name, dir_fd=folder, follow_symlinks=False)
                    # A copy of the drive has other inodes, but the same times.
                    is_back = move.mtime_ns == here.st_mtime_ns or move.inode == here.st_ino
                    if is_link(move, folder, name, move.keep.at(run.base)):
                        is_back = move.parent_after_ns is None
                    if is_back:
                        known.append(here)
            if move.parent_after_ns is None:
                with suppress(FileNotFoundError):
                    known.append(os.stat(move.slot, dir_fd=run.folder, follow_symlinks=False))
        except OSError:
            return None
        is_alone = any(abs(now - facts.st_ctime_ns) <= ONE_CALL_NS for facts in known)
        return before_ns if is_alone else None

    def restore(self) -> None:
        """Set the times once everything is back, but not on folders that belong to someone else."""
        for move, before_ns in self._before.values():
            with suppress(OSError), self._run.original_location(move).opened() as (folder, _):
                mutations.set_mtime(folder, before_ns)
