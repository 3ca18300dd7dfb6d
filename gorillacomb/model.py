"""The values that the stages hand to each other: frozen, plain, without behaviour that does work.

Paths are ``bytes``, times integers in nanoseconds since the epoch, sizes integers in bytes.
"""

from __future__ import annotations

from dataclasses import dataclass, field
from enum import IntEnum
from typing import Final, Protocol, cast

SECOND = 1_000_000_000
"""ns."""


class State(IntEnum):
    """What is known of an entry that is not a folder."""

    HASHED = 0
    """Its digest is that of its content, and trusted while the fingerprint stays."""
    FRESH = 1
    """Hashed, but written within the clock's grain of that moment: read again next time."""
    PENDING = 2
    """Known by size only: a large file whose turn has not come, or a quick scan's unique file."""
    UNREADABLE = 3
    UNSTABLE = 4
    """It changed each time it was read."""
    PLACEHOLDER = 5
    """Its content is only in the cloud; never opened unasked."""
    EXCLUDED = 6
    TOO_SMALL = 7
    """Below the root's min-size."""
    OTHER = 8
    """A symbolic link, FIFO, socket or device: recorded, never opened."""
    DAMAGED = 9
    """Content differs from the digest although size, mtime and ctime do not."""
    SUSPECT = 10
    """Content differs from the digest, size and mtime do not, but ctime moved."""


DAMAGE = frozenset({int(State.DAMAGED), int(State.SUSPECT)})
"""States of entries whose digest is that of the content that they should have."""

READ = frozenset({int(State.HASHED), int(State.FRESH)})
"""States of entries whose digest is that of their content."""


class FolderState(IntEnum):
    """What is known of a folder."""

    LISTED = 0
    UNLISTED = 1
    """Its name is known; an interrupted or partial scan has not listed it."""
    UNREADABLE = 2
    EXCLUDED = 3
    OTHER_FILE_SYSTEM = 4


VERSION_CONTROL: Final = (b".git", b".hg", b".svn", b".jj")
"""Names of what version control keeps in the top folder of a project."""

Row = tuple[
    bytes,  # name
    int,  # state
    int,  # mode, as st_mode
    int,  # size, bytes
    int,  # mtime, ns
    int,  # ctime, ns (0 on weak file systems)
    int,  # inode (0 on weak file systems), folded to a signed 64-bit integer
    int,  # number of links
    int,  # blocks, of 512 bytes
    int,  # when the content was last read, ns; 0 for never
    bytes | None,  # BLAKE3 digest, 32 bytes
    int | None,  # probe: xxh3 of head and tail, signed 64-bit
    bytes | None,  # target of a symbolic link
    str | None,  # cause, where it could not be read
]
"""One entry of a folder as workers send it and the index stores it (the folder's id comes before).

A bare tuple, since 200,000 of them cross a pipe in a second; the names below are its places.
"""

NAME: Final = 0
STATE: Final = 1
MODE: Final = 2
SIZE: Final = 3
MTIME: Final = 4
CTIME: Final = 5
INODE: Final = 6
LINKS: Final = 7
BLOCKS: Final = 8
CHECKED: Final = 9
DIGEST: Final = 10
PROBE: Final = 11
TARGET: Final = 12
CAUSE: Final = 13

SHORT_SIZE: Final = 3
SHORT_MTIME: Final = 4
SHORT_INODE: Final = 6
SHORT_DIGEST: Final = 10
"""Places in the two short rows, which begin with a folder's id."""
HashedRow = tuple[int, bytes, int, int, int, int, int, int, int, int, bytes]
"""The short row of a file that was just hashed, which most of a first scan's rows are.

Folder id, name, mode, size, mtime, ctime, inode, links, blocks, checked, digest; its state is
HASHED.
"""
HASHED_WIDTH: Final = 11

LaterRow = tuple[int, bytes, int, int, int, int, int, int, int]
"""The short row of a file that is left for later.

Folder id, name, mode, size, mtime, ctime, inode, links, blocks; its state is PENDING.
"""
LATER_WIDTH: Final = 9


def amended(row: Row, changes: dict[int, object]) -> Row:
    """A row with other values in some places."""
    values: list[object] = list(row)
    for place, value in changes.items():
        values[place] = value
    return cast(Row, tuple(values))


@dataclass(frozen=True, slots=True)
class Root:
    """A folder that the user named, on a volume that is known by its identity."""

    id: int
    uid: str
    """Random, 32 hex digits; the same in every vault entry about this root."""
    folder: int
    """The index id of its top folder."""
    path: bytes
    """Absolute, where it was last seen."""
    volume: str
    volume_type: str
    weak: bool
    """The file system has no stable inodes: the fingerprint is path, size and mtime."""
    inner_path: bytes
    """Its path inside the volume, whatever the mount point."""
    exclude: tuple[str, ...] = ()
    min_size: int = 0


