"""Read everything again, slowly, in the background."""

from __future__ import annotations

import time
from collections.abc import Callable, Sequence

from gorillacomb.fs.volumes import is_online
from gorillacomb.index import scrub_queries
from gorillacomb.index.database import Index
from gorillacomb.index.roots import all_roots
from gorillacomb.model import SECOND
from gorillacomb.scan.scrub_queue import ScrubQueue
from gorillacomb.vault.vault import Vault
from gorillacomb.watch.health import ScrubProgress, WatcherHealth
from gorillacomb.watch.options import WatchOptions
from gorillacomb.watch.scan_runner import ScanRunner

_SPAN = 2
"""Seconds' worth of bytes per read."""
_IDLE = 600 * SECOND
"""Pause after a pass before checking again what is due, ns."""


class Scrubber:
    """Scrubs the watched roots, pass by pass; `scrub_next` is called when there is time."""

    def __init__(
        self,
        vault: Vault,
        options: WatchOptions,
        scans: ScanRunner,
        roots: Callable[[], Sequence[bytes]],
        health: WatcherHealth,
    ) -> None:
        """Prepare to scrub; ``roots`` returns the paths of the roots that exist."""
        self._vault = vault
        self._options = options
        self._scans = scans
        self._roots = roots
        self._health = health
        self._pass: ScrubQueue | None = None
        self._next_ns = 0

    def wait(self) -> float:
        """Return the seconds until there is something to do."""
        return max(0.0, (self._next_ns - time.monotonic_ns()) / SECOND)

    def scrub_next(self) -> None:
        """Read some files if that is due. Raises GorillaCombError."""
        begun = time.monotonic_ns()
        if begun < self._next_ns:
            return
        self._next_ns = begun + _SPAN * SECOND  # even if reading fails
        scrubbing = self._pass or self._begin()
        batch = scrubbing.next(self._options.scrub_rate * _SPAN)
        if batch is None:
            self._pass = None
            self._next_ns = begun + min(_IDLE, max(self._options.scrub_ns, _SPAN * SECOND))
            return
        self._scans.again(batch)
        self._health.scrub = self._health.scrub.after(len(batch.entries), batch.size)
        self._next_ns = begun + batch.size * SECOND // self._options.scrub_rate

    def _begin(self) -> ScrubQueue:
        before = time.time_ns() - self._options.scrub_ns
        self._pass = ScrubQueue(self._vault, self._tops, before)
        with Index.read(self._vault) as index:
            due = scrub_queries.due_totals(
                index.connection, self._tops(index), before, time.time_ns()
            )
        self._health.scrub = ScrubProgress(*due)
        return self._pass

    def _tops(self, index: Index) -> list[int]:
        there = set(self._roots())
        roots = all_roots(index.connection)
        # Of several drives scanned at one mount point, only one exists now.
        return [root.folder for root in roots if root.path in there and is_online(root)]
