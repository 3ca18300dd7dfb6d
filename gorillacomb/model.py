"""The values that the stages pass to each other: frozen and plain, without behaviour.

Paths are ``bytes``, times integers in nanoseconds since the epoch, sizes integers in bytes.
"""

from __future__ import annotations

from dataclasses import dataclass, field
from enum import IntEnum

SECOND = 1_000_000_000
"""ns."""


class EntryState(IntEnum):
    """What is known about an entry that is not a folder."""

    HASHED = 0
    """The digest matches its content, and is trusted while the fingerprint is unchanged."""
    FRESH = 1
    """Hashed, but written within the clock's grain of that moment: read again next time."""
    PENDING = 2
    """Known by size only: a large file not read yet, or a file of unique size in a quick scan."""
    UNREADABLE = 3
    UNSTABLE = 4
    """It changed each time it was read."""
    PLACEHOLDER = 5
    """Its content is only in the cloud; never opened without being asked."""
    EXCLUDED = 6
    TOO_SMALL = 7
    """Below the root's min-size."""
    OTHER = 8
    """A symbolic link, FIFO, socket or device: recorded, never opened."""
    DAMAGED = 9
    """The content differs from the digest although size, mtime and ctime are unchanged."""
    SUSPECT = 10
    """The content differs from the digest and size and mtime are unchanged, but the ctime is not.
    """


DAMAGE = frozenset({int(EntryState.DAMAGED), int(EntryState.SUSPECT)})
"""States of entries whose digest is that of the content that they should have."""

READ = frozenset({int(EntryState.HASHED), int(EntryState.FRESH)})
"""States of entries whose digest is that of their content."""


class FolderState(IntEnum):
    """What is known about a folder."""

    LISTED = 0
    UNLISTED = 1
    """Only its name is known; an interrupted or partial scan has not listed it."""
    UNREADABLE = 2
    EXCLUDED = 3
    OTHER_FILE_SYSTEM = 4


@dataclass(frozen=True, slots=True)
class Root:
    """A folder that the user named, on a volume known by its identity."""

    id: int
    uid: str
    """Random, 32 hex digits; the same in every entry about this root in the vault."""
    folder: int
    """The index id of its top folder."""
    path: bytes
    """Absolute, where it was last seen."""
    volume: str
    volume_type: str
    weak: bool
    """Whether the file system lacks stable inodes: the fingerprint is then path, size and mtime."""
    inner_path: bytes
    """Its path inside the volume, independent of the mount point."""
    exclude: tuple[str, ...] = ()
    min_size: int = 0
    suspect: str | None = None
    """Why it may not be the same root, so that its files may be elsewhere instead of missing; None
    otherwise."""
    name: str | None = None
    """What the user calls it; None if it was given no name."""


@dataclass(frozen=True, slots=True)
class IndexedFile:
    """One entry of the index, with its path (its last known path while its root is offline)."""

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
    """A content with two or more copies."""

    digest: bytes
    size: int
    names: int
    """Paths, counting each hard link."""
    copies: int
    """Separate copies on disk, counting the hard links of a file once."""
    reclaimable: int
    """Bytes on disk used by all copies but one."""


@dataclass(frozen=True, slots=True)
class CanonicalChoice:
    """Which of several copies is the canonical one, and why."""

    winner: int
    """Its position in the given sequence."""
    reasons: tuple[str, ...]


@dataclass(frozen=True, slots=True)
class UnreadablePath:
    """A file or folder that could not be read, and why."""

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
    """What was added to the trace, counted in canonical files."""

    stamped: int = 0
    restamped: int = 0
    moved: int = 0
    retired: int = 0
    due_ns: int | None = None
    """When something that is deferred now is due to be stamped (wall clock, ns)."""


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
    """What a scan did. Lists of failures are not kept here but read from the index."""

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
    """Files, by folder id and name, that were read again only because they had been read soon after
    they were written: their presence is not news."""
    parted_links: frozenset[int] = frozenset()
    """Inodes of files with several hard links that lost some together with their folder."""
    other_file_systems: tuple[bytes, ...] = ()
    complete: bool = True
    """False for an early report, with the duplicates known and unique files still unread."""
    vanished: tuple[bytes, ...] = field(default=())
    stamps: StampReport = field(default=StampReport())
