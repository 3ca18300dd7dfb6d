"""What a scan is asked to do."""

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
    """The settings of one scan; the defaults comb everything."""

    workers: int | None = None
    """Processes that read; 0 works inline.

    None for what suits: one a processor, more while they wait for the disk, one for a disk that
    spins, none for a small tree.
    """
    exclude: tuple[str, ...] = ()
    """Gitignore patterns, added to those that the root remembers."""
    clear_excludes: bool = False
    """Forget the patterns that the root remembers first."""
    standing_excludes: tuple[str, ...] = ()
    """Patterns of the user's settings, for every root, not remembered with it."""
    min_size: int | None = None
    """Bytes; remembered for the root. None leaves what it remembers."""
    standing_min_size: int = 0
    """Bytes; of the user's settings, for roots that remember none, and not remembered with them."""
    quick: bool = False
    """Answer the duplicates only: files without a copy stay unread, where that saves time."""
    rehash: bool = False
    """Read everything again as it is met, past the system's cache, and tell damage from edits."""
    cross_file_systems: bool = False
    file_list: tuple[bytes, ...] | None = None
    """Look at these paths only."""
    changed: tuple[bytes, ...] | None = None
    """Look at these folders only, and wholly at subfolders that are new in them."""
    again: tuple[tuple[int, bytes], ...] | None = None
    """Read these entries alone, by the ids of their folders and their names, as with `rehash`."""
    accept: bool = False
    """Take what is read again as it is, also what would be called damaged."""
    accept_loss: bool = False
    """Take it that what is not there any more was deleted, however much it is."""
    taken: tuple[bytes, ...] = ()
    """Absolute paths of what we took away ourselves, and what was in it: that is no loss."""
    deleted: Callable[[Iterable[bytes]], Iterable[tuple[bytes, int]]] = _nothing_deleted
    """Given folders, yields the absolute path of what runs in them deleted for good, and when, ns:
    another vault may have had it done. Asked only when something is lost."""
    hydrate_limit: int | None = None
    """Download placeholders of up to so many bytes; None for none."""
    hash_limit: int | None = None
    """Bytes; larger files wait until it is known which of them can be duplicates.

    None for what suits: 1 MiB, or 64 KiB when just those are to be read. Smaller ones mostly share
    their size with another one, and to come back to them costs more than to read them; where it
    shows that they do not, they wait too.
    """
    now: Callable[[], int] = time.time_ns
    """The clock, ns since the epoch; a function of a module, since workers get it by its name."""
    budget: int = 2000
    """How much a worker does before it reports, in entries or 64 KiB of content."""

    @property
    def reads_at_once(self) -> int:
        """The largest files, in bytes, that are read as they are met."""
        if self.hash_limit is not None:
            return self.hash_limit
        return _QUICK_LIMIT if self.quick else CHUNK - 1

    @property
    def is_partial(self) -> bool:
        """Whether not all of the roots is looked at."""
        return any(each is not None for each in (self.file_list, self.changed, self.again))


OnDuplicates = Callable[[Index, ScanReport], None]
"""Called when the duplicates are known and the unique large files are still to be read."""


class ScanRecorder(Protocol):
    """Writes down what a scan found, while the index is open and locked."""

    def begin(self, index: Index) -> None:
        """Before the scan touches the index. Raises VaultError."""

    def end(self, index: Index, scan: int, progress: Progress) -> StampReport:
        """After a scan that came to its end. Raises VaultError."""

    def close(self) -> None:
        """At the end, whatever it was like."""
