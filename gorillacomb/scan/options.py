"""The options of a scan."""

from __future__ import annotations

import time
from collections.abc import Callable, Iterable
from dataclasses import dataclass
from typing import Protocol

from gorillacomb.hashing import CHUNK
from gorillacomb.index.database import Index
from gorillacomb.model import ScanReport, StampReport
from gorillacomb.progress import Progress

_QUICK_LIMIT = 64 << 10


def _nothing_deleted(places: Iterable[bytes]) -> Iterable[tuple[bytes, int]]:
    return ()


@dataclass(frozen=True, slots=True)
class ScanOptions:
    """The options of one scan; the defaults scan everything."""

    workers: int | None = None
    """Reading processes; 0 reads inline.

    None chooses: one per processor, more while they wait for the disk, one for a spinning disk,
    none for a small tree.
    """
    exclude: tuple[str, ...] = ()
    """Gitignore patterns, added to those remembered for the root."""
    clear_excludes: bool = False
    """Whether to forget the remembered patterns first."""
    standing_excludes: tuple[str, ...] = ()
    """Patterns from the user's settings, for every root; not remembered with it."""
    min_size: int | None = None
    """Bytes; remembered for the root. None keeps the remembered value."""
    standing_min_size: int = 0
    """Bytes, from the user's settings, for roots without a remembered value; not remembered."""
    quick: bool = False
    """Find duplicates only: files without a copy stay unread, where that saves time."""
    rehash: bool = False
    """Read everything again at once, bypassing the page cache, and tell damage from edits."""
    cross_file_systems: bool = False
    file_list: tuple[bytes, ...] | None = None
    """Scan these paths only."""
    changed: tuple[bytes, ...] | None = None
    """Scan these folders only, without their known subfolders; new subfolders wholly."""
    again: tuple[tuple[int, bytes], ...] | None = None
    """Read only these entries again (folder id, name), as with `rehash`."""
    accept: bool = False
    """Accept what is read as it is, even if it would be called damaged."""
    accept_loss: bool = False
    """Treat everything missing as deleted, however much it is."""
    taken: tuple[bytes, ...] = ()
    """Absolute paths that we removed, with everything in them: that is not a loss."""
    deleted: Callable[[Iterable[bytes]], Iterable[tuple[bytes, int]]] = _nothing_deleted
    """Given folders, yields the absolute path and time (ns) of everything that runs in them deleted
    for good, perhaps for another vault. Called only when something is missing."""
    hydrate_limit: int | None = None
    """Largest placeholder, in bytes, that may be downloaded; None for none."""
    hash_limit: int | None = None
    """Bytes; larger files wait until it is known which of them can be duplicates.

    None chooses: 1 MiB, or 64 KiB for a quick scan. Smaller files mostly share their size with
    another one, and coming back to them costs more than reading them at once; if the sizes seen so
    far show otherwise, they wait too.
    """
    now: Callable[[], int] = time.time_ns
    """The clock, ns since the epoch; a module-level function, since workers unpickle it by name."""
    budget: int = 2000
    """How much a worker does before it reports, in entries or units of 64 KiB of content."""

    @property
    def reads_at_once(self) -> int:
        """The largest size, in bytes, that is read at once."""
        if self.hash_limit is not None:
            return self.hash_limit
        return _QUICK_LIMIT if self.quick else CHUNK - 1

    @property
    def is_partial(self) -> bool:
        """Whether only a part of the roots is scanned."""
        return any(each is not None for each in (self.file_list, self.changed, self.again))


OnDuplicates = Callable[[Index, ScanReport], None]
"""Called when the duplicates are known and the unique large files are still unread."""


class ScanRecorder(Protocol):
    """Records what a scan found, while the index is open and locked."""

    def begin(self, index: Index) -> None:
        """Prepare before the scan touches the index. Raises VaultError."""

    def end(self, index: Index, scan: int, progress: Progress) -> StampReport:
        """Record a completed scan. Raises VaultError."""

    def close(self) -> None:
        """Clean up, however the scan ended."""
