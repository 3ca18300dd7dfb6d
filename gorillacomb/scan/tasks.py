"""Tasks for workers and their results: plain tuples, cheap to pickle."""

from __future__ import annotations

import time
from collections.abc import Callable
from dataclasses import dataclass
from typing import NamedTuple

from gorillacomb.fs.openat import FileIdentity
from gorillacomb.index.paths import FileKey
from gorillacomb.index.rows import EntryRow
from gorillacomb.index.writer import IndexChanges

WINDOW = 4096
"""Entries of one folder per task; the rest of a huge folder goes to other tasks."""


@dataclass(frozen=True, slots=True)
class RootContext:
    """Everything a worker must know about a root; sent with each task."""

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
    """Largest file, in bytes, that is hashed at once."""
    waits: bool
    """Whether files deferred earlier keep waiting, whatever their size."""
    rehash: bool
    accept: bool
    """Whether readable content is never called damaged."""
    hydrate_limit: int | None
    """Largest placeholder, in bytes, that may be downloaded; None for none."""
    boundaries: frozenset[bytes]
    """Mount points inside the root, relative to it; not entered."""
    own: frozenset[int]
    """`st_ino` of our own folders and files on this device; never opened."""
    index: str | None
    """The index to compare with; None when this root is not in it yet."""
    hides_changes: bool = False
    """Whether content may change without changing any timestamp: nothing is more than suspect."""
    now: Callable[[], int] = time.time_ns
    """The clock, ns since the epoch; pickled by name."""

    @property
    def identity(self) -> FileIdentity:
        """Device and inode of the folder with which the scan started."""
        return self.device, self.inode


class FolderTask(NamedTuple):
    """A folder to visit; it has an index row by the time its task starts."""

    folder: int
    """Its id in the index."""
    path: bytes
    """Relative to the root; empty for the root itself."""
    inode: int
    """The inode from its parent's listing; 0 if unknown."""
    only: tuple[bytes, ...] | None = None
    """Look at these names only; None for the whole folder."""
    alone: bool = False
    """Whether to skip its already known subfolders."""
    share: float = 0.0
    """The part of the walk that it and everything below it is taken for, between 0 and 1: that of
    its parent is divided equally among the parent's own files and each subfolder. 0 if unknown."""


FOLDER_IDS = 1 << 22
"""Ids that a task may assign to new folders: more subfolders than fit into its memory."""


class VisitTask(NamedTuple):
    """Folders of one root to visit, with their subfolders, until the budget is spent."""

    context: RootContext
    root: int
    folders: tuple[FolderTask, ...]
    budget: int
    """In entries; 64 KiB of content count as one."""
    first_id: int
    """The first of the `FOLDER_IDS` ids reserved for this task."""


class VisitResult(NamedTuple):
    """What a visit found."""

    root: int
    writes: IndexChanges
    rest: list[FolderTask]
    """Folders not visited yet."""
    share: float
    """The part of the walk that is done: that of the task's folders without the rest."""
    parts: list[int]
    """Ids of huge folders, once for each of their parts in `rest`."""
    parts_done: list[int]
    """Ids of huge folders that this task visited in part."""
    boundaries: list[bytes]
    """Other file systems that were not entered, relative to the root."""
    lost: bool
    """Whether the root was removed or gives only errors; the rest of the result is empty then."""
    folders: int
    files: int
    bytes: int
    hashed_files: int
    hashed_bytes: int
    new: int
    changed: int
    read_again_young: list[FileKey]


class HashItem(NamedTuple):
    """A file that the walk deferred."""

    folder: int
    path: bytes
    """The path of its folder, relative to the root."""
    row: EntryRow


class HashTask(NamedTuple):
    """Large files to read: their probes, or all of their content."""

    context: RootContext
    root: int
    items: tuple[HashItem, ...]
    probe: bool


class HashResult(NamedTuple):
    """The current rows; missing files are named instead."""

    root: int
    rows: list[tuple[int, EntryRow]]
    gone: list[tuple[int, bytes]]
    hashed_files: int
    hashed_bytes: int
    lost: bool


ScanTask = VisitTask | HashTask
ScanTaskResult = VisitResult | HashResult
