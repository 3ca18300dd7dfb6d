"""What the main process asks of a worker and what it gets back: plain tuples, cheap to pickle."""

from __future__ import annotations

from collections.abc import Sequence
from dataclasses import dataclass
from typing import NamedTuple

from gorillacomb.model import FolderState, HashedRow, Row

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
    """Files up to so many bytes are hashed as they are met; -1 for none."""
    rehash: bool
    hydrate_limit: int | None
    """Placeholders up to so many bytes may be downloaded; None for none."""
    boundaries: frozenset[bytes]
    """Mount points inside the root, relative to it: not entered."""
    own: frozenset[tuple[int, int]]
    """(device, inode) of our own folders: never entered."""
    index: str | None
    """The index to compare with; None when this root is not in it yet."""


class FolderTask(NamedTuple):
    """A folder to visit."""

    folder: int
    """Its id in the index; 0 when it has none yet."""
    path: bytes
    """Relative to the root; empty for the root itself."""
    inode: int
    """The inode that its parent's listing named; 0 when that is not known."""
    only: tuple[bytes, ...] | None = None
    """Look at these names only; None for the whole folder."""


class VisitTask(NamedTuple):
    """Folders of one root to visit, with their subfolders, until the budget is used up."""

    context: RootContext
    root: int
    folders: tuple[FolderTask, ...]
    budget: int
    """In entries; 64 KiB of content count as one more."""
    deep: bool = True
    """Whether subfolders are visited too."""


class FolderResult(NamedTuple):
    """What differs in one folder from what the index knows of it."""

    folder: int
    parent: int
    """For a folder without an id: its parent's id, or -n for the n-th result of this task."""
    name: bytes
    inode: int
    state: FolderState | None
    """None for a part of a folder, which says nothing of the whole."""
    cause: str | None
    marker: str | None
    moved: bool = False
    """The folder has an id, but stood elsewhere before."""
    hashed: Sequence[HashedRow] = ()
    """New files that were hashed, to write."""
    rows: Sequence[Row] = ()
    """All other entries to write."""
    gone: Sequence[bytes] = ()
    gone_folders: Sequence[tuple[int, bytes]] = ()
    """Ids and names of subfolders that stand here no more."""
    old_digests: Sequence[bytes] = ()
    """Digests that entries of this folder had before and may have no more."""
    new: int = 0
    changed: int = 0


class Rest(NamedTuple):
    """A folder, or a part of one, that the visit did not get to."""

    reference: int
    """As `FolderResult.parent`; the parent for a folder, the folder itself for a part of one."""
    task: FolderTask


class VisitResult(NamedTuple):
    """What a visit found: changed folders, in an order in which parents come first."""

    root: int
    results: list[FolderResult]
    rest: list[Rest]
    parts_done: list[int]
    """Ids of folders of which this task was one part."""
    boundaries: list[bytes]
    """Other file systems met and not entered, relative to the root."""
    lost: bool
    """The root was taken away; the folder being visited then is not among the results."""
    folders: int
    files: int
    bytes: int
    hashed_files: int
    hashed_bytes: int


class HashItem(NamedTuple):
    """A file that the walk left for later."""

    folder: int
    path: bytes
    """Of its folder, relative to the root."""
    row: Row


class HashTask(NamedTuple):
    """Large files to read: their probes, or all of their content."""

    context: RootContext
    root: int
    items: tuple[HashItem, ...]
    probe: bool


class HashResult(NamedTuple):
    """The rows as they are now; gone files are left out and named."""

    root: int
    rows: list[tuple[int, Row]]
    gone: list[tuple[int, bytes]]
    hashed_files: int
    hashed_bytes: int
    lost: bool


Task = VisitTask | HashTask
Result = VisitResult | HashResult
