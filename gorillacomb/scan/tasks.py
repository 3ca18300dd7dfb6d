"""What the main process asks of a worker and what it gets back: plain tuples, cheap to pickle."""

from __future__ import annotations

import time
from collections.abc import Callable
from dataclasses import dataclass
from typing import NamedTuple

from gorillacomb.fs.openat import FileIdentity
from gorillacomb.index.rows import EntryRow, FileKey
from gorillacomb.index.writer import IndexChanges

WINDOW = 4096
"""Entries of one folder that one task looks at; the rest of a huge folder goes to others."""


@dataclass(frozen=True, slots=True)
class RootContext:
    """All that a worker must know of a root; travels with each task."""

    path: bytes
    device: int
    inode: int
    """`st_ino` of the root itself: an unmounted drive leaves another folder in its place."""
    volume: str
    weak: bool
    hour_shifts: bool
    grain_ns: int
    exclude: tuple[str, ...]
    min_size: int
    hash_limit: int
    """Files up to so many bytes are hashed as they are met."""
    waits: bool
    """Files that were left for later go on waiting, whatever their size."""
    rehash: bool
    accept: bool
    """Content that can be read is never called damaged."""
    hydrate_limit: int | None
    """Placeholders up to so many bytes may be downloaded; None for none."""
    boundaries: frozenset[bytes]
    """Mount points inside the root, relative to it: not entered."""
    own: frozenset[int]
    """`st_ino` of our own folders and files on this device: never opened."""
    index: str | None
    """The index to compare with; None when this root is not in it yet."""
    hides_changes: bool = False
    """Content may change without any time's showing it: nothing is more than suspect."""
    now: Callable[[], int] = time.time_ns
    """The clock, ns since the epoch; it goes to other processes by its name."""

    @property
    def identity(self) -> FileIdentity:
        """Device and inode of the folder that the scan started with."""
        return self.device, self.inode


class FolderTask(NamedTuple):
    """A folder to visit; it has a row in the index, or will have when this task is begun."""

    folder: int
    """Its id in the index."""
    path: bytes
    """Relative to the root; empty for the root itself."""
    inode: int
    """The inode that its parent's listing named; 0 when that is not known."""
    only: tuple[bytes, ...] | None = None
    """Look at these names only; None for the whole folder."""
    alone: bool = False
    """Leave out the subfolders that stand in it as the index knows them."""


FOLDER_IDS = 1 << 22
"""How many ids a task may give to new folders: more subfolders than fit into its memory."""


class VisitTask(NamedTuple):
    """Folders of one root to visit, with their subfolders, until the budget is used up."""

    context: RootContext
    root: int
    folders: tuple[FolderTask, ...]
    budget: int
    """In entries; 64 KiB of content count as one more."""
    first_id: int
    """The first of `FOLDER_IDS` ids that are this task's own to give."""


class VisitResult(NamedTuple):
    """What a visit found."""

    root: int
    writes: IndexChanges
    rest: list[FolderTask]
    """Folders that the visit did not get to."""
    parts: list[int]
    """Ids of huge folders, once for each part of one that is among the rest."""
    parts_done: list[int]
    """Ids of folders of which this task was one part."""
    boundaries: list[bytes]
    """Other file systems met and not entered, relative to the root."""
    lost: bool
    """The root was taken away, or gives only errors; nothing else is in the result then."""
    folders: int
    files: int
    bytes: int
    hashed_files: int
    hashed_bytes: int
    new: int
    changed: int
    read_again_young: list[FileKey]


class HashItem(NamedTuple):
    """A file that the walk left for later."""

    folder: int
    path: bytes
    """Of its folder, relative to the root."""
    row: EntryRow


class HashTask(NamedTuple):
    """Large files to read: their probes, or all of their content."""

    context: RootContext
    root: int
    items: tuple[HashItem, ...]
    probe: bool


class HashResult(NamedTuple):
    """The rows as they are now; gone files are left out and named."""

    root: int
    rows: list[tuple[int, EntryRow]]
    gone: list[tuple[int, bytes]]
    hashed_files: int
    hashed_bytes: int
    lost: bool


ScanTask = VisitTask | HashTask
ScanTaskResult = VisitResult | HashResult
