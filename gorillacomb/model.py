"""The values that the stages hand to each other: frozen, plain, without behaviour that does work.

Paths are ``bytes``, times integers in nanoseconds since the epoch, sizes integers in bytes.
"""

from __future__ import annotations

from dataclasses import dataclass, field
from enum import IntEnum

SECOND = 1_000_000_000
"""ns."""


class EntryState(IntEnum):
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


DAMAGE = frozenset({int(EntryState.DAMAGED), int(EntryState.SUSPECT)})
"""States of entries whose digest is that of the content that they should have."""

READ = frozenset({int(EntryState.HASHED), int(EntryState.FRESH)})
"""States of entries whose digest is that of their content."""


class FolderState(IntEnum):
    """What is known of a folder."""

    LISTED = 0
    UNLISTED = 1
    """Its name is known; an interrupted or partial scan has not listed it."""
    UNREADABLE = 2
    EXCLUDED = 3
    OTHER_FILE_SYSTEM = 4


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
    suspect: str | None = None
    """Why it may not be what it was, and its files not gone but elsewhere; None when it is."""


@dataclass(frozen=True, slots=True)
class IndexedFile:
    """One entry of the index, with the path it has (or had, while its root is offline)."""

    folder: int
    root: int
    path: bytes
    state: EntryState
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
class FileCopy:
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
    nested: bool = False
    """Whether it is in a project that lies inside another one."""
    preferred: bool = False
    made: bool = False
    """Whether it is in a folder that programs make or keep."""
    standing: int = 0
    """1 if it is stamped as the canonical one."""
    company: int = 0
    """How many files its project has; in no project, how many of its kind its folder has."""
    touched: int = 0
    """When its project was last worked on, ns; 0 in no project."""
    folder: int = 0
    """The index id of the folder that it stands in."""
    is_folder = False
    own_project = 0
    inner_project = 2
    contents = 0
    known_since = 0


@dataclass(frozen=True, slots=True)
class CanonicalChoice:
    """Which of several copies is the canonical one, and why."""

    winner: int
    """Its place in the sequence that was given."""
    reasons: tuple[str, ...]


@dataclass(frozen=True, slots=True)
class DuplicateGroup:
    """A group of identical files with its canonical copy."""

    summary: GroupSummary
    copies: tuple[FileCopy, ...]
    choice: CanonicalChoice
    hardlink_of: tuple[int | None, ...]
    """For each copy: the place of the earlier name of the same inode, if there is one."""


@dataclass(frozen=True, slots=True)
class UnreadablePath:
    """A file or folder that could not be read, and the cause in words."""

    path: bytes
    cause: str
    folder: bool = False


@dataclass(frozen=True, slots=True)
class ScanChanges:
    """How a root differs from what the index knew."""

    new: int = 0
    changed: int = 0
    gone: int = 0
    moved: int = 0
    folders_moved: int = 0


@dataclass(frozen=True, slots=True)
class StampReport:
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
    suspect: str | None
    """As `Root.suspect`, after the scan."""
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
    changes: ScanChanges
    junk: tuple[UnreadablePath, ...] = ()
    """Lines of a file list that name nothing that can be scanned."""
    seconds: float = 0.0
    rows_written: int = 0
    read_again_young: frozenset[tuple[int, bytes]] = frozenset()
    """Files, by the ids of their folders and their names, that were read again since they had been
    read soon after they were written: that they are there is no news."""
    other_file_systems: tuple[bytes, ...] = ()
    complete: bool = True
    """False for a report made when the duplicates are known and unique files are still unread."""
    vanished: tuple[bytes, ...] = field(default=())
    stamps: StampReport = field(default=StampReport())
