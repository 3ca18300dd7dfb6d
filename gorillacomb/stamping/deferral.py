"""Defer stamps for machine-made folders in which files were added recently.

What `npm install` adds is often removed within minutes, and the trace never forgets.
"""

from __future__ import annotations

import time
from collections.abc import Collection, Iterable

from gorillacomb.classify.names import is_machine_made
from gorillacomb.classify.projects import project_around
from gorillacomb.index import stamps
from gorillacomb.index.paths import FolderPaths
from gorillacomb.sqlite import Connection


class StampDeferral:
    """Knows which contents wait: those of a folder until nothing was added to it for a while."""

    def __init__(
        self,
        connection: Connection,
        paths: FolderPaths,
        quiet_ns: int = 0,
        machine_made: frozenset[bytes] = frozenset(),
    ) -> None:
        """Defer for ``quiet_ns`` (0 for not at all); ``machine_made`` are additional names."""
        self._connection = connection
        self._paths = paths
        self._quiet_ns = quiet_ns
        self._names = machine_made
        self._now = time.time_ns()
        known = stamps.deferred_folders(connection)
        self._since = {
            folder: since
            for folder, since in known.items()
            if self._now - quiet_ns < since <= self._now
        }
        self.is_due = len(self._since) < len(known)
        """Whether something that was deferred can be stamped now."""
        self._tops: dict[int, tuple[int | None, int | None]] = {}

    def due_ns(self) -> int | None:
        """Return when the next folder will be quiet for long enough (wall clock, ns), or None."""
        return min(self._since.values()) + self._quiet_ns if self._since else None

    def waiting(self, digests: Iterable[bytes], new: Collection[bytes]) -> set[bytes]:
        """Return which of these contents wait, being only in folders that are not quiet.

        ``new`` are contents added since the last scan: their folders are not quiet.
        """
        if not self._quiet_ns:
            return set()
        tops = {}
        for digest in digests:
            holders = stamps.holders_of(self._connection, digest)
            found = {self._top(folder)[0] for folder, *_ in holders}
            if found and None not in found:
                tops[digest] = found
        for digest, found in tops.items():
            if digest in new:
                self._since |= {top: self._now for top in found if top is not None}
        return {digest for digest, found in tops.items() if found <= self._since.keys()}

    def save(self) -> None:
        """Store which folders are not quiet."""
        stamps.set_deferred_folders(self._connection, self._since)

    def _top(self, folder: int) -> tuple[int | None, int | None]:
        """Return the topmost machine-made folder around a folder, and the outermost project."""
        chain: list[tuple[int, bytes, str | None]] = []
        at = folder
        while at not in self._tops:
            _, parent, name, marker = self._paths.row(at) or (0, None, b"", None)
            if parent is None:
                self._tops[at] = (None, None)  # a root chosen by the user does not count
            else:
                chain.append((at, name, marker))
                at = parent
        top, project = self._tops[at]
        for at, name, marker in reversed(chain):
            if top is None and is_machine_made(name, project is not None, self._names):
                top = at
            project = project_around(project, at, marker is not None)
            self._tops[at] = (top, project)
        return top, project