@dataclass(frozen=True, slots=True)
class IndexedFile:
    """One entry of the index, with the path it has (or had, while its root is offline)."""

    folder: int
    root: int
    path: bytes
    state: State
    mode: int
    size: int
    mtime_ns: int
    inode: int
    links: int
    blocks: int
    checked_ns: int
    digest: bytes | None
    target: bytes | None
    cause: str | None


@dataclass(frozen=True, slots=True)
class GroupSummary:
    """A content that stands in two or more copies."""

    digest: bytes
    size: int
    names: int
    """Paths, hard links counted each."""
    copies: int
    """Separate copies on disk: hard links of one file are one."""
    reclaimable: int
    """Bytes on disk that all copies but one take."""


@dataclass(frozen=True, slots=True)
class Tree:
    """Of which copy of a tree a folder is part, if there are several."""

    rank: int
    """0 in the one to keep; 1 in that one, but in a folder that it repeats in itself; 2 in none."""
    reasons: tuple[str, ...] = ()
    """Why that one is kept."""


NO_TREE: Final = Tree(2)


@dataclass(frozen=True, slots=True)
class Copy:
    """One name of a content, with what the canonical choice looks at."""

    path: bytes
    root_path: bytes
    volume: str
    inode: int
    """0 where the file system has no stable inodes."""
    mtime_ns: int
    size: int
    blocks: int
    online: bool
    project: bytes | None = None
    """The outermost project folder around it, below the root that the user named."""
    marker: str | None = None
    """The name that makes that folder a project, such as ``package.json``."""
    repository: bool = False
    """Whether version control stands in that project."""
    preferred: bool = False
    tree: Tree = NO_TREE
    folder: int = 0
    """The index id of the folder that it stands in."""


@dataclass(frozen=True, slots=True)
class Choice:
    """Which of several copies is the canonical one, and why."""

    winner: int
    """Its place in the sequence that was given."""
    reasons: tuple[str, ...]


@dataclass(frozen=True, slots=True)
class Group:
    """A group of identical files with its canonical copy."""

    summary: GroupSummary
    copies: tuple[Copy, ...]
    choice: Choice
    hardlink_of: tuple[int | None, ...]
    """For each copy: the place of the earlier name of the same inode, if there is one."""


@dataclass(frozen=True, slots=True)
class Unreadable:
    """A file or folder that could not be read, and the cause in words."""

    path: bytes
    cause: str
    folder: bool = False


@dataclass(frozen=True, slots=True)
class Changes:
    """How a root differs from what the index knew."""

    new: int = 0
    changed: int = 0
    gone: int = 0
    moved: int = 0
    folders_moved: int = 0


@dataclass(frozen=True, slots=True)
class Stamps:
    """What was added to the trace, in canonical files."""

    stamped: int = 0
    restamped: int = 0
    moved: int = 0
    retired: int = 0
    due_ns: int | None = None
    """When something is to be stamped that waits now (wall clock, ns)."""


@dataclass(frozen=True, slots=True)
class RootReport:
    """What a scan did in one root."""

    root: Root
    scopes: tuple[bytes, ...]
    """The absolute paths that were scanned: the root, or folders in it."""
    first: bool
    vanished: bool
    files: int
    folders: int
    size: int
    """Bytes of all files."""


@dataclass(frozen=True, slots=True)
class ScanReport:
    """What a scan did. The lists of failures are read from the index, not kept here."""

    scan: int
    roots: tuple[RootReport, ...]
    files: int
    folders: int
    size: int
    """Bytes of all files."""
    hashed_files: int
    hashed_bytes: int
    reused_files: int
    changes: Changes
    junk: tuple[Unreadable, ...] = ()
    """Lines of a file list that name nothing that can be scanned."""
    seconds: float = 0.0
    rows_written: int = 0
    other_file_systems: tuple[bytes, ...] = ()
    complete: bool = True
    """False for a report made when the duplicates are known and unique files are still unread."""
    vanished: tuple[bytes, ...] = field(default=())
    stamps: Stamps = field(default=Stamps())


class Progress(Protocol):
    """What long work tells of itself. Implementations must be cheap: called many times a second."""

    def stage(self, name: str, files: int | None, size: int | None) -> None:
        """A new stage begins; totals in files and bytes, None while unknown."""

    def total(self, files: int | None, size: int | None) -> None:
        """Better totals for the current stage."""

    def advance(self, files: int, size: int) -> None:
        """So many files and bytes more are done."""

    def close(self) -> None:
        """The work ended."""


class Silence:
    """The progress that shows nothing."""

    def stage(self, name: str, files: int | None, size: int | None) -> None: ...

    def total(self, files: int | None, size: int | None) -> None: ...

    def advance(self, files: int, size: int) -> None: ...

    def close(self) -> None: ...
