"""Hand out the files that have gone unread the longest, so that bit rot is found in time.

A scan reads them again, bypassing the page cache (`ScanOptions.again`): it tells an edit from
damage, and records when each was read.
"""

from __future__ import annotations

import time
from collections import deque
from collections.abc import Callable, Sequence
from dataclasses import dataclass, field

from gorillacomb.index import scrub_queries
from gorillacomb.index.database import Index, translate_errors
from gorillacomb.index.roots import all_roots
from gorillacomb.index.scrub_queries import FIRST, ScrubCandidate
from gorillacomb.vault.vault import Vault

_AT_ONCE = 20_000
"""Files fetched per query, since each query looks at every row of the index."""


@dataclass(frozen=True, slots=True)
class ScrubBatch:
    """Files to be read again."""

    roots: tuple[bytes, ...]
    """The paths of their roots."""
    entries: tuple[tuple[int, bytes], ...]
    """Folder id and name of each."""
    size: int
    """Bytes."""


@dataclass(slots=True)
class ScrubQueue:
    """One pass: each file is handed out at most once, even if it could not be read."""

    vault: Vault
    tops: Callable[[Index], Sequence[int]]
    """The ids of the folders in and below which files are read."""
    before_ns: int
    """Files read after this time are not due."""
    _waiting: deque[ScrubCandidate] = field(default_factory=deque)
    _last: ScrubCandidate = FIRST
    _ended: bool = False
    _roots: dict[int, bytes] = field(default_factory=dict)

    def next(self, size: int) -> ScrubBatch | None:
        """Return files of up to ``size`` bytes, at least one; None at the end.

        Raises VaultError.
        """
        with translate_errors(self.vault):
            return self._next(size)

    def _next(self, size: int) -> ScrubBatch | None:
        taken: list[ScrubCandidate] = []
        total = 0
        while not taken or (total < size and len(taken) < _AT_ONCE):
            if not self._waiting and not self._ask():
                break
            if taken and total + self._waiting[0].size > size:
                break
            taken.append(self._waiting.popleft())
            total += taken[-1].size
        if not taken:
            return None
        roots = tuple(self._roots[root] for root in sorted({each.root for each in taken}))
        return ScrubBatch(roots, tuple((each.folder, each.name) for each in taken), total)

    def _ask(self) -> bool:
        """Fetch the next files; return whether there are any."""
        if self._ended:
            return False
        with Index.read(self.vault) as index:
            tops = self.tops(index)
            found = scrub_queries.due_files(
                index.connection, tops, self.before_ns, time.time_ns(), self._last, _AT_ONCE
            )
            # Merged, not replaced: a root may be forgotten while files of it wait.
            self._roots |= {root.id: root.path for root in all_roots(index.connection)}
        self._ended = len(found) < _AT_ONCE
        if found:
            self._last = found[-1]
        self._waiting.extend(found)
        return bool(found)
